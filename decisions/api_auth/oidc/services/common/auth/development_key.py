"""The key of the tokens for development, on this machine: it counts only while OIDC_ISSUER is `development`."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from jwt.algorithms import ECAlgorithm

from services.common.auth.oidc_provider import DEVELOPMENT_KEYS

PRIVATE_KEY = Path("var", "development_key.pem")
ALGORITHM = "ES256"


def sign(folder: Path, claims: Mapping[str, Any]) -> str:
    """A token with these claims, signed with the key in the folder, which is published there.

    Raises:
        ValueError: The file in the folder holds another kind of key.
    """
    key = load_or_create(folder)
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    kid = hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()[:16]
    published = {"keys": [public | {"kid": kid, "use": "sig", "alg": ALGORITHM}]}
    _written(folder / DEVELOPMENT_KEYS, json.dumps(published).encode()).replace(
        folder / DEVELOPMENT_KEYS
    )
    return jwt.encode(dict(claims), key, algorithm=ALGORITHM, headers={"kid": kid})


def load_or_create(folder: Path) -> EllipticCurvePrivateKey:
    """Load the private key of this machine, or create it if there is none.

    Raises:
        ValueError: The file holds another kind of key.
    """
    path = folder / PRIVATE_KEY
    if not path.exists():
        pem = generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        written = _written(path, pem)
        with suppress(FileExistsError):  # another process was faster, and its key is the one
            os.link(written, path)
        written.unlink()
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError(
            f"{path} is another kind of key. Fix: delete it, and a new one is created."
        )
    return key


def _written(path: Path, content: bytes) -> Path:
    """A new file beside a path, which nobody else may read; whole before it takes its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opened, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
    return Path(name)
