"""What documents say about workflows: steps in several services that are all done or all undone."""

from __future__ import annotations

from collections.abc import Iterator

from ..domain import Product, Service, Source, Step
from .markdown import NONE, Table, cell, code, table


def led(product: Product, service: Service) -> Table:
    """The workflows that a service leads, step by step."""
    return table(
        "Workflow, Starts on, Step, In, Fills, Step timeout, All done, All undone",
        (
            (
                code(it.name),
                f"create {code(it.entity)}",
                f"{number} creates {code(step.creates)}",
                code(step.service),
                fills(step.mapping),
                f"{it.step_timeout_s} s",
                code(it.done),
                code(it.undone),
            )
            for it in product.workflows_led_by(service.name)
            for number, step in enumerate(it.steps, 1)
        ),
    )


def fills(mapping: tuple[tuple[str, Source], ...]) -> str:
    """The fields of a record that is created, each with where its value comes from."""
    return ", ".join(code(f"{name}: {source}") for name, source in mapping) or NONE


def heard(product: Product, service: Service) -> Iterator[tuple[str, str, str, str, str]]:
    """The commands and answers that a service subscribes to, as rows of its subscriptions."""
    for step in product.workflow_steps_in(service.name):
        leader = next(it.service for it in product.workflows if it.name == step.workflow)
        do, undo = step.commands
        rules = code(f"services/{service.name}/{step.module}.py")
        yield code(do), code(leader), f"creates {code(step.creates)}, and answers", fills(step.mapping), rules
        yield code(undo), code(leader), f"takes {code(step.creates)} back, and answers", NONE, rules
    for it in product.workflows_led_by(service.name):
        for step in it.steps:
            done, refused, undone = step.answers
            yield code(done), code(step.service), f"moves {code(it.name)} on", NONE, NONE
            yield code(refused), code(step.service), f"turns {code(it.name)} back", NONE, NONE
            yield code(undone), code(step.service), f"moves {code(it.name)} further back", NONE, NONE


def sent(product: Product, service: Service) -> Iterator[tuple[str, str, str, str]]:
    """The commands and answers that a service sends, as rows of what it publishes."""
    for it in product.workflows_led_by(service.name):
        for number, step in enumerate(it.steps):
            do, undo = step.commands
            before = f"{code(it.steps[number - 1].creates)} is done" if number else f"create {code(it.entity)}"
            fields = ", ".join(code(name) for name, _ in step.mapping) or NONE
            fields += f", because {cell(it.because)}" if it.because else ""
            yield code(do), before, fields, code(step.service)
            yield code(undo), "a later step is refused, or this one has no answer", NONE, code(step.service)
    for step in product.workflow_steps_in(service.name):
        leader = code(next(it.service for it in product.workflows if it.name == step.workflow))
        done, refused, undone = step.answers
        yield code(done), f"{code(step.creates)} is created", NONE, leader
        yield code(refused), "its rules, its types or its references refuse it", code("reason"), leader
        yield code(undone), f"{code(step.creates)} is taken back", NONE, leader


def types(product: Product, service: Service) -> tuple[str, ...]:
    """The commands and answers that a service sends, by name."""
    commands = (name for it in product.workflows_led_by(service.name) for step in it.steps for name in step.commands)
    answers = (name for step in product.workflow_steps_in(service.name) for name in step.answers)
    return (*commands, *answers)


def summary(steps: tuple[Step, ...]) -> str:
    """The steps in a sentence: `stock creates Reservation, then billing creates Payment`."""
    return ", then ".join(f"{step.service} creates {step.creates}" for step in steps)
