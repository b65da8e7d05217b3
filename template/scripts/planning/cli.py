"""`uv run plan check | gaps | next | trace | why | decide | update | undo`.

Exit codes: 0 all agrees; 1 documents or code say something else than the model, the answer
`gap_gate` asks for gaps to be resolved, or a change left conflicts; 2 wrong use, a model that
cannot be read, or a change that was refused.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from scripts.planning import change, checks, why
from scripts.planning.change import Change, Stop
from scripts.planning.checks import Finding, Project
from scripts.planning.model import Checkpoint, Gap, Model, Requirement, Unreadable, load

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 80


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run a command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may know fewer letters than answers
    options = _parser().parse_args(arguments)
    try:
        if options.command in ("decide", "update", "undo"):
            return answer_anew(root, options)
        model = load(root)
    except (Unreadable, Stop) as error:
        print(f"plan: {error}.", file=sys.stderr)
        return 2
    match options.command:
        case "gaps":
            return gaps(model, as_json=options.json)
        case "next":
            return upcoming(model, options.count)
        case "trace":
            return trace(root, model, options.what)
        case "why":
            return origin(root, model, options.what)
    return check(root, model)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("plan", description="Do answers, documents and code agree?")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="the nine checkpoints, and what does not agree")
    listing = commands.add_parser("gaps", help="the gaps in the answers")
    listing.add_argument("--json", action="store_true", help="as JSON")
    following = commands.add_parser("next", help="what to answer next")
    following.add_argument("count", nargs="?", type=int, default=5, help="how many (5)")
    tracing = commands.add_parser("trace", help="from requirement to test")
    tracing.add_argument("what", nargs="?", default="", help="a requirement or a service")
    asking = commands.add_parser("why", help="which answers made a file, or what an answer made")
    asking.add_argument("what", metavar="FILE[:LINE]|QUESTION")
    deciding = commands.add_parser("decide", help="answer anew")
    deciding.add_argument("answers", nargs="*", metavar="KEY=VALUE", help="an answer, as YAML")
    deciding.add_argument("--data-file", metavar="FILE", help="answers in a YAML file")
    deciding.add_argument("--why", default="", help="the reason, for the decision records")
    deciding.add_argument("--on", metavar="DAY", help="the day of the decision (today)")
    updating = commands.add_parser("update", help="take a newer version of the template")
    updating.add_argument("--to", metavar="VERSION", help="which version (the newest)")
    for command in (deciding, updating):
        command.add_argument("--dry-run", action="store_true", help="only say what would change")
    commands.add_parser("undo", help="take back a change that was interrupted")
    return parser


def answer_anew(root: Path, options: argparse.Namespace) -> int:
    """Make a change of mind, say what it changes, and bring it here unless that was all."""
    if options.command == "undo":
        done = change.undo(root)
        print("The last commit is back." if done else "No change of mind was interrupted.")
        return 0
    with change.made(root, _to_copier(options)) as made:
        _tell(made)
        if not made.files:
            print("Nothing changes.")
        elif options.dry_run:
            print("Nothing was changed: this was a dry run.")
        else:
            change.bring(made)
            print(
                "Done, not committed. `git diff --cached` shows it, `git reset --hard` undoes it."
            )
        return 1 if made.conflicts else 0


def _to_copier(options: argparse.Namespace) -> list[str]:
    """What Copier is told of the change."""
    if options.command == "update":
        return ["--vcs-ref", options.to] if options.to else []
    if wrong := [it for it in options.answers if not re.match(r"\w+=", it)]:
        raise Stop(f"{wrong[0]} is no KEY=VALUE. Fix: e.g. storage_kind=auto")
    if not options.answers and not options.data_file:
        raise Stop("nothing is answered. Fix: e.g. `plan decide storage_kind=auto`")
    if options.data_file and not Path(options.data_file).is_file():
        raise Stop(f"{options.data_file} is no file. Fix: name a YAML file of answers")
    anew = " ".join(it.removesuffix("=auto") for it in options.answers if it.endswith("=auto"))
    day = options.on or date.today().isoformat()
    decided = (f"why={options.why}", f"decided_on={day}", f"reopened={anew}")
    data = [part for it in (*options.answers, *decided) for part in ("--data", it)]
    file = ["--data-file", str(Path(options.data_file).resolve())] if options.data_file else []
    return ["--vcs-ref", ":current:", *data, *file]


def _tell(made: Change) -> None:
    """Say what a change of mind changes, and what it leaves to do."""
    before, after = made.before, made.after
    old, new = {gap.id for gap in before.gaps}, {gap.id for gap in after.gaps}
    came, went = set(after.owned) - set(before.owned), set(before.owned) - set(after.owned)
    documents = [it for it in made.named("M") if it.endswith(".md") and "/" in it]
    migrations = [it for it in made.named("A") if "/migrations/" in it]
    for title, paths in (("Changed", "M"), ("New", "A"), ("Gone", "D")):
        print(f"{title}: {_count(len(made.named(paths)), 'file')}")
    for title, names in (
        ("Gaps opened", sorted(new - old)),
        ("Gaps closed", sorted(old - new)),
        ("To read again", documents),
        ("Yours to read again", sorted(why.to_read_again(before, after, made.changed))),
        ("Yours to fill", sorted(came & set(made.named("A")))),
        ("Yours, no longer used", sorted(it for it in went if (made.clone / it).is_file())),
        ("Migrations to run with `uv run migrate`", migrations),
        ("Rows to bring along while nothing runs", _moving(made)),
        ("Kept in Planning/Archive", made.archived),
        ("Conflicts to resolve", made.conflicts),
    ):
        if names:
            print(f"{title}:")
            for name in names:
                print(f"  {name}")


def _moving(made: Change) -> list[str]:
    """The command that brings the rows along, where they are kept elsewhere from now on."""
    old, new = made.before.rows, made.after.rows
    if not old.url or old.url == new.url:
        return []
    driver = f"--with {old.package} " if old.package != new.package else ""
    return [f"uv run {driver}migrate --rows-from '{old.url}'"]


def check(root: Path, model: Model) -> int:
    """Print the nine checkpoints, each with its evidence and what is open."""
    project = Project(root, model)
    found = checks.findings(project)
    evidence = _evidence(project)
    must = sum(gap.must for gap in model.gaps)
    print(f"{model.project}: the nine checkpoints\n")
    for checkpoint in model.checkpoints:
        mine = [it for it in found if it.checkpoint == checkpoint.number]
        gaps = [gap for gap in model.gaps if gap.checkpoint == checkpoint.number]
        waiting = bool(must) and checkpoint.number == checks.GAPS
        _print_checkpoint(checkpoint, evidence.get(checkpoint.number, ""), mine, gaps, waiting)
    drift = sum(it.drift for it in found)
    print(f"\n{_count(drift, 'difference')} to the model.", end=" ")
    print(f"{_count(must, 'gap')} to resolve before coding.")
    blocked = must and model.gap_gate != "report_only"
    if blocked:
        print(f"The answer `gap_gate` is {model.gap_gate}, so that such gaps fail this check.")
    return 1 if drift or blocked else 0


def _print_checkpoint(
    checkpoint: Checkpoint,
    seen: str,
    found: Sequence[Finding],
    gaps: Sequence[Gap],
    waiting: bool,
) -> None:
    """Print how a checkpoint stands; `waiting` for gaps that other checkpoints list."""
    must = [gap for gap in gaps if gap.must]
    if any(it.drift for it in found):
        state = "differs"
    else:
        state = "open" if must or found or waiting else "ok"
    print(f"{checkpoint.number}  {state:<8} {checkpoint.title}")
    for evidence in filter(None, (checkpoint.evidence, seen)):
        _say(evidence)
    for it in (*found, *must):
        _say(_gap_line(it) if isinstance(it, Gap) else str(it), "- ")
    if later := len(gaps) - len(must):
        _say(f"{_count(later, 'gap')} can wait: `plan gaps`", "- ")


def _evidence(project: Project) -> dict[int, str]:
    """What files show for the checkpoints that answers cannot."""
    root, model = project.root, project.model
    there = sum((root / "Planning" / name).is_file() for name in model.documents)
    coded = sum((root / "services" / it.name).is_dir() for it in model.services)
    links = sum(len(document.links) for document in project.documents.values())
    states = list(checks.states(root, model.requirements).values())
    done = states.count(checks.DONE)
    return {
        checks.DOCUMENTS: f"{there} of {len(model.documents)} documents",
        checks.SCAFFOLD: f"{coded} of {_count(len(model.services), 'service')} have code",
        checks.CONSISTENCY: f"{len(model.tables)} tables and {links} links compared",
        9: f"{done} of {len(states)} acceptance criteria have a test that must pass",
    }


def gaps(model: Model, *, as_json: bool) -> int:
    """Print the gaps in the answers, those that come before coding first."""
    ranked = sorted(model.gaps, key=lambda gap: not gap.must)
    if as_json:
        print(json.dumps([asdict(gap) for gap in ranked], indent=2))
        return 0
    for title, part in (
        ("To resolve before coding", [gap for gap in ranked if gap.must]),
        ("Can wait", [gap for gap in ranked if not gap.must]),
    ):
        print(f"{title}: {len(part)}")
        for gap in part:
            _say(_gap_line(gap), "- ")
    return 0


def upcoming(model: Model, count: int) -> int:
    """Print the questions whose answers close most."""
    by_question: dict[str, list[Gap]] = {}
    for gap in model.gaps:
        by_question.setdefault(gap.question, []).append(gap)
    ranked = sorted(
        by_question.items(), key=lambda it: (-sum(gap.must for gap in it[1]), -len(it[1]), it[0])
    )
    if not ranked:
        print("Nothing is open in the answers.")
    for question, closed in ranked[: max(count, 0)]:
        must = sum(gap.must for gap in closed)
        print(f"{question}: closes {_count(len(closed), 'gap')}, {must} of them before coding")
        for gap in closed:
            _say(_gap_line(gap), "- ")
    return 0


def trace(root: Path, model: Model, what: str) -> int:
    """Print where requirements are built and how their tests stand."""
    wanted = [it for it in model.requirements if what in ("", it.id) or what in it.services]
    known = [*(it.id for it in model.requirements), *(it.name for it in model.services)]
    if what and what not in known:
        near = get_close_matches(what, known, 1) or known[:1]
        hint = f"; try {near[0]}" if near else ""
        print(f"plan: {what} is no requirement and no service{hint}.", file=sys.stderr)
        return 2
    states = checks.states(root, model.requirements)
    for it in wanted:
        _print_requirement(it, states)
    if not wanted:
        print("No requirement." if not what else f"No requirement names {what}.")
    return 0


def origin(root: Path, model: Model, what: str) -> int:
    """Print which answers made a file or a line, or which files an answer reaches."""
    try:
        print("\n".join(list(why.told(root, model, what))))
    except (why.Unknown, ValueError) as error:
        print(f"plan: {error}.", file=sys.stderr)
        return 2
    return 0


def _print_requirement(it: Requirement, states: dict[str, str]) -> None:
    print(f"{it.id}  {it.name} ({it.priority})"[:WIDTH])
    for label, values in (
        ("services", it.services),
        ("endpoints", it.endpoints),
        ("events", it.events),
        ("task", (it.task,)),
        ("tests", tuple(f"{criterion} {states[criterion]}" for criterion in it.criteria)),
    ):
        _say(f"{label}: {', '.join(values) or 'none'}")


def _gap_line(gap: Gap) -> str:
    return f"{gap.id}: {gap.message}. Fix: {gap.fix}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _say(text: str, bullet: str = "") -> None:
    """Print a paragraph below what it belongs to, within the width of a terminal."""
    indent = " " * 12
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent + bullet,
        subsequent_indent=indent + " " * len(bullet),
        break_on_hyphens=False,
    )
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
