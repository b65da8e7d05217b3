"""Services know one another by their key; what is theirs alone is refused to everybody else."""

from __future__ import annotations

import httpx2
import pytest
import structlog

from services.common.auth import identification
from services.common.auth.callers import Caller
from services.common.errors import Unauthorized
from tests.fixtures.system import AS_SERVICE, settings_for


async def test_the_key_of_the_services_names_them() -> None:
    with structlog.contextvars.bound_contextvars(caller=None):
        caller = await identification.identify(httpx2.Headers(AS_SERVICE), settings_for({}))
        assert structlog.contextvars.get_contextvars()["caller"] == "services"
    assert caller == Caller("services", is_service=True)
    identification.require_service(caller)


def test_a_caller_from_outside_is_told_whose_this_is() -> None:
    with pytest.raises(Unauthorized, match=r"^Only the other services may call this\.$") as caught:
        identification.require_service(Caller("services", is_service=False))
    assert caught.value.headers == {"WWW-Authenticate": 'ApiKey realm="services"'}
