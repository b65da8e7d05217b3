"""Reading: a mapping of answers becomes a `Product`, or `Refused` with every problem there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from .. import names
from ..answers import Answers
from ..domain import Item, Product, Service, ValueObject
from ..problems import Problem, Refused, Report
from ..text import quoted
from . import (
    access,
    audit,
    boundaries,
    brought,
    entities,
    jobs,
    person,
    renames,
    retention,
    services,
    tenants,
    workflows,
)
from .node import Node, structure
from .rates import Rate, rate
from .requirements import (
    DETAILS,
    ITEMS,
    NUMBERS,
    TEXTS,
    details,
    external_apis,
    features,
    items,
    keyless,
    needs_key,
    number,
    rate_limits,
)

__all__ = [
    "DETAILS",
    "ITEMS",
    "NUMBERS",
    "Rate",
    "brought",
    "details",
    "items",
    "lists",
    "needs_key",
    "number",
    "problems",
    "rate",
    "read",
    "renamed",
    "unfinished",
]


def read(answers: Mapping[str, object], settings: Collection[str] = ()) -> Product:
    """Build the product that complete answers describe. Ids and ports that nobody fixed stay empty.

    No name may need one of the `settings` that options have.
    """
    report = Report()
    product = _product(Answers(answers), report, settings)
    report.refuse()
    return product


def unfinished(
    answers: Mapping[str, object], complete: bool = False, settings: Collection[str] = ()
) -> tuple[Product, tuple[Problem, ...]]:
    """What can be read of answers while questions are still asked, and what is wrong with them.

    Unless they are `complete`, no service is missed that a later answer may declare.
    """
    report = Report(unfinished=not complete)
    return _product(Answers(answers), report, settings), report.problems


def problems(answers: Mapping[str, object], settings: Collection[str] = ()) -> tuple[Problem, ...]:
    """Everything that keeps answers from being read."""
    try:
        read(answers, settings)
    except Refused as refused:
        return refused.problems
    return ()


def lists(answers: Answers) -> Mapping[str, tuple[Item, ...]]:
    """The items of every question that is answered by a list, by question."""
    return MappingProxyType({question: items(answers, question) for question in ITEMS})


def renamed(
    answers: Answers, product: Product, names: Mapping[str, Collection[str]], before: renames.Before
) -> tuple[renames.FieldRename | renames.IdRename, ...]:
    """What gets another name in a product, with all `names` that have ids; raise `Refused` where nothing can."""
    report = Report()
    found = renames.renames(structure(answers["renames"], report), product, names, before)
    report.refuse()
    return found


def _product(answers: Answers, report: Report, settings: Collection[str]) -> Product:
    report.extend(answers.problems)
    if answers.problems:
        report.mute()
    name = _name(answers, report)
    concept = _text(answers, "concept", report)
    found, values = _services(answers, concept, report, settings)
    known = [service.name for service in found]
    apis = structure(answers["external_apis"], report)
    product = Product(
        name=name,
        slug=_slug(answers, name, report),
        concept=concept,
        services=found,
        values=values,
        features=features(structure(answers["mvp_features"], report), known),
        external_apis=external_apis(apis, known, keyless(answers), rate_limits(answers), settings),
        workflows=workflows.workflows(structure(answers["workflows"], report), found),
    )
    product = _with_access(product, answers, report)
    for question in TEXTS:
        _text(answers, question, report)
    for question in ITEMS:
        items(answers, question, report)
    for question in DETAILS:
        details(answers, question, report)
    for question in NUMBERS:
        number(answers, question, report)
    return product


def _with_access(product: Product, answers: Answers, report: Report) -> Product:
    """The same with its roles, the histories that they read, how long records are kept, and who may do what as far as
    the answers say it."""
    product = replace(product, roles=access.roles(items(answers, "personas")))
    product = audit.with_histories(structure(answers["audit"], report), product)
    product = retention.with_retention(structure(answers["retention"], report), product)
    product = person.with_person(structure(answers["person"], report), product)
    organisations = structure(answers["tenants"], report)
    product = tenants.with_tenants(organisations, product)
    if not answers["access"].known:
        return product
    said = access.access(structure(answers["access"], report), product)
    product = replace(product, access=access.complete(product, said))
    tenants.open_to_anyone(organisations, product)
    return access.with_indexes(replace(product, roles=access.named_roles(product)))


def _services(
    answers: Answers, concept: str, report: Report, settings: Collection[str]
) -> tuple[tuple[Service, ...], tuple[ValueObject, ...]]:
    """Services with all that they keep and say, and the value objects that they share."""
    drafts = services.drafts(structure(answers["services"], report), settings)
    if not drafts:
        drafts = (services.alone("core", concept, Node(None, "services", report)),)
    declared = entities.declarations(structure(answers["data_entities"], report))
    kept = [item.line.name for item in declared if not item.line.is_value]
    owners = entities.Owners(tuple(draft.name for draft in drafts), services.owned(drafts, kept))
    records, values = entities.resolve(declared, owners)
    found = services.resolve(drafts, records, values)
    places = {draft.name: draft.node for draft in drafts} | {item.line.name: item.node for item in declared}
    boundaries.check(found, values, places)
    return jobs.attached(structure(answers["jobs"], report), found), values


def _text(answers: Answers, question: str, report: Report) -> str:
    """The text that answers a question; empty while there is none."""
    answer = answers[question]
    return Node(answer.value if answer.known else None, question, report).text()


def _name(answers: Answers, report: Report) -> str:
    name = _text(answers, "project_name", report)
    if not name and not isinstance(answers["project_name"].value, (int, float, tuple, Mapping)):
        report.add("project_name", "is not answered", "name the project, e.g. project_name: Bookshop")
    elif "\n" in name or len(name) > 80:
        report.add("project_name", "is longer than one line of 80 characters", "say more in concept")
    return name


def _slug(answers: Answers, name: str, report: Report) -> str:
    given = _text(answers, "project_slug", report)
    chosen = given or names.project_for(name)
    if fault := names.project(chosen):
        report.add(
            "project_slug", f"{quoted(chosen)} {fault}", f"set project_slug, e.g. {quoted(names.project_for(chosen))}"
        )
    return chosen
