"""The events of a service, and its reactions to those of others."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain import Entity, Event, Reaction, Source, pascal
from ..formatting import wrap
from ..text import py
from .entities import EntityCode
from .fields import FieldCode, literal
from .python import tuple_argument


@dataclass(frozen=True)
class EventCode:
    """An event, as its publisher or one of its consumers sees it."""

    event: Event
    subscribers: tuple[str, ...]
    fields: tuple[FieldCode, ...]

    @property
    def name(self) -> str:
        return self.event.name

    @property
    def class_name(self) -> str:
        return self.event.pascal

    @property
    def constant(self) -> str:
        return self.event.snake.upper()

    @property
    def operations(self) -> str:
        """The operations that cause it, as a tuple."""
        return tuple_argument("", map(py, self.event.operations), 7)

    @property
    def subscribers_argument(self) -> str:
        return tuple_argument("subscribers=", map(py, self.subscribers), 4)


@dataclass(frozen=True)
class ReactionCode:
    """A reaction, with the arguments of the draft that it proposes."""

    reaction: Reaction
    event: EventCode
    entity: EntityCode
    arguments: tuple[str, ...]

    @property
    def lines(self) -> str:
        """What is inside the brackets of the draft's constructor: a line for each argument, or nothing."""
        lines = "".join(f"        {wrap(argument, 8, 1)},\n" for argument in self.arguments)
        return f"\n{lines}    " if lines else ""

    @property
    def module(self) -> str:
        return self.reaction.snake

    @property
    def class_name(self) -> str:
        """The name of the class with its rules: `OnOrderPlaced`."""
        return pascal(self.module)


def source_expression(entity: Entity, name: str, source: Source) -> str:
    """The expression of a field of the draft that a reaction proposes."""
    if source.field == "id":
        return "event.id"
    if source.field:
        return f"event.{source.field}"
    type = next(field.type for field in entity.fields if field.name == name)
    return literal(type, source.literal)
