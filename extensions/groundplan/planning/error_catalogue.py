"""The error catalogue: every problem that a service answers with, as the generated `errors.py` has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..decisions import Resolved, has, wording
from ..domain import Product
from ..operations import KEY, UNRELATED, operations
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
    Problem(400, "Bad Request", "the body is not JSON", "correct the request"),
    Problem(401, "Unauthorized", "", ""),
    Problem(403, "Forbidden", "", "show `detail` to the user"),
    Problem(404, "Not Found", "no such record, or no such URL", "drop the id, or correct the URL"),
    Problem(405, "Method Not Allowed", "the URL does not support the method", "use a method that `Allow` lists"),
    Problem(408, "Request Timeout", "its body takes longer than `BODY_TIMEOUT_S`", "send the body at once", "yes"),
    Problem(409, "Conflict", "", "show `detail` to the user", "once the cause of the conflict is gone"),
    Problem(412, "Precondition Failed", "the record was changed after it was read", "read it again, then decide"),
    Problem(413, "Content Too Large", "its body has more than `MAX_BODY_BYTES`", "send less at once"),
    Problem(
        422,
        "Unprocessable Content",
        f"a field or parameter is not valid, or another request had the {code(KEY.name)}",
        "correct what `errors` lists, or send another key",
    ),
    Problem(428, "Precondition Required", "`If-Match` is missing", "send the `ETag` of what was read"),
    Problem(429, "Too Many Requests", "", "wait as long as `Retry-After` says", "yes"),
    Problem(500, "Internal Server Error", "an error in the service; it is logged", "report `request_id`"),
    Problem(502, "Bad Gateway", "", "read what it would have changed, then send it again", "yes"),
    Problem(503, "Service Unavailable", "", "wait as long as `Retry-After` says", "yes"),
    Problem(504, "Gateway Timeout", "", "read what it would have changed, then send it again", "yes"),
)
"""What 403, 409 and 503 mean depends on the product; another cause that is empty here, on what was decided."""

DECIDED = {401: "unauthorized_when", 429: "rate_limited_when", 502: "bad_gateway_when", 504: "gateway_timeout_when"}
"""Under which word options say when a status is answered; it is not where none says so."""

NOT_READY = 503
"""What every service answers to a readiness check while its database is unavailable."""


def catalogue(product: Product, decisions: Sequence[Resolved]) -> Table:
    """The problems that the services of a product answer with."""
    when = {
        403: _forbidden(product, decisions),
        409: _conflict(product),
        503: _away(product, wording(decisions, "not_cached")),
    }
    when |= {status: wording(decisions, word) for status, word in DECIDED.items()}
    then = {401: wording(decisions, "unauthorized_fix")}
    answered = {*UNRELATED, *DECIDED, NOT_READY}
    answered |= {it for service in product.services for each in operations(product, service) for it in each.problems}
    return table(
        "Status, Title, When, What the caller does, Worth repeating",
        (
            (it.status, it.title, when.get(it.status, it.when), then.get(it.status, it.then), it.again)
            for it in PROBLEMS
            if it.status in answered and when.get(it.status, it.when)
        ),
    )


def _forbidden(product: Product, decisions: Sequence[Resolved]) -> str:
    """What may not be done, and by whom."""
    is_public = any(not product.is_internal(it) for it in product.answered.entities.values())
    has_matrix = is_public and not has(decisions, "no_authentication")
    refuses = f"{'[the access matrix](ArchitectureGuide.md#who-may-do-what) or ' if has_matrix else ''}a rule"
    causes = (
        f"{refuses} does not allow it to this caller",
        wording(decisions, "forbidden_when"),
        f"the caller belongs to no {product.tenants}" if product.tenants else "",
    )
    return ", or ".join(filter(None, causes))


def _conflict(product: Product) -> str:
    """What a write can conflict with."""
    named = [
        f"{code(target)} of {code(name)}"
        for name, target in dict.fromkeys(
            (entity.name, target)
            for entity in product.entities.values()
            for target in product.referenced_entities(entity.fields)
        )
    ]
    causes = ["a rule refuses it", f"a request with the same {code(KEY.name)} is being answered"]
    entities = product.entities.values()
    unique = [f"{codes(names)} of {code(entity.name)}" for entity in entities for names in entity.uniques]
    if unique:
        causes.append(f"another record has the same {one_of(_few(unique))}")
    fixed = [f"{codes(entity.immutable)} of {code(entity.name)}" for entity in entities if entity.immutable]
    if fixed:
        causes.append(f"it changes {one_of(_few(fixed))}, which cannot be changed")
    if named:
        causes.append(f"a record that it refers to does not exist: {all_of(_few(named))}")
    return ", or ".join(causes)


def _few(named: list[str]) -> list[str]:
    """Three of them, or two and how many more there are."""
    return named if len(named) <= 3 else [*named[:2], f"{len(named) - 2} more"]


def _away(product: Product, uncached: str) -> str:
    """What a service can miss; `uncached` says about which records it matters, if not about all."""
    callers: dict[str, list[str]] = {}
    for service in product.services:
        for check in product.checks(service):
            if check.when_unavailable == "refuse" and service.name not in callers.setdefault(check.owner, []):
                callers[check.owner].append(service.name)
    about = f", about a record {uncached}" if uncached else ""
    needed = (f"{code(owner)} (for {codes(names)}{about})" for owner, names in callers.items() if names)
    return f"{one_of(['its database', *needed])} does not answer"
