"""From which answers something was made: noted while it is read, no matter what read it first."""

from __future__ import annotations

from dataclasses import dataclass

from groundplan import catalogue
from groundplan.generation import build
from groundplan.provenance import QuestionNames, cached_property, generated_file, track, tracked, tracking
from projects import REPOSITORY

REAL = catalogue.load(REPOSITORY / "decisions")

SHOP: dict[str, object] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "architecture_style": "services",
    "services": ["stock: keeps things", "sales: sells them"],
}

TOLD: dict[str, object] = {
    "services": [
        {"name": "sales", "responsibility": "sells things", "publishes": ["sale.made on create Sale"]},
        {"name": "post", "responsibility": "writes", "subscribes": ["on sale.made: create Letter(sale: id)"]},
    ],
    "data_entities": ["sales.Sale(what: str)", "post.Letter(sale: uuid)"],
}


@tracked(lambda it, part: (f"list of {it.name}",) if part == "text" else ())
@dataclass(frozen=True)
class Thing:
    name: str
    text: str = "noted"

    @cached_property
    def loud(self) -> str:
        track("loudness")
        return self.text.upper()

    @property
    def shown(self) -> str:
        return f"{self.name} {self.loud}"


def test_reading_records_the_answers_that_it_uses() -> None:
    with tracking() as answers:
        assert Thing("cats").text == "noted"
    assert answers == {"list of cats"}


def test_a_cached_value_notes_its_answers_for_everybody() -> None:
    thing = Thing("cats")
    for _ in range(2):
        with tracking() as answers:
            assert thing.shown == "cats NOTED"
        assert answers == {"list of cats", "loudness"}


def test_nothing_is_noted_outside() -> None:
    with tracking() as outside, tracking() as inside:
        track("concept")
    assert (inside, outside) == ({"concept"}, set())


def test_a_port_notes_what_it_was_made_from() -> None:
    made = build(SHOP | {"services": [{"name": "stock", "port": 8410}, "sales: sells"]}, REAL).project
    read = {}
    for it in made.processes:
        with tracking() as answers:
            assert it.port
        read[it.name] = answers
    assert read == {"stock": {"services"}, "sales": {"services", "port_base"}}
    with tracking() as answers:
        assert [it.name for it in made.processes]
    assert "port_base" not in answers


def test_one_process_for_all_has_its_port_from_the_answer_alone() -> None:
    (process,) = build(SHOP | {"architecture_style": "modular_monolith", "port_base": 9000}, REAL).project.processes
    with tracking() as answers:
        assert process.port == 9000
    assert answers == {"port_base"}


def test_how_events_are_delivered_notes_the_decision_alone_that_says_it() -> None:
    view = build(SHOP | {"delivery": "rabbitmq"} | TOLD, REAL).planning.view
    with tracking() as answers:
        assert view.event_transport.broker == "RabbitMQ"
    assert answers == {"delivery"}


def test_lines_speak_of_what_was_read_for_them() -> None:
    chunks = [
        ("# ", ()),
        ("Shop", ("project_name",)),
        ("\n\nThe same everywhere.\n\n", ()),
        ("| a |\n| b |", ("services",)),
        ("\n| c |\n", ()),
        ("\nEnd\n", ()),
    ]
    file = generated_file("README.md", ("services",), chunks)
    assert file.text == "# Shop\n\nThe same everywhere.\n\n| a |\n| b |\n| c |\n\nEnd\n"
    assert file.lines == (
        (1, QuestionNames(["project_name"])),
        (3, QuestionNames()),
        (5, QuestionNames(["services"])),
        (9, QuestionNames()),
    )
    assert file.because_of == {"services"}


def test_a_line_of_two_pieces_speaks_of_both() -> None:
    file = generated_file("a", (), [("one", ("first",)), (" two\n", ("second",)), ("three", ())])
    assert file.lines == ((1, QuestionNames(["first", "second"])),)


def test_an_empty_file_has_no_lines() -> None:
    assert generated_file("a", (), []).lines == ()
