"""Speak to a running service through a client that somebody else's generator made of its OpenAPI description.

`python client.py FOLDER URL` reads from standard input a JSON list of entities, each with its operations, a draft and
the headers of a caller; it creates, reads and lists a record of each, and prints their ids.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from typing import Any


def main() -> None:
    folder, url = sys.argv[1:]
    sys.path.insert(0, folder)
    (name,) = (it.name for it in pkgutil.iter_modules([folder]) if it.ispkg)
    package: Any = importlib.import_module(name)
    models: Any = importlib.import_module(f"{name}.models")
    ids = []
    for entity in json.load(sys.stdin):
        client = package.Client(base_url=url, headers=entity["headers"], raise_on_unexpected_status=True)
        draft = getattr(models, f"{entity['name']}Draft").from_dict(entity["draft"])
        create, get, page_of = (
            importlib.import_module(f"{name}.api.default.{operation}") for operation in entity["operations"]
        )
        made = create.sync(client=client, body=draft)
        read = get.sync(id=made.id, client=client)
        assert read.to_dict() == made.to_dict(), (read, made)
        page = page_of.sync(client=client, limit=200)
        assert made.id in {it.id for it in page.items} or page.next_, page
        ids.append(str(made.id))
    print(json.dumps(ids))


if __name__ == "__main__":
    main()
