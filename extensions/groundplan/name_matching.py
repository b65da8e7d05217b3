"""Whether the words of two answers mean the same thing, and the part of an id that is made from a name."""

from __future__ import annotations

import re
from collections.abc import Collection

from .domain import Feature, Item
from .text import short_hash


def is_about_service(item: Item, service: str) -> bool:
    """Whether an item is about a service: it names that service or all services."""
    named = str(item.get("service")).casefold()
    return named == service or not {service, "all", "every"}.isdisjoint(re.findall(r"\w+", named))


def words_of_item(item: Item) -> frozenset[str]:
    """The words of an item's name, text and further parts."""
    return words_of(" ".join((item.name, item.text, *(str(value) for value in item.extra.values()))))


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, without a final `s`, so that singular and plural are equal."""
    return frozenset(word.removesuffix("s") for word in re.findall(r"[^\W_]+", text.casefold()))


def names_match(one: str, other: str) -> bool:
    """Whether one of two names has all words of the other: `Readers` and `any reader`."""
    first, second = words_of(one), words_of(other)
    return bool(first and second) and (first <= second or second <= first)


def personas_of(feature: Feature, known: Collection[str]) -> dict[str, str]:
    """For whom a feature is, in its own words, and which persona that is, if any: `reader or shopkeeper` are two."""
    for name in known:
        if normalized(name) == normalized(feature.persona):
            return {feature.persona: name}
    named = filter(None, re.split(r"\s*[,/]\s*|\s+(?:or|and)\s+", feature.persona.strip()))
    return {it: _closest(it, known) for it in named}


def _closest(name: str, known: Collection[str]) -> str:
    matching = (it for it in known if names_match(it, name))
    return max(matching, key=lambda it: len(words_of(it) & words_of(name)), default="")


def normalized(name: str) -> str:
    """A name in lower case, its words joined by hyphens, so that `API-Key` and `api key` are equal."""
    return "-".join(re.findall(r"\w+", name.casefold())) or name.casefold()


def id_part(name: str) -> str:
    """A name as part of an id: `gift-cards`; a short hash distinguishes names that differ only in punctuation."""
    plain = "-".join(re.findall(r"\w+", name.casefold()))
    if plain and plain.replace("-", " ") == name.casefold():
        return plain
    return "-".join(filter(None, (plain, short_hash(name.casefold()))))
