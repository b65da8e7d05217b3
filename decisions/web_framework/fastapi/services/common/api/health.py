"""Health checks, for what starts and monitors the process."""

from __future__ import annotations

from fastapi import APIRouter

from services.common.api.dependencies import RuntimeDep
from services.common.api.problems import problem_responses
from services.common.errors import ServiceUnavailable

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> dict[str, str]:
    """Report that the process runs, whatever the state of what it needs."""
    return {"status": "live"}


@router.get("/ready", responses=problem_responses(503))
async def ready(runtime: RuntimeDep) -> dict[str, str]:
    """Report that the service is ready: its database is available, and was migrated."""
    try:
        await runtime.database.ping()
    except ServiceUnavailable as error:
        message = f"The database of {runtime.service} is unavailable or not migrated."
        raise ServiceUnavailable(message) from error
    return {"status": "ready"}
