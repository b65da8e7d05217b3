"""Filters that carry any text into Python, JSON, TOML, YAML and Markdown without changing what it says."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

from .formatting import wrap

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""Characters that some file format cannot hold, or that end a line in one and not in another."""

VOWEL = re.compile(
    r"(?i:[aio](?!ne\b|nce\b)|e(?!u)|u(?!ni(?![nm])|s[aeu]|til|rol)|hour|honest|honou?r|heir)"
    r"|[FHLMNRSX][B-DF-HJ-NP-TV-Z]+\b"
)
"""How words begin that are spoken with a vowel first, shortenings such as `HR` among them."""


def py(value: object) -> str:
    """A Python literal as `ruff format` writes it: double quotes unless single ones need fewer escapes."""
    if not isinstance(value, str):
        return repr(value).replace("e+", "e") if isinstance(value, float) else repr(value)
    body = repr('"' + value)[2:-1].replace("\\'", "'")  # the leading " makes repr choose single quotes
    quote = "'" if value.count('"') > value.count("'") else '"'
    return quote + body.replace(quote, "\\" + quote) + quote


def short_hash(text: str) -> str:
    """The first six digits of a text's hash."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def js(value: object) -> str:
    """JSON, which is a valid TOML basic string and a valid YAML double-quoted scalar, too."""
    return UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def line(value: object) -> str:
    """One line of plain text, for a comment or a message."""
    return UNPRINTABLE.sub("\ufffd", " ".join(str(value).split()))


def doc(value: object) -> str:
    """One line inside a triple-quoted docstring."""
    body = line(value).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    ends_early = re.search(r'(?<!\\)(\\\\)*"$', body)  # four quotes in a row would end it
    return f"{body} " if ends_early else body


def md(value: object) -> str:
    """One line of Markdown that renders as exactly this text, in a paragraph, heading, list item or table cell."""
    text = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", line(value))
    text = re.sub(r"\\([,;:'\"/?@%$^.(){}!])", r"\1", text)
    text = re.sub(r"(?<!^)\\([-+=>])", r"\1", text)  # a list, heading or quotation begins the text
    text = re.sub(r"^(\d+)([.)])", r"\1\\\2", text)  # else it would begin a list
    return re.sub(r"(?<=[^\W_])\\([_.)])(?=[^\W_])", r"\1", text)


def slug(value: object) -> str:
    """An identifier made from a name: `Café & Books` as `cafe_books`; `project` when no letter is left."""
    plain = unicodedata.normalize("NFKD", str(value)).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_").lstrip("0123456789_")
    return words[:40].rstrip("_") or "project"


def quoted(value: object) -> str:
    """A value as a message shows it: on one line, in quotes, shortened."""
    shown = line(value)
    return f"'{shown}'" if len(shown) <= 60 else f"'{shown[:57]}...'"


def one_of(names: object) -> str:
    """Names as the end of a sentence: `a, b or c`."""
    listed = [str(name) for name in names] if isinstance(names, (list, tuple)) else [str(names)]
    return " or ".join(filter(None, [", ".join(listed[:-1]), listed[-1]])) if listed else ""


def all_of(names: Sequence[str]) -> str:
    """Names as the end of a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def article(words: str) -> str:
    """The words with `a` or `an` before them."""
    return f"{'an' if VOWEL.match(unicodedata.normalize('NFKD', words)) else 'a'} {words}"


def possessive(name: str) -> str:
    """`catalog's`, `orders'`."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def json_lines(value: Mapping[str, object]) -> str:
    """JSON with a key a line, and a thing a line in lists of things, so that a change reads well in a diff."""
    parts = (f"  {_json(key)}: {_things(it)}" for key, it in value.items())
    return "{\n" + ",\n".join(parts) + "\n}"


def _things(value: object) -> str:
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(f"    {_json(item)}" for item in value) + "\n  ]"
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def commented(rows: Iterable[tuple[str, str]]) -> str:
    """Commands of a shell, each with a comment; the comments begin below each other."""
    listed = list(rows)
    width = max(len(command) for command, _ in listed)
    return "\n".join(f"{command.ljust(width)}   # {comment}" for command, comment in listed)


FILTERS: dict[str, Callable[..., str]] = {
    "py": py,
    "js": js,
    "line": line,
    "doc": doc,
    "md": md,
    "one_of": one_of,
    "wrap": wrap,
    "commented": commented,
}
"""What templates and questions may use."""
