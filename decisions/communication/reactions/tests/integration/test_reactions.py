"""Rules are told of an event what its publisher declared, and decide what becomes of it."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from services.common.messaging.consumer import InvalidEvent
from services.common.messaging.envelope import Envelope
from services.common.messaging.reactions import Reaction
from tests.fixtures.adaptations import can_be_caused
from tests.fixtures.facts import EVENTS, Event
from tests.fixtures.system import System

pytestmark = pytest.mark.parametrize(
    ("event", "subscriber"),
    [
        pytest.param(event, subscriber, id=f"{event}-{subscriber}")
        for event in EVENTS
        for subscriber in event.reactions
        if can_be_caused(event)
    ],
)


def reaction_to(event: Event, subscriber: str) -> Reaction[Any, Any]:
    consumer = importlib.import_module(f"services.{subscriber}.consumers").consumer
    return next(
        it for it in consumer.handlers if isinstance(it, Reaction) and event.name in it.types
    )


async def envelope_of(system: System, event: Event) -> Envelope:
    subject = await system.cause(event)
    envelope = Envelope.model_validate((await system.waiting(event, subject))[0])
    await system.deliver()
    return envelope


async def test_rules_are_told_of_the_event_and_may_want_nothing(
    system: System, event: Event, subscriber: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reaction, runtime = reaction_to(event, subscriber), system.runtime(subscriber)
    told: list[tuple[Any, ...]] = []

    async def ignore(hooks: Any, event: Any, draft: Any) -> None:
        told.append((hooks._runtime, event, draft))

    monkeypatch.setattr(reaction.rules_class, "react", ignore)
    envelope = await envelope_of(system, event)
    told.clear()
    assert await reaction.prepare(envelope, runtime) is None
    ((known, content, draft),) = told
    assert known is runtime
    assert isinstance(content, reaction.content)
    assert content.id == envelope.subject
    assert draft == reaction.propose(content)


async def test_an_event_without_what_was_declared_is_refused_with_what_is_wrong(
    system: System, event: Event, subscriber: str
) -> None:
    reaction = reaction_to(event, subscriber)
    fields = reaction.content.model_fields
    declared = [name for name, it in fields.items() if it.is_required() and name != "id"]
    envelope = (await envelope_of(system, event)).model_copy(update={"data": {}})
    if not declared:
        return  # any content will do
    with pytest.raises(InvalidEvent) as caught:
        await reaction.prepare(envelope, system.runtime(subscriber))
    assert str(caught.value) == "; ".join(f"{it}: Field required" for it in declared)
