"""A rule in Python with its test, as an example from the product; the project's own suite runs both."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain import Entity
from ..formatting import if_different, import_from, wrap
from ..text import py


@dataclass(frozen=True)
class RuleExample:
    """A rule that keeps one field of an entity as it was."""

    entity: Entity
    related: tuple[str, ...] = ()
    """What records that the entity refers to are called."""

    @property
    def field(self) -> str:
        """Of the fields that callers send, the one with the shortest name, which is read most easily."""
        return min((it.name for it in self.entity.sent), key=len)

    @property
    def path(self) -> str:
        return f"services/{self.entity.service}/{self.entity.snake}.py"

    @property
    def test_path(self) -> str:
        return f"tests/unit/test_{self.entity.snake}.py"

    @property
    def code(self) -> str:
        """What the owned file then holds, below its docstring."""
        name, field, service = self.entity.name, self.field, self.entity.service
        reason = py(f"The {field.replace('_', ' ')} of this {self.entity.words} stays as it is.")
        return "\n".join(
            (
                "from __future__ import annotations",
                "",
                "from services.common.errors import RuleViolation",
                f"from services.{service} import models",
                import_from(f"services.{service}.hooks", f"{name}Hooks"),
                "",
                "",
                wrap(f"class {name}Rules({name}Hooks):"),
                f'    """The business rules of {self.entity.words}."""',
                "",
                "    async def before_update(",
                "        self,",
                f"        current: models.{name},",
                f"        draft: models.{name}Draft,",
                f"        related: models.{name}Related,",
                f"    ) -> models.{name}Draft:",
                f"        {if_different(f'draft.{field}', f'current.{field}', indent=8)}",
                f"            {wrap(f'raise RuleViolation({reason})', indent=12)}",
                "        return draft",
            )
        )

    @property
    def test(self) -> str:
        """A test that the rule holds, with drafts of no more than what the rule looks at."""
        name, field, service = f"models.{self.entity.name}", self.field, self.entity.service
        current, draft = f'{name}.model_construct({field}="one")', f'{name}Draft.model_construct({field}="another")'
        related = f"{name}Related({', '.join(f'{it}={{}}' for it in self.related)})"
        call = f"await {self.entity.name}Rules().before_update(current, draft, related)"
        return "\n".join(
            (
                "import pytest",
                "",
                "from services.common.errors import RuleViolation",
                f"from services.{service} import models",
                import_from(f"services.{service}.{self.entity.snake}", f"{self.entity.name}Rules"),
                "",
                "",
                f"async def test_the_{field}_stays() -> None:",
                f"    {wrap(f'current = {current}', indent=4)}",
                f"    {wrap(f'draft = {draft}', indent=4)}",
                f"    {wrap(f'related = {related}', indent=4)}",
                "    with pytest.raises(RuleViolation):",
                f"        {wrap(call, indent=8)}",
            )
        )
