"""The jobs of a service."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain import Job, Schedule, pascal
from .entities import EntityCode
from .python import timedelta_literal


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
