"""Decisions that change again and again: any sequence of changes keeps what was given, in the model and on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from copies import Generate, Reanswer
from groundplan import migrations
from groundplan.generation import build
from groundplan.history import UNCHOSEN, History
from groundplan.planning import model_json
from groundplan.planning.documents import Planning
from groundplan.problems import Refused
from groundplan.project import Project
from groundplan.questionnaire import BY_NAME, QUESTIONS, REQUIREMENTS, check, with_choices
from projects import model
from test_decide import plan
from test_updates import CATALOGUE, OTHERWISE, STRUCTURE, contents, managed, recorded
from unit.test_migrations import replayed

Answers = dict[str, Any]
Step = Callable[[Answers], Answers]
"""A change: of all answers, those that it changes."""

SERVICES = ("stock", "sales", "post", "returns", "prices")
ENTITIES = ("Thing", "Sale", "Letter", "Parcel", "Shelf")
FIELDS = ("label", "price", "note", "tags")
TYPES = ("str", "str?", "text = 'none'", "int", "int = 1", "money?", "bool = true", "list[str]", "new|old", "uuid")
REFERENCES = ("Thing", "Thing?", "list[Sale]?", "Shelf?")
FEATURES = ("Sell a thing", "Lend a thing", "Send a letter")
CRITERIA = ("WHEN a buyer orders THE SYSTEM SHALL store it.", "IF none is left THEN THE SYSTEM SHALL say so.", "Fast.")
ITEMS: dict[str, list[Answers]] = {
    "performance_targets": [{"what": name, "target": 200} for name in ("Answer", "Start")],
    "success_metrics": [{"name": name, "target": 10} for name in ("Sales", "Buyers", "Returns")],
    "risks": [{"risk": name, "mitigation": "a second one"} for name in ("The shop burns", "The post strikes")],
}
"""Items that are given ids by their names, by the question that they answer."""

START: Answers = yaml.safe_load(
    """
    project_name: Corner shop
    concept: A shop that sells things by post.
    architecture_style: services
    mvp_features:
      - {name: Sell a thing, services: [sales], acceptance: [WHEN a buyer orders THE SYSTEM SHALL store it.]}
    services:
      - {name: stock, responsibility: keeps the things}
      - name: sales
        responsibility: sells them
        depends_on: [stock]
        publishes: [sale.made on create Sale]
      - name: post
        responsibility: writes to buyers
        subscribes: [{event: sale.made, create: Letter, with: {note: "'Thank you'"}}]
    data_entities:
      - {name: Thing, owner: stock, fields: {label: str, price: money}}
      - {name: Sale, owner: sales, fields: {note: str, thing: Thing}}
      - {name: Letter, owner: post, fields: {note: text}}
    """
)

ASKED = with_choices(
    QUESTIONS,
    {decision.id: decision.words for decision in CATALOGUE.decisions},
    {decision.id: decision.answers for decision in CATALOGUE.decisions},
)
FREE = tuple(decision for decision in CATALOGUE.decisions if not decision.settled)
"""The decisions that are worth changing."""

STRUCTURAL: dict[str, list[object]] = {
    name: [[it] if BY_NAME[name].many else it for it in BY_NAME[name].choices]
    for name in sorted(STRUCTURE)
    if BY_NAME[name].choices
}
"""Each answer to the questions whose answers move decisions."""


# How somebody changes each thing. What is there is replaced; what is not there comes.


def named(items: Iterable[Answers], name: str) -> Answers:
    """The item of a name, or an empty one."""
    return next((it for it in items if it["name"] == name), {})


def items(answers: Answers, question: str) -> list[Answers]:
    """The items of a list; none while it is open."""
    return answers[question] if isinstance(answers[question], list) else []


def put(answers: Answers, question: str, name: str, **parts: object) -> Answers:
    """An item with some parts anew, where it stood or at the end."""
    known = items(answers, question)
    item = {"name": name} | named(known, name) | parts
    others = [item if it["name"] == name else it for it in known]
    return {question: others if named(known, name) else [*known, item]}


def service(name: str, port: int | None, answers: Answers) -> Answers:
    return put(answers, "services", name, responsibility=f"does {name}", port=port)


def entity(name: str, owner: str, answers: Answers) -> Answers:
    """It comes, or moves to another service."""
    fields = named(items(answers, "data_entities"), name).get("fields", {"label": "str"})
    return put(answers, "data_entities", name, owner=owner, fields=fields)


def field(of: str, name: str, type: str, answers: Answers) -> Answers:
    """It comes, or gets another type."""
    item = named(items(answers, "data_entities"), of)
    return put(answers, "data_entities", of, fields=item["fields"] | {name: type}) if item else {}


def no_field(of: str, name: str, answers: Answers) -> Answers:
    item = named(items(answers, "data_entities"), of)
    left = {key: it for key, it in item.get("fields", {}).items() if key != name}
    return put(answers, "data_entities", of, fields=left) if item else {}


def feature(name: str, criteria: list[str], answers: Answers) -> Answers:
    return put(answers, "mvp_features", name, outcome="a buyer is glad", acceptance=criteria)


def without(question: str, name: str, answers: Answers) -> Answers:
    return {question: [it for it in items(answers, question) if it["name"] != name]}


def turned(question: str, answers: Answers) -> Answers:
    """The same items in another order."""
    return {question: items(answers, question)[::-1]}


def renamed(old: str, new: str, answers: Answers) -> Answers:
    """A service or an entity gets another name, wherever it is named."""

    def anew(value: object) -> object:
        if isinstance(value, dict):
            return {key: anew(it) for key, it in value.items()}
        if isinstance(value, list):
            return [anew(it) for it in value]
        return " ".join(new if word == old else word for word in value.split(" ")) if isinstance(value, str) else value

    return {question: anew(items(answers, question)) for question in ("services", "data_entities", "mvp_features")}


def reaction(event: str, of: str, by: str, creates: str, answers: Answers) -> Answers:
    """A service publishes an event, and another one creates a record for it."""
    publisher, entities = named(items(answers, "data_entities"), of).get("owner", ""), items(answers, "data_entities")
    others = [it for it in named(items(answers, "services"), publisher).get("publishes", []) if event not in it]
    published = answers | put(answers, "services", publisher, publishes=[*others, f"{event} on create {of}"])
    given = {name: "id" if name == "thing" else f"'{name}'" for name in named(entities, creates).get("fields", {})}
    heard = {"event": event, "create": creates, "with": given}
    return put(published, "services", by, subscribes=[heard])


def silent(name: str, answers: Answers) -> Answers:
    """A service says and hears nothing any more."""
    return (
        put(answers, "services", name, publishes=[], subscribes=[]) if named(items(answers, "services"), name) else {}
    )


def answered(question: str, value: object, answers: Answers) -> Answers:
    return {question: value}


def decided(question: str, value: str, why: str, answers: Answers) -> Answers:
    """As `plan decide` does it, which asks the catalogue anew for `auto`."""
    anew = question if value == "auto" else ""
    return {question: value, "why": why, "decided_on": "2026-03-02", "reopened": anew}


def tidied(answers: Answers) -> Answers:
    """The answers without what speaks of something that is gone, which nobody leaves there."""
    services = {it["name"] for it in items(answers, "services")}
    entities = {it["name"]: it for it in items(answers, "data_entities") if it["owner"] in services and it["fields"]}
    published = [line for it in items(answers, "services") for line in it.get("publishes", [])]

    def heard(line: Answers, by: str) -> bool:
        theirs = [it for it in published if it.split(" ")[0] == line["event"]]
        own = entities.get(line["create"], {})
        return bool(theirs) and own.get("owner") == by and set(own["fields"]) == set(line["with"])

    def kept(item: Answers) -> Answers:
        name = item["name"]
        return item | {
            "depends_on": [it for it in item.get("depends_on", []) if it in services],
            "publishes": [
                it for it in item.get("publishes", []) if entities.get(it.split(" ")[-1], {}).get("owner") == name
            ],
            "subscribes": [it for it in item.get("subscribes", []) if heard(it, name)],
        }

    def plain(fields: Answers) -> Answers:
        gone = [it for it in ENTITIES if it not in entities]
        left = {name: type for name, type in fields.items() if not any(it in type for it in gone)}
        return left or {"label": "str"}

    return {
        "services": [kept(it) for it in items(answers, "services")],
        "data_entities": [it | {"fields": plain(it["fields"])} for it in entities.values()],
        "mvp_features": [
            it | {"services": [name for name in it.get("services", []) if name in services]}
            for it in items(answers, "mvp_features")
        ],
    }


def change(made: Callable[..., Answers], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step of one kind, with its arguments drawn; it prints as it is called."""
    return st.builds(partial, st.just(made), *arguments)


one_of = st.sampled_from
lists = one_of(("services", "data_entities", "mvp_features"))

BOUNDARIES = st.one_of(
    change(service, one_of(SERVICES), st.none() | st.integers(8001, 8004)),
    change(without, st.just("services"), one_of(SERVICES)),
    change(renamed, one_of(SERVICES), one_of(SERVICES)),
    change(turned, lists),
    change(reaction, one_of(("sale.made", "letter.sent")), one_of(ENTITIES), one_of(SERVICES), one_of(ENTITIES)),
    change(silent, one_of(SERVICES)),
)
RECORDS = st.one_of(
    change(entity, one_of(ENTITIES), one_of(SERVICES)),
    change(without, st.just("data_entities"), one_of(ENTITIES)),
    change(renamed, one_of(ENTITIES), one_of(ENTITIES)),
    change(field, one_of(ENTITIES), one_of(FIELDS), one_of((*TYPES, *REFERENCES))),
    change(no_field, one_of(ENTITIES), one_of(FIELDS)),
)
WISHES = st.one_of(
    change(feature, one_of(FEATURES), st.lists(one_of(CRITERIA), max_size=3)),
    change(without, st.just("mvp_features"), one_of(FEATURES)),
    one_of(sorted(ITEMS)).flatmap(lambda it: change(answered, st.just(it), st.lists(one_of(ITEMS[it]), unique_by=str))),
)
DECISIONS = one_of(FREE).flatmap(
    lambda it: change(
        decided,
        st.just(it.id),
        one_of((*(option.name for option in it.options), "auto", "tbd")),
        one_of(("", "two machines write", "a | b")),
    )
)
STATES = one_of(("tbd", "not needed: nobody asks", "defer: the first partner, Ana", "assume: as everywhere"))
REPLIES = st.one_of(
    one_of(sorted(STRUCTURAL)).flatmap(lambda it: change(answered, st.just(it), one_of(STRUCTURAL[it]))),
    one_of(sorted(OTHERWISE)).flatmap(lambda it: change(answered, st.just(it), st.just(OTHERWISE[it]))),
    change(answered, one_of(sorted(REQUIREMENTS)), STATES),
    change(answered, st.just("port_base"), one_of((8001, 9000, 65_534))),
)
STEPS = st.one_of(BOUNDARIES, RECORDS, WISHES, DECISIONS, REPLIES)


# In memory: what Copier does with answers, without files.


def project_of(answers: Answers) -> Project:
    """The project that answers make, refused as Copier would refuse them."""
    taken, problems = check(ASKED, answers, complete=True)
    if problems:
        raise Refused(problems)
    return build(taken, CATALOGUE, [it.name for it in ASKED]).project


def on_record(project: Project, answers: Answers) -> Answers:
    """The answers as the answers file gives them back."""
    read: Answers = yaml.safe_load(yaml.safe_dump(project.answers_file(answers), sort_keys=False))
    return read


def attempts(step: Step, answers: Answers) -> Iterator[Answers]:
    """All answers after a change as it is, then those that somebody gives who minds the rest, too."""
    changed = answers | step(answers)
    yield changed
    yield changed | tidied(changed)


def walked(steps: Iterable[Step]) -> Iterator[tuple[Project, Answers, Project]]:
    """Each step that is taken: the project before, all answers then, and the project that they make."""
    before = project_of(START)
    answers = on_record(before, START)
    for step in steps:
        for given_now in attempts(step, answers):
            try:
                project = project_of(given_now)
            except Refused as refused:
                helps(refused)
                event("refused")
                continue
            event("taken")
            yield before, given_now, project
            before, answers = project, on_record(project, given_now)
            break


def helps(refused: Refused) -> None:
    """A refusal names an answer and a fix for each problem, in a line."""
    assert refused.problems
    for problem in refused.problems:
        assert problem.question in BY_NAME, problem
        assert problem.fix, problem
        assert "\n" not in str(problem)


def identified(project: Project) -> dict[str, str]:
    """What is named by ids, and what each names."""
    product = project.product
    features = {it.id: it.name for it in product.features}
    criteria = {it.id: f"{of.name}: {it.text}" for of in product.features for it in of.criteria}
    lists = {
        project.history.id(kind, item["risk" if kind == "RISK" else "what" if kind == "NFR" else "name"]): str(item)
        for kind, question in (("NFR", "performance_targets"), ("SM", "success_metrics"), ("RISK", "risks"))
        for item in ITEMS[question]
        if any(it.name in item.values() for it in project.lists[question])
    }
    return features | criteria | lists


def auto_stays(before: Project, answers: Answers, project: Project) -> None:
    """What nobody chose stays, unless it was asked anew or could not stay with what is decided now."""
    old = {it.decision.id: it for it in before.decisions if it.how in UNCHOSEN}
    new = {it.decision.id: it for it in project.decisions if it.how in UNCHOSEN}
    asked = str(answers.get("reopened", "")).split()
    kept = {id: old[id].option.name for id in old if id in new and id not in asked and not old[id].decision.settled}
    moved = [id for id, option in kept.items() if new[id].option.name != option]
    if moved:
        event("auto had to move")
        try:
            project_of(answers | kept)
        except Refused:
            return
        raise AssertionError(f"{moved} moved although nothing stood in the way of {kept}")


def trail_grows(before: History, after: History) -> None:
    """Records are added; one is amended only by how its option came about, and while it stands."""
    assert len(after.trail) >= len(before.trail)
    assert [it.number for it in after.trail] == list(range(1, len(after.trail) + 1))
    for old, new in zip(before.trail, after.trail, strict=False):
        assert (old.number, old.decision, old.option) == (new.number, new.decision, new.option)
        assert old == new or after.superseded_by(new) is None


def revisions_grow(before: History, project: Project) -> None:
    """Migrations that were handed out stay, and all of them lead to the tables that the answers ask for."""
    for name, revisions in before.schema:
        later = project.history.revisions(name)
        assert len(later) in (len(revisions), len(revisions) + 1)
        for old, new in zip(revisions, later, strict=False):
            for was, now in zip(map(migrations.parse, old), map(migrations.parse, new), strict=True):
                assert was == now or (was.table == now.table and was.column is not None and was.column.needs_value)
    for it in project.product.services:
        tables = {entity.table: migrations.columns(entity) for entity in it.entities}
        tables |= migrations.other_tables(project.product, it)
        assert replayed(project.history.revisions(it.name)) == {
            name: {column.name: (column.type, column.optional) for column in columns}
            for name, columns in tables.items()
        }


def is_settled(answers: Answers, project: Project) -> None:
    """The renders of one update agree, and another update without a change changes nothing."""
    record = project.answers_file(answers)
    assert project_of(answers | {"history": record["history"]}).answers_file(answers) == record
    assert project_of(record).answers_file(record) == record


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(STEPS, min_size=1, max_size=12))
def test_what_was_given_is_never_taken_back(steps: list[Step]) -> None:
    ids = identified(project_of(START))
    ports: dict[int, str] = {}
    for before, answers, project in walked(steps):
        was = before.history
        trail_grows(was, project.history)
        revisions_grow(was, project)
        auto_stays(before, answers, project)
        is_settled(answers, project)
        assert set(was.offsets) <= set(project.history.offsets)
        for id, name in identified(project).items():
            assert ids.setdefault(id, name) == name
        for name, offset in project.history.offsets:
            assert ports.setdefault(offset, name) == name
        assert len({it.port for it in project.product.services}) == len(project.product.services)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(STEPS, min_size=1, max_size=12))
def test_everything_can_be_reported_of_any_state(steps: list[Step]) -> None:
    """Whatever the way there, the model has all that templates read, and knows each id that was ever given."""
    seen: set[str] = set()
    for _, _, project in walked(steps):
        assert {it.name for it in project.services} == {it.name for it in project.product.services}
        assert len(set(project.owned_files)) == len(project.owned_files)
        assert project.dashboard_port not in {it.port for it in project.product.services}
        dumped = json.loads(model_json.dump(Planning(project), ()))
        seen |= set(dumped["ids"])
        assert seen <= {*dumped["ids"], *dumped["retired_ids"]}


# On disk: as the README tells it, on a project that is edited all the time.


def edit_owned(project: Path, held: dict[str, bytes]) -> None:
    """Append to each owned file that is there and was not edited yet, and remember what it holds."""
    for path in model(project).owned_files:
        if path not in held and (project / path).is_file():
            held[path] = (project / path).read_bytes() + b"\n# Ours.\n"
            (project / path).write_bytes(held[path])


@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])  # to shrink would take hours
@given(st.lists(st.one_of(BOUNDARIES, RECORDS, WISHES, DECISIONS), min_size=3, max_size=3))
def test_files_follow_and_those_of_people_stay(generate: Generate, reanswer: Reanswer, steps: list[Step]) -> None:
    """Edits of owned files stay to the byte, managed files are those of a fresh copy, and nothing is in conflict."""
    project, held = generate(START), dict[str, bytes]()
    edit_owned(project, held)
    for _, answers, _ in walked(steps):
        before = recorded(project)
        reanswer(project, **{name: it for name, it in answers.items() if it != before.get(name)})
        assert {path: (project / path).read_bytes() for path in held} == held
        edit_owned(project, held)
    copied = managed(generate(recorded(project)))
    assert {path: it for path, it in managed(project).items() if path not in held} == copied
    assert not [path for path, it in contents(project).items() if b"<<<<<<< " in it or path.endswith(".rej")]
    assert "0 differences" in plan(project, "check").stdout
