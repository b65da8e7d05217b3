"""`plan decide` changes answers, documents and code together, loses nothing, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml

from copies import Generate, clone_template, commit, git
from projects import REPOSITORY, environment, model, run
from test_updates import ADDED, SHOP, contents, recorded

PLAN = ("python", "-m", "scripts.planning.cli")


def plan(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's checker, which needs nothing that is installed."""
    return bare(project, *PLAN, *arguments, **variables)


def bare(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a project without what it installs."""
    command = [os.environ.get("UV", "uv"), "run", "--quiet", "--no-project", *arguments]
    return subprocess.run(command, cwd=project, env=environment(**variables), capture_output=True, text=True)


def clean(project: Path) -> bool:
    return git(project, "status", "--porcelain") == ""


class TestDecide:
    def test_says_what_changes_does_it_and_is_undone_by_one_command(self, generate: Generate) -> None:
        project = generate(SHOP)
        before = contents(project)
        arguments = ("storage_kind=postgres", "--why", "two machines write", "--on", "2026-11-24")
        dry = plan(project, "decide", *arguments, "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert dry.stdout.endswith("Nothing was changed: this was a dry run.\n")
        assert clean(project)
        done = plan(project, "decide", *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout.partition("Done")[0] == dry.stdout.partition("Nothing was")[0]
        assert recorded(project)["storage_kind"] == "postgres"
        assert any("two machines write" in it and "2026-11-24" in it for it in recorded(project)["history"]["trail"])
        git(project, "reset", "--hard", "--quiet")
        assert contents(project) == before
        assert clean(project)

    @pytest.mark.parametrize(
        ("changed", "named"),
        [
            ("storage_kind=files", ["services/stock/routes.py"]),
            ("storage_kind=postgres", ["services/stock/routes.py"]),
            ("logging=plain", []),
        ],
    )
    def test_names_owned_files_that_import_what_changes(
        self, generate: Generate, changed: str, named: list[str]
    ) -> None:
        project = generate(SHOP)
        (project / "services/stock/routes.py").write_text(
            "import sqlalchemy as sa\n\nfrom services.common.db.database import Connection\n", "utf-8"
        )
        commit(project)
        told = json.loads(plan(project, "decide", changed, "--why", "it fits", "--dry-run", "--json").stdout)
        assert told["effects"]["yours_to_read_again"] == named

    def test_tells_the_gaps_that_it_closes_and_opens(self, generate: Generate) -> None:
        project = generate(SHOP)
        answers = ("personas=[buyer: wants a thing]", "storage_kind=auto")
        done = plan(project, "decide", *answers, "--dry-run").stdout
        assert "Gaps closed:\n  A02-personas\n  D12-storage_kind\n" in done
        assert "Gaps opened:\n  D13-storage_kind\n" in done

    def test_tells_programs_the_same(self, generate: Generate) -> None:
        project = generate(SHOP)
        schema = json.loads(plan(project, "schema").stdout)
        documents = []
        for arguments in (
            ["decide", "storage_kind=auto", "--dry-run"],
            ["decide", "personas=[buyer: wants]"],
            ["undo"],
        ):
            done = plan(project, *arguments, "--json")
            assert done.returncode == 0, done.stderr
            documents.append(json.loads(done.stdout))
            jsonschema.validate(documents[-1], schema)
        dry, made, undone = documents
        assert (dry["brought"], made["brought"], undone["undone"]) == (False, True, False)
        assert dry["effects"]["gaps_opened"] == ["D13-storage_kind"]
        assert ".copier-answers.yml" in made["effects"]["changed"]

    def test_what_gets_another_name_keeps_what_it_has(self, generate: Generate) -> None:
        project = generate(SHOP | {"mvp_features": ["Sell: things"]})
        entities = ["stock.Thing(title: str, price: money, count: int = 0)", *SHOP["data_entities"][1:]]
        changed = ("mvp_features=[Sell things: all]", f"data_entities={json.dumps(entities)}")
        told = json.loads(plan(project, "decide", *changed, "--dry-run", "--json").stdout)
        assert told["effects"]["perhaps_renamed"] == ["label of things", "Sell"]
        lines = ("--rename", "Thing.label -> title", "--rename", "Sell -> Sell things")
        done = plan(project, "decide", *changed, *lines)
        assert done.returncode == 0, done.stderr
        assert "Gone while others came" not in done.stdout
        told = recorded(project)
        assert told["renames"] == []
        assert told["history"]["ids"]["FR"] == {"Sell things": 1}
        assert told["history"]["schema"]["stock"][-1] == ["rename things.label str to title"]

    def test_a_reason_that_is_given_with_it_is_one(self, generate: Generate) -> None:
        project = generate(SHOP | {"storage_kind": "auto"})
        done = plan(project, "decide", "storage_kind=postgres", "--why", "two machines write", "--dry-run").stdout
        assert "D12-storage_kind" not in done

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", " holds no answers"),
            (b"- a\n", " holds no answers"),
            (b"a: \xff\n", " is not UTF-8 text"),
            (b"a: \x01\n", ":1 is not valid YAML (special characters are not allowed). Fix: remove the"),
            (b"services: [a\n", ":1 is not valid YAML (while parsing a flow sequence, expected ',' or ']', but got"),
            (b"a: b\n\tc: d\n", ":2 is not valid YAML (while scanning for the next token, found character '\\t' that"),
            (b"x: !foo 2\n", ":1 is not valid YAML (could not determine a constructor for the tag '!foo'). Fix: leave"),
            (b"a: 1\n---\nb: 2\n", ":2 is not valid YAML (expected a single document in the stream, but found another"),
            (b"? [a, b]\n: 1\n", ":1 is not valid YAML (while constructing a mapping, found unhashable key). Fix: "),
            (b"a: 2026-02-30\n", ":1 is not valid YAML (2026-02-30 is not a valid timestamp). Fix: "),
            (b"a: 1\n1: 2\n", ":2: the key 1 is not text. Fix: put it in quotes."),
            (b"on: 2\n", ":1: the key on is not text. Fix: put it in quotes."),
            (b"~: 2\n", ":1: the key ~ is not text. Fix: put it in quotes."),
            (b"2026-01-01: 2\n", ":1: the key 2026-01-01 is not text. Fix: put it in quotes."),
            (b"concept: " + b"[" * 3000 + b"]" * 3000, " is nested too deeply. Fix: "),
            (b"concept: a\nconcept: b\n", "'concept' is there twice, in lines 1 and 2. Fix: "),
        ],
    )
    def test_a_file_without_answers_is_refused_in_a_line(
        self, generate: Generate, tmp_path: Path, content: bytes, message: str
    ) -> None:
        (tmp_path / "changed.yml").write_bytes(content)
        done = plan(generate(SHOP), "decide", "--data-file", str(tmp_path / "changed.yml"))
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert message in done.stderr.replace(str(tmp_path / "changed.yml"), "")

    @pytest.mark.parametrize("remembered", [{"history": {}}, {"why": "", "_commit": "v1"}], ids=repr)
    def test_a_file_does_not_change_what_is_remembered(
        self, generate: Generate, tmp_path: Path, remembered: dict[str, object]
    ) -> None:
        project, file = generate(SHOP), tmp_path / "changed.yml"
        before = files_of(project)
        contents_before = {path: path.read_bytes() for path in before}
        file.write_text(yaml.safe_dump({"port_base": 8100} | remembered), "utf-8")
        done = plan(project, "decide", "--data-file", str(file))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"itself remembers. Fix: leave it out: {', '.join(sorted(remembered))}.\n")
        assert {path: path.read_bytes() for path in before} == contents_before

    def test_a_file_may_say_all_that_yaml_can(self, generate: Generate, tmp_path: Path) -> None:
        file = tmp_path / "changed.yml"
        text = b"\xef\xbb\xbf%YAML 1.1\n---\n'project_name': &it Edge shop\n? concept\n: *it\n...\n"
        file.write_bytes(text)
        done = plan(generate(SHOP), "decide", "--data-file", str(file), "--dry-run")
        assert (done.returncode, done.stderr) == (0, "")

    def test_auto_takes_what_the_answers_speak_for_now(self, generate: Generate) -> None:
        project = generate(SHOP | {"storage_kind": "auto"})
        assert plan(project, "decide", "deploy_target=kubernetes").returncode == 0
        assert model(project).decision("storage_kind").option.name == "sqlite"
        git(project, "commit", "--quiet", "--message", "moved")
        assert plan(project, "decide", "storage_kind=auto").returncode == 0
        assert model(project).decision("storage_kind").option.name == "postgres"

    def test_equals_a_copy_of_the_new_answers(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(SHOP)
        file = tmp_path / "changed.yml"
        file.write_text(yaml.safe_dump(ADDED))
        done = plan(project, "decide", "--data-file", str(file), "--on", "2026-11-24")
        assert done.returncode == 0, done.stderr
        for name in ("services/returns/parcel.py", "services/stock/shelf.py", "services/stock/migrations/0002"):
            assert name in done.stdout
        git(project, "commit", "--quiet", "--message", "changed")
        copy = generate(recorded(project))
        assert contents(project) == contents(copy)

    def test_archives_what_would_have_been_deleted(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(SHOP)
        api = project / "services" / "post" / "api.py"
        edited = api.read_text("utf-8") + "\n\n# Somebody relies on this.\n"
        api.write_text(edited)
        specification = (project / "Planning/ServiceSpecifications/post.md").read_text("utf-8")
        git(project, "commit", "--quiet", "--all", "--message", "edited")
        file = tmp_path / "changed.yml"
        file.write_text(yaml.safe_dump({"services": SHOP["services"][:2], "data_entities": SHOP["data_entities"][:2]}))
        done = plan(project, "decide", "--data-file", str(file))
        assert done.returncode == 0, done.stderr
        archive = project / "Planning" / "Archive"
        assert (archive / "services/post/api.py.txt").read_text("utf-8") == edited
        assert (archive / "ServiceSpecifications/post.md").read_text("utf-8") == specification
        assert not (archive / "services/post/main.py.txt").exists()  # nobody had edited it
        assert (project / "services" / "post" / "letter.py").is_file()
        assert "Yours, no longer used:\n  services/post/letter.py" in done.stdout
        assert "0 differences" in run(project, "plan", "check")

    def test_shows_a_conflict_and_keeps_both_sides(self, generate: Generate) -> None:
        project = generate(SHOP)
        readme = project / "README.md"
        title = readme.read_text("utf-8").splitlines()[0]
        readme.write_text(readme.read_text("utf-8").replace(title, f"{title} of ours"))
        git(project, "commit", "--quiet", "--all", "--message", "edited")
        done = plan(project, "decide", "project_name=Other shop", "project_slug=corner_shop")
        assert done.returncode == 1
        assert "Conflicts to resolve:\n  README.md" in done.stdout
        text = readme.read_text("utf-8")
        assert f"{title} of ours" in text
        assert "# Other shop" in text

    def test_what_somebody_deleted_stays_so_where_no_code_expects_it(self, generate: Generate) -> None:
        """A managed file stays deleted, although the change reaches it; an owned one is made again."""
        project = generate(SHOP)
        git(project, "rm", "--quiet", "AGENTS.md", "Planning/PRD.md", "services/stock/thing.py")
        git(project, "commit", "--quiet", "--message", "deleted")
        done = plan(project, "decide", "project_name=Other shop", "project_slug=corner_shop")
        assert done.returncode == 0, done.stdout + done.stderr
        there = {it for it in ("AGENTS.md", "Planning/PRD.md", "services/stock/thing.py") if (project / it).exists()}
        assert there == {"services/stock/thing.py"}

    def test_edits_on_either_side_of_a_change_meet_in_a_conflict_alone(self, generate: Generate) -> None:
        """What is added where the change adds, too, or is as the change makes it."""
        project = generate(SHOP)
        changed = generate(SHOP | {"storage_kind": "postgres"})
        made = "services/common/db/ownership.py"
        (project / made).write_bytes((changed / made).read_bytes())
        (project / ".env.example").write_bytes((changed / ".env.example").read_bytes())
        (project / "scripts" / "servers.py").write_text('"""Ours."""\n')
        commit(project)
        done = plan(project, "decide", "storage_kind=postgres")
        assert (done.returncode, done.stderr) == (1, "")
        assert "Conflicts to resolve:\n  scripts/servers.py\n" in done.stdout
        assert (project / made).read_bytes() == (changed / made).read_bytes()
        assert (project / ".env.example").read_bytes() == (changed / ".env.example").read_bytes()
        assert '"""Ours."""' in (project / "scripts" / "servers.py").read_text("utf-8")

    def test_that_changes_nothing_says_so(self, generate: Generate) -> None:
        project = generate(SHOP)
        done = plan(project, "decide", "storage_kind=sqlite")
        assert (done.returncode, clean(project)) == (0, True)
        assert done.stdout.endswith("Nothing changes.\n")


def dirty(project: Path) -> None:
    (project / "README.md").write_text("mine")


def marked(project: Path) -> None:
    (project / "README.md").write_text("<<<<<<< before\n=======\n>>>>>>> after\n")
    git(project, "commit", "--quiet", "--all", "--message", "marked")


def unversioned(project: Path) -> None:
    shutil.rmtree(project / ".git")


def unanswered(project: Path) -> None:
    (project / ".copier-answers.yml").unlink()
    git(project, "commit", "--quiet", "--all", "--message", "removed")


def edited(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text("utf-8").replace("project_name: Corner shop", "project_name: Edge shop"))
    git(project, "commit", "--quiet", "--all", "--message", "edited by hand")


def damaged(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text("utf-8") + "slos: [\n")
    git(project, "commit", "--quiet", "--all", "--message", "damaged")


def unmodelled(project: Path) -> None:
    git(project, "rm", "--quiet", "Planning/model.json")
    git(project, "commit", "--quiet", "--message", "removed")


def moved(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    lines = answers.read_text("utf-8").splitlines()
    answers.write_text("\n".join("_src_path: /nowhere/at/all" if it.startswith("_src") else it for it in lines))
    git(project, "commit", "--quiet", "--all", "--message", "moved")


def nothing(project: Path) -> None:
    """The project is as it should be; it is the command that is wrong."""


REFUSED: dict[str, tuple[Callable[[Path], None], tuple[str, ...], str]] = {
    "a dirty tree": (dirty, ("storage_kind=postgres",), "README.md is not committed. Fix:"),
    "marks of a conflict": (marked, ("storage_kind=postgres",), "README.md has marks of a conflict. Fix:"),
    "no git": (unversioned, ("storage_kind=postgres",), "is not a git repository. Fix:"),
    "no answers": (unanswered, ("storage_kind=postgres",), ".copier-answers.yml has no _src_path. Fix:"),
    "answers edited by hand": (
        edited,
        ("storage_kind=postgres",),
        "says something else than Planning/model.json. Fix:",
    ),
    "damaged answers": (damaged, ("storage_kind=postgres",), " is not valid YAML (while parsing a flow node, expected"),
    "no model": (unmodelled, ("storage_kind=postgres",), "Planning/model.json is missing. Fix: `git checkout HEAD --"),
    "a template that is gone": (moved, ("storage_kind=postgres",), "no longer at /nowhere/at/all. Fix:"),
    "what is remembered": (nothing, ("history={}",), "history is what the project itself remembers. Fix:"),
    "an answer twice": (
        nothing,
        ("project_name=a", "project_name=b"),
        "project_name is answered twice. Fix: keep one of the two.",
    ),
    "lines": (nothing, ("a\nb",), "plan: a b is not of the form KEY=VALUE. Fix: "),
    "no answer": (nothing, ("storage_kind",), "storage_kind is not of the form KEY=VALUE. Fix:"),
    "nothing": (nothing, (), "nothing is answered. Fix:"),
    "no file": (nothing, ("--data-file", "none.yml"), "none.yml is not a file. Fix:"),
    "a wrong key": (nothing, ("storage_knd=postgres",), "Fix: did you mean 'storage_kind'?"),
    "a wrong option": (nothing, ("storage_kind=postgrs",), "Fix: did you mean 'postgres'?"),
    "a planned option": (nothing, ("storage_kind=documents",), "is planned and not offered yet"),
    "a contradiction": (nothing, ("failure_isolation=shared",), "it needs Modular monolith (architecture_style)"),
    "no day": (nothing, ("storage_kind=postgres", "--on", "soon"), "'soon' is not a day"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(generate: Generate, case: str) -> None:
    spoil, arguments, message = REFUSED[case]
    project = generate(SHOP)
    spoil(project)
    before = files_of(project)
    done = plan(project, "decide", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in before} == before


def unborn(project: Path) -> None:
    git(project, "checkout", "--quiet", "--orphan", "empty")


NOT_UPDATED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a dirty tree": (dirty, "README.md is not committed. Fix:"),
    "marks of a conflict": (marked, "README.md has marks of a conflict. Fix:"),
    "no answers": (unanswered, ".copier-answers.yml has no _src_path. Fix:"),
    "a branch without a commit": (unborn, "nothing is committed. Fix:"),
    "an unknown version": (nothing, "Unknown revision: 'v9'. Fix: leave out `--to`"),
}


def files_of(project: Path) -> dict[Path, bytes]:
    """All files of a project but git's own and bytecode."""
    files = (path for path in project.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if not {".git", "__pycache__"}.intersection(path.parts)}


@pytest.mark.parametrize("case", NOT_UPDATED)
def test_an_update_that_cannot_be_is_one_line_and_changes_nothing(generate: Generate, case: str) -> None:
    spoil, message = NOT_UPDATED[case]
    project = generate(SHOP)
    spoil(project)
    before = files_of(project)
    done = plan(project, "update", "--to", "v9")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert files_of(project) == before


class TestNewerVersions:
    @pytest.mark.parametrize(
        ("file", "old", "new", "message"),
        [
            ("copier.yml", "9.19.0", "99.0.0", "requires Copier version >= 99.0.0, while your version of Copier is"),
            ("questions/2-2-users.yml", '    "Mixed": mixed\n', "", "user_expertise: 'mixed' is not one of novice"),
        ],
        ids=["a newer Copier", "an answer that is no longer accepted"],
    )
    def test_that_cannot_be_taken_are_one_line_and_change_nothing(
        self, generate: Generate, tmp_path: Path, file: str, old: str, new: str, message: str
    ) -> None:
        template = clone_template(tmp_path / "template")
        project = generate(SHOP | {"user_expertise": "mixed"}, template)
        changed = (template / file).read_text("utf-8").replace(old, new)
        (template / file).write_text(changed)
        commit(template, "v2.0.0")
        before = files_of(project)
        done = plan(project, "update")
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert message in done.stderr
        assert ". Fix: " in done.stderr
        assert files_of(project) == before
        assert clean(project)

    def test_are_taken_after_the_answer_was_changed(self, generate: Generate, tmp_path: Path) -> None:
        template = clone_template(tmp_path / "template")
        project = generate(SHOP | {"user_expertise": "mixed"}, template)
        questions = template / "questions" / "2-2-users.yml"
        questions.write_text(questions.read_text("utf-8").replace('    "Mixed": mixed\n', ""))
        commit(template, "v2.0.0")
        assert plan(project, "decide", "user_expertise=novice").returncode == 0
        git(project, "commit", "--quiet", "--message", "answered")
        assert plan(project, "update").returncode == 0
        assert (recorded(project)["_commit"], recorded(project)["user_expertise"]) == ("v2.0.0", "novice")


def test_an_older_copier_says_so_in_one_line(template: Path, tmp_path: Path) -> None:
    command = [os.environ.get("UV", "uv"), "tool", "run", "--from", "copier==9.18.1", "copier", "copy", "--defaults"]
    done = subprocess.run([*command, template, tmp_path / "project"], capture_output=True, text=True)
    message = "This template requires Copier version >= 9.19.0, while your version of Copier is 9.18.1."
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == message
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "project").exists()


class TestCheckouts:
    def test_without_a_branch_are_changed_as_any_other(self, generate: Generate) -> None:
        project = generate(SHOP)
        git(project, "checkout", "--quiet", "--detach")
        assert plan(project, "decide", "storage_kind=postgres").returncode == 0
        assert recorded(project)["storage_kind"] == "postgres"
        git(project, "reset", "--hard", "--quiet")
        assert clean(project)

    def test_in_a_further_work_tree_are_changed_alone(self, generate: Generate, tmp_path: Path) -> None:
        """A change in another work tree, and taking it back, reach no other one."""
        project = generate(SHOP)
        before = files_of(project)
        git(project, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
        other = tmp_path / "other"
        assert plan(other, "decide", "storage_kind=postgres").returncode == 0
        assert recorded(other)["storage_kind"] == "postgres"
        begun(other, {"README.md": "whole\n"})
        assert "was interrupted" in plan(other, "decide", "storage_kind=sqlite").stderr
        assert plan(other, "undo").stdout == "The last commit is back.\n"
        assert clean(other)
        assert files_of(project) == before
        assert clean(project)

    def test_that_are_committed_meanwhile_keep_the_commit(self, generate: Generate) -> None:
        """While the change is made in its clone, somebody commits a file that it does not touch."""
        project = generate(SHOP)
        script = (
            "import subprocess\n"
            "from pathlib import Path\n"
            "from scripts.planning import change\n"
            "arguments = ['--vcs-ref', ':current:', '--data', 'storage_kind=postgres']\n"
            "with change.prepared(Path().resolve(), arguments) as prepared:\n"
            "    Path('Planning/Notes.md').write_text('mine')\n"
            "    subprocess.run(['git', 'commit', '--quiet', '--all', '--message', 'mine'], check=True)\n"
            "    try:\n"
            "        change.bring(prepared)\n"
            "    except change.RefusedError as refused:\n"
            "        print(refused)\n"
        )
        assert "something was committed meanwhile" in bare(project, "python", "-c", script).stdout
        assert (project / "Planning/Notes.md").read_text("utf-8") == "mine"
        assert clean(project)

    @pytest.mark.parametrize("name", [".env.example", "Planning/Decisions/0038-storage-kind.md"])
    def test_that_are_edited_meanwhile_keep_the_edit(self, generate: Generate, name: str) -> None:
        """While the change is made in its clone, somebody writes a file that it changes, or brings."""
        project = generate(SHOP)
        script = (
            "from pathlib import Path\n"
            "from scripts.planning import change\n"
            "arguments = ['--vcs-ref', ':current:', '--data', 'storage_kind=postgres']\n"
            "with change.prepared(Path().resolve(), arguments) as prepared:\n"
            f"    Path({name!r}).write_text('mine')\n"
            "    try:\n"
            "        change.bring(prepared)\n"
            "    except change.RefusedError as refused:\n"
            "        print(refused)\n"
        )
        output = bare(project, "python", "-c", script).stdout
        assert "git read-tree failed" in output
        assert (project / name).read_text("utf-8") == "mine"
        assert recorded(project)["storage_kind"] == "sqlite"
        assert plan(project, "undo").stdout == "No change was interrupted.\n"


def begun(project: Path, files: dict[str, str]) -> str:
    """Begin a change that brings these texts, as far as its journal; give the commit that it comes to."""
    for name, text in files.items():
        (project / name).write_text(text)
    git(project, "add", "--all")
    commit = git(project, "commit-tree", git(project, "write-tree"), "-p", "HEAD", "-m", "plan")
    git(project, "reset", "--hard", "--quiet")
    journal = project / git(project, "rev-parse", "--git-path", "plan-change.json")
    journal.write_text(json.dumps({"head": git(project, "rev-parse", "HEAD"), "commit": commit}))
    return commit


def completed(project: Path, files: dict[str, str]) -> None:
    """Bring all of a change, and leave its journal behind."""
    git(project, "read-tree", "-m", "-u", "HEAD", begun(project, files))


KILLS = """#!/bin/bash
{git} "$@"
code=$?
if [ "$1" = read-tree ] && [[ "$*" == *" -u "* ]] && [[ "$*" != *--dry-run* ]]; then kill -9 $PPID; fi
exit $code
"""
"""A git that kills the process that runs it when the files of a change are there."""

CHANGED = {"services/new.py": "whole and long\n", "README.md": "whole and long\n"}


class TestInterruption:
    def test_nothing_is_half_done_whenever_it_is_killed(self, generate: Generate) -> None:
        """Killed at many moments: the project is as it was, as it should be, or taken back by one command."""
        project = generate(SHOP)
        before = contents(project)
        for moment in (0.3, 0.8, 1.5, 2.5, 3.5, 4.5, 6.0):
            command = [os.environ.get("UV", "uv"), "run", "--quiet", "--no-project", *PLAN]
            started = subprocess.Popen(
                [*command, "decide", "storage_kind=postgres"],
                cwd=project,
                env=environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(moment)
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            undone = plan(project, "undo")
            assert (undone.returncode, undone.stderr) == (0, ""), moment
            git(project, "reset", "--hard", "--quiet")
            assert contents(project) == before
            assert clean(project)

    def test_a_step_that_was_interrupted_is_reported_and_taken_back(self, generate: Generate) -> None:
        project = generate(SHOP)
        before = contents(project)
        begun(project, CHANGED)
        (project / "services" / "new.py").write_text("whole")
        (project / "README.md").write_text("whole and long\n")
        (project / "AGENTS.md").unlink()
        (project / ".git" / "index.lock").touch()
        assert "`uv run plan undo` takes it back" in plan(project, "decide", "storage_kind=postgres").stderr
        assert plan(project, "undo").stdout == "The last commit is back.\n"
        assert contents(project) == before
        assert clean(project)
        assert plan(project, "undo").stdout == "No change was interrupted.\n"

    def test_a_step_that_was_interrupted_at_its_end_is_taken_back(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(SHOP)
        before = contents(project)
        self.killed_at_the_end(project, tmp_path)
        assert recorded(project)["storage_kind"] == "postgres"
        assert json.loads(plan(project, "undo", "--json").stdout)["undone"]
        assert contents(project) == before
        assert clean(project)

    def test_what_was_committed_since_is_not_taken_back(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(SHOP)
        self.killed_at_the_end(project, tmp_path)
        git(project, "commit", "--quiet", "--all", "--message", "moved")
        (project / "Planning" / "Notes.md").write_text("mine\n")
        before = files_of(project)
        done = plan(project, "undo")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("git has it, and nothing is taken back.\n")
        assert files_of(project) == before
        assert plan(project, "undo").stdout == "No change was interrupted.\n"

    def killed_at_the_end(self, project: Path, folder: Path) -> None:
        """Answer anew, killed when all files are there and the journal is, too."""
        (folder / "git").write_text(KILLS.format(git=shutil.which("git")))
        (folder / "git").chmod(0o755)
        path = f"{folder}{os.pathsep}{environment()['PATH']}"
        assert plan(project, "decide", "storage_kind=postgres", PATH=path).returncode != 0
        assert (project / ".git" / "plan-change.json").is_file()

    def test_a_change_that_was_committed_hinders_no_other_one(self, generate: Generate) -> None:
        project = generate(SHOP)
        completed(project, CHANGED)
        git(project, "commit", "--quiet", "--message", "changed")
        assert plan(project, "decide", "storage_kind=sqlite").stdout.endswith("Nothing changes.\n")
        assert plan(project, "undo").stdout == "No change was interrupted.\n"

    @pytest.mark.parametrize("begin", [begun, completed])
    @pytest.mark.parametrize("name", ["Planning/Notes.md", "README.md", "services/new.py"])
    def test_edits_since_are_kept(
        self, generate: Generate, tmp_path: Path, begin: Callable[[Path, dict[str, str]], object], name: str
    ) -> None:
        """In a file that the change does not touch, one that it changes and one that it brings."""
        project = generate(SHOP)
        before = contents(project)
        begin(project, CHANGED)
        (project / name).write_text("mine\n")
        kept = files_of(project)
        done = plan(project, "undo")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert f"plan: {name} was edited since, and nothing was taken back. Fix: " in done.stderr
        assert ("`git commit --all` keeps it" in done.stderr) == (begin is completed)
        assert files_of(project) == kept
        (project / name).rename(tmp_path / "mine")
        assert plan(project, "undo").stdout == "The last commit is back.\n"
        assert contents(project) == before
        assert clean(project)

    def test_what_is_cut_or_staged_since_is_kept(self, generate: Generate) -> None:
        project = generate(SHOP)
        completed(project, CHANGED)
        (project / "README.md").write_text("whole")
        assert "README.md was edited since" in plan(project, "undo").stderr
        (project / "README.md").write_text("whole and long\n")
        (project / "mine.py").write_text("")
        git(project, "add", "mine.py")
        assert "mine.py was edited since" in plan(project, "undo").stderr
        git(project, "rm", "--quiet", "--cached", "mine.py")
        assert plan(project, "undo").stdout == "The last commit is back.\n"
        assert (project / "mine.py").is_file()

    def test_a_journal_that_cannot_be_read_takes_nothing_back(self, generate: Generate) -> None:
        project = generate(SHOP)
        head = git(project, "rev-parse", "HEAD")
        (project / "README.md").write_text("mine\n")
        unknown = json.dumps({"head": head, "commit": head[::-1]})
        no_commit = json.dumps({"head": head, "commit": "--help"})
        for text in ("broken{", "[]", '["services/new.py"]', "{}", unknown, no_commit):
            (project / ".git" / "plan-change.json").write_text(text)
            for command in (("undo",), ("decide", "storage_kind=postgres")):
                done = plan(project, *command)
                assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
                assert "cannot be read, and nothing was changed. Fix:" in done.stderr
        assert (project / "README.md").read_text() == "mine\n"

    @pytest.mark.parametrize("most", [1_000, 10_000, 40_000, 200_000])
    def test_a_disk_that_is_full_changes_nothing(self, generate: Generate, most: int) -> None:
        """No file may grow beyond a size, so that one step or another fails: all is done, or nothing."""
        project = generate(SHOP)
        before = contents(project)
        limit = f"ulimit -f {most // 1024 or 1}; exec "
        command = [
            os.environ.get("UV", "uv"),
            "run",
            "--quiet",
            "--no-project",
            *PLAN,
            "decide",
            "storage_kind=postgres",
        ]
        done = subprocess.run(
            ["bash", "-c", limit + " ".join(command)], cwd=project, env=environment(), capture_output=True, text=True
        )
        if done.returncode == 0:
            assert recorded(project)["storage_kind"] == "postgres"
        else:
            plan(project, "undo")
            assert contents(project) == before
            assert clean(project)


def test_it_is_made_with_the_copier_that_this_template_is_tried_with() -> None:
    source = (REPOSITORY / "template/scripts/planning/change.py").read_text("utf-8")
    pinned = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for line in ("COPIER = ", "EXTENSION = "):
        version = source.partition(line)[2].partition('"')[2].partition('"')[0]
        assert version in pinned
