"""Changing decisions on an edited project: by plain `copier update`, without losing what anybody wrote."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier.errors import UserMessageError
from pathspec import GitIgnoreSpec

from copies import Generate, Reanswer, clone_template, commit, git
from groundplan import catalogue
from groundplan.generation import build
from groundplan.problems import Refused
from groundplan.questionnaire import QUESTIONS
from projects import REPOSITORY, UV, environment, model, need_postgres, run, uses_postgres
from samples import sampled

Answers = dict[str, Any]

SHOP: Answers = yaml.safe_load(
    """
    project_name: Corner shop
    concept: A shop that sells things by post.
    mvp_features:
      - name: Sell a thing
        outcome: a buyer gets what the shop has
        services: [sales, stock]
        acceptance: [WHEN a buyer orders a thing THE SYSTEM SHALL store the sale.]
    architecture_style: services
    storage_kind: sqlite
    services:
      - stock: keeps the things
      - name: sales
        responsibility: sells them
        depends_on: [stock]
        publishes: ["sale.made on create Sale"]
      - name: post
        responsibility: writes to buyers
        subscribes: ["on sale.made: create Letter(recipient: buyer, text: 'Thank you', sale: id)"]
    data_entities:
      - "stock.Thing(label: str, price: money, count: int = 0)"
      - "sales.Sale(buyer: email, thing: Thing, total: money)"
      - "post.Letter(recipient: email, text: str, sale: uuid)"
    """
)

ADDED: Answers = {
    "services": [*SHOP["services"], {"name": "returns", "responsibility": "takes things back"}],
    "data_entities": [*SHOP["data_entities"], "returns.Parcel(reason: str, weight: float?)", "stock.Shelf(label: str)"],
}
REMOVED: Answers = {"services": SHOP["services"][:2], "data_entities": SHOP["data_entities"][:2]}
RENAMED: Answers = {
    "services": [*SHOP["services"][:2], {**SHOP["services"][2], "name": "letters"}],
    "data_entities": [*SHOP["data_entities"][:2], SHOP["data_entities"][2].replace("post.", "letters.")],
}
MERGED: Answers = {
    "services": SHOP["services"][:2],
    "data_entities": [*SHOP["data_entities"][:2], SHOP["data_entities"][2].replace("post.", "sales.")],
}
SPLIT: Answers = {
    "services": [*SHOP["services"], {"name": "prices", "responsibility": "keeps what things cost"}],
    "data_entities": [*SHOP["data_entities"], "prices.Price(thing_label: str, amount: money)"],
}
MOVED: Answers = {
    "services": SHOP["services"],
    "data_entities": [
        SHOP["data_entities"][0].replace("stock.", "sales."),
        *SHOP["data_entities"][1:],
        "stock.Shelf(label: str)",
    ],
}
LONGER: Answers = {"data_entities": [f"{SHOP['data_entities'][0][:-1]}, colour: str?)", *SHOP["data_entities"][1:]]}

LED: Answers = {
    "workflows": [
        "selling on create Sale: Letter(recipient: buyer, text: 'Thank you', sale: id); "
        "done: total = 1; undone: total = 0"
    ]
}

DUE: Answers = {"jobs": ["sales: thank on create Sale", "stock: count daily at 02:00"]}

CHANGES: dict[str, Answers] = {
    "a service and an entity come": ADDED,
    "a service goes": REMOVED,
    "a service is renamed": RENAMED,
    "two services merge": MERGED,
    "a service splits": SPLIT,
    "an entity moves": MOVED,
    "a field comes": LONGER,
    "a workflow comes": LED,
    "jobs come": DUE,
    "storage flips": {"storage_kind": "postgres"},
    "ownership flips": {"storage_kind": "postgres", "data_ownership": "schema_per_service"},
    "architecture flips": {"architecture_style": "modular_monolith"},
}

STRUCTURE = {
    "depth",
    "project_name",
    "project_slug",
    "concept",
    "services",
    "data_entities",
    "mvp_features",
    "external_apis",
    "data_sensitivity",
    "deploy_target",
    "distribution",
    "slos",
    "decision_overrides",
    "task_overrides",
    "access",
    "audit",
    "retention",
    "person",
    "tenants",
    "workflows",
    "jobs",
}
"""What says what there is, and what an option may not live with: `auto` then moves, and does not drift back."""
OTHERWISE: Answers = {
    it.name: yaml.safe_load(it.example) if it.example else [it.choices[-1]] if it.many else it.choices[-1]
    for it in QUESTIONS
    if it.is_asked and (it.example or it.choices) and it.name not in STRUCTURE
}
"""Another answer to every question that has an example or choices, but for those that say what there is."""

DEPENDING: dict[str, Answers] = {
    "drivers flip": {"storage_kind": "postgres", "monitoring": "opentelemetry", "delivery": "nats_jetstream"},
    "libraries go": {"storage_kind": "files", "retry_strategy": "none"},
    "libraries are required": {
        "required_libraries": [
            {"name": "anyio", "why": "ours", "constraint": ">=4"},
            {"name": "httpx-sse", "why": "news as they come", "constraint": ">=0.4"},
            {"name": "zzz", "why": "the last one", "constraint": ">=1"},
        ]
    },
}
"""What changes the dependencies."""

CATALOGUE = catalogue.load(REPOSITORY / "decisions")


def possible(id: str, option: str) -> bool:
    """Whether the shop can have an option."""
    try:
        build(SHOP | {id: option}, CATALOGUE)
    except Refused:
        return False
    return True


OPTIONS = [
    (decision.id, option.name)
    for decision in CATALOGUE.decisions
    if not decision.settled
    for option in decision.offered
    if possible(decision.id, option.name)
]

OURS = {
    "services/stock/thing.py": "\n\nSMALLEST_PRICE = 1\n",
    "services/sales/sale.py": "\n\nLARGEST_SALE = 1000\n",
    "services/post/letter.py": "\n\nGREETING = 'Dear buyer'\n",
    "services/post/on_sale_made.py": "\n\nSIGNATURE = 'The shop'\n",
    "Planning/Notes.md": "\nThe shop closes at six.\n",
}
"""Edits of owned files."""

TRIED = sampled(OPTIONS, 12)
an_option = pytest.mark.parametrize(("id", "option"), TRIED, ids=["-".join(it) for it in TRIED])


def edit(project: Path, edits: Mapping[str, str] = OURS) -> None:
    """Append to files of a project, and add one of its people's own."""
    for path, text in edits.items():
        with (project / path).open("a") as file:
            file.write(text)
    (project / "services" / "stock" / "prices.py").write_text('"""How prices are made."""\n')


def contents(project: Path) -> dict[str, bytes]:
    """The files of a project that git would keep, without where it came from."""
    listed = git(project, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    files = {path: (project / path).read_bytes() for path in listed if (project / path).is_file()}
    answers = files[".copier-answers.yml"].splitlines(keepends=True)
    files[".copier-answers.yml"] = b"".join(line for line in answers if not line.startswith(b"_src_path"))
    return files


def recorded(project: Path) -> Answers:
    """What an answers file holds."""
    answers: Answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    return answers


def managed(project: Path) -> dict[str, bytes]:
    owned = set(model(project).owned_files)
    return {path: content for path, content in contents(project).items() if path not in owned}


class TestOwnedFiles:
    @pytest.mark.parametrize("change", sampled([*CHANGES], 5))
    def test_are_left_alone_and_the_suite_is_green(self, generate: Generate, reanswer: Reanswer, change: str) -> None:
        project, changes = generate(SHOP), CHANGES[change]
        edit(project)
        before = {path: (project / path).read_bytes() for path in (*OURS, "services/stock/prices.py")}
        reanswer(project, **changes)
        assert {path: (project / path).read_bytes() for path in before} == before
        assert not [path for path, content in contents(project).items() if b"\n<<<<<<< " in content or ".rej" in path]
        if uses_postgres(model(project)):
            need_postgres()
        run(project, "pytest", "-q")

    def test_come_with_what_they_are_for(self, generate: Generate, reanswer: Reanswer) -> None:
        project = reanswer(generate(SHOP), **ADDED)
        assert (project / "services/returns/parcel.py").is_file()
        assert (project / "services/stock/shelf.py").is_file()

    def test_come_back_as_they_were_left(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP)
        edit(project)
        before = contents(project)
        reanswer(project, **REMOVED)
        assert not (project / "services/post/api.py").exists()
        reanswer(project, services=SHOP["services"], data_entities=SHOP["data_entities"])
        after = contents(project)
        assert {path: after[path] for path in OURS} == {path: before[path] for path in OURS}
        assert (project / "services/post/api.py").is_file()

    def test_that_somebody_deleted_are_made_again(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP)
        shutil.rmtree(project / "services" / "post")
        reanswer(project, **LONGER)
        assert (project / "services/post/letter.py").is_file()

    def test_are_those_that_copier_is_configured_to_skip(self, generate: Generate) -> None:
        settings = yaml.safe_load((REPOSITORY / "copier.yml").read_text("utf-8").partition("\n---")[0])
        skipped = GitIgnoreSpec.from_lines(settings["_skip_if_exists"])
        project = generate(SHOP)
        assert {path for path in contents(project) if skipped.match_file(path)} == set(
            model(project).owned_files
        ) & set(contents(project))


class TestManagedFiles:
    @pytest.mark.parametrize("changes", CHANGES.values(), ids=[*CHANGES])
    def test_are_what_a_copy_of_the_new_answers_has(
        self, generate: Generate, reanswer: Reanswer, changes: Answers
    ) -> None:
        """The promise called Path."""
        project = generate(SHOP)
        before = set(model(project).owned_files)
        reanswer(project, **changes)
        copied = generate(recorded(project))
        owned = set(model(project).owned_files)
        assert managed(copied) == {path: it for path, it in managed(project).items() if path not in before}
        assert owned & set(contents(copied)) <= set(contents(project))

    @an_option
    def test_are_what_a_copy_has_with_every_option(
        self, generate: Generate, reanswer: Reanswer, id: str, option: str
    ) -> None:
        project = generate(SHOP)
        before = set(model(project).owned_files)
        reanswer(project, **{id: option})
        updated = {path: it for path, it in managed(project).items() if path not in before}
        assert updated == managed(generate(recorded(project)))

    def test_come_back_with_all_other_answers(self, generate: Generate, reanswer: Reanswer) -> None:
        """A, then every question answered otherwise, then A again: only the trail of decisions tells of it."""
        project = generate(SHOP)
        before = managed(project)
        first = {name: it for name, it in recorded(project).items() if name in OTHERWISE}
        reanswer(project, **{name: it for name, it in OTHERWISE.items() if name in first})
        changed = managed(project)
        assert changed == managed(generate(recorded(project)))
        assert len([path for path in before if before[path] != changed.get(path)]) > 10
        reanswer(project, **first)
        after = managed(project)
        differing = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        assert not [path for path in differing if not path.startswith((".copier-answers.yml", "Planning/"))]

    def test_are_reproduced_from_the_answers_file(self, generate: Generate) -> None:
        """The promise called Replay."""
        project = generate(SHOP)
        assert contents(generate(recorded(project))) == contents(project)

    def test_keep_edits_next_to_what_changes(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP)
        edits = {"README.md": "\nOurs.\n", "services/sales/models.py": "\n\nOURS = 1\n"}
        edit(project, edits)
        reanswer(project, **ADDED)
        assert all((project / path).read_text().endswith(text) for path, text in edits.items())

    @pytest.mark.parametrize("changes", DEPENDING.values(), ids=[*DEPENDING])
    def test_keep_libraries_and_commands_that_people_added(
        self, generate: Generate, reanswer: Reanswer, changes: Answers
    ) -> None:
        """Whatever the letters that their names begin with, which decide on their place in a list that is in order."""
        project = generate(SHOP)
        settings = project / "pyproject.toml"
        before = tomllib.loads(settings.read_text("utf-8"))["project"]["dependencies"]
        own = ["aiofiles>=1", "httpx-sse>=0.4", "psycopg-pool", "sqlalchemy-utils>=0.1", "zstandard>=0.1"]
        for arguments in (own, ["--dev", "hypothesis>=6", "pytest-mock>=3"]):
            subprocess.run([UV, "add", "--quiet", "--frozen", *arguments], cwd=project, env=environment(), check=True)
        text = settings.read_text("utf-8")
        text = text.replace('version = "0.1.0"', 'version = "0.2.0"')
        command = 'report = "scripts.report:main"\n'
        settings.write_text(text.replace("\n[dependency-groups]", f"{command}\n[dependency-groups]"), "utf-8")
        commit(project)
        reanswer(project, concept="A shop that sells nearly all things by post.", **changes)
        text = settings.read_text("utf-8")
        assert "<<<<<<<" not in text
        now = tomllib.loads(text)
        made = tomllib.loads((generate(recorded(project)) / "pyproject.toml").read_text("utf-8"))
        assert made["project"]["dependencies"] != before
        assert now["project"]["version"] == "0.2.0"
        assert now["project"]["dependencies"] == made["project"]["dependencies"] + own
        assert now["project"]["scripts"] == made["project"]["scripts"] | {"report": "scripts.report:main"}
        assert now["dependency-groups"]["dev"][-2:] == ["hypothesis>=6", "pytest-mock>=3"]
        assert now["project"]["description"] == "A shop that sells nearly all things by post."

    @pytest.mark.parametrize("id", ["storage_kind", "architecture_style"])
    def test_come_back_with_a_decision(self, generate: Generate, reanswer: Reanswer, id: str) -> None:
        project = generate(SHOP)
        before = managed(project)
        reanswer(project, **CHANGES["storage flips" if id == "storage_kind" else "architecture flips"])
        changed = managed(project)
        reanswer(project, **{id: SHOP[id]})
        after = managed(project)
        differing = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        assert any(path.startswith("services/") for path in before if before[path] != changed.get(path))
        assert not [path for path in differing if not path.startswith((".copier-answers.yml", "Planning/"))]

    def test_show_no_change_when_nothing_changed(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP)
        edit(project)
        reanswer(project)
        assert git(project, "status", "--porcelain") == ""

    def test_hold_no_bytecode(self, generate: Generate) -> None:
        assert not list(generate(SHOP).rglob("__pycache__"))

    def test_of_another_version_are_what_its_copy_has(
        self, generate: Generate, reanswer: Reanswer, tmp_path: Path
    ) -> None:
        """Both versions' code is loaded while one is updated to the other."""
        template = clone_template(tmp_path / "template")
        project = generate(SHOP, template)
        code = template / "extensions" / "groundplan" / "project.py"
        code.write_text(code.read_text("utf-8").replace("    def has(self", '    motto = "new"\n\n    def has(self'))
        (template / "template" / "MOTTO.jinja").write_text("{{ project.motto }}\n")
        commit(template, "v2.0.0")
        reanswer(project, ref="v2.0.0", **ADDED)
        assert (project / "MOTTO").read_text() == "new\n"
        assert recorded(project)["_commit"] == "v2.0.0"
        assert managed(project) == managed(generate(recorded(project), template))

    def test_a_new_question_arrives_open_and_as_a_gap(
        self, generate: Generate, reanswer: Reanswer, tmp_path: Path
    ) -> None:
        template = clone_template(tmp_path / "template")
        project = generate(SHOP, template)
        with (template / "questions" / "2-10-future.yml").open("a") as file:
            file.write(
                "\nsupport_hours:\n  type: str\n  qmark: '2.10'\n  help: When is somebody there?\n"
                "  x-guide: G10c\n  x-about: when somebody is there\n  default: ''\n"
            )
        commit(template, "v2.0.0")
        reanswer(project, ref="v2.0.0")
        assert recorded(project)["support_hours"] == ""
        assert "A02-support_hours" in (project / "Planning" / "model.json").read_text("utf-8")


class TestMemory:
    def test_keeps_the_ports_of_the_others(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP)
        before = {it.name: it.port for it in model(project).product.services}
        returns = ADDED["services"][3]
        reanswer(project, services=[returns, *REMOVED["services"]], data_entities=REMOVED["data_entities"])
        after = {it.name: it.port for it in model(project).product.services}
        assert {name: after[name] for name in ("stock", "sales")} == {name: before[name] for name in ("stock", "sales")}
        assert after["returns"] not in before.values()

    def test_keeps_the_ids_of_the_others(self, generate: Generate, reanswer: Reanswer) -> None:
        lend = {"name": "Lend a thing", "services": ["stock"]}
        project = reanswer(generate(SHOP), mvp_features=[lend, *SHOP["mvp_features"]])
        assert {it.name: it.id for it in model(project).product.features} == {
            "Sell a thing": "FR-001",
            "Lend a thing": "FR-002",
        }

    def test_keeps_superseded_decisions(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP)
        reanswer(project, storage_kind="postgres", why="two writers", decided_on="2026-03-01")
        trail = [record for record in model(project).history.trail if record.decision == "storage_kind"]
        assert [(it.option, it.on, it.why) for it in trail] == [
            ("sqlite", "", ""),
            ("postgres", "2026-03-01", "two writers"),
        ]
        assert (recorded(project)["why"], recorded(project)["decided_on"]) == ("", "")
        (text,) = (
            it.read_text("utf-8")
            for it in (project / "Planning/Decisions").glob("*storage-kind.md")
            if "superseded" in it.read_text("utf-8")
        )
        assert "- PostgreSQL was rejected: " in text
        assert "\n\n\n" not in text

    def test_does_not_let_auto_drift(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP | {"storage_kind": "auto"})
        assert model(project).decision("storage_kind").option.name == "sqlite"
        reanswer(project, deploy_target="kubernetes", distribution="public")
        storage = model(project).decision("storage_kind")
        assert storage.option.name == "sqlite"
        assert storage.better is not None
        assert storage.better.name == "postgres"

    def test_takes_the_better_option_when_asked_again(self, generate: Generate, reanswer: Reanswer) -> None:
        """What `plan decide storage_kind=auto` does."""
        project = generate(SHOP | {"storage_kind": "auto"})
        reanswer(project, deploy_target="kubernetes")
        assert model(project).decision("storage_kind").option.name == "sqlite"
        reanswer(project, reopened="storage_kind")
        assert model(project).decision("storage_kind").option.name == "postgres"
        assert recorded(project)["reopened"] == ""


class TestRefusal:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"storage_kind": "postgre"}, "storage_kind: 'postgre' is not one of"),
            ({"storage_knd": "postgres"}, "storage_knd: is not a question of this template. Fix: did you mean"),
            ({"services": SHOP["services"][:1]}, "data_entities[1]"),
            ({"port_base": "many"}, "port_base: 'many' is not a whole number"),
        ],
    )
    def test_changes_nothing(self, generate: Generate, reanswer: Reanswer, changes: Answers, message: str) -> None:
        project = generate(SHOP)
        with pytest.raises(UserMessageError) as refused:
            reanswer(project, **changes)
        assert message in str(refused.value)
        assert git(project, "status", "--porcelain") == ""

    def test_of_an_option_that_a_new_version_dropped(
        self, generate: Generate, reanswer: Reanswer, tmp_path: Path
    ) -> None:
        template = clone_template(tmp_path / "template")
        project = generate(SHOP | {"storage_kind": "postgres"}, template)
        file = template / "decisions" / "storage_kind" / "decision.yml"
        file.write_text(file.read_text("utf-8").replace("label: PostgreSQL", "label: PostgreSQL\n    status: planned"))
        commit(template, "v2.0.0")
        with pytest.raises(UserMessageError, match="storage_kind: 'postgres' is planned and not offered yet"):
            reanswer(project, ref="v2.0.0")
        assert git(project, "status", "--porcelain") == ""
        reanswer(project, ref="v2.0.0", storage_kind="sqlite")
        assert model(project).decision("storage_kind").option.name == "sqlite"
