"""From which answers something was made: noted while it is read, whoever read it first."""

from __future__ import annotations

from dataclasses import dataclass

from groundplan.provenance import Names, cached_property, made, note, noting, told


@told(lambda it, part: (f"list of {it.name}",) if part == "text" else ())
@dataclass(frozen=True)
class Thing:
    name: str
    text: str = "said"

    @cached_property
    def loud(self) -> str:
        note("loudness")
        return self.text.upper()

    @property
    def shown(self) -> str:
        return f"{self.name} {self.loud}"


def test_reading_notes_what_it_is_told_by() -> None:
    with noting() as answers:
        assert Thing("cats").text == "said"
    assert answers == {"list of cats"}


def test_a_cached_value_notes_its_answers_for_everybody() -> None:
    thing = Thing("cats")
    for _ in range(2):
        with noting() as answers:
            assert thing.shown == "cats SAID"
        assert answers == {"list of cats", "loudness"}


def test_nothing_is_noted_outside() -> None:
    with noting() as outside, noting() as inside:
        note("concept")
    assert (inside, outside) == ({"concept"}, set())


def test_lines_speak_of_what_was_read_for_them() -> None:
    chunks = [
        ("# ", ()),
        ("Shop", ("project_name",)),
        ("\n\nThe same everywhere.\n\n", ()),
        ("| a |\n| b |", ("services",)),
        ("\n| c |\n", ()),
        ("\nEnd\n", ()),
    ]
    file = made("README.md", ("services",), chunks)
    assert file.text == "# Shop\n\nThe same everywhere.\n\n| a |\n| b |\n| c |\n\nEnd\n"
    assert file.lines == ((1, Names(["project_name"])), (3, Names()), (5, Names(["services"])), (9, Names()))
    assert file.there == {"services"}


def test_a_line_of_two_pieces_speaks_of_both() -> None:
    file = made("a", (), [("one", ("first",)), (" two\n", ("second",)), ("three", ())])
    assert file.lines == ((1, Names(["first", "second"])),)


def test_an_empty_file_has_no_lines() -> None:
    assert made("a", (), []).lines == ()
