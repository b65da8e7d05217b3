"""A rule in Python with its test, as an example from the product; the project's own suite runs both."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain import Entity
from ..layout import differing, imported, wrapped
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
    def test_path(self) -> str:
        return f"tests/unit/test_{self.entity.snake}.py"

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

    @property
    def test(self) -> str:
        """A test that the rule holds, with drafts of no more than what the rule looks at."""
        name, field, service = f"models.{self.entity.name}", self.field, self.entity.service
        current, draft = f'{name}.model_construct({field}="one")', f'{name}Draft.model_construct({field}="another")'
        return "\n".join(
            (
                "import pytest",
                "",
                "from services.common.errors import Refusal",
                f"from services.{service} import models",
                imported(f"services.{service}.{self.entity.snake}", "updating"),
                "",
                "",
                f"async def test_the_{field}_stays() -> None:",
                f"    {wrapped(f'current = {current}', indent=4)}",
                f"    {wrapped(f'draft = {draft}', indent=4)}",
                "    with pytest.raises(Refusal):",
                "        await updating(current, draft)",
            )
        )
