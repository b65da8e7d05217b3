"""An account belongs to one tenant or to none, and nobody chooses which for oneself."""

from __future__ import annotations

import httpx2
import pytest

from services.common.errors import NotFound
from services.common.runtime import Runtime
from services.identity.login.accounts import Accounts
from tests.fixtures import logins
from tests.fixtures.people import PASSWORD, Mails, log_in, new_account, post, set_password
from tests.fixtures.system import System


async def test_a_login_is_for_the_tenant_of_the_account(
    runtime: Runtime, system: System, email: str
) -> None:
    accounts = Accounts(runtime)
    made = await accounts.add(email, PASSWORD, [], "Wést & Söhne")
    assert made.organisation == "Wést & Söhne"
    login = await log_in(system, email)
    assert await logins.tenant_of(login) == "Wést & Söhne"

    assert (await accounts.set_tenant(email, "another")).organisation == "another"
    assert not await logins.counts(login)
    assert await logins.tenant_of(await log_in(system, email)) == "another"
    assert (await accounts.set_tenant(email, "")).organisation is None
    assert await logins.tenant_of(await log_in(system, email)) == ""
    with pytest.raises(NotFound):
        await accounts.set_tenant("nobody@site.example", "another")


async def test_who_signs_up_belongs_to_no_tenant(
    client: httpx2.AsyncClient, runtime: Runtime, system: System, mails: Mails, email: str
) -> None:
    await post(client, "/accounts", email=email, tenant="another", organisation="another")
    assert not mails
    await post(client, "/accounts", email=email)
    [(_, _, token)] = mails
    assert (await set_password(client, token, PASSWORD)).status_code == 204
    assert await logins.tenant_of(await log_in(system, email)) == ""
    other = await new_account(runtime, f"other-{email}")
    assert other.organisation is None
