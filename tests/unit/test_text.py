"""Any text arrives whole in every kind of file that a project holds."""

from __future__ import annotations

import ast
import html
import io
import json
import re
import tokenize
import tomllib

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from groundplan import text
from groundplan.planning.markdown import advice

HOSTILE = (
    'He said "no"',
    "it's",
    '"""',
    "'''",
    'ends with "',
    "ends with \\",
    "{{ 7 * 7 }} {% raw %}",
    "# no comment",
    "a: b - c | d > e & f",
    "| cell | cell |",
    "**bold** _it_ `code` [link](http://x) <b>html</b> &amp;",
    "1. first",
    "- item",
    "line\nline\r\nline\ttab",
    "C:\\new\\table",
    "${HOME} $(id) %s {0}",
    "🦊 emoji",
    "مرحبا \u202ertl\u202c",
    "--- \n...",
    "true",
    "0x10",
    " padded ",
    "\x00\x07\u2028\ufeff",
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text("\"'\\\n#{}%|*_`<>&[]()!~-+.:1 aé"))
markdown = MarkdownIt("commonmark").enable("table")


def shown(source: str) -> str:
    """What a reader of rendered Markdown sees."""
    return html.unescape(re.sub(r"<[^>]*>", "", markdown.render(source))).strip()


@given(texts)
def test_a_python_literal_evaluates_to_the_text(value: str) -> None:
    assert ast.literal_eval(text.py(value)) == value


@pytest.mark.parametrize("value", [3, 2.5, 1e300, 1e-7, True, None])
def test_a_python_literal_of_a_plain_value_evaluates_to_it(value: object) -> None:
    assert ast.literal_eval(text.py(value)) == value


def test_a_python_literal_has_the_exponent_that_the_formatter_would_write() -> None:
    assert [text.py(value) for value in (1e300, 1e-7, 2.0)] == ["1e300", "1e-07", "2.0"]


def test_a_python_literal_has_the_quotes_that_the_formatter_would_choose() -> None:
    assert [text.py(value) for value in ("a", "it's", 'a "b"', "'\"")] == ['"a"', '"it\'s"', "'a \"b\"'", '"\'\\""']


@given(texts)
def test_one_notation_is_json_toml_and_yaml(value: str) -> None:
    written = text.js(value)
    assert json.loads(written) == value
    assert tomllib.loads(f"key = {written}")["key"] == value
    assert yaml.safe_load(f"key: {written}")["key"] == value


@given(texts)
def test_a_comment_stays_one_comment(value: str) -> None:
    tokens = list(tokenize.generate_tokens(io.StringIO(f"# {text.line(value)}\n").readline))
    assert [token.type for token in tokens] == [tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER]


@given(texts)
def test_a_docstring_says_the_text_on_one_line(value: str) -> None:
    module = ast.parse(f'"""{text.doc(value) or "."}"""')
    assert (ast.get_docstring(module) or "").strip() == text.line(value).strip() or text.line(value) == ""


@given(texts)
@pytest.mark.parametrize("place", ["{}", "# {}", "- {}", "> {}"])
def test_markdown_shows_the_text_and_nothing_else(place: str, value: str) -> None:
    assert shown(place.format(text.md(value))) == text.line(value)


def test_markdown_marks_only_what_would_mean_something() -> None:
    plain = "uv lock --check, order=str(id), a -> b, {x}, 1 + 1!"
    assert text.md(plain) == plain
    assert [text.md(value) for value in ("- a", "= a", "> a", "1. a")] == [r"\- a", r"\= a", r"\> a", r"1\. a"]


@given(texts)
@example("a|b")
def test_a_table_cell_shows_the_text_and_nothing_else(value: str) -> None:
    assert shown(f"| head |\n| --- |\n| {text.md(value)} |\n").removeprefix("head").strip() == text.line(value)


def test_advice_shows_what_stands_in_backticks_as_code() -> None:
    assert advice("say `not needed: <reason>`, or *x*") == r"say `not needed: <reason>`, or \*x\*"


@given(texts, texts)
@example("a|b", "`")
def test_advice_in_a_table_cell_says_all_of_the_text(before: str, within: str) -> None:
    value = f"{before} `{within}`"
    visible = shown(f"| head |\n| --- |\n| {advice(value)} |\n").removeprefix("head")
    assert re.sub(r"[`\s]", "", visible) == re.sub(r"[`\s]", "", text.line(value))


@given(texts)
def test_a_line_is_one_line_that_every_format_can_hold(value: str) -> None:
    line = text.line(value)
    assert len(line.splitlines()) <= 1
    assert not text.UNPRINTABLE.search(line)


@given(texts)
def test_a_slug_is_an_identifier(value: str) -> None:
    slug = text.slug(value)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", slug)
    assert slug == text.slug(slug)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Café & Books", "cafe_books"), ("Bookshop 2", "bookshop_2"), ("2nd hand", "nd_hand"), ("متجر", "project")],
)
def test_a_slug_keeps_what_it_can_of_a_name(name: str, slug: str) -> None:
    assert text.slug(name) == slug


def test_a_quotation_is_short() -> None:
    assert text.quoted("a\nb") == "'a b'"
    assert len(text.quoted("x" * 1000)) == 62


@pytest.mark.parametrize(
    ("names", "sentence"), [((), ""), (("a",), "a"), (("a", "b"), "a or b"), (("a", "b", "c"), "a, b or c")]
)
def test_names_end_a_sentence(names: tuple[str, ...], sentence: str) -> None:
    assert text.one_of(names) == sentence
