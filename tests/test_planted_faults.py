"""The suite of a generated project notices faults: each is planted by hand, and the test meant for it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from copies import Generate
from projects import REPOSITORY, answers, run

COMMON = "services/common"


@dataclass(frozen=True)
class Fault:
    """What is wrong in a file of the bookshop, and the tests of the project that say so."""

    name: str
    file: str
    right: str
    wrong: str
    suite: str
    test: str
    """The start of its name."""


NOTHING_STARTS = ("tests/integration/test_events.py", "test_an_event_is_delivered_without_waiting_for_the_next_poll")
FOREIGN_IDS = ("tests/integration/test_services.py", "test_a_request_id_that_could_forge_a_log_line_is_replaced")
INTERNAL = (
    "tests/integration/test_records.py",
    "test_callers_from_outside_reach_what_is_for_them_and_nothing_else",
)

FAULTS = [
    Fault(
        "the relay ends after a failed delivery",
        f"{COMMON}/messaging/polling.py",
        "                pause = min(pause * 2, MAX_PAUSE_S)\n",
        "                return\n",
        "tests/integration/test_relay.py",
        "test_a_delivery_that_failed_is_tried_again",
    ),
    Fault(
        "a delivery has no key",
        f"{COMMON}/messaging/transport.py",
        'headers = {IDEMPOTENCY_KEY: message.event["id"]}',
        "headers = dict[str, str]()",
        "tests/integration/test_delivery.py",
        "test_a_delivery_bears_the_id_of_its_event_so_that_it_can_be_repeated",
    ),
    Fault(
        "a service starts on nothing after a commit",
        f"{COMMON}/transaction.py",
        "        transaction.after_commit()\n",
        "",
        *NOTHING_STARTS,
    ),
    Fault(
        "a change starts on none of its effects",
        f"{COMMON}/transaction.py",
        "            effect.after_commit(self.entity_service.runtime, self.record)\n",
        "            pass\n",
        *NOTHING_STARTS,
    ),
    Fault(
        "an event wakes no relay",
        f"{COMMON}/messaging/publisher.py",
        "        runtime.notify_workers()\n",
        "",
        *NOTHING_STARTS,
    ),
    Fault(
        "any request id is kept",
        f"{COMMON}/observability/request_log.py",
        "if not VALID_ID.fullmatch(request_id):",
        "if not request_id:",
        *FOREIGN_IDS,
    ),
    Fault(
        "a request id may end in anything",
        f"{COMMON}/observability/request_log.py",
        "VALID_ID.fullmatch(request_id)",
        "VALID_ID.match(request_id)",
        *FOREIGN_IDS,
    ),
    Fault(
        "minus zero is kept",
        f"{COMMON}/models.py",
        'value.quantize(Decimal("0.01")) + 0',
        'value.quantize(Decimal("0.01"))',
        "tests/unit/test_common.py",
        "test_minus_zero_is_the_amount_zero",
    ),
    Fault(
        "an internal service lets in whom any service does",
        f"{COMMON}/api/app.py",
        "require_service_caller if service.internal else identify_caller",
        "identify_caller",
        *INTERNAL,
    ),
    Fault(
        "every caller passes for a service",
        f"{COMMON}/auth/identification.py",
        "if not caller.is_service:",
        "if False:",
        *INTERNAL,
    ),
]


@pytest.fixture(scope="module")
def bookshop(generate: Generate) -> Path:
    """The project, whose tests are green without a fault."""
    project = generate(answers(REPOSITORY / "examples/bookshop.yml"))
    meant = dict.fromkeys(f"{fault.suite}::{fault.test}" for fault in FAULTS)
    run(project, "pytest", "--quiet", *meant)
    return project


@pytest.fixture
def planted(bookshop: Path, fault: Fault) -> Iterator[Path]:
    """The project with one fault."""
    file = bookshop / fault.file
    right = file.read_text("utf-8")
    assert right.count(fault.right) == 1, f"{fault.file} has not once: {fault.right}"
    file.write_text(right.replace(fault.right, fault.wrong), "utf-8")
    yield bookshop
    file.write_text(right, "utf-8")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_test_meant_for_a_fault_fails(planted: Path, fault: Fault) -> None:
    with pytest.raises(AssertionError, match=rf"FAILED {fault.suite}::{fault.test}\b"):
        run(planted, "--no-sync", "pytest", "--quiet", "--exitfirst", f"{fault.suite}::{fault.test}")
