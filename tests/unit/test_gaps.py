"""Gap rules: from each clean example, each defect that can be planted in it is found, and nothing else is."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from groundplan import catalogue, generation
from groundplan.gaps import REQUIREMENTS, RETIRED, RULES, Gap, rule
from groundplan.plan import Timeline
from groundplan.planning import model_json
from groundplan.planning.documents import Planning
from groundplan.problems import Refused
from groundplan.questionnaire import BY_NAME
from projects import EXAMPLES, GENERATED, REPOSITORY, answers

Answers = dict[str, Any]
Defect = Callable[[Answers], str]
"""It changes clean answers, and tells what the rule that is meant then speaks of."""

REAL = catalogue.load(REPOSITORY / "decisions")
NAMES = tuple(path.stem for path in GENERATED)
"""The examples in which every defect can be planted: they have several services."""


@cache
def example(name: str) -> Answers:
    return answers(REPOSITORY / "examples" / f"{name}.yml")


def clean(name: str) -> Answers:
    """The answers of an example to plant something in, with every service in full and time for what it adds."""
    held = copy.deepcopy(example(name))
    if "deadline" not in held["timeline"]:
        held["timeline"]["weeks"] += 20
    held["services"] = [
        it if "name" in it else dict(zip(("name", "responsibility"), *it.items(), strict=True))
        for it in held["services"]
    ]
    return held


CLEAN = clean("bookshop")


def planning(given: Answers) -> Planning:
    return generation.build(given, REAL).planning


def gaps(given: Answers) -> tuple[Gap, ...]:
    return planning(given).gaps


def put(subject: str, **changes: object) -> Defect:
    """Answer otherwise."""
    return lambda given: given.update(copy.deepcopy(changes)) or subject


def add(question: str, item: object, subject: str) -> Defect:
    """Add to a list; `#` in the subject becomes the number of what is added."""

    def plant(given: Answers) -> str:
        there = given[question] if isinstance(given[question], list) else []
        given[question] = [*there, copy.deepcopy(item)]
        return subject.replace("#", str(len(there) + 1))

    return plant


def feature(subject: str = "FR-001", **changes: object) -> Defect:
    """Change the first feature."""
    return lambda given: given["mvp_features"][0].update(copy.deepcopy(changes)) or subject


def both(*defects: Defect) -> Defect:
    """Plant them all; the last one says what is found."""
    return lambda given: [defect(given) for defect in defects][-1]


def service(**changes: object) -> Defect:
    """Add a service `extra`."""
    return add("services", {"name": "extra", "responsibility": "counts who looks in"} | changes, "extra")


def entities(*lines: str) -> Defect:
    """Add entities; `first` stands for the first service."""

    def plant(given: Answers) -> str:
        first = str(given["services"][0]["name"])
        given["data_entities"] = [*given["data_entities"], *(line.replace("first.", f"{first}.") for line in lines)]
        return first

    return plant


def api(**changes: object) -> Defect:
    """Add an external API `fax` that lacks nothing but what is changed."""

    def plant(given: Answers) -> str:
        declared = {"name": "fax", "purpose": "sends letters", "timeout_s": 5, "fallback": "the post"}
        details = {"name": "fax", "rate_limit": 9, "auth": "key", "secret": "FAX_KEY", "rotation_days": 90}
        used = {"used_by": [given["services"][0]["name"]]}
        for question, item in (("external_apis", declared | used), ("external_api_details", details)):
            kept = {key: value for key, value in (item | changes).items() if key in item and value is not None}
            add(question, kept, "")(given)
        given["external_apis"][-1].update({"critical": True} if changes.get("critical") else {})
        return "fax"

    return plant


def called_too_often(given: Answers) -> str:
    """More is planned for a service than the API that it calls allows."""
    planned = {"what": "Sending", "metric": "p95 latency", "target": 200, "unit": "ms", "load": "2 requests a second"}
    add("performance_targets", planned | {"scope": given["services"][0]["name"]}, "")(given)
    return api(rate_limit="at most 3 calls an hour")(given)


def first_calls_extra(given: Answers) -> str:
    first = given["services"][0]
    first["depends_on"] = [*first.get("depends_on", []), "extra"]
    return f"{first['name']}-extra"


def chain(given: Answers) -> str:
    """A public service that waits for four others."""
    names = ["aa", "bb", "cc", "dd", "ee"]
    for number, name in enumerate(names):
        ahead = names[number + 1 : number + 2]
        add("services", {"name": name, "responsibility": f"does the {name * 3} work", "depends_on": ahead}, "")(given)
        entities(f"{name}.{name.title()}Note(note: str)")(given)
    return "aa"


def silence(given: Answers) -> str:
    """No service tells another anything; what billing knew from events it asks for."""
    for it in given["services"]:
        it.pop("publishes", None)
        it.pop("subscribes", None)
        if it["name"] == "billing":
            it["depends_on"] = [*it["depends_on"], "booking"]
    return ""


def unheard(given: Answers) -> str:
    """An event about the first record of all that nobody hears."""
    name = next(iter(generation.build(given, REAL).project.product.entities.values()))
    owner = next(it for it in given["services"] if it["name"] == name.service)
    owner["publishes"] = [*owner.get("publishes", []), f"thing.touched on update {name.name}"]
    return "thing.touched"


def no_failure_planned(given: Answers) -> str:
    given["failure_handling"] = [{"scenario": "The disk is full", "behaviour": "writes are refused"}]
    return next(str(it["name"]) for it in given["services"] if it.get("subscribes"))


def no_absence_planned(given: Answers) -> str:
    no_failure_planned(given)
    caller = next(it for it in given["services"] if it.get("depends_on"))
    called = caller["depends_on"][0]
    return f"{caller['name']}-{called if isinstance(called, str) else called['service']}"


def promised_above(given: Answers) -> str:
    """More than the service can keep that it waits for."""
    caller, called = no_absence_planned(copy.deepcopy(given)).split("-")
    given["slos"] = [
        {"sli": f"Requests to {name} without a fault", "objective": objective, "service": name, "window": "30 days"}
        for name, objective in ((caller, "99.9 percent"), (called, "99 percent"))
    ]
    return f"{caller}-{called}"


def renamed_against_the_glossary(given: Answers) -> str:
    shunned = next(iter(generation.build(given, REAL).project.product.entities.values()))
    add("glossary", {"term": "Thing", "meaning": "what is meant", "not_called": shunned.words}, "")(given)
    return shunned.name


def storage(option: str = "", **override: object) -> Defect:
    """Choose a storage, the default one unless another is given; its reasons are replaced."""

    def plant(given: Answers) -> str:
        given["storage_kind"] = option or generation.build(given, REAL).project.decision("storage_kind").option.name
        given["decision_overrides"] = given["decision_overrides"] | {"storage_kind": override}
        return "storage_kind"

    return plant


def against_the_answers(given: Answers) -> str:
    """The storage for which the answers speak least."""
    scores = dict(generation.build(given, REAL).project.decision("storage_kind").scores)
    return storage(min(scores, key=lambda name: scores[name]), why=LONG)(given)


def proposed_once(given: Answers) -> str:
    """A style that was proposed and recorded before the answers spoke for another one."""
    best = (
        generation.build(given | {"architecture_style": "auto"}, REAL)
        .project.decision("architecture_style")
        .option.name
    )
    other = {"services": "modular_monolith", "modular_monolith": "services"}[best]
    trail = [f"0001|architecture_style={other}|auto||"]
    given.update(architecture_style="auto", history={"trail": trail, "offsets": {}, "ids": {}, "schema": {}})
    return "architecture_style"


def too_few_people(given: Answers) -> str:
    """As long as it takes those who build it, and one person to do so."""
    given["team"] = {"size": 1, "hours_per_day": 6, "days_per_week": 5}
    given.pop("non_working_days", None)
    least = planning(given).plan.least_days
    given["timeline"] = {"start": given["timeline"]["start"], "weeks": (math.floor(least) + 1) / 5}
    return "team"


def said_twice(given: Answers) -> str:
    given["error_classes"]["recoverable"].append("A record is lost")
    given["error_classes"]["critical"].append("a record is lost")
    return "a-record-is-lost"


def all_at_once(given: Answers) -> str:
    for it in given["mvp_features"]:
        it["priority"] = "P1"
    return ""


LONG = "the people who run it know it from three products"
FULL = {"hours_per_day": 24, "days_per_week": 7}
"""So that a team of one is in time."""
SLOW = {"what": "Printing a label", "target": 200, "unit": "ms", "metric": "p95 latency", "load": "1 request a second"}
PROMISE = {"sli": "Labels printed", "objective": "99 percent", "window": "30 days"}
OF_PERSONS = {
    "data_sensitivity": ["pii"],
    "privacy_obligations": [{"class": "pii", "basis": "contract", "deletion": "on request"}],
}
SECOND = {"name": "Second list", "reason": "not now", "revisit": "in a year"}

DEFECTS: dict[str, Defect] = {
    "A01": put("external_apis", external_apis="tbd"),
    "A02": put("glossary", glossary="tbd"),
    "A03": put("constraints", constraints="not needed"),
    "A04": put("maintenance", maintenance="defer: after the first week"),
    "A05": put("deploy_target", deploy_target="assume: vm"),
    "A06": feature(persona="Auditor"),
    "A07": feature(acceptance=[]),
    "A08": feature("FR-001-AC1", acceptance=["works well", "IF it fails THEN it SHALL say so"]),
    "A09": feature(acceptance=["WHEN asked THE SYSTEM SHALL list them"]),
    "A10": add("success_metrics", {"name": "Happy people", "target": "as many as possible"}, "SM-#"),
    "A11": add("success_metrics", {"name": "Parcels", "target": 30, "unit": "a week"}, "SM-#"),
    "A12": put("SM-1", success_metrics=[{"name": "Visits", "target": 30, "unit": "a week", "measured_by": "the log"}]),
    "A13": lambda given: add("out_of_scope", f"{given['mvp_features'][0]['name']}: by telephone", "FR-001")(given),
    "A14": feature(outcome="a fast and easy list"),
    "A15": put("deadline", timeline={"start": "2027-02-01", "deadline": "2027-01-01"}),
    "A16": add("external_api_details", {"name": "telex", "rate_limit": 3}, "external_api_details-telex"),
    "A17": put(
        "credentials",
        data_sensitivity=["credentials"],
        privacy_obligations=[{"class": "pii", "basis": "contract", "deletion": "on request"}],
    ),
    "A18": add("open_ambiguities", "May it be changed", "may-it-be-changed"),
    "A19": add("slos", PROMISE | {"service": "paymets"}, "slos-labels-printed"),
    "A20": add("acceptable_thresholds", {"what": "Flying", "acceptable": 3}, "flying"),
    "A21": add("performance_targets", SLOW | {"target": "at once", "load": "all readers"}, "NFR-0#"),
    "A22": both(
        add("performance_targets", SLOW, ""),
        add("acceptable_thresholds", {"what": SLOW["what"], "acceptable": "100 ms", "unacceptable": "2 s"}, ""),
        lambda given: "printing-a-label",
    ),
    "A23": put("of", completion_rate={"percent": 90}),
    "A24": add("personas", {"name": "Archivist", "goal": "keep it all", "frequency": "daily"}, "archivist"),
    "A25": add("existing_integrations", {"system": "The till", "purpose": "sells", "direction": "in"}, "the-till"),
    "A26": add("open_ambiguities", {"question": "Which colour", "owner": "Ana", "blocks": "all"}, "which-colour"),
    "A27": renamed_against_the_glossary,
    "A28": put("mvp_features", mvp_features="defer: the workshop, the product owner"),
    "A29": add("future_features", "Second list", "second-list"),
    "A30": add("future_accommodation", "A second list", "a-second-list"),
    "A31": add("mvp_definition", "It works", "mvp_definition-it-works"),
    "A32": both(silence, put("events", interaction_channels=["api", "events"])),
    "A33": both(
        entities("first.Addressee(address: email)"),
        put("", distribution="internal", data_sensitivity=["none"], privacy_obligations="not needed: none is kept"),
        lambda given: "Addressee.address",
    ),
    "A34": add("success_metrics", {"name": "X", "target": 3, "measured_by": "log", "by": "2020-01-01"}, "SM-#"),
    "A35": both(
        all_at_once,
        put("phased_delivery", phased_delivery="mvp_then_increments", future_features="not needed: it is all there"),
    ),
    "B01": add("services", {"name": "extra"}, "extra"),
    "B04": feature(services=[]),
    "B05": service(),
    "B17": both(service(exposure="internal"), feature(services=["extra"])),
    "B08": chain,
    "B09": both(
        put("", team={"size": 1} | FULL),
        service(),
        add("services", {"name": "more", "responsibility": "prints labels"}, ""),
        lambda given: "services",
    ),
    "B10": lambda given: (
        given["services"][1].update(responsibility=given["services"][0]["responsibility"])
        or "-".join(it["name"] for it in given["services"][:2])
    ),
    "B11": lambda given: (
        given.update(architecture_style="modular_monolith")
        or given["services"][1].update(port=8400)
        or given["services"][1]["name"]
    ),
    "B12": both(
        service(),
        entities("extra.Visit(page: str)"),
        lambda given: given["mvp_features"][0]["services"].append("extra") or "FR-001",
    ),
    "B13": both(
        service(),
        entities("extra.Visit(page: str)"),
        lambda given: given["mvp_features"][0]["services"].append("extra") or "",
        put("extra", service_count_why="tbd"),
    ),
    "B14": service(exposure="internal"),
    "B15": entities("first.Hat(size: int)", "first.Rim(hat: Hat)", "first.Sock(size: int)", "first.Heel(sock: Sock)"),
    "B16": feature(outcome="a list that is sent to everybody every night"),
    "C04": api(timeout_s=None),
    "C05": api(critical=True, fallback=None),
    "C06": api(used_by=None),
    "C07": put("retry_strategy", auto_retry="none"),
    "C08": unheard,
    "C10": no_failure_planned,
    "C11": no_absence_planned,
    "C12": said_twice,
    "C13": put("critical", error_classes={"ignorable": ["a search finds nothing"]}),
    "C14": feature("FR-001-AC1", acceptance=["IF it is a teapot THEN THE SYSTEM SHALL refuse it with 418."]),
    "C15": both(
        silence,
        put(
            "auto_retry",
            auto_retry="queue_redelivery",
            external_apis="not needed: none is called",
            external_api_details="not needed: none is called",
        ),
    ),
    "C16": api(rate_limit=None),
    "C17": api(fallback=None),
    "C19": both(service(), first_calls_extra),
    "C20": both(service(), entities("extra.Visit(page: str)"), first_calls_extra),
    "C21": both(
        put("", data_sensitivity=["financial"], job_management="inprocess"),
        entities("first.Fee(cost: money)"),
        lambda given: (
            given.update(jobs=[f"{given['services'][0]['name']}: collect on create Fee"])
            or f"{given['services'][0]['name']}-collect"
        ),
    ),
    "C22": both(
        service(),
        entities("extra.Fee(amount: money)"),
        add("services", {"name": "desk_nine", "responsibility": "takes fees"}, ""),
        entities("desk_nine.Visit(amount: money, state: open|paid|off = open)"),
        put(
            "take-fee",
            workflows=["take on create Visit: Fee(amount: amount); done: state = paid; undone: state = off"],
            coordination="auto",
            consistency="auto",
        ),
    ),
    "C24": both(
        service(publishes=["badge.made on create Badge"]),
        entities("extra.Badge(number: int)"),
        add(
            "services",
            {
                "name": "desk_nine",
                "responsibility": "prints",
                "subscribes": ["on badge.made: create Print(number: number)"],
            },
            "",
        ),
        entities("desk_nine.Print(number: int)", "desk_nine.Guest(number: int, state: open|paid|off = open)"),
        put(
            "welcome-desk_nine-badge.made",
            workflows=["welcome on create Guest: Badge(number: number); done: state = paid; undone: state = off"],
            coordination="auto",
            consistency="auto",
        ),
    ),
    "D04": put("deploy_target", deploy_target="kubernetes", secrets="auto", team={"size": 1} | FULL),
    "D05": put("data_sensitivity", data_sensitivity=["tbd"], distribution="public"),
    "D06": add("privacy_obligations", {"class": "other", "basis": "contract"}, "other"),
    "D08": add("performance_targets", {"what": "Start", "metric": "time", "target": 3, "unit": "s"}, "NFR-0#"),
    "D10": promised_above,
    "D11": put("rpo", backup_recovery={"method": "a nightly copy"}),
    "D12": storage(),
    "D13": put("storage_kind", storage_kind="auto"),
    "D14": proposed_once,
    "D15": storage(why="it is good"),
    "D16": add("required_libraries", {"name": "Django", "why": "we know it"}, "django"),
    "D17": against_the_answers,
    "D18": both(storage(why=LONG), put("storage_kind", scale_expectations="tbd")),
    "D19": storage("auto", why=LONG),
    "D20": put("update_strategy", update_strategy="rolling", scale_expectations={"users": 40, "instances": 1}),
    "D21": add("slos", {"sli": "Labels printed", "objective": "99 percent"}, "labels-printed"),
    "D22": add("monitoring_requirements", "A full disk", "a-full-disk"),
    "D23": put("notify", monitoring_requirements=[{"signal": "a full disk", "threshold": "95 percent"}]),
    "D24": add("constraints", {"what": "Records end up in MongoDB", "source": "a contract"}, "mongodb"),
    "C23": called_too_often,
    "E03": api(secret=None, rotation_days=None),
    "E05": api(rotation_days=None),
    "E06": api(secret="THE_KEY"),
    "F01": both(entities("first.Badge(slug: str)"), lambda _: "Badge.slug"),
    "F02": both(entities("first.Badge(price: money EUR, cost: money)"), lambda _: "Badge.cost"),
    "F03": both(entities("first.Badge(access_token: str)"), lambda _: "Badge.access_token"),
    "F04": both(entities("first.Badge(number: str children)"), lambda _: "children"),
    "F05": lambda given: given.update(data_sensitivity=[*given["data_sensitivity"], "children"]) or "children",
    "F06": both(entities("first.Badge(number: str pii, address: email)"), lambda _: "Badge.address"),
    "F07": both(
        put("", encryption="fields"), entities("first.Badge(number: str unique pii)"), lambda _: "Badge.number"
    ),
    "P01": put("timeline", timeline={"weeks": 1}),
    "P02": too_few_people,
    "P03": put("gates", decision_makers="tbd"),
    "P04": add("risks", {"risk": "The provider ends", "impact": "high"}, "RISK-#"),
    "P08": lambda given: given["timeline"].update(fixed="date") or given.update(buffer_percent=0) or "buffer",
    "P09": both(api(), put("external", risks=[{"risk": "It rains", "kind": "technical", "mitigation": "a roof"}])),
    "P10": put("end", timeline={"start": "2027-01-11"}),
    "P11": put("gap_gate", gap_gate="report_only", distribution="public"),
    "S01": put("access", access="tbd", **OF_PERSONS),
    "S02": both(
        service(),
        entities("extra.Hat(size: int)"),
        add("personas", {"name": "Auditor", "goal": "counts hats", "frequency": "daily"}, ""),
        add("access", "Hat: create Auditor, delete Auditor", "Hat-auditor"),
    ),
    "S03": both(
        put("", **OF_PERSONS),
        service(),
        entities("extra.Guest(name: str, address: email)"),
        add("access", "Guest: create callers, read callers, list anyone", "Guest"),
    ),
    "S04": both(service(), entities("extra.Hat(size: int)"), add("access", "Hat: read callers", "Hat")),
    "S05": both(service(), entities("extra.Hat(wearer: str pii)"), add("access", "Hat: all callers", "Hat")),
    "S06": both(
        service(publishes=["hat.lost(wearer) on create Hat because it is looked for"]),
        entities("extra.Hat(wearer: str children)"),
        lambda _: "hat.lost",
    ),
    "S07": both(
        put("", api_auth="none", distribution="internal", encryption="none", data_sensitivity=["none"]),
        service(),
        entities("extra.Hat(size: int)"),
        add("audit", "Hat", "Hat"),
    ),
    "S08": both(
        service(),
        entities("extra.Hat(size: int)"),
        add("access", "Hat: create anyone, update anyone", ""),
        add("audit", "Hat", "Hat"),
    ),
    "S09": both(
        put("", audit=[]),
        add("privacy_obligations", {"class": "other", "basis": "contract", "audit": "who changed it"}, "other"),
    ),
    "S14": both(
        service(),
        entities("extra.Hat(size: int, wearer: str)"),
        add("access", "Hat: create callers, read callers; owner: wearer", "Hat"),
    ),
    "S10": both(
        put("", **OF_PERSONS),
        entities("first.Badge(holder: str pii)"),
        add("audit", "Badge", "Badge-pii"),
    ),
    "S11": both(
        put("", data_sensitivity=["pii"], privacy_obligations=[{"class": "pii", "basis": "x", "retention_days": 30}]),
        entities("first.Badge(holder: str pii)"),
        lambda _: "Badge-pii",
    ),
    "S12": both(
        put("", data_sensitivity=["pii"], privacy_obligations=[{"class": "pii", "basis": "x", "retention_days": 30}]),
        entities("first.Badge(holder: str pii)"),
        put("Badge-pii", retention=["Badge: delete 31 days after created_at"]),
    ),
    "S13": both(
        put("", **OF_PERSONS),
        service(),
        entities("first.Badge(holder: str pii)", "extra.Guest(name: str)"),
        put("Badge-pii", person=["Guest: delete"]),
    ),
    "S15": both(
        put("", **OF_PERSONS | {"person": []}),
        entities("first.Badge(holder: str pii)", "first.Visit(badge: Badge)"),
        lambda _: "Badge-pii",
    ),
    "W01": add("gap_waivers", {"gap": "D13-alerting", "reason": "later"}, "d13-alerting"),
    "W02": add("gap_waivers", {"gap": "Z99", "reason": "so it is", "owner": "Ana", "until": "2027-03-01"}, "z99"),
}
"""For each rule a defect that can be planted in any of the examples."""

CAUSED: dict[tuple[str, str], set[str]] = {
    ("A01", "clinic"): {"A16"},  # limits and keys of APIs that are no longer there
    ("S07", "clinic"): {"D24"},  # its callers ask for HTTPS, which programs of one machine do without
    **{("A15", name): {"P01"} for name in NAMES},  # no work fits between a start and a deadline before it
}
"""What else has to be resolved before coding because of a defect in an example, truly so."""


@dataclass(frozen=True)
class Row:
    """What came of a defect."""

    rule: str
    example: str
    subject: str
    found: tuple[Gap, ...]

    @property
    def is_found(self) -> bool:
        return any((gap.rule, gap.subject) == (self.rule, self.subject) for gap in self.found)

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """Gaps reported as to be resolved before coding although the defect does not cause them."""
        expected = {self.rule} | CAUSED.get((self.rule, self.example), set())
        return tuple(gap.id for gap in self.found if gap.must and gap.rule not in expected)

    def __str__(self) -> str:
        found = "yes" if self.is_found else f"no ({self.subject})"
        return f"{self.rule:<6}{self.example:<10}{found:<8}{', '.join(self.false_alarms) or '-'}"


@cache
def rows() -> tuple[Row, ...]:
    return tuple(row(rule, name) for rule in DEFECTS for name in NAMES)


def row(rule: str, name: str) -> Row:
    given = clean(name)
    return Row(rule, name, DEFECTS[rule](given), gaps(given))


def test_every_rule_has_a_planted_defect() -> None:
    assert set(DEFECTS) == set(RULES)


@pytest.mark.parametrize("id", ["C18", "A01"])
def test_the_id_of_a_rule_is_never_that_of_another(id: str) -> None:
    """Neither of one that is gone nor of one that there is."""
    with pytest.raises(ValueError, match=f"{id} is the id of another rule, or was one"):
        rule(id, "must", "missing", 2)


def test_a_rule_that_goes_leaves_its_id_behind() -> None:
    """No number below the last one of a letter is free."""
    ids = {*RULES, *RETIRED}
    for letter in {it[0] for it in ids}:
        numbers = sorted(int(it[1:]) for it in ids if it[0] == letter)
        assert numbers == [*range(1, numbers[-1] + 1)]


def test_a_planted_defect_is_found_and_nothing_else_has_to_be_resolved() -> None:
    table = rows()
    found, alarms = sum(row.is_found for row in table), sum(len(row.false_alarms) for row in table)
    print(f"{'rule':<6}{'example':<10}{'found':<8}false alarms", *table, sep="\n")
    print(f"recall {found} of {len(table)} ({100 * found / len(table):.1f} %), false alarms {alarms}")
    assert [str(row) for row in table if not row.is_found] == []
    assert [str(row) for row in table if row.false_alarms] == []


def test_a_gap_says_what_is_wrong_how_to_mend_it_and_where() -> None:
    for row in rows():
        assert all(gap.message and gap.fix and gap.question in BY_NAME for gap in row.found)


CAN_WAIT = {
    "bookshop": "",
    "clinic": "B17-FR-006 D13-architecture_style D13-topology D13-data_ownership D13-api_auth D13-monitoring"
    " D13-secrets"
    " S02-Practitioner-desk S02-Slot-desk S02-Appointment-insurance_company S02-Attendance-desk"
    " S10-Invoice-financial S10-Payment-financial S11-Patient-health S11-Note-health S15-Patient-pii",
    "conduit": "D13-encryption S02-Follow-author S15-User-pii",
    "parcels": "A02-future_accommodation A05-storage_needs A05-auto_retry"
    " D13-delivery D13-storage_kind D13-api_versioning D13-api_auth D13-monitoring D13-encryption",
}
"""What the examples leave open, on purpose, and nobody has accepted."""


@pytest.mark.parametrize("name", [path.stem for path in EXAMPLES])
def test_clean_answers_have_nothing_to_resolve_and_little_that_can_wait(name: str) -> None:
    found = planning(answers(REPOSITORY / "examples" / f"{name}.yml"))
    assert found.must == ()
    assert " ".join(gap.id for gap in found.deferrable) == CAN_WAIT[name]


def test_the_least_that_can_be_answered_has_a_gap_for_the_rest() -> None:
    found = gaps({"project_name": "Shop", "concept": "A shop.", "services": ["shop: sells"]})
    open_questions = {gap.question for gap in found if gap.rule in ("A01", "A02")}
    assert open_questions == set(REQUIREMENTS) - {"concept", "services"}


@pytest.mark.parametrize(
    ("delivery", "where"), [("http_outbox", "in the outbox"), ("rabbitmq", "at RabbitMQ"), ("auto", "in the outbox")]
)
def test_events_for_who_is_away_wait_where_they_are_delivered_from(delivery: str, where: str) -> None:
    given = copy.deepcopy(CLEAN) | {"delivery": delivery}
    no_failure_planned(given)
    (message,) = (gap.message for gap in gaps(given) if gap.rule == "C10")
    assert message.endswith(f"(built in: they wait {where})")


def test_what_ends_a_sentence_has_no_stop_of_its_own() -> None:
    found = [gap for row in rows() for gap in row.found]
    assert [it.id for it in found if it.message.endswith(".") or it.fix.endswith(".")] == []


@pytest.mark.parametrize("name", ["services", "data_entities", "mvp_features", "personas"])
def test_a_list_of_nothing_is_no_answer(name: str) -> None:
    found = gaps({"project_name": "Shop", "concept": "A shop.", "services": ["shop: sells"]} | {name: [None]})
    assert name in {gap.question for gap in found if gap.rule in ("A01", "A02")}


def test_an_open_question_belongs_to_the_checkpoint_of_its_phase() -> None:
    found = gaps({"project_name": "Shop", "concept": "tbd", "services": "tbd"})
    checkpoints = {gap.question: gap.checkpoint for gap in found if gap.rule in ("A01", "A02")}
    assert [checkpoints[name] for name in ("concept", "mvp_features", "services", "risks")] == [1, 2, 3, 9]


def test_what_must_be_resolved_is_work_in_the_plan() -> None:
    given = copy.deepcopy(CLEAN)
    given["mvp_features"][0]["acceptance"] = []
    assert "T-A07-FR-001" in [task.id for task in planning(given).plan.tasks]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_cut_saves_what_the_answers_without_it_save(name: str) -> None:
    """The last feature matters least and has a gap to resolve; there is just the time for the others."""
    given = clean(name) | {"timeline": {"weeks": 520}}
    given["mvp_features"][-1] |= {"priority": "P3", "acceptance": []}
    all_of_it = planning(given).plan
    given["mvp_features"].pop()
    others = planning(given).plan
    made = replace(all_of_it, timeline=Timeline(weeks=others.total_days / others.team.days_per_week))
    (cut,) = made.cuts
    assert cut.feature == made.product.features[-1]
    assert (cut.hours, cut.total_days) == (made.people_hours - others.people_hours, others.total_days)


def test_ids_of_gaps_are_unique_and_stay_when_others_come() -> None:
    one = copy.deepcopy(CLEAN)
    one["mvp_features"][4]["acceptance"] = []
    both = copy.deepcopy(one)
    both["mvp_features"][0]["acceptance"] = []
    first, second = [[gap.id for gap in gaps(given)] for given in (one, both)]
    assert set(first) < set(second)
    assert len(set(second)) == len(second)


ALIKE = ("A/B", "A B", "A-B", "!!!", "???", "a  b", "a.b")
"""Names that lose what tells them from each other when only their words are taken."""


def test_names_with_the_same_words_are_gaps_of_their_own() -> None:
    items = [{"need": name} for name in ALIKE]
    found = [gap.id for gap in gaps(CLEAN | {"future_accommodation": items}) if gap.rule == "A30"]
    assert len(set(found)) == len(ALIKE)
    assert "A30-a-b" in found  # of the plain one
    alone = [gap.id for gap in gaps(CLEAN | {"future_accommodation": items[-1:]}) if gap.rule == "A30"]
    assert alone == found[-1:]


def test_a_waiver_of_one_of_two_gaps_with_one_id_is_of_neither() -> None:
    found = [gap.id for gap in gaps(CLEAN | {"future_accommodation": [{"need": it} for it in ("US", "us")]})]
    ids = [id for id in found if id.startswith("A30")]
    assert len(set(ids)) == 2
    assert "A30-us" not in ids


def test_services_that_say_the_same_are_reported_once_each() -> None:
    same = [{"name": f"part_{it}", "responsibility": "sorts incoming letters"} for it in "abcd"]
    found = [gap.id for gap in gaps(CLEAN | {"services": [*CLEAN["services"], *same]}) if gap.rule == "B10"]
    assert found == ["B10-part_a-part_b", "B10-part_a-part_c", "B10-part_a-part_d"]


def test_the_monolith_is_proposed_only_where_there_is_none() -> None:
    many = [{"name": f"part_{it}", "responsibility": f"does the work {it}"} for it in "abcdefgh"]
    for style, proposed in (("services", True), ("modular_monolith", False)):
        given = CLEAN | {"services": many, "team": {"size": 1}, "data_entities": [], "architecture_style": style}
        given |= {"mvp_features": [{"name": "Work", "services": ["part_a"]}]}
        for question in ("failure_handling", "slos", "external_apis", "external_api_details", "access"):
            given[question] = "tbd"
        (gap,) = [gap for gap in gaps(given) if gap.rule == "B09"]
        assert ("monolith" in gap.fix) is proposed


def test_the_plan_leaves_the_count_of_gaps_to_the_report_of_them() -> None:
    late = planning(CLEAN | {"timeline": {"start": "2027-03-01", "deadline": "2027-02-01"}})
    assert "A15-deadline" in [gap.id for gap in late.must]
    (line,) = [it for it in late.plan.phases[0].exits if "plan gaps" in it]
    assert not re.search(r"\d", line)


class TestWords:
    """Where a rule looks for words, sentences that it has not seen raise no alarm, and those that mean it do."""

    @pytest.mark.parametrize(
        "target",
        [
            "none", "no order is lost", "zero", "half of all calls", "every order on the same day", "twice as many",
            "a third fewer calls", "nobody waits", "one a week", "a dozen", "95", "99,5 %", "two of three", "never",
            "each parcel is found", "double the sales",
        ],
    )  # fmt: skip
    def test_a_target_may_say_its_number_in_words(self, target: str) -> None:
        assert not self.found("A10", success_metrics=[{"name": "Lost orders", "target": target}])

    @pytest.mark.parametrize("target", ["as few as possible", "more than now", "better", "at once", "a good many"])
    def test_a_target_without_a_number_has_none(self, target: str) -> None:
        assert self.found("A10", success_metrics=[{"name": "Lost orders", "target": target}])

    @pytest.mark.parametrize(
        "sentence",
        [
            "the list is sent as soon as the shop opens",
            "a guest books breakfast",
            "the door is secured by its owner",
            "a reader finds the fastener that fits",
            "the answer names the reliability of the source",
            "a simplified receipt is printed",
            "the etching is listed under its artist",
            "a list that loads fast: within 200 ms",
            "the keeper sees which animals are easygoing",
            "flexibility is a criterion that a judge may score",
        ],
    )
    def test_a_sentence_is_not_vague(self, sentence: str) -> None:
        assert not self.found("A14", mvp_features=[{"name": "Look", "outcome": sentence, "services": ["orders"]}])

    @pytest.mark.parametrize(
        "sentence",
        [
            "a quick answer for everybody",
            "a scalable list",
            "a user-friendly page",
            "the reader hears soon",
            "names, addresses, etc.",
            "it is easy to find a book",
            "robust imports",
            "copies are made as needed",
        ],
    )
    def test_a_sentence_is_vague(self, sentence: str) -> None:
        assert self.found("A14", mvp_features=[{"name": "Look", "outcome": sentence, "services": ["orders"]}])

    @pytest.mark.parametrize(
        "criterion",
        [
            "IF more than 450 books are asked for THEN THE SYSTEM SHALL answer with 422.",
            "IF the book is gone THEN THE SYSTEM SHALL answer with 404 and name the book.",
            "WHILE it is closed THE SYSTEM SHALL answer 503.",
            "WHEN 500 readers ask THE SYSTEM SHALL answer within 418 ms.",
            "WHEN asked THE SYSTEM SHALL list pages with 500 books.",
            "WHEN asked THE SYSTEM SHALL print it with 429 g of paper.",
            "WHEN asked THE SYSTEM SHALL begin with 450 of the newest.",
            "IF it is the second try THEN THE SYSTEM SHALL refuse it with status code 409.",
            "WHEN a reader gets 450 points THE SYSTEM SHALL tell her.",
            "IF the account holds 402.50 THEN THE SYSTEM SHALL refuse it with 409.",
        ],
    )
    def test_a_criterion_has_an_error_that_there_is(self, criterion: str) -> None:
        assert not self.criterion("C14", criterion)

    @pytest.mark.parametrize(
        "criterion",
        [
            "IF a reader is under age THEN THE SYSTEM SHALL refuse it with 402.",
            "IF nobody paid THEN THE SYSTEM SHALL answer with HTTP status 402 and the sum.",
            "IF it was asked too often THEN THE SYSTEM SHALL return 429 Too Many Requests.",
            "IF the book is out of print THEN THE SYSTEM SHALL refuse with the code 410.",
        ],
    )
    def test_a_criterion_has_an_error_that_no_endpoint_has(self, criterion: str) -> None:
        assert self.criterion("C14", criterion)

    @pytest.mark.parametrize("persona", ["readers", "Reader", "Any reader", "READER or shopkeeper", "shopkeepers"])
    def test_a_persona_is_known_in_any_form(self, persona: str) -> None:
        assert not self.feature("A06", persona=persona)

    @pytest.mark.parametrize("persona", ["Auditor", "Read", "Shop", "Keeper of the reading room"])
    def test_a_persona_is_unknown(self, persona: str) -> None:
        assert self.feature("A06", persona=persona)

    @pytest.mark.parametrize("name", ["SMS", "sms gateway", "The SMS company"])
    def test_details_are_of_an_api_in_any_form(self, name: str) -> None:
        sms = {"name": "sms", "purpose": "sends texts", "timeout_s": 5, "fallback": "mail"}
        assert not self.found("A16", external_apis=[sms], external_api_details=[{"name": name, "rate_limit": 3}])

    @pytest.mark.parametrize(
        "scenario", ["The payment company is unavailable", "Card terminals are silent", "Payments fail"]
    )
    def test_a_failure_of_an_api_is_planned_in_any_words(self, scenario: str) -> None:
        cards = {"name": "card_payment", "purpose": "takes money", "timeout_s": 5, "critical": True}
        failure = {"scenario": scenario, "behaviour": "the order waits"}
        assert not self.found("C05", external_apis=[cards], failure_handling=[failure])

    @pytest.mark.parametrize("service", ["orders", "orders, catalog", "all services", "Orders and notifications"])
    def test_a_scenario_may_be_about_several_services(self, service: str) -> None:
        failure = {"scenario": "The disk is full", "behaviour": "writes are refused", "service": service}
        assert not self.found("A19", failure_handling=[failure])

    @pytest.mark.parametrize("scenario", ["While catalog is down orders wait", "An order comes in without the catalog"])
    def test_a_scenario_tells_by_its_words_whose_it_is(self, scenario: str) -> None:
        failures = [{"scenario": scenario, "behaviour": "it is refused"}]
        assert not self.found("C11", failure_handling=failures)

    @pytest.mark.parametrize("what", ["Answering a page of books", "One page of books", "Orders taken"])
    def test_a_threshold_is_of_a_target_in_other_words(self, what: str) -> None:
        assert not self.found("A20", acceptable_thresholds=[{"what": what, "acceptable": "1 s"}])

    def test_a_threshold_is_of_the_target_with_most_of_its_words(self) -> None:
        targets = [
            {"what": "Listing all orders", "target": 900, "unit": "ms"},
            {"what": "Listing all books", "target": 90, "unit": "ms"},
        ]
        threshold = {"what": "Listing of books", "acceptable": "200 ms", "unacceptable": "1 s"}
        assert not self.found("A22", performance_targets=targets, acceptable_thresholds=[threshold])

    def found(self, rule: str, **changes: object) -> list[str]:
        return [gap.id for gap in gaps(copy.deepcopy(CLEAN) | changes) if gap.rule == rule]

    def feature(self, rule: str, **changes: object) -> list[str]:
        given = clean("bookshop")
        given["mvp_features"][0].update(changes)
        return self.found(rule, mvp_features=given["mvp_features"])

    def criterion(self, rule: str, text: str) -> list[str]:
        return self.feature(rule, acceptance=[text])


class TestNoFalseAlarm:
    """What is answered well in another way than the examples' has nothing to resolve."""

    def test_the_features_of_the_only_service_are_its_own(self) -> None:
        found = gaps(
            {"project_name": "List", "concept": "A list.", "services": ["items: keeps"], "mvp_features": ["Add"]}
        )
        assert "B04" not in [gap.rule for gap in found]

    def test_nothing_is_tried_again_where_nothing_is_asked(self) -> None:
        alone = {"services": ["items: keeps things"], "data_entities": ["items.Item(note: str)"], "auto_retry": "none"}
        assert "C07" not in [gap.rule for gap in gaps({"project_name": "List", "concept": "A list."} | alone)]

    def test_a_product_that_keeps_nothing_has_no_contract_of_records(self) -> None:
        found = gaps(
            {
                "project_name": "Converter",
                "concept": "It converts.",
                "services": ["convert: converts files"],
                "data_entities": "not needed: nothing is kept",
                "mvp_features": [{"name": "Convert", "services": ["convert"], "acceptance": ["WHEN x IT SHALL y"]}],
            }
        )
        assert "C19" not in {gap.rule for gap in found}


UNPROVEN = {"api_auth": "none", "distribution": "internal", "encryption": "none", "data_sensitivity": ["none"]}
"""Callers are not authenticated."""


class TestConstraints:
    """What is fixed already agrees with the decisions, as far as it names their options."""

    @pytest.mark.parametrize(
        ("constraint", "subjects"),
        [
            ("Services prove who they are by mutual TLS.", ["mutual-tls"]),
            ("Data is in PostgreSQL, never in SQLite.", ["postgresql", "sqlite"]),
            ("Events go through Kafka", ["kafka"]),
            ("No API keys: people sign in by OIDC.", ["api-keys", "oidc"]),
            ("It is never reached by https", ["https"]),
            ("Nobody here runs Kubernetes or Docker.", []),
            ("No request reaches a service without TLS.", []),
            ("The pages call over HTTPS with an API key.", []),
            ("Everything is in SQLite, but not in Postgres", []),
            ("We never liked sqlitely named things.", []),
        ],
    )
    def test_a_constraint_that_names_an_option_agrees_with_the_decision(
        self, constraint: str, subjects: list[str]
    ) -> None:
        assert [it.id for it in self.found(what=constraint)] == [f"D24-{it}" for it in subjects]

    def test_the_fix_is_an_option_that_is_offered(self) -> None:
        (asked,) = self.found(what="Data is in PostgreSQL.")
        assert asked.message == '"Data is in PostgreSQL." asks for PostgreSQL, and storage_kind is sqlite'
        assert asked.fix == "answer storage_kind with postgres, or change the constraint"
        assert (asked.question, asked.must) == ("storage_kind", True)
        (unwanted,) = self.found(what="It may not be SQLite.")
        assert unwanted.message == '"It may not be SQLite." rules out SQLite, and storage_kind is sqlite'
        assert unwanted.fix == "answer storage_kind with another option, or change the constraint"
        (planned,) = self.found(what="All of it in MongoDB.")
        assert planned.fix.startswith("accept this gap with what is done instead, as it cannot be chosen yet")

    def test_what_can_be_negotiated_is_no_contradiction(self) -> None:
        assert not self.found(what="Data is in PostgreSQL.", negotiable=True)

    def test_a_name_is_told_once(self) -> None:
        assert len(self.found(what="PostgreSQL here. PostgreSQL there.")) == 1

    @staticmethod
    def found(**constraint: object) -> list[Gap]:
        given = {"source": "a contract", "negotiable": False} | constraint
        return [it for it in gaps(CLEAN | {"constraints": [given]}) if it.rule == "D24"]


UNMARKED: Answers = {
    "data_entities": [it.replace(" pii", "") for it in CLEAN["data_entities"]],
    "services": [
        it | {"publishes": [line.partition(" because")[0] for line in it["publishes"]]} if "publishes" in it else it
        for it in CLEAN["services"]
    ],
}
"""No field says what it holds."""


class TestSensitive:
    """What fields say that they hold agrees with what the product says, and is known where it is told."""

    def test_fields_and_data_sensitivity_name_the_same_kinds(self) -> None:
        assert not self.found("F04") + self.found("F05") + self.found("F06") + self.found("S06")
        (gap,) = self.found("F04", data_sensitivity=["other"])
        assert (
            gap.message == "data_sensitivity does not name pii, which is in Order.customer and Notification.recipient"
        )
        assert (gap.fix, gap.must) == ("add pii to data_sensitivity", False)
        assert not self.found("F04", data_sensitivity="tbd")
        (gap,) = self.found("F05", data_sensitivity=["pii", "credentials"])
        assert gap.message == "data_sensitivity has credentials, and no field says that it holds such data"
        assert "'field: str secret'" in gap.fix
        (gap,) = self.found("F05", **UNMARKED)
        assert gap.id == "F05-pii"
        assert not self.found("F05", data_sensitivity=["none"], **UNMARKED)

    def test_what_cannot_be_encrypted_is_named_with_what_reads_it(self) -> None:
        fields = {
            "unique_one: str unique pii": "is unique",
            "indexed: str index pii": "has an index",
            "together: str pii": "is unique",
            "filtered: str pii": "is a filter of the list",
            "sorted: str pii": "orders the list",
            "searched: str pii": "is searched",
            "hat: Hat pii": "refers to other records",
            "free: str pii": "",
            "secret_one: str secret": "",
        }
        clauses = "unique(together, size); list(filtered; sort sorted; search searched)"
        badge = f"catalog.Badge({', '.join(fields)}, size: int); {clauses}"
        hats = {
            "data_entities": [*CLEAN["data_entities"], "catalog.Hat(size: int, wearer: str pii)", badge],
            "access": [*CLEAN["access"], "Hat: read owner; owner: wearer"],
        }
        assert not self.found("F07", **hats)
        found = {it.id: it for it in self.found("F07", encryption="fields", **hats)}
        for field, reader in fields.items():
            gap = found.get(f"F07-Badge.{field.partition(':')[0]}")
            assert gap is None if not reader else gap and gap.must and gap.message.endswith(f", as it {reader}")
        assert found["F07-Hat.wearer"].message.endswith(", as it names the owner")
        (gap,) = self.found("F07", encryption="fields", **UNMARKED)
        assert gap.id == "F07-marks"

    def test_an_address_is_marked_where_others_are(self) -> None:
        marked, unmarked = ([*CLEAN["data_entities"], f"catalog.Hat(wearer: email{it})"] for it in (" pii", ""))
        assert not self.found("F06", data_entities=marked)
        (gap,) = self.found("F06", data_entities=unmarked)
        assert gap.message == "wearer of Hat is an e-mail address, and not marked as personal"
        assert gap.fix == "write 'wearer: email pii' in data_entities"
        assert not self.found("F06", **UNMARKED)

    def test_who_is_told_is_where_such_data_may_be(self) -> None:
        (obligation,) = CLEAN["privacy_obligations"]
        nowhere = [{key: it for key, it in obligation.items() if key != "residency"}]
        placed, cancelled = self.found("S06", privacy_obligations=nowhere)
        assert (placed.id, cancelled.id) == ("S06-order.placed", "S06-order.cancelled")
        assert placed.message == (
            "order.placed discloses pii of Order to notifications, "
            "and privacy_obligations does not say where such data may be"
        )
        assert not self.found("S06", privacy_obligations="tbd")

    @staticmethod
    def found(rule: str, **changes: object) -> list[Gap]:
        return [it for it in gaps(CLEAN | changes) if it.rule == rule]


class TestAccess:
    """Who may do what is asked about where it matters, and left alone where it does not."""

    def test_what_is_only_proposed_is_asked_about_where_data_is_sensitive(self) -> None:
        (gap,) = self.found("S01", access="tbd")
        assert gap.message == "data_sensitivity has pii, and who may do what is only proposed"
        assert gap.fix == "answer access, beginning with the table Who may do what of ArchitectureGuide.md"
        assert (gap.question, gap.must) == ("access", True)
        for kinds in (["none"], ["other"], "tbd"):
            assert not self.found("S01", access="tbd", data_sensitivity=kinds), kinds
        assert not self.found("S01", access="not needed: it is a demonstration")
        assert not self.found("S01")

    def test_a_role_that_changes_records_has_a_feature_that_names_them(self) -> None:
        auditor = {"name": "Auditor", "goal": "counts", "frequency": "daily"}
        people = {"personas": [*CLEAN["personas"], auditor]}
        (gap,) = self.found("S02", access=["Order: all Auditor, create Reader"], **people)
        assert gap.id == "S02-Order-auditor"
        assert gap.message == "Auditor may create, update and delete Order, and no feature for that persona names it"
        assert gap.fix == "add a feature that needs it, or take it out of access"
        assert gap.question == "access"
        assert not gap.must
        for access in ("Order: all Reader", "Order: read Auditor", "Order: all callers", "Order: all Administrator"):
            assert not self.found("S02", access=[access], **people), access
        assert not self.found("S02", access=["Order: all Auditor"], **people, **UNPROVEN)

    def test_who_administers_needs_no_feature(self) -> None:
        keeper = {"name": "Keeper", "goal": "keeps order", "frequency": "daily"}
        personas = [*CLEAN["personas"], keeper]
        assert self.found("S02", access=["Book: create Keeper"], personas=personas)
        personas[-1] = keeper | {"is_admin": True}
        assert not self.found("S02", access=["Book: create Keeper"], personas=personas)

    def test_what_is_proposed_comes_from_the_features(self) -> None:
        assert not self.found("S02", access="tbd")

    @pytest.mark.parametrize(
        ("kinds", "access", "found"),
        [
            (["pii"], ["Order: read anyone"], ["S03-Order"]),
            (["pii"], ["Order: read callers, list anyone"], ["S03-Order"]),
            (["pii"], ["Order: create anyone"], []),
            (["pii"], ["Order: read callers"], []),
            (["pii"], ["Book: read anyone"], []),  # no field of it is about a person
            (["pii", "children"], ["Book: read anyone"], []),
            (["pii", "health"], ["Book: read anyone"], ["S03-Book"]),  # no type of a field tells
            (["none"], ["Order: read anyone"], []),
        ],
    )
    def test_anyone_reads_nothing_that_may_be_sensitive(
        self, kinds: list[str], access: list[str], found: list[str]
    ) -> None:
        """As long as no field says what it holds."""
        assert [it.id for it in self.found("S03", **UNMARKED, access=access, data_sensitivity=kinds)] == found

    def test_who_reads_what_a_field_says_that_it_holds(self) -> None:
        (gap,) = self.found("S03", access=["Order: read anyone", "Book: read anyone"], data_sensitivity=["none"])
        assert gap.message == "anyone may read Order, which holds pii (customer)"
        assert not self.found("S05", access=["Order: read anyone", "Book: read callers"])
        (gap,) = self.found("S05", access=["Order: list callers"])
        assert gap.message == "every caller may read Order, which holds pii (customer)"
        assert gap.fix == "name the roles that may read Order in access, or its owner"
        assert not self.found("S05", access=["Order: create callers, read owner, update callers; owner: customer"])

    def test_a_secret_field_is_read_by_nobody(self) -> None:
        """So it makes a record neither sensitive nor personal."""
        books = "catalog.Book(title: str, price: money, writer: email{})"
        _, *others = CLEAN["data_entities"]
        for mark, found in (("", ["S03-Book"]), (" secret", [])):
            given = {"access": ["Book: read anyone"], "data_entities": [books.format(mark), *others]}
            assert [it.id for it in self.found("S03", **given)] == found

    @pytest.mark.parametrize(
        ("access", "found"),
        [
            (["Book: read Reader"], ["S04-Book", "S04-Order"]),
            (["Book: create Shopkeeper", "Order: create owner; owner: customer"], []),
            (["Book: all anyone", "Order: all callers"], []),
            (["Order: create Reader"], ["S04-Book"]),
        ],
    )
    def test_somebody_may_create_what_callers_can_create(self, access: list[str], found: list[str]) -> None:
        """Notifications are created because of events, and their service is for the others alone."""
        assert [it.id for it in self.found("S04", access=access)] == found

    def test_what_an_event_creates_is_created_by_nobody_else(self) -> None:
        services = [
            {key: value for key, value in it.items() if (it["name"], key) != ("notifications", "exposure")}
            for it in CLEAN["services"]
        ]
        access = ["Book: create Shopkeeper", "Order: create Reader"]
        assert not self.found("S04", access=access, services=services)
        del services[-1]["subscribes"]
        assert [it.id for it in self.found("S04", access=access, services=services)] == ["S04-Notification"]

    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("catalog.Hat(size: int)", ["S04-Hat"]),
            ("private catalog.Hat(size: int)", []),
            ("catalog.Hat(size: int); without create", []),
        ],
    )
    def test_what_callers_cannot_create_is_missed_by_nobody(self, line: str, found: list[str]) -> None:
        entities = [line, *CLEAN["data_entities"]]
        assert [it.id for it in self.found("S04", data_entities=entities)] == found

    @pytest.mark.parametrize(
        ("audited", "access", "found"),
        [
            ([], ["Order: all anyone"], []),
            (["Order"], ["Order: read anyone"], []),
            (["Order"], ["Order: create callers"], []),
            (["Order"], ["Order: create anyone"], ["S08-Order"]),
            (["Book"], ["Order: create anyone"], []),
        ],
    )
    def test_what_is_on_record_is_changed_by_somebody(
        self, audited: list[str], access: list[str], found: list[str]
    ) -> None:
        assert [it.id for it in self.found("S08", audit=audited, access=access)] == found
        assert not self.found("S07", audit=audited, access=access)

    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("Order: create Reader; owner: customer", ["S14-Order"]),
            ("Order: create callers, read Reader; owner: customer", ["S14-Order"]),
            ("Order: create owner; owner: customer", []),
            ("Order: create Reader, read Reader, delete owner; owner: customer", []),
            ("Order: read Reader; owner: customer", []),
            ("Order: create Reader", []),
            ("Order: create anyone, delete owner | anyone; owner: customer", []),
            ("Order: create callers, delete owner; owner: customer", []),
        ],
    )
    def test_records_are_created_in_the_name_of_their_owner(self, line: str, found: list[str]) -> None:
        assert [it.id for it in self.found("S14", access=[line])] == found

    def test_who_proves_nothing_is_on_record_as_nobody(self) -> None:
        assert not self.found("S07", **UNPROVEN)
        (gap,) = self.found("S07", audit=["Order: read Reader"], **UNPROVEN)
        assert (gap.id, gap.must, gap.question) == ("S07-Order", True, "api_auth")

    @pytest.mark.parametrize(
        ("asked", "audited", "found"),
        [
            ("who changed it", [], ["S09-pii"]),
            ("who changed it", ["Order"], []),
            *((it, [], []) for it in ("", "none", "No audit", "not asked for")),
            ("nobody may look at it unseen", [], ["S09-pii"]),
        ],
    )
    def test_an_obligation_may_ask_whose_changes_are_on_record(
        self, asked: str, audited: list[str], found: list[str]
    ) -> None:
        obligations = [{"class": "pii", "basis": "contract", "deletion": "on request", "audit": asked}]
        assert [it.id for it in self.found("S09", audit=audited, privacy_obligations=obligations)] == found

    @pytest.mark.parametrize(
        ("field", "obligation", "found"),
        [
            ("holder: str pii", {"deletion": "on request"}, ["S10-Badge-pii"]),
            ("holder: str pii", {"retention_days": 30}, ["S10-Badge-pii"]),
            ("holder: str pii", {}, []),
            ("holder: str pii secret", {"deletion": "on request"}, []),  # it is in no history
            ("holder: str health", {"deletion": "on request"}, []),
        ],
    )
    def test_what_shall_be_deleted_is_in_no_history(
        self, field: str, obligation: dict[str, object], found: list[str]
    ) -> None:
        given = {
            "data_entities": [f"catalog.Badge({field})", *CLEAN["data_entities"]],
            "privacy_obligations": [{"class": "pii", "basis": "contract", **obligation}],
        }
        assert [it.id for it in self.found("S10", audit=["Badge"], **given)] == found
        assert not self.found("S10", audit=["Book"], **given)

    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({}, ["S10-Badge-pii"]),
            ({"retention": ["Badge: delete 1 year after created_at"]}, []),  # which is taken out of the history, too
            ({"person": ["Badge: anonymise"]}, []),
            ({"person": ["Badge: keep"]}, ["S10-Badge-pii"]),
            ({"encryption": "fields"}, []),  # what is encrypted is in no history
        ],
    )
    def test_what_ends_is_taken_out_of_its_history(self, changes: dict[str, object], found: list[str]) -> None:
        given = {
            "data_entities": ["catalog.Badge(holder: str pii)", *CLEAN["data_entities"]],
            "privacy_obligations": [{"class": "pii", "basis": "contract", "deletion": "on request"}],
        }
        assert [it.id for it in self.found("S10", audit=["Badge"], **given, **changes)] == found

    @pytest.mark.parametrize(
        ("retention", "found"),
        [
            ([], ["S11-Badge-pii"]),
            (["Badge: delete 31 days after created_at"], ["S12-Badge-pii"]),
            (["Badge: anonymise 2 months after created_at"], ["S12-Badge-pii"]),
            (["Badge: delete 30 days after created_at"], []),
            (["Badge: anonymise 2 weeks after created_at"], []),
        ],
    )
    def test_an_obligation_with_days_is_kept_to(self, retention: list[str], found: list[str]) -> None:
        given = {
            "data_entities": ["catalog.Badge(holder: str pii)", "catalog.Book(title: str)"],
            "services": [{"name": "catalog", "responsibility": "knows the books"}],
            "privacy_obligations": [{"class": "pii", "basis": "contract", "retention_days": 30}],
            "access": "tbd",
            "mvp_features": CLEAN["mvp_features"][:1],
            "retention": retention,
        }
        assert [it.id for rule in ("S11", "S12") for it in self.found(rule, **given)] == found
        asked = {"privacy_obligations": [{"class": "pii", "basis": "contract", "deletion": "on request"}]}
        others = given | asked | {"person": ["Book: delete"]}
        assert [it.id for it in self.found("S13", **others)] == (["S13-Badge-pii"] if not retention else [])
        assert not self.found("S13", **given | asked, person=["Badge: delete"])
        assert not self.found("S13", **given | asked)
        unlimited = [{"class": "pii", "basis": "contract", "deletion": "on request"}]
        assert not self.found("S11", **given | {"privacy_obligations": unlimited})

    def found(self, rule: str, **changes: object) -> list[Gap]:
        return [gap for gap in gaps(copy.deepcopy(CLEAN) | changes) if gap.rule == rule]


ACCEPTED = {"reason": "the page is drawn first", "owner": "the designer", "until": "2027-03-01"}


def waived(*waivers: object) -> Planning:
    """The bookshop with two features that nobody can accept, and what was accepted."""
    given = clean("bookshop")
    for it in given["mvp_features"][:2]:
        it["acceptance"] = []
    return planning(given | {"gap_waivers": [*waivers]})


class TestWaivers:
    @pytest.mark.parametrize(
        ("name", "left"), [("A07-FR-001", ["A07-FR-002"]), ("A07", []), ("A08", ["A07-FR-001", "A07-FR-002"])]
    )
    def test_take_a_gap_or_all_of_a_rule_out(self, name: str, left: list[str]) -> None:
        made = waived({"gap": name} | ACCEPTED)
        assert [gap.id for gap in made.must] == left
        assert [task.id for task in made.plan.tasks if "A07" in task.id] == [f"T-{id}" for id in left]

    def test_are_shown_with_who_why_and_until_when(self) -> None:
        made = waived({"gap": "A07-FR-001"} | ACCEPTED)
        (row,) = made.waived.rows
        assert (row[0], *row[2:]) == ("A07-FR-001", "the page is drawn first", "the designer", "2027-03-01")
        assert "A07-FR-001" not in [gap.id for gap in made.deferrable]
        (line,) = [line for line in model_json.dump(made, ()).splitlines() if '"id": "A07-FR-001"' in line]
        assert '"waived_by": "the designer", "waived_until": "2027-03-01"' in line

    @pytest.mark.parametrize("lacking", ACCEPTED)
    def test_do_not_hold_without_reason_owner_and_day(self, lacking: str) -> None:
        made = waived({"gap": "A07"} | {key: value for key, value in ACCEPTED.items() if key != lacking})
        assert [gap.id for gap in made.must] == ["A07-FR-001", "A07-FR-002"]
        (gap,) = [gap for gap in made.deferrable if gap.rule == "W01"]
        assert f"no {lacking}," in gap.message

    def test_of_what_is_not_there_are_gaps_that_can_wait(self) -> None:
        made = waived({"gap": "A07-FR-009"} | ACCEPTED)
        assert [gap.id for gap in made.deferrable if gap.rule != "D13"] == ["W02-a07-fr-009"]

    def test_are_listed_among_the_open_questions(self) -> None:
        made = planning(clean("bookshop") | {"glossary": "tbd", "gap_waivers": [{"gap": "A02"} | ACCEPTED]})
        assert [row[0::3] for row in made.prd.questions.rows] == [("A02-glossary", "waived until 2027-03-01")]


STATES = ("tbd", "not needed: nobody asks", "not needed", "defer: the pilot, Ana", "defer: the pilot", None)


@st.composite
def any_answers(draw: st.DrawFn) -> Answers:
    """The answers of an example, of which some are left out, in another state, another example's, or shortened."""
    given = clean(draw(st.sampled_from(NAMES)))
    asked = [name for name in given if name not in ("project_name", "project_slug", "depth")]
    for name in draw(st.lists(st.sampled_from(asked), max_size=12, unique=True)):
        value, many = given[name], BY_NAME[name].many
        match draw(st.sampled_from(["leave out", "state", "assume", "other", "shorten"])):
            case "leave out":
                del given[name]
            case "state" if name in REQUIREMENTS:
                state = draw(st.sampled_from(STATES[:-1] if many else STATES))
                given[name] = [state] if many else state
            case "assume" if name in REQUIREMENTS and BY_NAME[name].type == "yaml":
                given[name] = {"assume": value}
            case "other":
                given[name] = copy.deepcopy(example(draw(st.sampled_from(NAMES)))[name])
            case "shorten" if isinstance(value, list) and not many:
                given[name] = [it for it in value if draw(st.booleans())]
    return given


@hypothesis.given(any_answers())
def test_whatever_is_answered_has_gaps_with_an_id_and_a_question_each(given: Answers) -> None:
    try:
        planning = generation.build(given, REAL).planning
    except Refused:
        hypothesis.reject()
    found = planning.gaps
    ids = [gap.id for gap in found]
    assert len(set(ids)) == sum(len(list(rule.check(planning.view))) for rule in RULES.values())
    assert {gap.question for gap in found} <= set(BY_NAME)
    recorded = given | {"history": planning.project.history.as_answer()}
    assert [gap.id for gap in gaps(recorded)] == ids


@pytest.mark.parametrize(
    ("jobs", "found"),
    [
        ([], ["FR-001", "scheduled"]),
        (["catalog: sum_up on create Book"], ["FR-001", "scheduled"]),
        (["catalog: sum_up every 1 hour"], []),
        (["orders: sum_up every 1 hour"], ["FR-001"]),
    ],
)
def test_what_is_promised_at_times_is_done_by_a_job_of_the_same_service(jobs: list[str], found: list[str]) -> None:
    given = copy.deepcopy(CLEAN) | {"jobs": jobs, "interaction_channels": ["api", "scheduled"]}
    given["mvp_features"][0]["outcome"] = "the sum of each hour is on the page"
    assert [it.subject for it in gaps(given) if it.rule == "B16"] == found


@pytest.mark.parametrize(
    ("details", "found"),
    [
        ({"rate_limit": "1 a second"}, True),
        ({"rate_limit": "20 a second"}, False),
        ({"rate_limit": "20 a second", "quota": "5000 a day"}, True),
        ({"rate_limit": "none"}, False),
    ],
)
def test_a_limit_is_compared_with_the_load_of_the_services_that_call(details: dict[str, str], found: bool) -> None:
    given = copy.deepcopy(CLEAN)
    given["external_apis"] = [{"name": "fax", "purpose": "sends letters", "used_by": ["orders"]}]
    given["external_api_details"] = [{"name": "fax"} | details]
    assert [it.subject for it in gaps(given) if it.rule == "C23"] == ["fax"] * found


@pytest.mark.parametrize("heard", [True, False])
def test_who_acts_on_what_may_be_undone_acts_on_the_undoing_too(heard: bool) -> None:
    events = ["seat.held on create Hold", "seat.freed on delete Hold"]
    reactions = [f"on {it}: create Label(seat: seat)" for it in ("seat.held", "seat.freed")[: 1 + heard]]
    found = gaps(
        {
            "project_name": "Office",
            "concept": "Seats are sold.",
            "services": [
                "office: sells",
                {"name": "hall", "responsibility": "knows who sits where", "publishes": events},
                {"name": "printer", "responsibility": "prints", "subscribes": reactions},
            ],
            "data_entities": [
                "office.Sale(seat: int, state: open|sold|off = open)",
                "hall.Hold(seat: int)",
                "printer.Label(seat: int)",
            ],
            "jobs": ["office: invoice on create, update Sale"],
            "workflows": ["selling on create Sale: Hold(seat: seat); done: state = sold; undone: state = off"],
        }
    )
    told = [gap.message for gap in found if gap.rule == "C24"]
    early = "printer acts on the event seat.held, and does nothing when selling undoes the Hold"
    assert told == ([] if heard else [early])
