"""Generated lines are broken where the formatter breaks them; `test_generated_code.py` asks the formatter itself."""

from __future__ import annotations

from groundplan.formatting import assignment, display_width, if_different, import_from, module_of, optional_field, wrap

LONG = "a" * 40


def test_a_line_that_fits_stays_whole() -> None:
    assert wrap("f(" + "a" * 97 + ")") == "f(" + "a" * 97 + ")"


def test_what_follows_and_precedes_a_line_counts() -> None:
    code = "f(" + "a" * 97 + ")"
    opened = "f(\n    " + "a" * 97 + "\n)"
    assert wrap(code, after=1) == opened.replace("\n)", ",\n)")
    assert wrap(code, indent=4).splitlines()[0] == "f("


def test_arguments_stay_together_as_long_as_they_can() -> None:
    assert wrap(f"function({LONG}, {LONG}, bbbbbbbbb)") == f"function(\n    {LONG}, {LONG}, bbbbbbbbb\n)"
    assert wrap(f"f({LONG}, {LONG}, {LONG})") == f"f(\n    {LONG},\n    {LONG},\n    {LONG},\n)"


def test_items_of_a_tuple_never_stay_together() -> None:
    assert wrap(f"xxxxxx = ({LONG}, {LONG}, bbbbbbb)").count("\n") == 4


def test_a_lone_index_gets_no_comma() -> None:
    inner = ", ".join([LONG] * 3)
    broken = wrap(f"Many[Literal[{inner}]]")
    assert broken.splitlines() == ["Many[", "    Literal[", *[f"        {LONG},"] * 3, "    ]", "]"]


def test_brackets_and_commas_in_a_text_are_text() -> None:
    assert wrap(f'f(\'a, ({LONG}\', {LONG}, "[\\"{LONG}")').splitlines()[1:3] == [
        f"    'a, ({LONG}',",
        f"    {LONG},",
    ]


def test_a_comprehension_is_broken_at_its_loops() -> None:
    code = f"[a for a in x.{LONG}.{LONG} for b in a.{LONG} or []]"
    assert wrap(code, 20).splitlines() == [
        "[",
        f"{' ' * 24}a",
        f"{' ' * 24}for a in x.{LONG}.{LONG}",
        f"{' ' * 24}for b in a.{LONG} or []",
        f"{' ' * 20}]",
    ]


def test_a_value_is_put_in_brackets_only_where_that_helps() -> None:
    assert assignment("x: str", repr("a" * 20)) == f"x: str = {'a' * 20!r}"
    assert assignment(f"{LONG}: str", repr("a" * 80)) == f"{LONG}: str = (\n        {'a' * 80!r}\n    )"
    assert assignment(f"{LONG}: str", repr("a" * 200)) == f"{LONG}: str = {'a' * 200!r}"


def test_a_value_stands_in_brackets_beside_an_annotation_that_has_some() -> None:
    """Where it fits neither way, too; the annotation is broken only where its own line is too long."""
    for text in ("a" * 85, "a" * 99):
        assert assignment("x: Sensitive[Text]", repr(text)) == f"x: Sensitive[Text] = (\n        {text!r}\n    )"
    head = f"x: Sensitive[{'a' * 77}]"
    assert assignment(head, "parse('a')") == f"{head} = (\n        parse('a')\n    )"
    assert assignment(f"{LONG}: Sensitive[{LONG}{LONG}]", "'a'").splitlines()[1] == f"        {LONG}{LONG}"


def test_imports_are_sorted_as_linters_sort_them() -> None:
    """By kind, then without regard to case, with numbers by their value."""
    names = ["VisitorService", "VisitService", "Visit10", "Visit9", "Visit_2", "X", "XS", "ab", "aC", "X01", "X1"]
    ordered = "X01, X1, XS, Visit9, Visit10, Visit_2, VisitorService, VisitService, X, ab, aC"
    assert import_from("m", *names) == f"from m import {ordered}"
    modules = ["from a.visit_10 import x", "from a.visit_9 import x", "from a.visitor import x", "from a import x"]
    assert [it.split()[1] for it in sorted(modules, key=module_of)] == ["a", "a.visit_9", "a.visit_10", "a.visitor"]


def test_a_long_union_stands_in_brackets() -> None:
    choices = ", ".join([LONG] * 3)
    assert optional_field("x: str | None") == "x: str | None = None"
    assert optional_field(f"x: Literal[{choices}] | None").splitlines() == [
        "x: (",
        "        Literal[",
        *[f"            {LONG},"] * 3,
        "        ]",
        "        | None",
        "    ) = None",
    ]


def test_a_long_comparison_stands_in_brackets() -> None:
    assert if_different("a", "b") == "if a != b:"
    assert if_different("a" * 60, "b" * 60) == f"if (\n        {'a' * 60}\n        != {'b' * 60}\n    ):"


def test_wide_letters_take_two_columns() -> None:
    assert (display_width("ab"), display_width("日本"), display_width("e\u0301")) == (2, 4, 1)
