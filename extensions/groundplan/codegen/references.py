"""The references of an entity to others, and how its service looks them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..domain import Entity, Field, Product, Service, snake
from ..formatting import wrap
from ..names import is_python_name
from ..text import py

FETCH_FUNCTIONS = {
    "local": ("services.common.references.local", "fetch_local"),
    "copy": ("services.common.references.copies", "fetch_copies"),
    "remote": ("services.common.references.remote", "fetch_remote"),
}
"""The generated module and function that look references up, by method."""


USED_NAMES = frozenset(("draft", "models", "self", "tables"))
"""The names of the generated method that a variable in a lookup must not hide."""


@dataclass(frozen=True)
class ReferencePath:
    """A place in a draft that refers to another entity."""

    name: str
    """As error messages show it: `lines.book`."""
    element: str
    """The expression of the id: `line.book`."""
    loops: tuple[str, ...] = ()
    """The loops around it: `for line in draft.lines`."""

    @property
    def item(self) -> str:
        """The entry of a dictionary from paths to lists of ids."""
        return wrap(f'"{self.name}": [{" ".join((self.element, *self.loops))}]', 20, 1)


@dataclass(frozen=True)
class LookupCode:
    """The references of an entity to one other entity, and how they are looked up."""

    target: Entity
    method: str
    """`local` in a table of the same service, `remote` by a call of its owner, or in a read `copy`."""
    paths: tuple[ReferencePath, ...]
    when_unavailable: str = ""

    @property
    def attribute(self) -> str:
        return self.target.table

    @property
    def function(self) -> str:
        """The function that looks them up."""
        return FETCH_FUNCTIONS[self.method][1]

    @property
    def arguments(self) -> tuple[str, ...]:
        """Its arguments between the runtime and the references."""
        view = f"models.{self.target.name}"
        if self.method == "local":
            return f"tables.{self.target.table}", view
        if self.method == "copy":
            return py(self.target.name), view
        return py(self.target.service), py(self.target.collection), view


def lookups(product: Product, service: Service, entity: Entity) -> tuple[LookupCode, ...]:
    """What an entity refers to, by target."""
    by_target: dict[str, list[ReferencePath]] = {}
    for target, path in _references(product, entity.fields, "draft", USED_NAMES):
        by_target.setdefault(target, []).append(path)
    return tuple(_lookup(service, product.entities[target], tuple(paths)) for target, paths in by_target.items())


def _lookup(service: Service, target: Entity, paths: tuple[ReferencePath, ...]) -> LookupCode:
    if target.service == service.name:
        return LookupCode(target, "local", paths)
    if any(copy.entity == target.name for copy in service.copies):
        return LookupCode(target, "copy", paths)
    when_unavailable = next(it.when_unavailable for it in service.depends_on if it.service == target.service)
    return LookupCode(target, "remote", paths, when_unavailable)


def _references(
    product: Product,
    fields: Iterable[Field],
    holder: str,
    taken: frozenset[str],
    prefix: str = "",
    loops: tuple[str, ...] = (),
) -> Iterator[tuple[str, ReferencePath]]:
    """The target and path of each reference, those inside value objects included."""
    for field in fields:
        kind, name = field.type.kind, f"{prefix}{field.name}"
        element, inner_loops, inner_taken = f"{holder}.{field.name}", loops, taken
        # An optional value object is treated as a list of none or one.
        if field.type.many or (kind == "value" and field.type.optional):
            item = _variable(snake(field.type.target) if field.type.many else field.name, taken)
            source = element if field.type.many else f"filter(None, [{element}])"
            if field.type.many and field.type.optional:
                source = f"{element} or []"
            element, inner_loops, inner_taken = item, (*loops, f"for {item} in {source}"), taken | {item}
        if kind == "reference":
            yield field.type.target, ReferencePath(name, element, inner_loops)
        elif kind == "value":
            value = product.value_objects[field.type.target]
            yield from _references(product, value.fields, element, inner_taken, f"{name}.", inner_loops)


def _variable(name: str, taken: frozenset[str]) -> str:
    """A name for one item that is not taken."""
    while name in taken or is_python_name(name):
        name += "_"
    return name
