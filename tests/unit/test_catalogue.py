"""Reading decisions from files: what their authors may write, and the message when it is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from groundplan import catalogue
from groundplan.catalogue import Catalogue, CatalogueError, ReadAccess, Requirement
from groundplan.domain import PRODUCT_TRAITS
from groundplan.drivers import RULES
from groundplan.questionnaire import BY_NAME, QUESTIONS

DECISIONS = Path(__file__).parents[2] / "decisions"

COLOUR = """
guide: A1z
phase: 3
question: Which colour?
options:
  red:
    label: Red
    because: It is warm.
    cost: It fades.
    rejected: it is loud
    drivers: {public: 2}
    footprint:
      dependencies: {red==1.0: the pigment}
      environment: {RED: {default: "#f00", description: The shade}}
  blue: {label: Blue, because: It is calm., cost: It is cold., rejected: it is cold}
  green: {label: Green, status: planned, because: It is fresh., cost: It grows., rejected: it grows}
"""

PARTS = ("run", "run_with", "tool", "install", "sync", "sync_production", "add", "lock", "lock_check", "lock_file")
MANAGER = f"      manager: {{{', '.join(f'{part}: it' for part in (*PARTS, 'pyproject'))}}}\n"


@pytest.fixture(scope="module")
def real() -> Catalogue:
    return catalogue.load(DECISIONS)


def load(folder: Path, text: str = COLOUR) -> Catalogue:
    """Load a catalogue with one decision, `colour`, and one trait, `dark`."""
    (folder / "traits.yml").write_text("dark: It swallows light.\n")
    file = folder / "colour" / "decision.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return catalogue.load(folder)


class TestDecision:
    def test_offers_what_is_not_planned(self, tmp_path: Path) -> None:
        colour = load(tmp_path)["colour"]
        assert [option.name for option in colour.offered] == ["red", "blue"]
        assert not colour.settled
        assert colour.answers == ("red", "blue", "auto", "tbd")

    def test_belongs_to_a_group_of_the_guide(self, tmp_path: Path) -> None:
        assert load(tmp_path)["colour"].group == "service"

    def test_is_settled_with_one_offered_option(self, tmp_path: Path) -> None:
        text = COLOUR.replace("{label: Blue,", "{label: Blue, status: planned,")
        assert load(tmp_path, text)["colour"].settled

    def test_has_a_footprint(self, tmp_path: Path) -> None:
        red = load(tmp_path)["colour"].options[0]
        assert red.footprint.dependencies == (Requirement("red==1.0", "the pigment", "colour"),)
        assert [(it.name, it.default) for it in red.footprint.environment] == [("RED", "#f00")]

    def test_has_monitoring_hints(self, tmp_path: Path) -> None:
        hint = "because: It is warm.\n    monitoring: [{what: the sun, where: in the west, if_unhealthy: it is dark}]"
        (it,) = load(tmp_path, COLOUR.replace("because: It is warm.", hint))["colour"].options[0].monitoring
        assert (it.what, it.where, it.if_unhealthy) == ("the sun", "in the west", "it is dark")

    def test_states_how_a_migration_reads_a_database(self, tmp_path: Path) -> None:
        access = 'read_access: {begin_statement: BEGIN, url_query: {mode: ro, uri: "true"}}'
        red = load(tmp_path, COLOUR.replace("description: The shade", f"description: The shade, {access}"))
        (shade,) = red["colour"].options[0].footprint.environment
        assert shade.read_access == ReadAccess("BEGIN", "{database}", (("mode", "ro"), ("uri", "true")))

    def test_brings_the_files_of_its_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "decisions"
        code = folder / "colour" / "red" / "services" / "common"
        (code / "__pycache__").mkdir(parents=True)
        (code / "__pycache__" / "shade.pyc").write_bytes(b"\x00")
        (code / "shade.py").write_text("SHADE = 1\n")
        (code / "tint.py.jinja").write_text("{{ project.product.name }}\n")
        modules = load(folder)["colour"].options[0].modules
        assert [(it.target, it.source, it.rendered) for it in modules] == [
            ("services/common/shade.py", "decisions/colour/red/services/common/shade.py", False),
            ("services/common/tint.py", "decisions/colour/red/services/common/tint.py.jinja", True),
        ]

    def test_brings_some_files_only_where_a_trait_is_provided(self, tmp_path: Path) -> None:
        folder = tmp_path / "decisions"
        for name in ("red", "at_night"):
            (folder / "colour" / name).mkdir(parents=True)
            (folder / "colour" / name / f"of_{name}.py").write_text("SHADE = 1\n")
        text = COLOUR.replace("because: It is warm.", "because: It is warm.\n    modules_when: {dark: at_night}")
        red = load(folder, text)["colour"].options[0]
        assert [(it.target, it.needs) for it in red.modules] == [("of_red.py", ""), ("of_at_night.py", "dark")]


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("because: It is warm.", "becuase: It is warm.", "options.red: unknown key 'becuase'"),
        ("    cost: It fades.\n", "", "options.red: missing 1 required positional argument: 'cost'"),
        ("status: planned", "status: someday", "options.green.status: is 'someday'"),
        ("{public: 2}", "{public: much}", "options.red.drivers: 'much' is not a whole number"),
        ("{public: 2}", "[public]", "options.red.drivers: must be a mapping"),
        (
            "phase: 3",
            "phase: 3\nrequired_modules: [services/common/shade.py]",
            "red does not bring services/common/shade.py",
        ),
        ("phase: 3", "phase: 3\nmultiple: true", "decision.yml: unknown key 'multiple'"),
        ("The shade}", "The shade, read_access: {}}", "RED.read_access: missing 1 required positional"),
        (
            "The shade}",
            "The shade, read_access: {begin_statement: B, url_query: q}}",
            "RED.read_access.url_query: must be a mapping",
        ),
        ("It is warm.", "It is warm.\n    monitoring: it", "options.red.monitoring: must be a list"),
        ("It is warm.", "It is warm.\n    monitoring: [it]", "options.red.monitoring: must be a mapping"),
        ("It is warm.", "It is warm.\n    monitoring: [{where: here}]", "options.red.monitoring: missing 2 required"),
        (
            "It is warm.",
            "It is warm.\n    modules_when: {dark: night}",
            "options.red.modules_when: there is no folder night",
        ),
        ("It is warm.", "It is warm.\n    modules_when: [night]", "options.red.modules_when: must be a mapping"),
        (
            "It is warm.",
            "It is warm.\n    provides: [drak]",
            "red: provides: decisions/traits.yml does not describe 'drak'",
        ),
        ("It is warm.", "It is warm.\n    needs: [drak]", "red: needs: decisions/traits.yml does not describe 'drak'"),
        (
            "It is warm.",
            "It is warm.\n    monitoring: [{what: w, where: it, if_unhealthy: i, needs: drak}]",
            "red: modules or monitoring: decisions/traits.yml does not describe 'drak'",
        ),
        ("  red:", "  auto:", "options.auto: the name is taken"),
        ("question: Which colour?", "question: [", "is not YAML"),
        ("#f00", "red://{server:easel}", "RED is at a server that no option has: easel"),
        (
            "      dependencies",
            "      servers: {easel: {image: e}}\n      dependencies",
            "servers.easel: missing 1 required",
        ),
        (
            "      dependencies",
            "      manager: {run: go}\n      dependencies",
            "footprint.manager: missing 10 required",
        ),
        ("      dependencies", f"{MANAGER}      dependencies", "has options with a manager and without one"),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, written: str, instead: str, message: str) -> None:
    assert written in COLOUR
    with pytest.raises(CatalogueError) as error:
        load(tmp_path, COLOUR.replace(written, instead))
    assert str(error.value).startswith("decisions/colour/decision.yml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_trait_is_described_in_a_sentence(tmp_path: Path) -> None:
    assert load(tmp_path).traits == (("dark", "It swallows light."),)
    assert catalogue.load(tmp_path / "nowhere").traits == ()


def test_a_decision_without_offered_options_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="offers no option"):
        load(tmp_path, "guide: A1z\nphase: 3\nquestion: Why?\noptions: {}\n")


class TestRealDecisions:
    """What every decision of this repository keeps to."""

    def test_stand_in_the_order_of_the_guide(self, real: Catalogue) -> None:
        guide = [(decision.phase, decision.guide) for decision in real.decisions]
        assert guide == sorted(guide)

    def test_are_each_asked_under_the_guide_s_number(self, real: Catalogue) -> None:
        assert {it.id for it in real.decisions} == {it.name for it in QUESTIONS if "decisions." in it.help}
        assert all(decision.guide in BY_NAME[decision.id].guide for decision in real.decisions)

    def test_offer_a_way_of_working_only_with_what_is_to_be_done(self, real: Catalogue) -> None:
        for id in ("alerting", "encryption", "secrets"):
            assert all(option.practice for option in real[id].offered)

    def test_weigh_drivers_that_exist(self, real: Catalogue) -> None:
        weighed = {name for it in real.decisions for option in it.options for name, _ in option.drivers}
        assert weighed <= set(RULES)

    def test_name_conflicts_and_needs_that_exist(self, real: Catalogue) -> None:
        options = [option for it in real.decisions for option in it.options]
        traits = {trait for option in options for trait in option.provides}
        assert not traits & set(RULES), "a conflict must say whether it means a trait or a driver"
        assert {trait for option in options for trait in option.needs} <= traits
        assert {module.needs for option in options for module in option.modules} <= traits | set(PRODUCT_TRAITS) | {""}
        assert {name for option in options for name in option.conflicts} <= traits | set(RULES)

    def test_provide_every_trait_that_is_described(self, real: Catalogue) -> None:
        provided = {trait for it in real.decisions for option in it.options for trait in option.provides}
        assert list(dict(real.traits)) == sorted(provided)
        assert all(meaning.endswith(".") for _, meaning in real.traits)
        assert provided.isdisjoint(PRODUCT_TRAITS)

    def test_describe_no_trait_that_nobody_asks_for(self, real: Catalogue) -> None:
        """Neither an option, nor a module of one, nor a template or the generator by `has`."""
        options = [option for it in real.decisions for option in it.options]
        asked = real.subjects.union(*({*it.needs, *it.conflicts} for it in options))
        asked |= {it.needs for option in options for it in option.modules}
        asked |= {it.needs for option in options for it in option.monitoring}
        folders = (DECISIONS, DECISIONS.parent / "template", DECISIONS.parent / "extensions" / "groundplan")
        files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".jinja", "")]
        texts = [f"{path} {path.read_text('utf-8') if path.is_file() else ''}" for path in files]
        unasked = {it for it, _ in real.traits} - asked
        assert [it for it in unasked if not any(re.search(f"[\"']{it}[\"']", text) for text in texts)] == []

    def test_reject_something_each(self, real: Catalogue) -> None:
        assert all(len(decision.options) > 1 for decision in real.decisions)

    def test_reject_an_option_for_what_it_is(self, real: Catalogue) -> None:
        """What would be so with it, whatever was taken; of what was answered, the resolver tells."""
        of_answers = re.compile(
            r"\bno (answer|declared|constraint|measurement|platform|person|service has)\b|\bnobody asked"
        )
        of_a_rival = re.compile(
            r"\b(is|are) to\b|\bis prescribed\b|\banother server\b|\bdoes not fit\b|\bmust be known\b"
        )
        for option in (option for it in real.decisions for option in it.options):
            assert not of_answers.search(option.rejected), option.rejected
            assert not of_a_rival.search(option.rejected), option.rejected

    def test_say_how_an_offered_option_is_confirmed(self, real: Catalogue) -> None:
        assert all(option.confirmed_by for it in real.decisions for option in it.offered)

    def test_keep_rows_where_another_project_can_read_them(self, real: Catalogue) -> None:
        """By a driver that the URL names, from a package that the option brings."""
        for option in real["storage_kind"].offered_with("tables"):
            (url,) = [it.default for it in option.footprint.environment if it.read_access]
            driver = url.partition(":")[0].partition("+")[2]
            assert driver in [needed.package for needed in option.footprint.dependencies]
            assert "{service}" in url or "{database}" in url

    def test_fill_in_where_the_records_of_a_service_are(self, real: Catalogue) -> None:
        """Each in its own way, and all that a server leaves open; they bring what keeps to it."""
        urls = [
            variable.default
            for option in real["storage_kind"].offered_with("database_server")
            for variable in option.footprint.environment
            if variable.read_access
        ]
        open_ = {name for url in urls for name in re.findall(r"{(\w+)}", url)}
        filled = [option.footprint.substitutions for option in real["data_ownership"].offered]
        assert all({name for name, _ in it} == open_ for it in filled)
        makers: dict[str, set[object]] = {}
        for option in real["data_ownership"].offered:
            brought = {it.target: it.source for it in option.modules if it.needs == "database_server"}
            assert brought.keys() >= {"services/common/db/ownership.py", "tests/fixtures/ownership.py"}
            makers.setdefault(brought["services/common/db/ownership.py"], set()).add(option.footprint.substitutions)
        assert all(len(fills) == 1 for fills in makers.values()), "what one module makes is of one form"

    def test_say_how_events_travel(self, real: Catalogue) -> None:
        """By an address of the subscriber, or by names at a broker; and what to keep an eye on."""
        for option in real["delivery"].offered:
            way = option.footprint.event_transport
            assert way is not None
            assert way.monitoring
            assert bool(way.broker) == ("broker" in option.provides) == (not way.endpoint)
            names = {"slug": "shop", "service": "post", "event": "order.placed"}
            at_broker = [it.format(**names) for it in (way.published_to, way.consumed_from, way.dead_letters_in)]
            assert all("shop" in it for it in at_broker) or not way.broker

    def test_pin_each_package_once(self, real: Catalogue) -> None:
        pins = {
            needed.package: needed.spec
            for it in real.decisions
            for option in it.options
            for needed in option.footprint.dependencies
        }
        specs = {
            needed.spec for it in real.decisions for option in it.options for needed in option.footprint.dependencies
        }
        assert specs == set(pins.values())
        assert all("==" in spec for spec in specs)
