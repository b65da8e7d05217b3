"""The keys of encrypted fields: `field-keys new` makes one, `field-keys rotate` encrypts all with the first."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from services.common.config import Settings, load_settings
from services.common.db import field_keys
from services.common.db.field_keys import KEYS, CannotDecrypt
from services.common.errors import ServiceUnavailable
from services.common.utils import now
from scripts import key_rotation
from scripts.commands import run
from scripts.processes import services_with_database


def new() -> str:
    """A new key, with the day and some random characters as its id."""
    return field_keys.new(f"{now():%Y-%m-%d}-{os.urandom(2).hex()}")


async def rotate(settings: Settings) -> dict[str, int]:
    """Encrypt with the first key what others encrypted, and count the records of each service that were.

    What a service writes meanwhile with a key that was the first is found by a further look.
    """
    KEYS.use(settings.keys_of_fields())
    counts: dict[str, int] = {}
    for service in services_with_database():
        url, counts[service] = settings.database_url(service), 0
        while renewed := await key_rotation.renew(service, url):
            counts[service] += renewed
    return counts


def main() -> None:
    """Make a key, or use it for all that is stored."""
    parser = argparse.ArgumentParser("field-keys", description=__doc__)
    parser.add_argument("command", choices=["new", "rotate"])
    if parser.parse_args().command == "new":
        print(new())
        print(
            "Add it at the end of FIELD_KEYS, and restart all processes; put it first, and restart them"
            f" again; then `{run('field-keys rotate')}`.",
            file=sys.stderr,
        )
        return
    try:
        counts = asyncio.run(rotate(load_settings()))
    except (CannotDecrypt, ServiceUnavailable) as error:
        sys.exit(f"field-keys: {error}")
    for service, count in counts.items():
        print(f"{service}: {count} records are encrypted anew")
    print(
        f"Services need no other key than {KEYS.first}; backups may, and so may fields that migrations"
        " put out of use."
    )
