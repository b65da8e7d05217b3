"""Python expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..formatting import wrap
from ..text import py


def tuple_argument(head: str, items: Iterable[str], indent: int) -> str:
    """A tuple after `head`: `subscribers=("post",)`."""
    items = tuple(items)
    return wrap(f"{head}({', '.join(items)}{',' if len(items) == 1 else ''})", indent, 1)


def dict_literal(values: Mapping[str, object]) -> str:
    """A dictionary."""
    return f"{{{', '.join(f'{py(name)}: {py(value)}' for name, value in values.items())}}}"


def timedelta_literal(minutes: int) -> str:
    """A duration, with the units that it consists of."""
    days, rest = divmod(minutes, 24 * 60)
    parts = {"days": days, "hours": rest // 60, "minutes": rest % 60}
    return f"timedelta({', '.join(f'{unit}={count}' for unit, count in parts.items() if count)})"
