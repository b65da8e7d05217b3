"""The HTTP API of identity."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response

from services.common.api.dependencies import CallerDep, RuntimeDep, SettingsDep
from services.common.api.problems import problem_responses
from services.common.auth.authentication import CREDENTIAL, cookie_name, session_in
from services.identity.account_routes import AccountsDep, AddressDep, public, router
from services.identity.login.logins import Logins, Session, Started
from services.identity.login.schemas import Login, PasswordChange

__all__ = ["public", "router"]


async def get_logins(runtime: RuntimeDep) -> Logins:
    """The logins of this service."""
    return Logins(runtime)


async def get_session_id(request: Request, settings: SettingsDep) -> str:
    """The session that a browser sends; empty if it sends none."""
    return session_in(CREDENTIAL.read(request.headers), settings) or ""


class Cookie:
    """The cookie of the response to a request."""

    def __init__(self, response: Response, settings: SettingsDep) -> None:
        self.response = response
        self.name = cookie_name(settings)
        self.secure = not settings.session_over_http

    def set(self, started: Started) -> Session:
        """Let the browser keep a session until it is closed; no page reads it, and no other site sends it along."""
        self.response.set_cookie(
            self.name, started.id, path="/", secure=self.secure, httponly=True, samesite="lax"
        )
        return started.session

    def delete(self) -> None:
        """Let the browser forget it."""
        self.response.delete_cookie(
            self.name, path="/", secure=self.secure, httponly=True, samesite="lax"
        )


LoginsDep = Annotated[Logins, Depends(get_logins)]
SessionId = Annotated[str, Depends(get_session_id)]
CookieDep = Annotated[Cookie, Depends()]


@public.post("/logins", status_code=201, responses=problem_responses(400, 401, 429))
async def log_in(
    proof: Login,
    service: AccountsDep,
    logins: LoginsDep,
    before: SessionId,
    address: AddressDep,
    cookie: CookieDep,
) -> Session:
    """Log in, by a session of its own: the one before ends, whoever began it."""
    started = await service.log_in(proof.email, proof.password.get_secret_value(), address)
    await logins.end(before)
    return cookie.set(started)


@router.get("/session", responses=problem_responses(403))
async def get_session(caller: CallerDep, logins: LoginsDep, id: SessionId) -> Session:
    """Read what a page needs to send with each change, as long as the session lasts."""
    return await logins.shown(id)


@router.delete("/session", status_code=204, responses=problem_responses(403))
async def log_out(caller: CallerDep, logins: LoginsDep, id: SessionId, cookie: CookieDep) -> None:
    """Log out."""
    await logins.end(id)
    cookie.delete()


@router.put("/account/password", responses=problem_responses(400, 403, 409, 429))
async def change_password(
    change: PasswordChange,
    caller: CallerDep,
    service: AccountsDep,
    address: AddressDep,
    cookie: CookieDep,
) -> Session:
    """Choose another password, which ends all sessions and begins another one."""
    current, chosen = change.current_password, change.password
    started = await service.change_password(
        caller, current.get_secret_value(), chosen.get_secret_value(), address
    )
    return cookie.set(started)


@router.delete("/account/logins", status_code=204, responses=problem_responses(403))
async def end_logins(caller: CallerDep, service: AccountsDep, cookie: CookieDep) -> None:
    """Log the caller out everywhere."""
    await service.end_logins(caller)
    cookie.delete()
