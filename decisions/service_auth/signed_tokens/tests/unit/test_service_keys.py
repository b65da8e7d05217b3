"""Keys are made for one process or for all, and those that count today go on to count."""

from __future__ import annotations

import json
import sys

import pytest
from pydantic import SecretStr

from services.common.auth import service_identity
from services.common.config import Settings
from scripts import service_keys
from scripts.service_keys import SIGNERS, create_key
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for

Capture = pytest.CaptureFixture[str]


def made(capsys: Capture, patch: pytest.MonkeyPatch, *arguments: str) -> Settings:
    """Settings with the keys that the command prints, of which the last private one is the process's own."""
    patch.setattr(sys, "argv", ["service-keys", *arguments])
    service_keys.main()
    printed = (it.partition("=") for it in capsys.readouterr().out.splitlines() if "=" in it)
    values = {name: value for name, _, value in printed}
    changed = {
        "service_private_key": SecretStr(values["SERVICE_PRIVATE_KEY"]),
        "service_keys": json.loads(values["SERVICE_KEYS"]),
    }
    return settings_for({}).model_copy(update=changed)


def test_every_service_signs() -> None:
    assert {*SERVICES} <= SIGNERS.keys()


@pytest.mark.parametrize(("name", "process"), SIGNERS.items())
async def test_who_signs_with_a_new_key_is_known_to_all(
    name: str, process: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_KEYS", "{}")
    at_sender = made(capsys, monkeypatch, process)
    at_receiver = at_sender.model_copy(update={"service_private_key": SecretStr(create_key())})
    headers = service_identity.headers_for(name, SERVICES[0], at_sender)
    caller = await service_identity.identify(headers, SERVICES[0], at_receiver)
    assert caller and caller.name == name
    assert not service_identity.unsafe_settings(at_receiver, loopback_only=False)


def test_there_are_keys_for_all_beside_those_of_today(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_KEYS", json.dumps({SERVICES[0]: ["today"], "another": ["its"]}))
    known = made(capsys, monkeypatch).service_keys
    assert known.keys() == {*SIGNERS, "another"}
    assert (len(known[SERVICES[0]]), known[SERVICES[0]][1]) == (2, "today")
    assert known["another"] == ["its"]


def test_a_process_that_does_not_sign_has_no_key(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        made(capsys, monkeypatch, "nobody")
    assert "nobody is no process that signs" in capsys.readouterr().err
