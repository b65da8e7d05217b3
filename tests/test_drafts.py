"""A project with rules of its own keeps its suite: `tests/drafts.py` says how drafts, callers and APIs meet them.

Without a word there, each test that a rule turns red says what to write.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from copies import Generate
from pairs import PRODUCTS
from projects import UV, environment, run

PRESS = """
project_name: Press
concept: Articles are written, and their authors are paid.
external_apis:
  - {name: bank, purpose: pays out, used_by: [ledger]}
services:
  - name: press
    responsibility: keeps articles
    publishes: [article.written on create Article, article.changed on update Article]
  - name: ledger
    responsibility: pays
    depends_on: [press]
    subscribes: ["on article.written: create Fee(article: id, words: slug)", keep Article]
data_entities:
  - "press.Article(slug: str, title: str)"
  - "press.Visit(note: str)"
  - "ledger.Account(owner: email)"
  - "ledger.Entry(memo: str, lines: list[Line])"
  - "ledger.Payout(account: Account, amount: money)"
  - "ledger.Fee(article: uuid, words: str)"
  - "ledger.Receipt(fee: Fee cascade)"
  - "value Line(account: Account, amount: money)"
"""

PRESS_RULES = {
    "services/press/article.py": '''
"""A slug has no spaces, and no two articles have the same one."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.press import models
from services.press.hooks import ArticleHooks


class ArticleRules(ArticleHooks):
    """The business rules of article."""

    async def before_create(
        self, draft: models.ArticleDraft, related: models.ArticleRelated
    ) -> models.ArticleDraft:
        from services.common.auth.callers import SERVICE_CALLER
        from services.press.services import ArticleService

        if " " in draft.slug:
            raise RuleViolation("A slug has no spaces.")
        assert self._runtime
        after = None
        while True:
            page = await ArticleService(self._runtime, SERVICE_CALLER).page(after, 100)
            if any(it.slug == draft.slug for it in page.items):
                raise RuleViolation("Another article has this slug.")
            after = page.next
            if after is None:
                return draft.model_copy(update={"title": draft.title.upper()})

    async def before_update(
        self,
        current: models.Article,
        draft: models.ArticleDraft,
        related: models.ArticleRelated,
    ) -> models.ArticleDraft:
        if draft.slug != current.slug:
            raise RuleViolation("A slug never changes.")
        if draft.title == current.title:
            raise RuleViolation("Nothing would change.")
        return draft
''',
    "services/press/visit.py": '''
"""Visits are written by nobody."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.press import models
from services.press.hooks import VisitHooks


class VisitRules(VisitHooks):
    """The business rules of visit."""

    async def before_create(
        self, draft: models.VisitDraft, related: models.VisitRelated
    ) -> models.VisitDraft:
        raise RuleViolation("Visits are counted elsewhere.")
''',
    "services/ledger/account.py": '''
"""Accounts stay."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.ledger import models
from services.ledger.hooks import AccountHooks


class AccountRules(AccountHooks):
    """The business rules of account."""

    async def before_delete(self, current: models.Account) -> None:
        raise RuleViolation("An account is never deleted.")
''',
    "services/ledger/entry.py": '''
"""Entries sum to zero, and are never changed."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.ledger import models
from services.ledger.hooks import EntryHooks


class EntryRules(EntryHooks):
    """The business rules of entry."""

    async def before_create(
        self, draft: models.EntryDraft, related: models.EntryRelated
    ) -> models.EntryDraft:
        if sum(line.amount for line in draft.lines):
            raise RuleViolation("The lines do not sum to zero.")
        return draft

    async def before_update(
        self, current: models.Entry, draft: models.EntryDraft, related: models.EntryRelated
    ) -> models.EntryDraft:
        raise RuleViolation("An entry is never changed.")
''',
    "services/ledger/payout.py": '''
"""The bank pays, and each account once."""

from __future__ import annotations

from uuid import UUID

from services.common.errors import RuleViolation
from services.ledger import models
from services.ledger.hooks import PayoutHooks

PAID = set[UUID]()


class PayoutRules(PayoutHooks):
    """The business rules of payout."""

    async def before_create(
        self, draft: models.PayoutDraft, related: models.PayoutRelated
    ) -> models.PayoutDraft:
        if draft.account in PAID:
            raise RuleViolation("This account was paid out.")
        answer = await self.apis.bank.request("POST", "/payouts", json={"of": str(draft.account)})
        if answer.json()["state"] != "paid":
            raise RuleViolation("The bank does not pay.")
        PAID.add(draft.account)
        return draft
''',
    "services/ledger/fee.py": '''
"""Fees are for words without spaces."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.ledger import models
from services.ledger.hooks import FeeHooks


class FeeRules(FeeHooks):
    """The business rules of fee."""

    async def before_create(
        self, draft: models.FeeDraft, related: models.FeeRelated
    ) -> models.FeeDraft:
        if " " in draft.words:
            raise RuleViolation("Words have no spaces.")
        return draft
''',
}

PRESS_DRAFTS = '''
"""How the tests keep to the rules of this project."""

from __future__ import annotations

import httpx2

from services.common.auth.callers import Caller
from tests.fixtures.facts import Draft
from tests.fixtures.system import System

REFUSED = {
    "create Visit": "visits are counted elsewhere",
    "delete Account": "accounts stay",
    "update Entry": "entries stay as they are",
}


def caller(service: str, entity: str | None) -> Caller:
    """Who calls a service in tests, about the records of an entity or about something else."""
    return Caller("editor" if entity == "Article" else "tests", is_service=False)


def article(draft: Draft, current: Draft | None) -> Draft:
    if current is not None:
        return draft | {"slug": current["slug"], "title": current["title"] + "."}
    return draft | {"slug": draft["slug"].replace(" ", "-")}


def fee(draft: Draft) -> Draft:
    return draft | {"words": draft["words"].replace(" ", "-")}


async def entry(draft: Draft, system: System) -> Draft:
    other = await system.create("Account")
    return draft | {
        "lines": [
            {"account": draft["lines"][0]["account"], "amount": "12.50"},
            {"account": other["id"], "amount": "-12.50"},
        ]
    }


async def payout(draft: Draft, system: System) -> Draft:
    return draft | {"account": (await system.create("Account"))["id"]}


async def receipt(draft: Draft, system: System) -> Draft:
    return draft | {"fee": (await system.create("Fee"))["id"]}


async def bank(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"state": "paid"})
'''

TICKETS = PRODUCTS["Ticket office"]
OFFICE = TICKETS | {"data_entities": [it.removeprefix("private ") for it in TICKETS["data_entities"]]}
"""Callers make payments, too, so that tests send drafts of what a step of the workflow creates."""

OFFICE_RULES = {
    "services/hall/hold.py": '''
"""Every other seat stays free."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.hall import models
from services.hall.hooks import HoldHooks


class HoldRules(HoldHooks):
    """The business rules of hold."""

    async def before_create(
        self, draft: models.HoldDraft, related: models.HoldRelated
    ) -> models.HoldDraft:
        if draft.seat % 2:
            raise RuleViolation("This seat stays free.")
        return draft
''',
    "services/bank/selling_payment.py": '''
"""Nothing is paid in small coins."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.bank import models
from services.bank.hooks import SellingPaymentStepHooks


class SellingPaymentStep(SellingPaymentStepHooks):
    """What the step does."""

    async def do(self, draft: models.PaymentDraft) -> models.PaymentDraft | None:
        if draft.amount % 1:
            raise RuleViolation("Nothing is paid in small coins.")
        return draft
''',
    "services/bank/slip.py": '''
"""Slips are deleted by nobody."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.bank import models
from services.bank.hooks import SlipHooks


class SlipRules(SlipHooks):
    """The business rules of slip."""

    async def before_delete(self, current: models.Slip) -> None:
        raise RuleViolation("A slip stays.")
''',
}

OFFICE_DRAFTS = '''
"""How the tests keep to the rules of this project."""

from __future__ import annotations

from tests.fixtures.facts import Draft

REFUSED = {"delete Slip": "slips stay"}


def sale(draft: Draft) -> Draft:
    return draft | {"seat": 2 * draft["seat"], "price": "12.00"}


def hold(draft: Draft) -> Draft:
    return draft | {"seat": 2 * draft["seat"]}
'''

WITH_RULES = {
    "press": (yaml.safe_load(PRESS), PRESS_RULES, PRESS_DRAFTS),
    "office": (OFFICE, OFFICE_RULES, OFFICE_DRAFTS),
}
DRAFTS = Path("tests", "drafts.py")


def with_rules(generate: Generate, product: str, **answers: object) -> Path:
    """A project whose owned files have rules, while nothing is said yet in `tests/drafts.py`."""
    described, rules, _ = WITH_RULES[product]
    project = generate(described | answers)
    for path, content in rules.items():
        assert (project / path).is_file(), path
        (project / path).write_text(content.lstrip(), "utf-8")
    return project


def suite(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [UV, "run", "--quiet", "pytest", "--quiet", *options],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("product", "storage"), [("press", "sqlite"), ("press", "files"), ("office", "sqlite")])
def test_a_suite_with_rules_is_green_in_any_order(generate: Generate, product: str, storage: str) -> None:
    project = with_rules(generate, product, storage_kind=storage)
    (project / DRAFTS).write_text(WITH_RULES[product][2].lstrip(), "utf-8")
    run(project, "ruff", "check", ".")
    run(project, "mypy")
    run(project, "plan", "check", "--code")
    last = run(project, "--with", "pytest-randomly==5.1.0", "pytest", "--quiet").splitlines()[-1]
    assert " passed" in last
    assert " skipped" not in last


@pytest.mark.parametrize("product", WITH_RULES)
def test_a_test_that_a_rule_turns_red_says_what_to_write(generate: Generate, product: str, tmp_path: Path) -> None:
    project, report = with_rules(generate, product), tmp_path / "report.xml"
    suite(project, f"--junitxml={report}", "-o", "junit_logging=no")
    tests = ElementTree.parse(report).getroot().iter("testcase")
    red = {f"{it.get('classname')}.{it.get('name')}": [*it.iter("failure"), *it.iter("error")] for it in tests}
    told = {name: [f"{it.get('message')}\n{it.text}" for it in found] for name, found in red.items() if found}
    assert len(told) > 10
    assert {name: found for name, found in told.items() if not all("tests/drafts.py" in it for it in found)} == {}


WRONG = {
    "def artikel(draft):": "artikel is the name of no entity and no external API. Fix: name it as one of "
    "account, article, bank, caller, entry, fee, payout, receipt, visit, or _artikel.",
    "def article(it):": "article takes it. Fix: let it take draft, and system or current where it needs them.",
    "def bank():": "bank takes nothing. Fix: let it take request.",
    "REFUSED = {'change Entry': ''}": "REFUSED has 'change Entry'. Fix: write create, update, delete before one of "
    "Account, Article, Entry, Fee, Payout, Receipt, Visit.",
}


def test_what_no_test_would_use_is_told_at_once(generate: Generate) -> None:
    project = generate(yaml.safe_load(PRESS))
    (project / DRAFTS).write_text(
        "".join(f"{it}\n    pass\n" if it.endswith(":") else f"{it}\n" for it in WRONG), "utf-8"
    )
    answer = suite(project)
    assert answer.returncode == 4
    first, *others = [f"tests/drafts.py: {told}" for told in WRONG.values()]
    assert answer.stderr.splitlines() == [f"ERROR: {first}", *others, ""]


def test_a_function_that_forgets_to_return_is_named_and_no_function_is_needed(generate: Generate) -> None:
    project = generate(yaml.safe_load(PRESS))
    (project / DRAFTS).write_text("def account(draft):\n    pass\n", "utf-8")
    told = suite(project, "-k", "a_record_is_deleted and (Account or Article)").stdout
    assert "account returned None. Fix: in tests/drafts.py, let `account` return the draft." in told
    assert "1 failed, 1 passed" in told
