"""What each option brings, what it costs to leave it, and what proves it."""

from __future__ import annotations

from collections.abc import Iterator

from ..catalogue import Catalogue, Decision, Manager, Option, with_commands
from ..text import md

HEAD = """\
# Options

<!-- Generated from decisions/*/decision.yml by `uv run docs/build.py`. -->

{choices} of {decisions} decisions have a choice today, of {options} options. For each: what it brings into a project,
and what proves there that it works. `SAMPLE=all uv run pytest tests/test_pairs.py` generates every pair of options that
go together, and runs each project's linters, strict types and suite. What changing a decision costs is measured on the
bookshop, outside its documents.
"""


def text(catalogue: Catalogue) -> str:
    """All decisions with a choice, then those without."""
    open_ = [it for it in catalogue.decisions if not it.settled]
    settled = [it for it in catalogue.decisions if it.settled]
    options = sum(len(it.offered) for it in open_)
    head = HEAD.format(choices=len(open_), decisions=len(catalogue.decisions), options=options)
    return (
        head + "".join(_section(it, catalogue.manager) for it in open_) + "".join(_others(settled)) + _traits(catalogue)
    )


def _section(decision: Decision, manager: Manager | None) -> str:
    rows = "".join(f"| {' | '.join(_row(option, manager))} |\n" for option in decision.offered)
    cost = f"The most expensive change touches {decision.reversal}." if decision.reversal else ""
    planned = ", ".join(it.label for it in decision.options if not it.offered)
    notes = " ".join(filter(None, (cost, f"Planned: {md(planned)}." if planned else "")))
    head = "| option | brings | proved by |\n| --- | --- | --- |\n"
    return f"\n## `{decision.id}`\n\n{md(decision.question)} {notes}\n\n{head}{rows}"


def _row(option: Option, manager: Manager | None) -> Iterator[str]:
    yield f"`{option.name}`: {md(option.label)}"
    yield "<br>".join(_brought(option)) or "a way of working, in `docs/operations.md`"
    tests = [it.target for it in option.modules if it.target.startswith("tests/") and "fixtures" not in it.target]
    yield "<br>".join((md(with_commands(option.confirmed_by, manager)), *(f"`{it}`" for it in tests)))


def _brought(option: Option) -> Iterator[str]:
    """What comes into a project with an option, its tests apart."""
    for title, names in (
        ("code", [it.target for it in option.modules if not it.target.startswith("tests/")]),
        ("packages", [it.package for it in option.footprint.dependencies]),
        ("settings", [it.name for it in option.footprint.environment]),
        ("processes", [option.footprint.app] if option.footprint.app else []),
    ):
        if names:
            yield f"{title}: {', '.join(f'`{name}`' for name in names)}"


def _traits(catalogue: Catalogue) -> str:
    """What options and templates ask for instead of naming an option."""
    rows = "".join(
        f"| `{trait}` | {md(meaning)} | {', '.join(f'`{it}`' for it in _providers(trait, catalogue))} |\n"
        for trait, meaning in catalogue.traits
    )
    return (
        f"\n## Traits\n\nFrom `decisions/traits.yml`.\n\n| trait | means | provided by |\n| --- | --- | --- |\n{rows}"
    )


def _providers(trait: str, catalogue: Catalogue) -> Iterator[str]:
    for decision in catalogue.decisions:
        yield from (f"{decision.id}.{option.name}" for option in decision.offered_with(trait))


def _others(settled: list[Decision]) -> Iterator[str]:
    yield "\n## Without a choice yet\n\n| decision | works | planned |\n| --- | --- | --- |\n"
    for decision in settled:
        planned = ", ".join(it.label for it in decision.options if not it.offered)
        yield f"| `{decision.id}` | {md(decision.offered[0].label)} | {md(planned) or '-'} |\n"
