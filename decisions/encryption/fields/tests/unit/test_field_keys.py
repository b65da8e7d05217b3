"""What is encrypted opens with its key, at its place, as it was stored, and not otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from services.common.auth import authentication, identification
from services.common.config import Settings, load_settings
from services.common.db.field_keys import CannotDecrypt, FieldKeys, new
from scripts import field_keys
from tests.fixtures.system import settings_for

OLD, NEW = new("old"), new("new")
PLACE = ("patients", "0190a1b2-0000-7000-8000-000000000001")


def keys(*entries: str) -> FieldKeys:
    """Keys, the first of which encrypts."""
    found = FieldKeys()
    found.use(",".join(entries))
    return found


@pytest.mark.parametrize(
    "value", ["Ada", "", "Zoë ☂", 0, 12.5, False, "12.50", ["a", None], {"town": "Bonn"}]
)
def test_a_value_opens_as_it_was(value: object) -> None:
    sealed = keys(OLD).encrypt(*PLACE, {"name": value})
    assert keys(OLD).decrypt(*PLACE, sealed) == {"name": value}


def test_none_stays_none() -> None:
    assert keys(OLD).encrypt(*PLACE, {"name": None}) == {"name": None}
    assert keys(OLD).decrypt(*PLACE, {"name": None}) == {"name": None}


def test_no_two_ciphertexts_are_alike_and_short_values_look_alike() -> None:
    texts = [keys(OLD).encrypt(*PLACE, {"ill": it})["ill"] for it in ("yes", "yes", "no", None)]
    assert texts.pop() is None
    assert len({*texts}) == 3
    assert len({len(it or "") for it in texts}) == 1


@pytest.mark.parametrize(
    ("table", "id", "field"),
    [
        ("doctors", PLACE[1], "name"),
        ("patients", PLACE[1].replace("1b2", "1b3"), "name"),
        ("patients", PLACE[1], "town"),
    ],
)
def test_what_was_moved_does_not_open(table: str, id: str, field: str) -> None:
    text = keys(OLD).encrypt(*PLACE, {"name": "Ada"})["name"]
    with pytest.raises(CannotDecrypt, match=f"{table}, {id}, {field}: was stored elsewhere"):
        keys(OLD).decrypt(table, id, {field: text})


@pytest.mark.parametrize("position", [4, 12, 30, -2])
def test_what_was_changed_does_not_open(position: int) -> None:
    text = keys(OLD).encrypt(*PLACE, {"name": "Ada"})["name"] or ""
    other = "B" if text[position] == "A" else "A"
    changed = text[:position] + other + text[position:][1:]
    with pytest.raises(CannotDecrypt, match="was changed"):
        keys(OLD).decrypt(*PLACE, {"name": changed})


@pytest.mark.parametrize("text", ["Ada", "", "old:", "old:AAAA", "old:A", '"Ada"'])
def test_what_was_never_encrypted_does_not_open(text: str) -> None:
    with pytest.raises(CannotDecrypt):
        keys(OLD).decrypt(*PLACE, {"name": text})


def test_a_key_that_is_missing_is_named_and_another_of_its_name_opens_nothing() -> None:
    sealed = keys(OLD).encrypt(*PLACE, {"name": "Ada"})
    with pytest.raises(CannotDecrypt, match="its key, old, is not in FIELD_KEYS"):
        keys(NEW).decrypt(*PLACE, sealed)
    with pytest.raises(CannotDecrypt, match="with another key"):
        keys(new("old")).decrypt(*PLACE, sealed)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    before, both = keys(OLD).encrypt(*PLACE, {"name": "Ada", "town": None}), keys(NEW, OLD)
    assert both.decrypt(*PLACE, before) == {"name": "Ada", "town": None}
    renewed = both.renewed(*PLACE, before)
    assert both.renewed(*PLACE, renewed) == {}
    assert keys(NEW).decrypt(*PLACE, renewed) == {"name": "Ada"}


def test_without_keys_nothing_is_encrypted() -> None:
    with pytest.raises(RuntimeError, match="No keys of fields are known"):
        FieldKeys().encrypt(*PLACE, {"name": "Ada"})


@pytest.mark.parametrize(
    "setting",
    ["", "old", "old:AAAA", f"{OLD},", f"{OLD},{OLD}", OLD[:-3]],
    ids=["empty", "an id", "too short", "a comma", "twice", "cut off"],
)
def test_keys_that_are_none_are_refused_before_a_service_starts(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELD_KEYS", setting)
    with pytest.raises(SystemExit, match="FIELD_KEYS: ") as refused:
        load_settings()
    assert OLD[4:-3] not in str(refused.value)


def with_keys(setting: str | None) -> Settings:
    """The settings of a test run with other keys."""
    keys = None if setting is None else SecretStr(setting)
    return settings_for({}).model_copy(update={"field_keys": keys})


def test_a_service_needs_keys() -> None:
    with pytest.raises(SystemExit, match="FIELD_KEYS: Field required"):
        with_keys(None).keys_of_fields()


@pytest.mark.parametrize(
    ("setting", "loopback_only", "refused"),
    [
        (new("example"), False, True),
        (f"{OLD},{new('example')}", False, True),
        (new("example"), True, False),
        (OLD, False, False),
        (None, False, False),
    ],
    ids=["first", "behind another", "on loopback", "another", "none"],
)
def test_the_example_key_is_refused_unless_the_process_is_local(
    setting: str | None, loopback_only: bool, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "unsafe_settings", lambda *_, **__: "")
    unsafe = identification.unsafe_settings(with_keys(setting), loopback_only=loopback_only)
    assert ("FIELD_KEYS has that of .env.example" in unsafe) is refused


def test_the_command_makes_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["field-keys", "new"])
    made: list[Any] = []
    for _ in range(2):
        field_keys.main()
        made.append(capsys.readouterr().out.strip())
    assert made[0] != made[1]
    sealed = keys(made[0]).encrypt(*PLACE, {"name": "Ada"})
    assert keys(made[1], made[0]).decrypt(*PLACE, sealed) == {"name": "Ada"}
