"""Python expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..formatting import wrap
from ..text import py


def tuple_argument(head: str, items: Iterable[str], indent: int) -> str:
    """A tuple after `head`: `subscribers=("post",)`."""
    return wrap(f"{head}{tuple_literal(items)}", indent, 1)


def tuple_literal(items: Iterable[str]) -> str:
    """A tuple in a line: `("post",)`."""
    items = tuple(items)
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def dict_literal(values: Mapping[str, object]) -> str:
    """A dictionary, perhaps with others in it."""
    items = (f"{py(name)}: {dict_literal(it) if isinstance(it, Mapping) else py(it)}" for name, it in values.items())
    return f"{{{', '.join(items)}}}"


def timedelta_literal(minutes: int) -> str:
    """A duration, with the units that it consists of."""
    days, rest = divmod(minutes, 24 * 60)
    parts = {"days": days, "hours": rest // 60, "minutes": rest % 60}
    return f"timedelta({', '.join(f'{unit}={count}' for unit, count in parts.items() if count)})"
