"""What a project remembers: given once, never given to another, and the same however often it is computed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from groundplan import history
from groundplan.catalogue import Decision, Option
from groundplan.decisions import How, Resolved
from groundplan.domain import Criterion, Entity, Feature, Field, Product, Service, Type
from groundplan.history import History, HistoryInput, Record, advance, assign_ports_and_ids
from groundplan.problems import Refused

NOTHING = History()


def product(*services: str | Service, features: tuple[str, ...] = ()) -> Product:
    """A product of services by name, and features with a criterion each."""
    return Product(
        "Shop",
        "shop",
        "A shop.",
        services=tuple(it if isinstance(it, Service) else Service(it, f"does {it}") for it in services),
        features=tuple(Feature("", name, criteria=(Criterion("", f"{name} works"),)) for name in features),
    )


def chosen(option: str, how: str = "chosen", decision: str = "colour") -> Resolved:
    """The outcome of a made-up decision."""
    made = Option(option, option, "", "", "")
    return Resolved(Decision(decision, "A9z", 3, "?", (made,)), made, How(how), (), (), ((option, 0),), None, ())


def decided(history: History, *resolved: Resolved, on: str = "", why: str = "") -> History:
    return advance(history, HistoryInput(product(), resolved, on=on, why=why))


def ports(history: History, *services: str | Service, port_base: int = 8000) -> tuple[dict[str, int | None], History]:
    """The ports after a step, and the history then."""
    asked = product(*services)
    after = advance(history, HistoryInput(asked, port_base=port_base))
    return {it.name: it.port for it in assign_ports_and_ids(asked, after, port_base).services}, after


class TestPorts:
    def test_are_given_in_order(self) -> None:
        assert ports(NOTHING, "a", "b", "c")[0] == {"a": 8000, "b": 8001, "c": 8002}

    def test_do_not_shift_when_a_service_goes_or_moves(self) -> None:
        _, before = ports(NOTHING, "a", "b", "c")
        assert ports(before, "c", "b")[0] == {"b": 8001, "c": 8002}

    def test_are_not_given_to_another_service(self) -> None:
        _, before = ports(NOTHING, "a", "b")
        after, later = ports(before, "new", "b")
        assert after == {"new": 8002, "b": 8001}
        assert ports(later, "a", "b", "new")[0] == {"a": 8000, "b": 8001, "new": 8002}

    def test_that_are_fixed_win(self) -> None:
        fixed = Service("b", "does b", port=8000)
        assert ports(NOTHING, "a", fixed, "c")[0] == {"a": 8001, "b": 8000, "c": 8002}

    def test_that_are_fixed_later_replace_the_given_one(self) -> None:
        _, before = ports(NOTHING, "a", "b")
        fixed, later = ports(before, Service("a", "does a", port=9000), "b")
        assert fixed == {"a": 9000, "b": 8001}
        assert ports(later, "a", "b")[0] == {"a": 8000, "b": 8001}

    def test_follow_their_base(self) -> None:
        _, before = ports(NOTHING, "a", "b")
        assert ports(before, "a", "b", port_base=9000)[0] == {"a": 9000, "b": 9001}

    def test_that_another_service_has_are_refused(self) -> None:
        _, before = ports(NOTHING, "a", "b")
        with pytest.raises(Refused) as refused:
            ports(before, "a", Service("new", "is new", port=8001), "b")
        assert str(refused.value) == "services[1].port: 8001 is the port of b. Fix: choose another port."

    def test_beyond_the_last_one_are_refused(self) -> None:
        with pytest.raises(Refused, match="port_base: leaves no port for b"):
            ports(NOTHING, "a", "b", port_base=65535)


class TestIds:
    def test_are_given_by_name_and_never_again(self) -> None:
        first = advance(NOTHING, HistoryInput(product(), names=(("FR", ("Buy", "Sell")), ("NFR", ("Fast",)))))
        second = advance(first, HistoryInput(product(), names=(("FR", ("Lend", "Sell")),)))
        assert [second.id("FR", name) for name in ("Buy", "Sell", "Lend")] == ["FR-001", "FR-002", "FR-003"]
        assert second.id("NFR", "Fast") == "NFR-01"
        again = advance(second, HistoryInput(product(), names=(("FR", ("Buy",)),)))
        assert again.id("FR", "Buy") == "FR-001"

    def test_reach_features_and_criteria(self) -> None:
        asked = product(features=("Buy", "Sell"))
        after = advance(NOTHING, HistoryInput(asked, names=(("FR", ("Buy", "Sell")),)))
        feature = assign_ports_and_ids(asked, after, 8000).features[1]
        assert (feature.id, feature.criteria) == ("FR-002", (Criterion("FR-002-AC1", "Sell works"),))

    def test_of_criteria_go_with_what_they_say(self) -> None:
        """A test that was written for one criterion never speaks for another."""
        before = NOTHING
        for says, ids in (
            (("it is stored", "it is sent"), ("AC1", "AC2")),
            (("it is sent", "it is paid"), ("AC2", "AC3")),
            ((), ()),
            (("it is paid", "it is stored"), ("AC3", "AC1")),
        ):
            asked = replace(product(), features=(Feature("", "Buy", criteria=tuple(Criterion("", it) for it in says)),))
            before = advance(before, HistoryInput(asked, names=(("FR", ("Buy",)),)))
            criteria = assign_ports_and_ids(asked, before, 8000).features[0].criteria
            assert criteria == tuple(Criterion(f"FR-001-{id}", it) for id, it in zip(ids, says, strict=True))
        assert history.read(before.as_answer()) == before


class TestTrail:
    def test_has_a_record_for_each_decision(self) -> None:
        after = decided(NOTHING, chosen("red"), chosen("cat", "auto", "pet"), on="2026-03-01", why="we like them")
        assert after.trail == (
            Record(1, "colour", "red", "chosen", "2026-03-01", "we like them"),
            Record(2, "pet", "cat", "auto", "2026-03-01"),
        )
        assert after.trail[1].id == "ADR-0002"

    def test_keeps_what_is_superseded(self) -> None:
        red = decided(NOTHING, chosen("red"))
        blue = decided(red, chosen("blue"), on="2026-04-01", why="it fades less")
        back = decided(blue, chosen("red"))
        assert [str(record) for record in back.trail] == [
            "0001|colour=red|chosen||",
            "0002|colour=blue|chosen|2026-04-01|it fades less",
            "0003|colour=red|chosen||",
        ]
        assert back.superseded_by(back.trail[0]) == back.trail[1]
        assert back.superseded_by(back.trail[2]) is None
        assert back.current("colour") == back.trail[2]
        assert back.current("pet") is None

    def test_amends_the_record_of_an_option_that_is_confirmed(self) -> None:
        proposed = decided(NOTHING, chosen("red", "auto"))
        confirmed = decided(proposed, chosen("red"), on="2026-04-01", why="it suits us")
        assert confirmed.trail == (Record(1, "colour", "red", "chosen", "2026-04-01", "it suits us"),)

    def test_keeps_a_reason_that_nobody_replaced(self) -> None:
        before = decided(NOTHING, chosen("red"), why="it suits us")
        assert decided(before, chosen("red"), why="something else changed").trail == before.trail

    @pytest.mark.parametrize(("how", "stays"), [("auto", True), ("tbd", True), ("settled", True), ("chosen", False)])
    def test_keeps_the_options_that_nobody_chose(self, how: str, stays: bool) -> None:
        assert decided(NOTHING, chosen("red", how)).unchosen_options() == ({"colour": "red"} if stays else {})

    def test_lets_a_decision_be_reopened(self) -> None:
        """How `plan decide KEY=auto` asks the catalogue anew: it hands the record back as `reopened`."""
        before = decided(NOTHING, chosen("red", "auto"))
        reopened = replace(before, trail=(replace(before.trail[0], how="reopened"),))
        assert reopened.unchosen_options() == {}
        assert decided(reopened, chosen("red", "auto")) == before
        assert [record.option for record in decided(reopened, chosen("blue", "auto")).trail] == ["red", "blue"]


class TestRecords:
    def test_of_a_decision_stay_when_it_is_no_longer_noteworthy(self) -> None:
        before = decided(NOTHING, chosen("red"), chosen("cat", "auto", "pet"))
        assert before.records == ("colour",)
        assert decided(before, chosen("red", "auto"), chosen("cat", "chosen", "pet")).records == ("colour", "pet")


class TestSchema:
    BOOK = Entity("Book", "shop", (Field("title", Type("str")),))

    def test_grows_by_a_revision_when_the_tables_change(self) -> None:
        first = advance(NOTHING, HistoryInput(product(Service("shop", "sells", entities=(self.BOOK,)))))
        longer = replace(self.BOOK, fields=(*self.BOOK.fields, Field("pages", Type("int"))))
        second = advance(first, HistoryInput(product(Service("shop", "sells", entities=(longer,)))))
        assert len(first.revisions("shop")) == 1
        assert second.revisions("shop")[:1] == first.revisions("shop")
        assert len(second.revisions("shop")) == 2

    def test_keeps_the_database_of_a_service_whose_records_are_gone(self) -> None:
        kept = Service("a", "", entities=(Entity("Note", "a", (Field("text", Type("str")),)),))
        history = advance(NOTHING, HistoryInput(product(kept, "b")))
        asked = product("a", "b")
        after = assign_ports_and_ids(asked, advance(history, HistoryInput(asked)), 8000)
        assert {it.name: it.has_database for it in after.services} == {"a": True, "b": False}

    def test_outlives_its_service(self) -> None:
        first = advance(NOTHING, HistoryInput(product(Service("shop", "sells", entities=(self.BOOK,)))))
        assert advance(first, HistoryInput(product("other"))).revisions("shop") == first.revisions("shop")


SERVICES = st.lists(
    st.builds(
        lambda name, port: Service(name, "does it", port=port),
        st.sampled_from("abcdef"),
        st.none() | st.integers(8000, 8004),
    ),
    max_size=5,
    unique_by=(lambda it: it.name, lambda it: it.port or it.name),
)
DECISIONS = st.lists(
    st.builds(
        chosen, st.sampled_from(["red", "blue"]), st.sampled_from(["chosen", "auto", "tbd"]), st.sampled_from("xyz")
    ),
    max_size=3,
    unique_by=lambda it: it.decision.id,
)
NAMES = st.lists(st.text(max_size=5), max_size=4).map(lambda names: (("FR", tuple(names)), ("RISK", tuple(names[:1]))))
ASKED = st.builds(
    lambda services, resolved, names, why: HistoryInput(product(*services), tuple(resolved), names, why=why),
    SERVICES,
    DECISIONS,
    NAMES,
    st.sampled_from(["", "two writers", "a | b"]),
)


@pytest.mark.parametrize(
    "revision", ["forget books", "add books.title str", "retire books", "create books: title colour"]
)
def test_operations_that_cannot_be_are_damage(revision: str) -> None:
    known = history.read({"trail": [], "offsets": {}, "ids": {}, "schema": {"shop": [[revision]]}})
    with pytest.raises(Refused, match="history: is damaged: schema"):
        advance(known, HistoryInput(product("shop")))


@given(st.lists(ASKED, max_size=4), ASKED)
def test_advancing_is_idempotent(past: list[HistoryInput], current: HistoryInput) -> None:
    """The renders of one update, each of which takes the step, agree."""
    before = NOTHING
    for it in past:
        before = advance(before, it)
    after = advance(before, current)
    assert advance(after, current) == after


@given(st.lists(ASKED, max_size=4))
def test_it_is_read_as_it_was_written(past: list[HistoryInput]) -> None:
    before = NOTHING
    for it in past:
        before = advance(before, it)
    assert history.read(yaml.safe_load(yaml.safe_dump(before.as_answer(), sort_keys=False))) == before


def test_it_is_read_without_what_earlier_versions_did_not_remember() -> None:
    """Which decisions had records was not written down once."""
    written = decided(NOTHING, chosen("red")).as_answer()
    assert history.read({part: it for part, it in written.items() if part != "records"}).records == ()
    assert history.read(written).records == ("colour",)


@pytest.mark.parametrize("empty", [None, {}, "", []])
def test_no_history_is_an_empty_one(empty: object) -> None:
    assert history.read(empty) == NOTHING


@pytest.mark.parametrize(
    ("damaged", "place"),
    [
        ("lost", "history is not a mapping of names"),
        (7, "history is not a mapping of names"),
        (["trail"], "history is not a mapping of names"),
        ({3: {}}, "history is not a mapping of names"),
        ({"trial": []}, "history has trial"),
        ({"trail": {}}, "trail is not a list"),
        ({"trail": [None]}, "trail has something that is not text"),
        ({"trail": ["0001|colour|chosen||"]}, "line 1 of the trail"),
        ({"trail": ["0002|a=b|auto||", "0001|a=b|auto||"]}, "line 2 of the trail"),
        ({"offsets": []}, "offsets is not a mapping of names"),
        ({"offsets": {"a": "1"}}, "offsets of a"),
        ({"offsets": {"a": True}}, "offsets of a"),
        ({"offsets": {"a": -1}}, "offsets of a"),
        ({"offsets": {"a": 1, "b": 1}}, "offsets gives a number twice"),
        ({"ids": {"FR": {"Buy": 0}}}, "ids.FR of Buy"),
        ({"ids": {"XX": {}}}, "ids has XX"),
        ({"schema": {"a": "create a"}}, "schema.a is not a list"),
        ({"schema": {"a": ["create a"]}}, "schema.a is not a list"),
        ({"schema": {"a": [[1]]}}, "schema.a has something that is not text"),
        ({"trail": [], "offsets": {}, "ids": {}}, "history has no schema"),
        ({"records": {"colour": True}}, "records is not a list"),
    ],
)
def test_damage_is_named_in_one_line(damaged: object, place: str) -> None:
    with pytest.raises(Refused) as refused:
        history.read(damaged)
    fix = "Fix: put back what the last commit of .copier-answers.yml has."
    assert str(refused.value) == f"history: is damaged: {place}. {fix}"
