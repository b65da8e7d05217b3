"""The entities of a service."""

from __future__ import annotations

from dataclasses import dataclass

from .. import migrations
from ..domain import BROUGHT_FIELDS, Entity
from ..formatting import assignment, wrap
from ..operations import Operation
from ..text import article, py
from .fields import FieldCode
from .listing import query_lines
from .python import tuple_argument, tuple_literal
from .references import LookupCode
from .tables import column_code, index_code


@dataclass(frozen=True)
class EntityCode:
    """An entity of the service."""

    entity: Entity
    fields: tuple[FieldCode, ...]
    lookups: tuple[LookupCode, ...]
    operations: tuple[Operation, ...]
    """The operations on its records."""

    @property
    def name(self) -> str:
        return self.entity.name

    @property
    def snake(self) -> str:
        return self.entity.snake

    @property
    def words(self) -> str:
        return self.entity.words

    @property
    def answer(self) -> str:
        """The model of what callers see of a record."""
        return self.entity.answer

    @property
    def sent_fields(self) -> tuple[FieldCode, ...]:
        """The fields that callers send."""
        return tuple(it for it in self.fields if not it.field.system)

    @property
    def system_fields(self) -> tuple[FieldCode, ...]:
        """The fields that rules, jobs and workflows set, and callers do not."""
        return tuple(it for it in self.fields if it.field.system)

    @property
    def rules_set_fields(self) -> bool:
        """Whether rules may set what callers do not send."""
        return any(it.field not in BROUGHT_FIELDS for it in self.system_fields)

    @property
    def immutable_argument(self) -> str:
        """The attribute with the fields that callers cannot change; empty if there are none."""
        names = self.entity.immutable
        return tuple_argument("immutable = ", map(py, names), 4) if names else ""

    @property
    def with_article(self) -> str:
        return article(self.entity.words)

    @property
    def many_words(self) -> str:
        return self.entity.table.replace("_", " ")

    @property
    def table(self) -> str:
        return self.entity.table

    @property
    def path_name(self) -> str:
        """Its name in the path of a module that exists once per entity."""
        return self.entity.snake

    @property
    def service_class(self) -> str:
        """The name of its service class: `OrderService`."""
        return f"{self.name}Service"

    @property
    def related_words(self) -> str:
        """The attributes of the related records that its rules are given: `books (Book)`."""
        return ", ".join(f"{lookup.attribute} ({lookup.target.name})" for lookup in self.lookups)

    @property
    def service_header(self) -> str:
        """The first line of its service class."""
        types = ", ".join(f"models.{self.name}{suffix}" for suffix in ("Draft", "", "Related"))
        return wrap(f"class {self.service_class}(entity_service.EntityService[{types}]):")

    @property
    def related_header(self) -> str:
        """The first line of the method that fetches what a draft refers to."""
        return wrap(f"async def fetch_related(self, draft: models.{self.name}Draft) -> models.{self.name}Related:", 4)

    @property
    def query(self) -> tuple[str, ...]:
        """The body of the class with the parameters of its list, if these are about its fields."""
        return query_lines(self.entity)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its table, besides those that every table has."""
        return tuple(column_code(it, 4) for it in migrations.columns(self.entity))

    @property
    def indexes(self) -> tuple[str, ...]:
        """The indexes of its table, besides that of its key."""
        return tuple(index_code(self.table, it) for it in migrations.indexes(self.entity))

    @property
    def documents(self) -> str:
        """The folder of its records, with what no two of them may have in common, where they are documents."""
        found = (it for it in migrations.indexes(self.entity) if it.unique)
        items = [f"{py(it.name(self.table))}: {tuple_argument('', map(py, it.fields), 0)}" for it in found]
        unique = f", unique={{{', '.join(items)}}}" if items else ""
        names = tuple_literal(map(py, self.entity.encrypted))
        encrypted = f", encrypted={names}" if self.entity.encrypted else ""
        return assignment(self.table, f"Table({py(self.table)}{unique}{encrypted})", 0)
