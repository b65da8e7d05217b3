"""Who may call where nobody proves anything."""

from __future__ import annotations

import pytest

from services.common import callers
from services.common.errors import Unauthorized
from tests.fixtures.system import settings_for


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8001", "127.0.0.1:8001", "[::1]:8001"])
async def test_programs_of_this_machine_may_call(host: str) -> None:
    assert await callers.recognize(host, settings_for({})) == "anybody"


@pytest.mark.parametrize(
    "host", [None, "", "site.example", "127.0.0.1.site.example", "localhost@site.example", "a\n"]
)
async def test_pages_of_other_sites_may_not(host: str | None) -> None:
    with pytest.raises(Unauthorized):
        await callers.recognize(host, settings_for({}))


def test_a_process_listens_to_this_machine_alone() -> None:
    assert callers.fault(settings_for({}), alone=True) == ""
    assert "leave out --host" in callers.fault(settings_for({}), alone=False)
