"""The HTTP API of identity."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from services.common.api.dependencies import CallerDep, RuntimeDep
from services.common.api.problems import problem_responses
from services.identity.account_routes import AccountsDep, AddressDep, public, router
from services.identity.login.logins import Logins, Refresh, Tokens
from services.identity.login.schemas import Login, PasswordChange

__all__ = ["public", "router"]


async def get_logins(runtime: RuntimeDep) -> Logins:
    """The logins of this service."""
    return Logins(runtime)


LoginsDep = Annotated[Logins, Depends(get_logins)]


@public.post("/logins", status_code=201, responses=problem_responses(400, 401, 429))
async def log_in(proof: Login, service: AccountsDep, address: AddressDep) -> Tokens:
    """Log in."""
    return await service.log_in(proof.email, proof.password.get_secret_value(), address)


@public.post("/logins/refresh", responses=problem_responses(400, 401))
async def refresh_login(proof: Refresh, service: LoginsDep) -> Tokens:
    """Get the next tokens for a refresh token, once."""
    return await service.refresh(proof.refresh_token.get_secret_value())


@public.post("/logins/end", status_code=204, responses=problem_responses(400))
async def log_out(proof: Refresh, service: LoginsDep) -> None:
    """Log out: the refresh token is of no use any more."""
    await service.log_out(proof.refresh_token.get_secret_value())


@router.put("/account/password", responses=problem_responses(400, 403, 409, 429))
async def change_password(
    change: PasswordChange, caller: CallerDep, service: AccountsDep, address: AddressDep
) -> Tokens:
    """Choose another password, which ends all other logins."""
    current, chosen = change.current_password, change.password
    return await service.change_password(
        caller, current.get_secret_value(), chosen.get_secret_value(), address
    )


@router.delete("/account/logins", status_code=204, responses=problem_responses(403))
async def end_logins(caller: CallerDep, service: AccountsDep) -> None:
    """Log the caller out everywhere."""
    await service.end_logins(caller)
