"""`plan check | gaps | gate | next | trace | routes | advise | archive | why | decide | update | undo | schema`.

Exit codes: 0 complete; 1 something is open: documents or code say something else than the model, a
gate is not passed, questions or gaps are left (`check` fails for gaps only where the answer
`gap_gate` asks for it), or a change left conflicts; 2 wrong use, a model that cannot be read, or
something that was refused.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib import import_module
from os.path import normpath
from pathlib import Path

from scripts.planning import change, checks, report, why
from scripts.planning.change import CopierError
from scripts.planning.checks import ARCHIVE, DEFER, DRIFT, MUST, Finding, Project
from scripts.planning.effects import Effect
from scripts.planning.git import RefusedError
from scripts.planning.markdown import Document, link_to, moved, redirected
from scripts.planning.model import Requirement, Unreadable, load
from scripts.planning.report import count
from scripts.planning.routes import DOCUMENT, document

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
        if options.command == "schema":
            print(json.dumps(report.schema(), indent=2))
            return 0
        return COMMANDS[options.command](Project(root, load(root), _day(options.today)), options)
    except BrokenPipeError:  # the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except CopierError as error:
        print(f"plan: {error}.", file=sys.stderr)
        return 2
    except (Unreadable, RefusedError, why.UnknownNameError, ValueError, OSError) as error:
        print(f"plan: {' '.join(str(error).splitlines())}.", file=sys.stderr)
        return 2


def _day(text: str | None) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else date.today().isoformat()
    except ValueError:
        raise RefusedError(f"{text} is not a date. Fix: write it as 2027-03-01") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "plan",
        description="Do answers, documents and code agree?",
        epilog="Exit codes: 0 complete; 1 something is open; 2 wrong use, or refused.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="the nine checkpoints, and what does not agree")
    listing = commands.add_parser("gaps", help="the gaps in the answers")
    passing = commands.add_parser("gate", help="is a checkpoint or a quality indicator passed?")
    passing.add_argument("gate", nargs="?", default="", metavar="1…9|Q1…Q6", help="which (all)")
    following = commands.add_parser("next", help="what to answer next")
    following.add_argument("count", nargs="?", type=int, default=5, help="how many (5)")
    tracing = commands.add_parser("trace", help="from requirement to test, and back")
    about = (
        "a requirement, criterion, target, metric, service, endpoint, operation, event, job, "
        "workflow, task, test or file of rules"
    )
    tracing.add_argument("what", nargs="?", default="", help=about)
    commands.add_parser("routes", help="describe your own routes in Planning/Routes.md")
    commands.add_parser("advise", help="which documents to make one, and which to keep apart")
    archiving = commands.add_parser("archive", help="move a document to Planning/Archive")
    archiving.add_argument("file", metavar="FILE")
    archiving.add_argument("--why", default="", help="why it no longer holds")
    archiving.add_argument("--by", default="", metavar="FILE", help="what takes its place")
    archiving.add_argument("--on", metavar="DAY", help="the day (today)")
    for command in (checking, passing):
        command.add_argument("--code", action="store_true", help="check APIs and code, too")
    for command in (checking, listing, passing, following):
        command.add_argument("--today", metavar="DAY", help="the day for waivers (today)")
    asking = commands.add_parser("why", help="which answers made a file, or what an answer made")
    asking.add_argument("what", metavar="FILE[:LINE]|QUESTION")
    deciding = commands.add_parser("decide", help="change answers")
    deciding.add_argument("answers", nargs="*", metavar="KEY=VALUE", help="an answer, as YAML")
    deciding.add_argument("--data-file", metavar="FILE", help="answers in a YAML file")
    deciding.add_argument("--why", default="", help="the reason, for the decision records")
    deciding.add_argument("--on", metavar="DAY", help="the day of the decision (today)")
    called = "'Book.pages -> leaves', 'Old feature -> New feature'"
    deciding.add_argument(
        "--rename",
        action="append",
        default=[],
        metavar="'OLD -> NEW'",
        help=f"what these answers give another name, and keeps what it has: {called}",
    )
    updating = commands.add_parser("update", help="take a newer version of the template")
    updating.add_argument("--to", metavar="VERSION", help="which version (the newest)")
    for command in (deciding, updating):
        command.add_argument("--dry-run", action="store_true", help="only say what would change")
    commands.add_parser("undo", help="take back a change that was interrupted")
    for command in commands.choices.values():
        _add_forms(
            command, "json", *(("markdown", "sarif") if command in (checking, listing) else ())
        )
    commands.add_parser("schema", help="what `--json` of each command holds, as a JSON Schema")
    parser.set_defaults(today=None)
    return parser


def _add_forms(command: argparse.ArgumentParser, *forms: str) -> None:
    """Offer other forms than text; `plan schema` describes the JSON."""
    chosen = command.add_mutually_exclusive_group()
    for form in forms:
        about = f"as {form.upper() if form != 'markdown' else 'Markdown'}"
        chosen.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=about)


def answer_anew(root: Path, options: argparse.Namespace) -> int:
    """Change answers or the template's version, report the effects, and apply them unless it is a dry run."""
    if options.command == "undo":
        message = change.undo(root)
        undone = message == change.UNDONE
        print(report.as_json("undo", undone=undone) if options.form else message)
        return 0
    with change.prepared(root, _to_copier(options)) as prepared:
        effects = {it.key: it.found for it in prepared.effects}
        if not options.form:
            _tell(prepared.effects)
        if brought := not prepared.is_empty and not options.dry_run:
            change.bring(prepared)
        if options.form:
            print(report.as_json(options.command, brought=brought, effects=effects))
        elif brought:
            command = change.undone_by(root)
            print(f"Done, not committed. `git diff --cached` shows it, `{command}` undoes it.")
        else:
            dry = "Nothing was changed: this was a dry run."
            print("Nothing changes." if prepared.is_empty else dry)
        return 1 if effects["conflicts"] else 0


def _to_copier(options: argparse.Namespace) -> list[str]:
    """The arguments that pass the change to Copier."""
    if options.command == "update":
        return ["--vcs-ref", options.to] if options.to else []
    if wrong := [it for it in options.answers if not re.match(r"\w+=", it)]:
        raise RefusedError(f"{wrong[0]} is not of the form KEY=VALUE. Fix: e.g. storage_kind=auto")
    if not options.answers and not options.data_file:
        raise RefusedError("nothing is answered. Fix: e.g. `plan decide storage_kind=auto`")
    names = [it.partition("=")[0] for it in options.answers]
    if twice := [it for it in names if names.count(it) > 1]:
        raise RefusedError(f"{twice[0]} is answered twice. Fix: keep one of the two")
    if remembered := [it for it in names if _is_remembered(it)]:
        fix = "answer a question; --why, --on and --rename say the rest"
        raise RefusedError(f"{remembered[0]} is what the project itself remembers. Fix: {fix}")
    if options.data_file:
        names = _answered(Path(options.data_file))
        if remembered := [it for it in names if _is_remembered(it)]:
            fix = f"leave it out: {', '.join(remembered)}"
            raise RefusedError(
                f"{options.data_file} has what the project itself remembers. Fix: {fix}"
            )
    anew = " ".join(it.removesuffix("=auto") for it in options.answers if it.endswith("=auto"))
    day = options.on or date.today().isoformat()
    renamed = json.dumps(options.rename, ensure_ascii=False)
    decided = (
        f"why={options.why}",
        f"decided_on={day}",
        f"reopened={anew}",
        f"renames={renamed}",
    )
    data = [part for it in (*options.answers, *decided) for part in ("--data", it)]
    file = ["--data-file", str(Path(options.data_file).resolve())] if options.data_file else []
    return ["--vcs-ref", ":current:", *data, *file]


REMEMBERED = ("history", "why", "decided_on", "reopened", "renames")
"""What stands among the answers and is not an answer."""


def _is_remembered(name: str) -> bool:
    return name.startswith("_") or name in REMEMBERED


def _answered(path: Path) -> list[str]:
    """The questions that a file answers; refuses one that holds no answers."""
    try:
        content = path.read_bytes()
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError(f"{path} is not UTF-8 text. Fix: save it as UTF-8") from None
    except OSError:
        raise RefusedError(f"{path} is not a file. Fix: name a YAML file of answers") from None
    return change.check_answers(str(path), content)


def _tell(effects: Sequence[Effect]) -> None:
    for it in effects:
        if it.counted:
            print(f"{it.title}: {count(len(it.found), 'file')}")
        elif it.found:
            print("\n  ".join((f"{it.title}:", *it.found)))


def check(project: Project, options: argparse.Namespace) -> int:
    """Print the nine checkpoints, each with its evidence and what is open."""
    found = _found(project, options.code)
    if options.form:
        print(_formed(options.form, project, found, report.checked))
    else:
        _print_check(project, found)
    return 1 if any(it.level == DRIFT for it in found) or _blocked(project, found) else 0


def _found(project: Project, code: bool) -> tuple[Finding, ...]:
    """All findings; those in code only where they are asked for, as that imports the services."""
    found = (*checks.documents(project), *checks.gaps(project))
    return (*found, *import_module("scripts.planning.code").code(project)) if code else found


def _formed(
    form: str,
    project: Project,
    found: Sequence[Finding],
    as_json: Callable[[Project, Sequence[Finding]], str],
) -> str:
    return {"json": as_json, "sarif": report.sarif, "markdown": report.markdown}[form](
        project, found
    )


def _blocked(project: Project, found: Sequence[Finding]) -> bool:
    """Whether open gaps fail the check, as the answers want it."""
    must = any(it.level == MUST and not it.waived for it in found)
    return must and project.model.gap_gate != "report_only"


def _print_check(project: Project, found: Sequence[Finding]) -> None:
    model, shown = project.model, report.evidence(project, found)
    print(f"{model.project}: the nine checkpoints\n")
    for it in model.checkpoints:
        mine = [finding for finding in found if finding.checkpoint == it.number]
        print(f"{it.number}  {report.state(it.number, found):<8} {it.title}")
        _print_findings(shown[it.number], mine)
    _print_waived(found, "\n")
    drift = sum(it.level == DRIFT for it in found)
    must = sum(it.level == MUST and not it.waived for it in found)
    print(f"\n{count(drift, 'difference')} to the model.", end=" ")
    print(f"{count(must, 'gap')} to resolve before coding.")
    if _blocked(project, found):
        print(f"The answer `gap_gate` is {model.gap_gate}, so that such gaps fail this check.")


def _print_findings(evidence: str, found: Sequence[Finding]) -> None:
    """Print what shows a checkpoint, and what is open there, but for the gaps that can wait."""
    _say(evidence)
    for it in found:
        if it.level != DEFER and not it.waived:
            _say(str(it), "- ")


def _print_waived(found: Sequence[Finding], before: str = "") -> None:
    if waived := [it for it in found if it.waived]:
        print(f"{before}Waived: {len(waived)}")
    for it in waived:
        if it.waiver:
            _say(f"{it.id}: {it.message}. Accepted: {it.waiver.because} ({it.waiver}).", "- ")


def gaps(project: Project, options: argparse.Namespace) -> int:
    """Print the gaps in the answers, those that come before coding first."""
    found = checks.gaps(project)
    not_waived = [it for it in found if not it.waived]
    if options.form:
        print(_formed(options.form, project, found, report.listed))
        return 1 if not_waived else 0
    for title, level in (("To resolve before coding", MUST), ("Can wait", DEFER)):
        part = [it for it in not_waived if it.level == level]
        print(f"{title}: {len(part)}")
        for it in part:
            _say(str(it), "- ")
    _print_waived(found)
    return 1 if not_waived else 0


def gate(project: Project, options: argparse.Namespace) -> int:
    """Print whether a checkpoint or an indicator is passed, or how all of them stand."""
    gates = report.gates(project, _found(project, options.code))
    asked = [it for it in gates if options.gate in ("", it.name)]
    if not asked:
        names = ", ".join(it.name for it in gates)
        raise RefusedError(f"{options.gate} is not a gate. Fix: name one of {names}")
    if options.form:
        print(report.gated(project, asked))
    else:
        for it in asked:
            print(f"{it.name:<3} {'passed' if it.passed else 'open':<8} {it.title}")
            _say(it.evidence)
            for finding in it.open:
                _say(str(finding), "- ")
    return 0 if all(it.passed for it in asked) else 1


def upcoming(project: Project, options: argparse.Namespace) -> int:
    """Print the questions whose answers close most."""
    if options.count < 1:
        raise RefusedError(f"{options.count} is not a number of questions. Fix: ask for 1 or more")
    ranked = report.ranked(project)
    asked = report.first(ranked, options.count)
    if options.form:
        print(report.upcoming(project, asked))
    elif not ranked:
        print("Nothing is open in the answers.")
    else:
        for question, closed in asked:
            must = sum(it.level == MUST for it in closed)
            print(
                f"{question.question}: closes {count(len(closed), 'gap')}, {must} of them before coding"
            )
            _say(question.wording)
            for it in closed:
                _say(str(it), "- ")
    return 1 if ranked else 0


def trace(project: Project, options: argparse.Namespace) -> int:
    """Print where requirements are built and how their tests stand."""
    wanted, mentions = (
        why.requirements(project, options.what),
        why.mentions(project, options.what),
    )
    if options.form:
        print(report.traced(project, options.what, mentions, wanted))
        return 0
    for text in mentions:
        print(textwrap.fill(text, WIDTH, break_on_hyphens=False))
    for it in wanted:
        _print_requirement(it, project)
    if not wanted:
        print("No requirement." if not options.what else f"No requirement names {options.what}.")
    return 0


def describe(project: Project, options: argparse.Namespace) -> int:
    """Write what the services' own routes are, as the code has it, or remove the document where there are none."""
    code = import_module("scripts.planning.code")
    routes = code.described_routes(code.Code(project))
    if isinstance(routes, Finding):
        raise RefusedError(f"{routes.place} {routes.message}. Fix: {routes.fix}")
    path, text = project.root / DOCUMENT, document(routes)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if text:
        path.write_text(text, encoding="utf-8", newline="\n")
    else:
        path.unlink(missing_ok=True)
    if options.form:
        addresses = [it.address for it in routes]
        changed = text != before
        print(report.as_json("routes", file=DOCUMENT, changed=changed, routes=addresses))
        return 0
    what = "is as before" if text == before else "was written" if text else "was removed"
    print(f"{count(len(routes), 'route')} of your own; {DOCUMENT} {what}.")
    return 0


def advise(project: Project, options: argparse.Namespace) -> int:
    """Print which documents to make one, and which to keep apart."""
    advice = tuple(report.advice(project))
    if options.form:
        print(report.advised(project, advice))
        return 0
    for title in dict.fromkeys(title for title, _ in advice):
        print(f"{title}:")
        for kind, text in advice:
            if kind == title:
                _say(f"{text}.", "- ")
    if not any(title == "Consolidate" for title, _ in advice):
        print("Nothing to consolidate.")
    return 0


def put_away(project: Project, options: argparse.Namespace) -> int:
    """Move a document to the archive with the links in it and to it, and say what that changes."""
    document, name = _to_put_away(project, options.file)
    new = project.root / ARCHIVE / name.removeprefix("Planning/")
    if new.exists():
        raise RefusedError(f"{project.name(new)} is there already. Fix: rename one of the two")
    by = _live(project, options.by) if options.by else None
    if by and by.path == document.path:
        raise RefusedError(
            f"{name} cannot take its own place. Fix: name another document with --by"
        )
    reason = " ".join(options.why.split()).rstrip(".")
    why_not = f": {reason}" if reason else ""
    instead = f" [{by.path.name}]({link_to(new, by.path)}) takes its place." if by else ""
    banner = f"> Archived on {_day(options.on)}{why_not}.{instead}"
    archived = moved(document, new, banner)
    texts = {
        other.path: redirected(other, document.path, by or Document(new, archived))
        for other in project.live.values()
        if other is not document
    }
    changed = {path: text for path, text in texts.items() if text != _read(path)}
    _write({new: archived, **changed}, document.path)
    if options.form:
        links = [project.name(path) for path in changed]
        print(report.as_json("archive", moved=name, to=project.name(new), links=links))
        return 0
    print(f"Moved {name} to {project.name(new)}.")
    for path in changed:
        print(f"  Its links follow in {project.name(path)}")
    return 0


def _to_put_away(project: Project, file: str) -> tuple[Document, str]:
    document = _live(project, file)
    name = project.name(document.path)
    if name in project.managed:
        raise RefusedError(
            f"{name} is managed and would come back. Fix: change the answers (`plan why {name}`)"
        )
    if name.removeprefix("Planning/") in project.model.documents:
        raise RefusedError(
            f"{name} belongs to every project. Fix: put away a part of it as its own file"
        )
    return document, name


def _live(project: Project, file: str) -> Document:
    """A document of the project that still holds."""
    path = Path(normpath(Path.cwd() / file))
    path = path if path.is_file() else Path(normpath(project.root / file))
    if project.root not in path.parents:
        raise RefusedError(f"{file} is outside of the project. Fix: name a document in it")
    if not path.is_file() or path.suffix != ".md":
        raise RefusedError(f"{file} is not a document. Fix: name a Markdown file")
    name = project.name(path)
    if name.startswith(ARCHIVE):
        raise RefusedError(
            f"{file} is in the archive already. Fix: name a document that still holds"
        )
    try:
        return project.live.setdefault(name, Document(path, _read(path)))
    except UnicodeDecodeError:
        raise RefusedError(f"{file} is not UTF-8 text. Fix: save it as UTF-8") from None


def _read(path: Path) -> str:
    """A text with the ends of its lines as they are."""
    return path.read_bytes().decode("utf-8")


def _write(texts: Mapping[Path, str], old: Path) -> None:
    """Write files and then remove one: all of it, or nothing."""
    before = {path: path.read_bytes() for path in texts if path.exists()}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        old.unlink()
    except OSError as error:
        for path, content in before.items():
            path.write_bytes(content)
        for path in texts.keys() - before.keys():
            if path.exists():
                path.unlink()
        raise RefusedError(f"{error}. Fix: make it writable; nothing was changed") from None


def origin(project: Project, options: argparse.Namespace) -> int:
    """Print which answers made a file or a line, or which files an answer reaches."""
    explanation = list(why.explain(project.root, project.model, options.what))
    if options.form:
        origin = why.origin(project.root, project.model, options.what)
        print(report.as_json("why", what=options.what, explanation=explanation, **origin))
    else:
        print("\n".join(explanation))
    return 0


def _print_requirement(it: Requirement, project: Project) -> None:
    states = project.states
    print(f"{it.id}  {it.name} ({it.priority})"[:WIDTH])
    for label, values in (
        ("services", it.services),
        ("endpoints", project.endpoints(it)),
        ("events", it.events),
        ("task", (it.task,)),
        ("tests", tuple(f"{criterion} {states[criterion]}" for criterion in it.criteria)),
    ):
        _say(f"{label}: {', '.join(values) or 'none'}")


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


COMMANDS = {
    "check": check,
    "gaps": gaps,
    "gate": gate,
    "next": upcoming,
    "trace": trace,
    "routes": describe,
    "advise": advise,
    "archive": put_away,
    "why": origin,
}
"""What looks at a project as it is; the others change its answers."""


if __name__ == "__main__":
    sys.exit(main())
