"""Health checks, for whatever starts and watches the process."""

from __future__ import annotations

from fastapi import APIRouter

from services.common.api.dependencies import RuntimeDep
from services.common.api.problems import problem_responses
from services.common.errors import ServiceUnavailable

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """Tell that the process runs, whatever the state of what it needs."""
    return {"status": "live"}


@router.get("/ready", responses=problem_responses(503))
async def ready(runtime: RuntimeDep) -> dict[str, str]:
    """Tell that the service can answer: its database does, and was migrated."""
    try:
        await runtime.database.ping()
    except (ServiceUnavailable, OSError) as error:
        message = f"The database of {runtime.service} is unavailable or not migrated."
        raise ServiceUnavailable(message) from error
    return {"status": "ready"}
