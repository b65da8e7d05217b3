"""Without credentials, only programs of this machine may call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.common.auth import authentication
from services.common.auth.callers import ANONYMOUS
from services.common.errors import Unauthorized
from tests.fixtures.system import settings_for


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8001", "127.0.0.1:8001", "[::1]:8001"])
async def test_programs_of_this_machine_may_call(host: str) -> None:
    caller = await authentication.authenticate(host, settings_for({}))
    assert caller == replace(ANONYMOUS, unrestricted=True)


@pytest.mark.parametrize(
    "host", [None, "", "site.example", "127.0.0.1.site.example", "localhost@site.example", "a\n"]
)
async def test_requests_from_pages_of_other_sites_are_refused(host: str | None) -> None:
    with pytest.raises(Unauthorized):
        await authentication.authenticate(host, settings_for({}))


def test_a_process_refuses_to_serve_other_machines() -> None:
    assert authentication.unsafe_settings(settings_for({}), loopback_only=True) == ""
    assert "leave out --host" in authentication.unsafe_settings(
        settings_for({}), loopback_only=False
    )
