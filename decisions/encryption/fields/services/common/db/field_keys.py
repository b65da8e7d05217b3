"""The keys of encrypted fields, and what they do: AES-256-GCM, each value bound to its table, record and field."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from pydantic_core import from_json, to_json

KEY_BYTES = 32
NONCE_BYTES = 12
BLOCK = 32
"""Values are padded to a multiple of so many bytes, as the length of a short one would tell it: `yes` from `no`."""
ENTRY = re.compile(r"([A-Za-z0-9-]{1,40}):([A-Za-z0-9_-]+=*)")
"""A key in `FIELD_KEYS`: its id, which is stored with each value, and the key itself."""
EXAMPLE_KEY_ID = "example"
"""The id of the key in `.env.example`, for development."""


class Ciphertext(str):
    """An encrypted value, with the id of its key: `2026-03:cSdy…`."""

    @property
    def key_id(self) -> str:
        return self.partition(":")[0]


class CannotDecrypt(ValueError):
    """A stored value does not open: its key is missing, or it is not what was stored there."""


class FieldKeys:
    """Keys by id: the first one encrypts, and all decrypt."""

    def __init__(self) -> None:
        self._keys: dict[str, AESGCM] = {}

    def use(self, setting: str) -> None:
        """Take the keys of a setting from now on; raises `ValueError`."""
        self._keys = {id: AESGCM(key) for id, key in parsed(setting).items()}

    @property
    def first(self) -> str:
        """The id of the key that encrypts.

        Raises:
            RuntimeError: There is none.
        """
        if not self._keys:
            raise RuntimeError("No keys of fields are known. Fix: start with the settings.")
        return next(iter(self._keys))

    def encrypt(
        self, table: str, id: UUID | str, values: Mapping[str, Any]
    ) -> dict[str, Ciphertext | None]:
        """Encrypt fields of a record, which hold what JSON can; None stays None."""
        return {
            field: None if value is None else self._encrypt(table, id, field, value)
            for field, value in values.items()
        }

    def decrypt(
        self, table: str, id: UUID | str, stored: Mapping[str, str | None]
    ) -> dict[str, Any]:
        """The values of fields of a record, as JSON has them.

        Raises:
            CannotDecrypt: The key of one is missing, or it was not stored there.
        """
        return {
            field: None if text is None else self._decrypt(table, id, field, text)
            for field, text in stored.items()
        }

    def renewed(
        self, table: str, id: UUID | str, stored: Mapping[str, str | None]
    ) -> dict[str, Ciphertext | None]:
        """Those of the fields that another key than the first encrypted, encrypted with the first; raises `CannotDecrypt`."""
        old = {it: text for it, text in stored.items() if text and not self._is_first(text)}
        return self.encrypt(table, id, self.decrypt(table, id, old))

    def _is_first(self, text: str) -> bool:
        return Ciphertext(text).key_id == self.first

    def _encrypt(self, table: str, id: UUID | str, field: str, value: object) -> Ciphertext:
        content, nonce = to_json(value), os.urandom(NONCE_BYTES)
        padded = content.ljust(-(-len(content) // BLOCK) * BLOCK)
        sealed = self._keys[self.first].encrypt(nonce, padded, _place(table, id, field))
        return Ciphertext(f"{self.first}:{base64.urlsafe_b64encode(nonce + sealed).decode()}")

    def _decrypt(self, table: str, id: UUID | str, field: str, text: str) -> Any:
        where, entry = f"{table}, {id}, {field}", ENTRY.fullmatch(text)
        if entry is None:
            raise CannotDecrypt(f"{where}: is not encrypted.")
        if (key := self._keys.get(entry[1])) is None:
            raise CannotDecrypt(f"{where}: its key, {entry[1]}, is not in FIELD_KEYS.")
        try:
            sealed = base64.urlsafe_b64decode(entry[2])
            nonce, content = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return from_json(key.decrypt(nonce, content, _place(table, id, field)))
        except (InvalidTag, ValueError):
            raise CannotDecrypt(
                f"{where}: was stored elsewhere or with another key, or was changed."
            ) from None


KEYS = FieldKeys()
"""Those of this process, once its settings are read."""


def checked(setting: SecretStr) -> SecretStr:
    """A setting with keys; raises `ValueError`."""
    parsed(setting.get_secret_value())
    return setting


def parsed(setting: str) -> dict[str, bytes]:
    """The keys by id.

    Raises:
        ValueError: They are not `id:key, id:key`, each key 32 bytes in Base64.
    """
    entries = [it.strip() for it in setting.split(",")]
    found = [ENTRY.fullmatch(it) for it in entries]
    keys = {it[1]: _bytes(it[2]) for it in found if it}
    if len(keys) < len(entries) or any(len(it) != KEY_BYTES for it in keys.values()):
        raise ValueError(
            "Each key is an id of its own, a colon and 32 bytes in Base64; `field-keys new` makes one"
        )
    return keys


def unsafe_keys(setting: SecretStr | None, *, loopback_only: bool) -> str:
    """What makes keys unsafe for a process that other machines reach, or only this one; empty if nothing."""
    if loopback_only or not setting or EXAMPLE_KEY_ID not in parsed(setting.get_secret_value()):
        return ""
    return "FIELD_KEYS has that of .env.example, which is public."


def new(id: str) -> str:
    """A new key as the setting has it."""
    return f"{id}:{base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()}"


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text)
    except binascii.Error:
        return b""


def _place(table: str, id: UUID | str, field: str) -> bytes:
    """What a value is bound to."""
    return to_json([table, str(id), field])
