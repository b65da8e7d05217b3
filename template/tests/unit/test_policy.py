"""What is left out of a policy is closed; owners do what they may with their own records, and learn of no others."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.common.auth.callers import ANONYMOUS, SERVICE_CALLER, Caller
from services.common.auth.policy import (
    ACTIONS,
    ANYONE,
    CALLERS,
    CLOSED,
    OWNER,
    Action,
    Policy,
    Who,
)
from services.common.auth.roles import Role
from services.common.errors import Forbidden, NotFound
from services.common.models import Record
from services.common.utils import new_id, now

ROLE = next(iter(Role), None)
CALLER = Caller("zoe", is_service=False)


class Letter(Record):
    """A record that names its owner, or not."""

    author: str | None
    sender: UUID | None = None


def letter(author: str | None = "zoe", sender: UUID | None = None) -> Letter:
    at = now()
    return Letter(
        id=new_id(), version=1, created_at=at, updated_at=at, author=author, sender=sender
    )


@pytest.mark.parametrize("action", ACTIONS)
def test_what_nobody_allows_is_for_the_services_alone(action: Action) -> None:
    CLOSED.require(action, SERVICE_CALLER)
    CLOSED.require_for(action, SERVICE_CALLER, letter())
    for caller in (ANONYMOUS, CALLER, Caller("services", is_service=False)):
        with pytest.raises(Forbidden, match=f"^You may not .*{action}.* records.$"):
            CLOSED.require(action, caller)


@pytest.mark.skipif(ROLE is None, reason="There are no roles.")
def test_a_role_opens_what_is_said_and_nothing_else() -> None:
    assert ROLE is not None
    policy = Policy("letters", read={ROLE})
    caller = Caller("zoe", is_service=False, roles=frozenset({ROLE.value}))
    policy.require("read", caller)
    policy.require_for("read", caller, letter("somebody"))
    with pytest.raises(Forbidden):
        policy.require("read", Caller("zoe", is_service=False, roles=frozenset({"another"})))
    with pytest.raises(Forbidden, match="You may not delete letters"):
        policy.require("delete", caller)
    with pytest.raises(Forbidden, match="You may not delete this Letter"):
        policy.require_for("delete", caller, letter())


def test_callers_prove_who_they_are_and_anyone_does_not() -> None:
    policy = Policy("letters", read={CALLERS}, list={ANYONE})
    policy.require("read", CALLER)
    policy.require("read", Caller("anonymous", is_service=False))  # its key may be called so
    with pytest.raises(Forbidden):
        policy.require("read", ANONYMOUS)
    policy.require("list", ANONYMOUS)


def test_owners_do_it_with_their_own_records() -> None:
    policy = Policy("letters", read={OWNER}, delete={OWNER}, owner="author")
    policy.require("delete", CALLER)
    assert not policy.allows_all("delete", CALLER)
    policy.require_for("delete", CALLER, letter())
    for other in (letter("adam"), letter(None)):
        with pytest.raises(NotFound, match=f"^There is no Letter {other.id}.$"):
            policy.require_for("delete", CALLER, other)


def test_who_may_read_a_record_is_told_that_more_is_forbidden() -> None:
    policy = Policy("letters", read={CALLERS}, update={OWNER}, owner="author")
    with pytest.raises(Forbidden, match="You may not update this Letter"):
        policy.require_for("update", CALLER, letter("adam"))


def test_owners_store_nothing_in_the_name_of_others() -> None:
    policy = Policy("letters", create={OWNER}, owner="author")
    policy.require_to_store("create", CALLER, letter())
    with pytest.raises(Forbidden, match="You may not create letters of others: author"):
        policy.require_to_store("create", CALLER, letter("adam"))


@pytest.mark.skipif(ROLE is None, reason="There are no roles.")
def test_who_sees_its_own_records_alone_creates_them_for_itself() -> None:
    assert ROLE is not None
    caller = Caller("zoe", is_service=False, roles=frozenset({ROLE.value}))
    policy = Policy("letters", create={ROLE}, read={OWNER}, owner="author")
    policy.require_to_store("create", caller, letter())
    with pytest.raises(Forbidden, match="You may not create letters of others"):
        policy.require_to_store("create", caller, letter("adam"))
    policy.require_to_store("create", SERVICE_CALLER, letter("adam"))
    Policy("letters", create={ROLE}, read={OWNER, ROLE}, owner="author").require_to_store(
        "create", caller, letter("adam")
    )


@pytest.mark.parametrize(
    "policy",
    [
        Policy("letters", create={CALLERS}, read={OWNER}, owner="author"),
        Policy("letters", create={CALLERS}, read={CALLERS}, list={OWNER}, owner="author"),
        Policy("letters", create={CALLERS}, read={CALLERS}, update={OWNER}, owner="author"),
        Policy("letters", create={CALLERS}, read={ANYONE}, delete={OWNER}, owner="author"),
    ],
)
def test_whatever_is_for_owners_nobody_creates_in_the_name_of_others(policy: Policy) -> None:
    policy.require_to_store("create", CALLER, letter())
    with pytest.raises(Forbidden, match="You may not create letters of others: author"):
        policy.require_to_store("create", CALLER, letter("adam"))
    with pytest.raises(Forbidden, match="You may not create letters of others: author"):
        policy.require_to_store("create", ANONYMOUS, letter("anonymous"))
    policy.require_to_store("create", SERVICE_CALLER, letter("adam"))


def test_who_may_do_all_that_owners_may_names_others() -> None:
    policy = Policy("letters", create={CALLERS}, delete={OWNER, CALLERS}, owner="author")
    policy.require_to_store("create", CALLER, letter("adam"))


def test_a_record_may_be_nobodys_where_it_is_seen() -> None:
    policy = Policy("letters", create={ANYONE}, read={ANYONE}, delete={OWNER}, owner="author")
    policy.require_to_store("create", ANONYMOUS, letter(None))
    with pytest.raises(Forbidden):
        Policy("letters", create={ANYONE}, read={OWNER}, owner="author").require_to_store(
            "create", CALLER, letter(None)
        )


@pytest.mark.parametrize("who", [OWNER, CALLERS])
def test_nobody_gives_a_record_away_or_takes_it(who: Who) -> None:
    policy = Policy("letters", read={CALLERS}, update={who}, delete={OWNER}, owner="author")
    policy.require_to_store("update", CALLER, letter(), letter())
    with pytest.raises(Forbidden, match="You may not update letters of others: author"):
        policy.require_to_store("update", CALLER, letter("adam"), letter())
    with pytest.raises(Forbidden):
        policy.require_to_store("update", CALLER, letter(None), letter())
    if who is CALLERS:
        policy.require_to_store("update", CALLER, letter("adam"), letter("adam"))
        for before in (letter("adam"), letter(None)):
            with pytest.raises(Forbidden):
                policy.require_to_store("update", CALLER, letter(), before)
    policy.require_to_store("update", SERVICE_CALLER, letter("adam"), letter())


def test_roles_are_named_where_nothing_else_lets_a_caller_in() -> None:
    policy = Policy("letters", create={*Role}, read={OWNER, *Role}, owner="author")
    assert policy.roles("create") == tuple(sorted(Role))
    assert policy.roles("read") == policy.roles("delete") == ()


def test_an_owner_may_be_named_by_an_id() -> None:
    id = new_id()
    policy = Policy("letters", read={OWNER}, owner="sender", owner_is_id=True)
    policy.require_for("read", Caller(str(id).upper(), is_service=False), letter(sender=id))
    for name in ("zoe", id.urn, id.hex, f"{{{id}}}"):
        with pytest.raises(Forbidden):
            policy.require("read", Caller(name, is_service=False))


@pytest.mark.parametrize("caller", [ANONYMOUS, Caller("", is_service=False)])
def test_a_caller_without_a_name_owns_nothing(caller: Caller) -> None:
    policy = Policy("letters", read={OWNER}, owner="author")
    with pytest.raises(Forbidden):
        policy.require("read", caller)
    assert not policy.owns(caller, letter(caller.name))
    assert not policy.owns(caller, letter(None))
