"""The error catalogue: every problem that a service answers with, as the generated `errors.py` has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..decisions import Resolved, said
from ..domain import Product
from ..text import all_of, one_of
from .markdown import Table, code, codes, table


@dataclass(frozen=True)
class Problem:
    """A status with its name in RFC 9110, and what it means for a caller."""

    status: int
    title: str
    when: str
    then: str
    """What the caller does."""
    again: str = "no"
    """Whether the same request may succeed later."""


PROBLEMS = (
    Problem(400, "Bad Request", "the body is not JSON", "mend the program"),
    Problem(401, "Unauthorized", "", ""),
    Problem(404, "Not Found", "no such record, or no such address", "forget the record, or mend the address"),
    Problem(405, "Method Not Allowed", "the address has no such method", "use one that `Allow` names"),
    Problem(409, "Conflict", "", "show `detail` to whoever asked", "when what it conflicts with has changed"),
    Problem(412, "Precondition Failed", "somebody changed it since it was read", "read it again, then decide"),
    Problem(422, "Unprocessable Content", "a field or parameter is not valid", "mend what `errors` names"),
    Problem(428, "Precondition Required", "`If-Match` is missing", "send the `ETag` of what was read"),
    Problem(429, "Too Many Requests", "", "wait as long as `Retry-After` says", "yes"),
    Problem(500, "Internal Server Error", "a fault of ours; it is logged", "report `request_id`"),
    Problem(502, "Bad Gateway", "", "read what it would have changed, then send it again", "yes"),
    Problem(503, "Service Unavailable", "", "wait as long as `Retry-After` says", "yes"),
    Problem(504, "Gateway Timeout", "", "read what it would have changed, then send it again", "yes"),
)
"""What 409 and 503 are for is told by the product; what else is not told here, by what was decided."""

DECIDED = {401: "refused", 429: "limited", 502: "broken", 504: "late"}
"""Under which word options say when a status is answered; it is not where none says so."""

WRITES = (409, 412, 428)
"""Answers to requests that no service without entities has."""


def catalogue(product: Product, decisions: Sequence[Resolved]) -> Table:
    """The problems that the services of a product answer with."""
    when = {409: _conflict(product), 503: _away(product, said(decisions, "unheard"))}
    when |= {status: said(decisions, word) for status, word in DECIDED.items()}
    then = {401: said(decisions, "mended")}
    return table(
        "Status, Title, When, The caller, Again",
        (
            (it.status, it.title, when.get(it.status, it.when), then.get(it.status, it.then), it.again)
            for it in PROBLEMS
            if (product.entities or it.status not in WRITES) and when.get(it.status, it.when)
        ),
    )


def _conflict(product: Product) -> str:
    """What a write can conflict with."""
    named = [
        f"{code(target)} of {code(name)}"
        for name, target in dict.fromkeys(
            (entity.name, target) for entity in product.entities.values() for target in product.referred(entity.fields)
        )
    ]
    shown = named if len(named) <= 3 else [*named[:2], f"{len(named) - 2} more"]
    refused = "a rule refuses it"
    return f"{refused}, or what it names is not there: {all_of(shown)}" if named else refused


def _away(product: Product, unheard: str) -> str:
    """What a service can miss; `unheard` says about which records it matters, if not about all."""
    callers: dict[str, list[str]] = {}
    for service in product.services:
        for check in product.checks(service):
            if check.when_away == "refuse" and service.name not in callers.setdefault(check.owner, []):
                callers[check.owner].append(service.name)
    about = f", about a record {unheard}" if unheard else ""
    needed = (f"{code(owner)} (for {codes(names)}{about})" for owner, names in callers.items() if names)
    return f"{one_of(['its database', *needed])} does not answer"
