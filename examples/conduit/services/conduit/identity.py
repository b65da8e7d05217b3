"""Who reads or writes: dependencies that know users by their token, `Authorization: Token …`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader

from services.common.api.dependencies import RecordsDep, SettingsDep
from services.common.auth.callers import Caller
from services.common.auth.roles import Role
from services.conduit import models, tokens
from services.conduit.errors import Unauthenticated

header = APIKeyHeader(name="Authorization", scheme_name="Token", auto_error=False)


async def get_reader(
    authorization: Annotated[str | None, Security(header)],
    records: RecordsDep,
    settings: SettingsDep,
) -> models.User | None:
    """The user who sent a request; none where it names nobody. Raises `Unauthenticated`."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    id = tokens.user_of(token, settings) if scheme == "Token" else None
    user = await records.first(models.User, id=id) if id else None
    if user is None:
        raise Unauthenticated("token", "is invalid")
    return user


def caller_of(user: models.User) -> Caller:
    """A user as policies know callers."""
    return Caller(str(user.id), is_service=False, roles=frozenset({Role.AUTHOR, Role.READER}))


ReaderDep = Annotated[models.User | None, Depends(get_reader)]


async def get_user(reader: ReaderDep) -> models.User:
    """The user who sent a request; raises `Unauthenticated`."""
    if reader is None:
        raise Unauthenticated("token", "is missing")
    return reader


UserDep = Annotated[models.User, Depends(get_user)]
