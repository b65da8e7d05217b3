"""Resolving decisions: what is chosen, what is proposed, what stays, what cannot be, and the message about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from groundplan import catalogue
from groundplan.answers import Answers
from groundplan.catalogue import Catalogue, Decision, Option
from groundplan.decisions import How, Resolved, resolve
from groundplan.drivers import Driver, holding
from groundplan.problems import Refused
from groundplan.reading import read

REAL = catalogue.load(Path(__file__).parents[2] / "decisions")

NAMED = {"project_name": "Shop", "concept": "A shop."}

THREE = {"services": [{"name": name, "responsibility": f"does {name}"} for name in ("stock", "sales", "post")]}


def option(name: str, **about: object) -> Option:
    """An option with words made from its name."""
    words = {"label": name.title(), "because": f"why {name}", "cost": f"cost of {name}", "rejected": f"not {name}"}
    return Option(name=name, **(words | about))  # type: ignore[arg-type]


def decision(id: str, *options: Option) -> Decision:
    return Decision(id, "A1z", 3, f"Which {id}?", options)


SIZE = decision(
    "size",
    option("small", drivers=(("solo", 2),), provides=("fits_pocket",)),
    option("big", drivers=(("public", 2), ("big_team", 1)), conflicts=("personal",)),
    option("huge", status="planned", drivers=(("public", -1),)),
)
CASE = decision(
    "case",
    option("pouch", needs=("fits_pocket",)),
    option("trunk", conflicts=("fits_pocket",), drivers=(("public", 1),)),
)
SHAPE = decision("shape", option("round"), option("square", status="planned"))


def decide(
    answers: Mapping[str, object],
    *drivers: str,
    decisions: tuple[Decision, ...] = (SIZE, SHAPE),
    recorded: Mapping[str, str] | None = None,
) -> dict[str, Resolved]:
    """Resolve made-up decisions with drivers that hold."""
    held = [Driver(name, f"{name} it is") for name in drivers]
    found = resolve(Catalogue(decisions), Answers(answers), held, recorded or {})
    return {it.decision.id: it for it in found}


def outcome(answers: dict[str, object], id: str) -> str:
    """What the real catalogue proposes."""
    complete = NAMED | answers
    drivers = holding(Answers(complete), read(complete))
    return next(it.option.name for it in resolve(REAL, Answers(complete), drivers, {}) if it.decision.id == id)


class TestOutcome:
    def test_of_a_choice_is_the_choice(self) -> None:
        size = decide({"size": "big"}, "solo")["size"]
        assert (size.option.name, size.how) == ("big", "chosen")

    def test_of_auto_follows_the_drivers(self) -> None:
        size = decide({"size": "auto"}, "public")["size"]
        assert (size.option.name, size.how) == ("big", "auto")

    def test_of_no_answer_is_that_of_auto(self) -> None:
        assert decide({}, "public")["size"].how == "auto"

    def test_of_tbd_stands_in_for_an_answer(self) -> None:
        size = decide({"size": "tbd"}, "public")["size"]
        assert (size.option.name, size.how) == ("big", "tbd")

    def test_of_a_tie_is_the_earlier_option(self) -> None:
        assert decide({}, "solo", "public")["size"].option.name == "small"

    def test_without_a_rival_is_settled(self) -> None:
        shape = decide({})["shape"]
        assert (shape.option.name, shape.how) == ("round", "settled")
        assert [(lost.option.name, lost.why) for lost in shape.rejected] == [("square", "not square")]

    def test_without_a_rival_is_refused_where_another_was_chosen(self) -> None:
        with pytest.raises(Refused, match="shape: 'square' is planned and not offered yet"):
            decide({"shape": "square"})


class TestAuto:
    def test_does_not_drift(self) -> None:
        size = decide({"size": "auto"}, "public", recorded={"size": "small"})["size"]
        assert size.option.name == "small"
        assert size.better is not None
        assert size.better.name == "big"

    def test_reports_nothing_better_where_nothing_is(self) -> None:
        assert decide({"size": "auto"}, "solo", recorded={"size": "small"})["size"].better is None
        assert decide({"size": "auto"}, recorded={"size": "big"})["size"].better is None

    def test_is_asked_again_when_its_option_is_gone(self) -> None:
        assert decide({}, "solo", recorded={"size": "tiny"})["size"].option.name == "small"
        assert decide({}, "solo", recorded={"size": "huge"})["size"].option.name == "small"

    def test_goes_round_what_cannot_be(self) -> None:
        assert decide({}, "public", "big_team", "personal")["size"].option.name == "small"

    def test_goes_with_what_was_chosen(self) -> None:
        found = decide({"size": "small"}, "public", decisions=(CASE, SIZE))
        assert found["case"].option.name == "pouch"


class TestRefusal:
    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ("smal", "size: 'smal' is not an option. Fix: did you mean 'small'?"),
            ("huge", "size: 'huge' is planned and not offered yet. Fix: "),
            ("assume: small", "size: 'assume' is not an option"),
            ("defer: later, me", "size: 'defer' is not an option"),
            (["small"], "is not an option"),
            ({"small": 1}, "is not an option"),
            (7, "size: '7' is not an option"),
        ],
    )
    def test_of_what_is_no_option(self, answer: object, message: str) -> None:
        with pytest.raises(Refused) as refused:
            decide({"size": answer})
        assert message in str(refused.value)
        assert len(refused.value.problems) == 1

    def test_of_an_option_that_the_answers_rule_out(self) -> None:
        with pytest.raises(Refused) as refused:
            decide({"size": "big"}, "personal")
        assert str(refused.value) == "size: Big is not possible: personal it is. Fix: set size to small."

    def test_of_two_options_that_do_not_go_together(self) -> None:
        with pytest.raises(Refused) as refused:
            decide({"size": "small", "case": "trunk"}, decisions=(SIZE, CASE))
        assert [problem.answer for problem in refused.value.problems] == ["size", "case"]
        assert "case: Trunk is not possible: it does not go with Small (fits_pocket)" in str(refused.value)

    def test_does_not_speak_of_what_nobody_chose(self) -> None:
        strap = decision("strap", option("short", needs=("fits_pocket",)), option("long", needs=("fits_pocket",)))
        with pytest.raises(Refused) as refused:
            decide({"size": "big"}, "personal", decisions=(SIZE, strap))
        assert [problem.answer for problem in refused.value.problems] == ["size"]

    def test_of_an_option_that_lacks_what_it_needs(self) -> None:
        with pytest.raises(Refused) as refused:
            decide({"size": "big", "case": "pouch"}, decisions=(SIZE, CASE))
        assert "case: Pouch is not possible: it needs Small (size). Fix: set case to trunk" in str(refused.value)

    @pytest.mark.parametrize(
        ("overrides", "message"),
        [
            ({"sise": {"why": "x"}}, "decision_overrides.sise: is not a decision. Fix: did you mean 'size'?"),
            ({"size": {"wy": "x"}}, "decision_overrides.size.wy: is not known"),
            ({"size": {"rejected": {"bigg": "x"}}}, "decision_overrides.size.rejected.bigg: is not an option"),
            ({"size": {"why": 3}}, "decision_overrides.size.why: '3' is not text"),
            ({"size": "because"}, "decision_overrides.size: is not a mapping"),
            (["size"], "decision_overrides: is not a mapping"),
        ],
    )
    def test_of_own_words_in_the_wrong_place(self, overrides: object, message: str) -> None:
        with pytest.raises(Refused) as refused:
            decide({"decision_overrides": overrides})
        assert message in str(refused.value)
        assert "\n" not in str(refused.value)


class TestReasons:
    def test_name_the_answers(self) -> None:
        size = decide({}, "public")["size"]
        assert size.because == "why big"
        assert [driver.because for driver in size.drivers] == ["public it is"]
        assert [(lost.option.name, lost.why) for lost in size.rejected] == [
            ("small", "not small (for Big: public it is)"),
            ("huge", "not huge (against it: public it is)"),
        ]

    def test_against_an_option_are_those_that_speak_against_it(self) -> None:
        """Not those that speak for the one that was taken: they say nothing about the other."""
        coat = decision("coat", option("wool", drivers=(("local", 2),)), option("silk", drivers=(("solo", -1),)))
        (silk,) = decide({}, "local", "solo", decisions=(coat,))["coat"].rejected
        assert silk.why == "not silk (against it: solo it is)"

    def test_do_not_speak_against_what_was_rejected_by_what_is_worse_for_the_taken(self) -> None:
        coat = decision("coat", option("wool", drivers=(("solo", -2),)), option("silk", drivers=(("solo", -1),)))
        (silk,) = decide({"coat": "wool"}, "solo", decisions=(coat,))["coat"].rejected
        assert silk.why == "not silk"

    def test_against_what_cannot_be_are_what_it_cannot_live_with(self) -> None:
        """An answer, or what was decided besides; the catalogue's words would say what was never weighed."""
        (big, _) = decide({}, "public", "personal")["size"].rejected
        assert (big.reason, big.why) == ("not possible, because personal it is",) * 2
        (trunk,) = decide({"size": "small"}, "public", decisions=(SIZE, CASE))["case"].rejected
        assert trunk.why == "not possible, because it does not go with Small (fits_pocket)"
        pocketless = decide({"case": "pouch"}, "public", decisions=(SIZE, CASE))["size"].rejected
        assert pocketless[0].why == "not possible, because Pouch (case) needs Small (size)"

    def test_admit_what_speaks_for_a_rejected_option(self) -> None:
        size = decide({"size": "big"}, "solo")["size"]
        assert size.rejected[0].why == "not small, although solo it is"

    def test_tell_what_alone_would_reopen_the_decision(self) -> None:
        assert decide({})["size"].reopened_by == (
            "if anybody may use the product",
            "if eight people or more work on the product",
        )
        assert decide({}, "solo", "big_team")["size"].reopened_by == ("if anybody may use the product",)
        assert decide({}, "solo")["size"].reopened_by == ()

    def test_are_replaced_by_own_words(self) -> None:
        words = {"why": "It is\nours.", "rejected": {"big": "no room"}, "revisit": "in May", "confirmed_by": "a ruler"}
        size = decide({"size": "small", "decision_overrides": {"size": words}}, "public")["size"]
        assert size.because == "It is ours."
        assert size.rejected[0].why == "no room"
        assert size.reopened_by == ("in May",)
        assert size.confirmed_by == "a ruler"

    def test_are_not_replaced_by_words_against_the_chosen_option(self) -> None:
        words = {"why": "It is ours.", "rejected": {"big": "no room"}}
        assert decide({"size": "big", "decision_overrides": {"size": words}})["size"].because == "why big"

    def test_tell_whether_it_was_close(self) -> None:
        assert decide({}, "solo", "big_team")["size"].close
        assert not decide({}, "solo")["size"].close
        assert not decide({})["shape"].close

    def test_are_worth_a_record_for_as_long_as_there_is_something_to_decide(self) -> None:
        """What has a record keeps it when another choice leaves one option only."""
        case = decide({"size": "small"}, decisions=(SIZE, CASE))["case"]
        assert not case.noteworthy
        assert replace(case, has_record=True).noteworthy
        assert not replace(case, has_record=True, how=How.IDLE).noteworthy


class TestRealDecisions:
    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            ({}, "sqlite"),
            ({"distribution": "personal", "deploy_target": "local"}, "sqlite"),
            ({"distribution": "internal", "deploy_target": "vm"}, "sqlite"),
            ({"distribution": "public", "deploy_target": "kubernetes"}, "postgres"),
            ({"deploy_target": "serverless"}, "postgres"),
            (
                {
                    "distribution": "public",
                    "deploy_target": "vm",
                    "services": THREE["services"],
                    "data_entities": ["stock.Thing(label: str)", "sales.Sale(note: str)"],
                },
                "postgres",
            ),
        ],
    )
    def test_storage(self, answers: dict[str, object], expected: str) -> None:
        assert outcome(answers, "storage_kind") == expected

    def test_sqlite_cannot_be_where_no_disk_is_shared(self) -> None:
        with pytest.raises(Refused, match="set storage_kind to postgres"):
            outcome({"deploy_target": "serverless", "storage_kind": "sqlite"}, "storage_kind")

    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            ({}, "modular_monolith"),
            ({"team": {"size": 1}, **THREE}, "modular_monolith"),
            ({"distribution": "personal", **THREE}, "modular_monolith"),
            ({"team": {"size": 3}, **THREE}, "services"),
            ({"team": {"size": 3}}, "modular_monolith"),
        ],
    )
    def test_architecture(self, answers: dict[str, object], expected: str) -> None:
        assert outcome(answers, "architecture_style") == expected


class TestNothingToDecide:
    """A decision that is about what the product does not have."""

    MUSIC = decision("music", option("silent"), option("loud", provides=("sound",), drivers=(("public", 1),)))
    VOLUME = Decision(
        "volume",
        "A1z",
        3,
        "How loud?",
        (option("low", provides=("whisper",)), option("high", needs=("sound",))),
        applies_when=("sound",),
        not_applicable="It is silent.",
    )
    ALL = (MUSIC, VOLUME, decision("ear", option("bare"), option("plug", conflicts=("whisper",))))

    def test_takes_nothing_and_says_why(self) -> None:
        found = decide({}, decisions=self.ALL)["volume"]
        assert (found.option.name, found.how, found.because) == ("nothing", "idle", "It is silent.")
        assert (found.rejected, found.close, found.noteworthy) == ((), False, False)

    def test_is_decided_once_there_is_something(self) -> None:
        assert decide({}, "public", decisions=self.ALL)["volume"].option.name == "low"
        assert decide({"music": "loud", "volume": "high"}, decisions=self.ALL)["volume"].option.name == "high"

    def test_provides_nothing_that_others_could_clash_with(self) -> None:
        assert decide({"ear": "plug"}, decisions=self.ALL)["ear"].option.name == "plug"
        with pytest.raises(Refused, match="whisper"):
            decide({"ear": "plug", "music": "loud", "volume": "low"}, decisions=self.ALL)

    def test_a_choice_brings_what_it_is_about(self) -> None:
        assert decide({"volume": "low"}, decisions=self.ALL)["music"].option.name == "loud"

    def test_a_choice_that_would_do_nothing_is_refused(self) -> None:
        with pytest.raises(Refused, match=r"volume: Low is not possible: .*It is silent. Fix: set volume to auto"):
            decide({"music": "silent", "volume": "low"}, decisions=self.ALL)

    def test_a_record_of_before_does_not_matter_and_does_not_come_back_by_itself(self) -> None:
        assert decide({}, decisions=self.ALL, recorded={"volume": "high"})["volume"].how == "idle"
