"""The jobs of a service."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain import Job, Schedule, pascal
from ..formatting import wrap
from .entities import EntityCode
from .python import dict_literal, timedelta_literal


@dataclass(frozen=True)
class JobCode:
    """A job of the service."""

    job: Job
    entity: EntityCode | None
    """The entity of the record that it is given; none if it is scheduled."""

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def class_name(self) -> str:
        """The name of its class: `TakeStockJob`."""
        return f"{pascal(self.name)}Job"

    @property
    def former_names(self) -> str:
        """The argument with the names that fields of the record had; empty if they always had those of now."""
        former = dict(self.entity.entity.former_names) if self.entity else {}
        return wrap(f"former_names={dict_literal(former)}", 8, 1) if former else ""

    @property
    def begins(self) -> str:
        return self.job.begins

    @property
    def schedule(self) -> Schedule | None:
        return self.job.schedule

    @property
    def schedule_code(self) -> str:
        """The call that makes its schedule; empty if it has none."""
        times = self.job.schedule
        if times is None:
            return ""
        offset = f", offset={timedelta_literal(times.after)}" if times.after else ""
        return f"Schedule({timedelta_literal(times.minutes)}{offset})"
