"""Routes that clash are refused before a service starts."""

from __future__ import annotations

import re

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts


def refuse_clashes(app: FastAPI) -> None:
    """Check that no two routes have the same method and path, or the same name, which generated clients use.

    Raises:
        ValueError: Two have; the message says which.
    """
    known: dict[str, str] = {}
    for route in iter_route_contexts(app.routes):
        shown = f"{', '.join(sorted(route.methods or ()))} {route.path}"
        path = re.sub("{[^{}]*}", "{}", str(route.path))
        for key in (*(f"{method} {path}" for method in route.methods or ()), str(route.name)):
            if key in known:
                raise ValueError(
                    f"{shown} ({route.name}) clashes with {known[key]}. Fix: give one of the two "
                    f"{'another name' if key == route.name else 'another path'}."
                )
            known[key] = f"{shown} ({route.name})"
