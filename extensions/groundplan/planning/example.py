"""A rule in Python, as an example, made from an entity of the product."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain import Entity
from ..layout import differing, wrapped
from ..text import py


@dataclass(frozen=True)
class RuleExample:
    """A rule that keeps one field of an entity as it was."""

    entity: Entity

    @property
    def field(self) -> str:
        """The field with the shortest name, which is read most easily."""
        return min((it.name for it in self.entity.fields), key=len)

    @property
    def path(self) -> str:
        return f"services/{self.entity.service}/{self.entity.snake}.py"

    @property
    def code(self) -> str:
        """What the owned file then holds, below its docstring."""
        name, field = f"models.{self.entity.name}", self.field
        reason = py(f"The {field.replace('_', ' ')} of this {self.entity.words} stays as it is.")
        return "\n".join(
            (
                "from services.common.errors import Refusal",
                f"from services.{self.entity.service} import models",
                "",
                "",
                wrapped(f"async def updating(current: {name}, draft: {name}Draft) -> {name}Draft:"),
                f"    {differing(f'draft.{field}', f'current.{field}')}",
                f"        {wrapped(f'raise Refusal({reason})', indent=8)}",
                "    return draft",
            )
        )
