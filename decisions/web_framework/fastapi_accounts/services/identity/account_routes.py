"""What the HTTP API of identity has however somebody is known who has logged in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.common.api.dependencies import CallerDep, RuntimeDep
from services.common.api.problems import problem_responses
from services.common.api.versioning import PREFIX
from services.identity.login import accounts, mailing
from services.identity.login.accounts import Accounts
from services.identity.login.schemas import NewPassword, OwnAccount, ResetRequest, SignUp

router = APIRouter(prefix=PREFIX)
public = APIRouter(prefix=PREFIX)


async def get_accounts(runtime: RuntimeDep) -> Accounts:
    """The accounts of this service."""
    return Accounts(runtime)


async def get_address(request: Request) -> str:
    """Where a request comes from; a proxy that the server trusts tells it (FORWARDED_ALLOW_IPS)."""
    return request.client.host if request.client else ""


AccountsDep = Annotated[Accounts, Depends(get_accounts)]
AddressDep = Annotated[str, Depends(get_address)]


@public.post(
    "/accounts", status_code=202, response_class=Response, responses=problem_responses(400, 429)
)
async def sign_up(wanted: SignUp, service: AccountsDep, address: AddressDep) -> None:
    """Ask for an account: a mail has the token with which the owner of the address chooses a password."""
    service.count_sign_up(wanted.email, address)
    mailing.soon(service.send_sign_up(wanted.email))


@public.post(
    "/password-resets",
    status_code=202,
    response_class=Response,
    responses=problem_responses(400, 429),
)
async def request_password_reset(
    wanted: ResetRequest, service: AccountsDep, address: AddressDep
) -> None:
    """Ask for another password: a mail has the token with which the owner of the account chooses it."""
    service.count_reset(wanted.email, address)
    mailing.soon(service.send_reset(wanted.email))


@public.put("/password", status_code=204, responses=problem_responses(400, 401, 409, 429))
async def set_password(chosen: NewPassword, service: AccountsDep, address: AddressDep) -> None:
    """Choose a password with the token of a mail, which ends all logins."""
    await service.set_password(
        chosen.token.get_secret_value(), chosen.password.get_secret_value(), address
    )


@router.get("/account", responses=problem_responses(403))
async def get_own_account(caller: CallerDep, service: AccountsDep) -> OwnAccount:
    """Read the caller's own account."""
    return accounts.shown(await service.own(caller))
