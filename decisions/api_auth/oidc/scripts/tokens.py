"""Create a token for development: `token [--name NAME] [--role ROLE] [--minutes NUMBER]`.

The first run creates a key in `var/`. Services accept it only while OIDC_ISSUER is `development`, on this machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from jwt.algorithms import ECAlgorithm

from services.common.auth.oidc_provider import DEVELOPMENT, DEVELOPMENT_KEYS
from scripts.dev import settings_for_development
from scripts.processes import ROOT

PRIVATE_KEY = Path("var", "development_key.pem")


def create_token(
    folder: Path, audience: str, name: str, minutes: float, roles: Mapping[str, list[str]]
) -> str:
    """Create a token for a caller, signed with the key in the folder, and publish the key.

    Args:
        roles: What the caller may act as, by the claim that lists it.
    """
    key = _load_or_create_key(folder / PRIVATE_KEY)
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    kid = hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()[:16]
    published = {"keys": [public | {"kid": kid, "use": "sig", "alg": "ES256"}]}
    (folder / DEVELOPMENT_KEYS).write_text(json.dumps(published), encoding="utf-8")
    now = int(time.time())
    claims = {
        "iss": DEVELOPMENT,
        "aud": audience,
        "sub": name,
        "iat": now,
        "exp": now + int(minutes * 60),
        **roles,
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": kid})


def _load_or_create_key(path: Path) -> EllipticCurvePrivateKey:
    """Load the private key of this machine, or create it if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        sys.exit(f"{path} is another kind of key. Fix: delete it, and a new one is created.")
    return key


def main() -> None:
    """Print a token."""
    parser = argparse.ArgumentParser(prog="token", description="Create a token for development.")
    parser.add_argument("--name", default="developer", help="the name of the caller")
    parser.add_argument(
        "--role", action="append", default=[], help="a role of the caller; may be repeated"
    )
    parser.add_argument("--minutes", type=float, default=60, help="how long it is valid")
    options = parser.parse_args()
    settings = settings_for_development()
    if settings["OIDC_ISSUER"] != DEVELOPMENT:
        sys.exit(
            f"OIDC_ISSUER is {settings['OIDC_ISSUER']}, which issues its tokens itself. "
            f"Fix: ask it for one, or set OIDC_ISSUER to {DEVELOPMENT}."
        )
    audience, roles = settings["OIDC_AUDIENCE"], {settings["OIDC_ROLES_CLAIM"]: options.role}
    print(create_token(ROOT, audience, options.name, options.minutes, roles))
