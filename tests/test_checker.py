"""The generated checker: a defect planted for each rule, gate and kind of bad input, and the forms of what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema
import pytest

from groundplan import catalogue, generation
from groundplan.planning import model_json
from pairs import PRODUCTS
from projects import GENERATED, REPOSITORY, UV, answers, environment
from test_documents import GUIDE, ORDERS, plan, removed, replaced, written

if TYPE_CHECKING:
    from copies import Generate

REAL = catalogue.load(REPOSITORY / "decisions")
BOOKSHOP = answers(REPOSITORY / "examples" / "bookshop.yml")

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def original(generate: Generate) -> Path:
    """A bookshop with its environment, whose packages are compiled once: `with_code` compiles nothing."""
    made = synced(generate(BOOKSHOP))
    subprocess.run([made / ".venv" / "bin" / "python", "-c", "import services.catalog.main"], cwd=made, check=True)
    return made


def synced(made: Path) -> Path:
    subprocess.run([UV, "sync", "--quiet"], cwd=made, env=environment(), check=True)
    return made


@pytest.fixture
def shop(original: Path, tmp_path: Path) -> Path:
    """A copy of the bookshop for a test to break."""
    return Path(shutil.copytree(original, tmp_path / "shop", ignore=shutil.ignore_patterns(".venv", "__pycache__")))


def with_code(original: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a project's checker with the packages of another one that is like it."""
    command = [str(original / ".venv" / "bin" / "python"), "-B", "-m", "scripts.planning.cli", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, encoding="utf-8")
    assert "Traceback" not in done.stdout + done.stderr
    return done


def both(*changes: Change) -> Change:
    def change(root: Path) -> None:
        for it in changes:
            it(root)

    return change


def added(file: str, text: str) -> Change:
    def change(root: Path) -> None:
        with (root / file).open("a", encoding="utf-8") as stream:
            stream.write(text)

    return change


PARAGRAPH = (
    "A reader who has waited for three weeks may ask for the money back, and the shop pays it within two days"
    " without asking why, as long as nobody has opened the parcel.\n"
)
GUARD, LAYER = "services/common/auth/policy.py", "services/orders/services.py"
NOTES, RULES, API = "Planning/Notes.md", "services/orders/order.py", "services/orders/api.py"
ACCEPTANCE = "tests/acceptance/test_fr_001.py"
ROUTES = "services/orders/routes.py"
ADDED = (
    '\n\n@router.get("/open-orders", tags=["{0}"], responses={{413: {{}}}})\n'
    "async def list_open_orders() -> list[str]:\n    return []\n"
)
DESCRIBED = """\
# Routes of our own

<!-- Made from the code: `uv run plan routes` rewrites it. The docstrings in `routes.py` say what each route does. -->

What an error means, and what its caller does, is in the [error catalogue](ImplementationGuide.md#errors).

## orders

| Operation | Method | Path | Does | For | Request | Response | Errors | Requirements |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| `list_open_orders` | GET | `/v1/open-orders` | List Open Orders | authenticated callers | – \
| 200 `list[str]` \
| 401 Unauthorized, 413 Content Too Large, 422 Unprocessable Content, 503 Service Unavailable | FR-003 |
"""
EMPTY_TEST = (
    "def test_fr_001_ac1() -> None:\n    print('done')\n\n\ndef test_fr_001_ac2() -> None:\n    assert 1 + 1 == 2\n"
)
SKIPPED_TEST = (
    "import pytest\n\n\n@pytest.mark.skip\n@pytest.mark.requirement('FR-001-AC1')\n"
    "def test_a_reader_sees_the_books() -> None:\n    assert 0\n"
)


class Planted(NamedTuple):
    """A defect, the file and the text of the line where it must be found, and how much it matters."""

    change: Change
    file: str
    line: str
    """Empty where it is about the whole file."""
    level: str

    def place(self, root: Path) -> str:
        if not self.line:
            return self.file
        lines = (root / self.file).read_text("utf-8").splitlines()
        return f"{self.file}:{next(number for number, it in enumerate(lines, 1) if self.line in it)}"


RECORD = "Planning/Decisions/0001-architecture-style.md"
TAX = "Planning/ServiceSpecifications/tax.md"

PLANTED = {
    "X01": Planted(added("README.md", "\n[gone](gone.md)\n"), "README.md", "gone.md", "drift"),
    "X02": Planted(replaced(GUIDE, ".md) | 8001 |", ".md) | 8009 |"), GUIDE, "| 8009 |", "drift"),
    "X03": Planted(written(NOTES, "# Notes\n\nTODO: ask <name of the printer>\n"), NOTES, "TODO", "note"),
    "X04": Planted(
        replaced("Planning/PRD.md", "**FR-001-AC1**", "**FR-099-AC1**"), "Planning/PRD.md", "FR-099", "drift"
    ),
    "X05": Planted(written(ACCEPTANCE, ""), ACCEPTANCE, "", "note"),
    "X06": Planted(
        both(written(NOTES, f"# Notes\n\n{PARAGRAPH}"), written("Planning/Money.md", f"# Money\n\n{PARAGRAPH}")),
        NOTES,
        "A reader who",
        "note",
    ),
    "X07": Planted(
        both(written("Planning/Archive/old.md", "# Old\n"), written(NOTES, "# Notes\n\n[old](Archive/old.md)\n")),
        NOTES,
        "old.md",
        "note",
    ),
    "X08": Planted(written(NOTES, "# Notes\n\nThe inventory is counted in May.\n"), NOTES, "inventory", "note"),
    "X09": Planted(replaced(RECORD, "Chosen: **", "Undone: **"), RECORD, "Undone", "drift"),
    "X10": Planted(written(TAX, "# tax\n"), TAX, "", "drift"),
    "X11": Planted(written(NOTES, "# Notes\n" + "\nline\n" * 300), NOTES, "", "note"),
    "X12": Planted(lambda root: (root / NOTES).write_bytes(b"\xff\xfe"), NOTES, "", "note"),
    "X13": Planted(added("README.md", "\n<<<<<<< a\nb\n=======\nc\n>>>>>>> d\n"), "README.md", "<<<<<<< a", "drift"),
    "Y01": Planted(written("services/tax/main.py", ""), "services/tax", "", "drift"),
    "Y02": Planted(replaced("config/processes.toml", "8001", "8009"), "config/processes.toml", "8009", "drift"),
    "Y03": Planted(replaced(API, "status_code=201", "status_code=200"), API, "@router.post(", "drift"),
    "Y04": Planted(added(RULES, "from ..catalog import models\n"), RULES, "..catalog", "drift"),
    "Y05": Planted(added(RULES, 'WHERE = "catalog_database_url"\n'), RULES, "WHERE", "drift"),
    "Y06": Planted(written(ACCEPTANCE, EMPTY_TEST), ACCEPTANCE, "test_fr_001_ac1", "note"),
    "Y08": Planted(replaced("pyproject.toml", "stamina==", "stamina==0."), "pyproject.toml", "stamina", "drift"),
    "Y09": Planted(added(RULES, 'import os\n\nHOST = os.getenv("SMTP_HOST")\n'), RULES, "SMTP_HOST", "drift"),
    "Y10": Planted(added(RULES, 'API_KEY = "sk4f9a8b7c6d5e4f3a2b1c0d"\n'), RULES, "API_KEY", "drift"),
    "Y11": Planted(added(RULES, "def broken(:\n"), RULES, "broken", "drift"),
    "Y12": Planted(
        both(
            added(ROUTES, ADDED.format("FR-999")),
            written("Planning/Routes.md", DESCRIBED.replace("FR-003", "FR-999")),
        ),
        ROUTES,
        "FR-999",
        "drift",
    ),
    "Y13": Planted(
        both(
            added(ROUTES, ADDED.format("FR-003")),
            written("Planning/Routes.md", DESCRIBED.replace("GET", "PUT")),
        ),
        "Planning/Routes.md",
        "PUT",
        "drift",
    ),
    "Y14": Planted(
        both(
            replaced(LAYER, "policy = access.orders", "policy = replace(access.orders, list=access.orders.read)"),
            replaced(
                LAYER, "from services.common import", "from dataclasses import replace\n\nfrom services.common import"
            ),
        ),
        LAYER,
        "",
        "drift",
    ),
    "Y15": Planted(replaced(GUARD, "caller.unrestricted", "True"), GUARD, "", "drift"),
}


def found(text: str) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = json.loads(text)["findings"]
    return findings


def placed(finding: dict[str, Any]) -> str:
    return f"{finding['file']}:{finding['line']}" if finding["line"] else str(finding["file"])


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_defect_is_found_at_its_place_and_nothing_else(original: Path, shop: Path, rule: str) -> None:
    planted = PLANTED[rule]
    planted.change(shop)
    done = with_code(original, shop, "check", "--code", "--json")
    findings = found(done.stdout)
    print(f"| {rule} |", *(f"{it['rule']} {placed(it)} {it['level']} |" for it in findings))
    mine = [it for it in findings if it["rule"] == rule]
    assert (placed(mine[0]), mine[0]["level"]) == (planted.place(shop), planted.level)
    assert {it["rule"] for it in findings} == {rule}
    assert done.returncode == (1 if planted.level == "drift" else 0)
    assert all(it["message"] and it["fix"] and it["id"].startswith(it["rule"]) for it in findings)


@pytest.mark.parametrize(
    "file",
    [
        GUARD,
        "services/common/auth/callers.py",
        "services/common/auth/roles.py",
        "services/common/auth/identification.py",
        "services/common/auth/authentication.py",
        "services/common/api/security.py",
        "services/common/entity_service.py",
        "services/orders/access.py",
    ],
)
def test_an_edit_of_what_decides_who_may_do_what_is_found(original: Path, shop: Path, file: str) -> None:
    added(file, "\n# Nothing else.\n")(shop)
    (finding,) = found(with_code(original, shop, "check", "--code", "--json").stdout)
    assert (finding["rule"], finding["file"], finding["level"]) == ("Y15", file, "drift")
    assert finding["message"] == "was edited, and decides who may do what"
    assert finding["fix"] == f"`git checkout -- {file}`; who may do what is the answer `access`"


def test_a_policy_that_says_otherwise_is_found_with_what_the_answers_say(original: Path, shop: Path) -> None:
    replaced("services/orders/access.py", "list={Role.SHOPKEEPER}", "list={Role.SHOPKEEPER, Role.READER}")(shop)
    replaced("services/orders/access.py", "    create={Role.READER},\n", "")(shop)
    findings = found(with_code(original, shop, "check", "--code", "--json").stdout)
    assert {it["rule"] for it in findings} == {"Y14", "Y15"}
    assert [it["message"] for it in findings if it["rule"] == "Y14"] == [
        "lets nobody from outside create Order, which the answers open to reader",
        "lets reader and shopkeeper list Order, which the answers open to shopkeeper",
    ]


def test_every_rule_of_documents_and_code_has_a_planted_defect(original: Path) -> None:
    listed = (original / "scripts" / "planning" / "checks.py").read_text("utf-8")
    assert set(re.findall(r'^    "([XY]\d\d)": "', listed, re.MULTILINE)) == set(PLANTED)


def test_words_that_the_template_wrote_are_nobodys(generate: Generate) -> None:
    glossary = [{"term": "Reader", "meaning": "who buys", "not_called": ["user", "file", "note", "changelog"]}]
    shop = generate(BOOKSHOP | {"glossary": glossary})
    assert [it for it in found(plan(shop, "check", "--json").stdout) if it["rule"] == "X08"] == []
    agreed = plan(shop, "gate", "Q2").stdout
    added(NOTES, "\nA user asked for it.\n")(shop)
    (finding,) = (it for it in found(plan(shop, "check", "--json").stdout) if it["rule"] == "X08")
    assert 'says "user"' in finding["message"]
    assert plan(shop, "gate", "Q2").stdout == agreed  # it counts what updates rewrite


def test_an_id_does_not_depend_on_what_stands_above(original: Path, shop: Path) -> None:
    ids = []
    for text in ("# Notes\n\n[gone](gone.md)\n", "# Notes\n\nOne line more.\n\n[gone](gone.md)\n"):
        written(NOTES, text)(shop)
        ids.append([it["id"] for it in found(plan(shop, "check", "--json").stdout)])
    assert ids[0] == ids[1] == ["X01-Planning/Notes.md gone.md"]


@pytest.mark.parametrize("example", [path.stem for path in GENERATED])
def test_the_examples_have_no_drift_in_documents_or_code(original: Path, generate: Generate, example: str) -> None:
    made = generate(answers(REPOSITORY / "examples" / f"{example}.yml"))
    if example != "bookshop":  # whose packages are not those of all
        subprocess.run([UV, "sync", "--quiet"], cwd=made, env=environment(), check=True)
    done = with_code(original if example == "bookshop" else made, made, "check", "--code", "--json")
    assert [it for it in found(done.stdout) if it["level"] in ("must", "drift", "note")] == []
    assert done.returncode == 0


FORMS = (
    added("services/catalog/book.py", "from services import orders as neighbour\n\nneighbour.api\n"),
    added("services/catalog/book.py", 'WHERE = lambda settings: settings.database_url("notifications")\n'),
    added(".env.example", "\nNOBODY_READS=1\n"),
    added(NOTES, "\npassword: k3epsAll0urBooksInside\n"),
    replaced(API, 'router.get("/orders/{id}", responses=responses.GET, ', 'router.get("/orders/{id}", '),
    replaced("services/notifications/api.py", "APIRouter(prefix=PREFIX)", 'APIRouter(prefix="/v2")'),
    replaced(API, "async def create_order(", "async def place_order("),
    replaced(API, "after: After = None", "after: int, author: str | None = None"),
    replaced(API, "id: UUID,\n    draft: models.OrderDraft,\n", "id: UUID,\n    draft: models.Order,\n"),
    replaced(API, ") -> Page[models.Order]:", ") -> models.Order:"),
    replaced("services/notifications/main.py", "    internal=True,\n", ""),
    written(ACCEPTANCE, SKIPPED_TEST),
)


def test_defects_have_many_forms(original: Path, shop: Path) -> None:
    both(*FORMS)(shop)
    findings = found(with_code(original, shop, "check", "--code", "--json").stdout)
    reported = [f"{it['rule']} {it['file']} {it['message']}" for it in findings]
    for wanted in (
        "Y04 services/catalog/book.py imports services.orders, which belongs to orders",
        "Y05 services/catalog/book.py reads notifications_database_url, which is for notifications alone",
        "Y09 .env.example lists NOBODY_READS, which nothing reads",
        "Y10 Planning/Notes.md password looks like a secret",
        f"Y03 {API} get_order (GET /v1/orders/{{id}}) is answered never with 403, 404, 409",
        f"Y03 {API} create_order (POST /v1/orders) is called place_order",
        f"Y03 {API} list_orders (GET /v1/orders) also takes author in its query, "
        "and takes after as int instead of uuid, and requires after, and answers Order instead of Page[Order]",
        f"Y03 {API} replace_order (PUT /v1/orders/{{id}}) takes Order instead of OrderDraft",
        "Y03 services/notifications/main.py notifications answers callers from outside, too, "
        "and its operations are for services",
        "Y03 services/notifications/api.py list_notifications (GET /v1/notifications) is specified and not there",
        "Y03 services/notifications/api.py list_notifications (GET /v2/notifications) is outside of /v1",
        f"Y06 {ACCEPTANCE} test_a_reader_sees_the_books is skipped, so that FR-001-AC1 is not shown",
        f"X05 {ACCEPTANCE} has no test of FR-001-AC2",
    ):
        assert wanted in reported


def test_a_router_without_its_checks_asks_nobody_who_they_are(original: Path, shop: Path) -> None:
    replaced("services/common/api/app.py", "[Depends(caller), *checks]", "[*checks]")(shop)
    findings = found(with_code(original, shop, "check", "--code", "--json").stdout)
    reported = [it["message"] for it in findings if it["rule"] == "Y03"]
    assert len(reported) == 6  # all of notifications; elsewhere, a policy asks who it is
    assert "list_notifications (GET /v1/notifications) authenticates nobody" in reported


def test_a_route_of_the_projects_own_is_no_drift_and_one_in_a_managed_file_is(original: Path, shop: Path) -> None:
    route = '\n\n@router.get("/orders/{{id}}/{0}")\nasync def get_{0}(id: str) -> str:\n    return id\n'
    added("services/orders/routes.py", route.format("own"))(shop)
    added(API, route.format("foreign"))(shop)
    findings = found(with_code(original, shop, "check", "--code", "--json").stdout)
    reported = [it["message"] for it in findings if it["rule"] == "Y03"]
    assert reported == ["get_foreign (GET /v1/orders/{id}/foreign) is there and not specified"]


def test_routes_of_the_projects_own_are_described_as_the_code_has_them(original: Path, shop: Path) -> None:
    document = shop / "Planning" / "Routes.md"

    def routes() -> str:
        return with_code(original, shop, "routes").stdout

    def drift() -> list[str]:
        findings = found(with_code(original, shop, "check", "--code", "--json").stdout)
        return [f"{it['rule']} {it['message']}; {it['fix']}" for it in findings]

    fix = "run `uv run plan routes`, and read what it changes"
    assert routes() == "0 routes of your own; Planning/Routes.md is as before.\n"
    assert not document.exists()
    added(ROUTES, ADDED.format("FR-003"))(shop)
    assert drift() == [f"Y13 is missing, and list_open_orders is a route of orders; {fix}"]
    assert routes() == "1 route of your own; Planning/Routes.md was written.\n"
    assert (document.read_text("utf-8"), drift()) == (DESCRIBED, [])
    told = '    """List `a|b`, 2 of them (FR-001).\n\n    And more.\n    """\n'
    replaced(ROUTES, "    return []\n", f"{told}    return []\n")(shop)
    assert drift() == [f"Y13 does not say of list_open_orders what the code says; {fix}"]
    assert json.loads(with_code(original, shop, "routes", "--json").stdout) == {
        "format": 1,
        "command": "routes",
        "file": "Planning/Routes.md",
        "changed": True,
        "routes": ["GET /v1/open-orders"],
    }
    assert "| List `a\\|b`, 2 of them. |" in document.read_text("utf-8")
    assert "| FR-001, FR-003 |" in document.read_text("utf-8")
    replaced(ROUTES, '\n@router.get("/open-orders"', '\n# @router.get("/open-orders"')(shop)
    assert drift() == [f"Y13 does not say of list_open_orders what the code says; {fix}"]
    assert routes() == "0 routes of your own; Planning/Routes.md was removed.\n"
    assert (document.exists(), drift()) == (False, [])
    added(ROUTES, "def broken(:\n")(shop)
    refused = with_code(original, shop, "routes")
    assert refused.returncode == 2
    assert re.fullmatch(r"plan: services/orders/routes\.py:\d+ cannot be imported .* Fix: .*\n", refused.stderr)


def test_an_owned_route_may_end_as_a_managed_one_does(original: Path, generate: Generate) -> None:
    """Without a version in addresses, one that was added may lie one folder deeper."""
    made = generate(BOOKSHOP | {"api_versioning": "header"})
    added(ROUTES, ADDED.format("FR-003").replace("/open-orders", "/open/orders"))(made)
    with_code(original, made, "routes")
    findings = found(with_code(original, made, "check", "--code", "--json").stdout)
    assert [it for it in findings if it["level"] == "drift"] == []


def test_an_owned_route_belongs_to_the_requirements_that_it_names(original: Path, shop: Path) -> None:
    tagged = (
        '\n\n@router.get("/open-orders", tags=["FR-003"])\nasync def list_open_orders() -> list[str]:\n    return []\n'
    )
    told = '\n\n@public.get("/news")\nasync def get_news() -> str:\n    """What is new. FR-001"""\n    return ""\n'
    added("services/orders/routes.py", tagged + told)(shop)
    assert "GET /open-orders" in " ".join(plan(shop, "trace", "FR-003").stdout.split())
    of_news = " ".join(plan(shop, "trace", "get_news").stdout.split())
    assert of_news.startswith("get_news: GET /news, a route of orders (services/orders/routes.py:")
    assert "FR-001 " in of_news
    (traced,) = json.loads(plan(shop, "trace", "GET /open-orders", "--json").stdout)["requirements"]
    assert (traced["id"], traced["endpoints"][-1]) == ("FR-003", "GET /open-orders")


def test_a_service_that_cannot_start_does_not_hide_the_others(original: Path, shop: Path) -> None:
    added("services/catalog/models.py", 'raise RuntimeError("not today")\n')(shop)
    replaced(API, 'router.delete(\n    "/orders/{id}"', 'router.delete(\n    "/orders/{id}/gone"')(shop)
    reported = [(it["rule"], it["file"]) for it in found(with_code(original, shop, "check", "--code", "--json").stdout)]
    assert reported == [("Y11", "services/catalog/models.py"), ("Y03", API), ("Y03", API)]


def test_services_in_one_process_are_compared_where_they_are_mounted(original: Path, generate: Generate) -> None:
    made = generate(BOOKSHOP | {"architecture_style": "modular_monolith", "decision_overrides": {}})
    main = "services/main.py"
    assert with_code(original, made, "check", "--code").returncode == 0
    replaced("services/common/api/mounting.py", 'app.mount(f"/{name}"', 'app.mount(f"/all/{name}"')(made)
    reported = found(with_code(original, made, "check", "--code", "--json").stdout)
    assert [(it["rule"], it["file"]) for it in reported if it["level"] == "drift"] == [("Y03", main)] * 3


BROKEN = {
    "answers of nothing": (
        added(".copier-answers.yml", "colour: red\n"),
        r"X12 \.copier-answers\.yml:\d+: answers colour",
    ),
    "answers that are none": (added(".copier-answers.yml", "what?\n"), r"X12 \.copier-answers\.yml:\d+: 'what\?'"),
    "no answers": (removed(".copier-answers.yml"), r"X12 \.copier-answers\.yml: is missing"),
    "answers in bytes": (
        lambda root: (root / ".copier-answers.yml").write_bytes(b"\xff"),
        r"X12 \.copier-answers\.yml: is not UTF-8",
    ),
    "pins": (replaced("pyproject.toml", "[project]", "[project"), r"Y11 pyproject\.toml:1: cannot be read"),
    "processes": (added("config/processes.toml", "= =\n"), r"Y02 config/processes\.toml:\d+: cannot be read"),
    "rules of another name": (
        replaced(RULES, "class OrderRules", "class Rules"),
        rf"Y11 {RULES}: has no OrderRules, which services/orders/services.py imports\. Fix: import and define",
    ),
    "an import": (
        added(RULES, "from services.common.errors import Refusal\n"),
        rf"Y11 {RULES}: imports services\.common\.errors\.Refusal, which is no more",
    ),
    "a null": (added(RULES, "\0"), rf"Y11 {RULES}(:\d+)?: is not Python"),
    "settings": (removed("services/common/config.py"), r"Y11 services/[\w/]+\.py:\d+: cannot be imported"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_one_line_with_its_place(original: Path, shop: Path, case: str) -> None:
    change, pattern = BROKEN[case]
    change(shop)
    done = with_code(original, shop, "check", "--code")
    assert done.returncode == 1
    assert re.search(pattern, " ".join(done.stdout.split())), done.stdout
    assert done.stderr == ""


def test_a_workflow_is_reported_where_its_specification_says(generate: Generate) -> None:
    office = synced(generate(PRODUCTS["Ticket office"]))

    def drift() -> list[str]:
        reported = found(with_code(office, office, "check", "--code", "--json").stdout)
        return [f"{it['rule']} {it['message']}" for it in reported if it["level"] == "drift"]

    assert drift() == []
    replaced("services/office/api.py", "/{id}/selling", "/{id}/sold")(office)
    assert [it.partition(" ")[0] for it in drift()] == ["Y03", "Y03"]
    assert "get_selling_of_sale (GET /v1/sales/{id}/selling) is specified and not there" in " ".join(drift())


def judged(root: Path, **changes: object) -> None:
    """Give a project the gaps of other answers, and leave all else as it is."""
    made = json.loads(model_json.dump(generation.build(BOOKSHOP | changes, REAL).planning, ()))
    file = root / "Planning" / "model.json"
    content = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(content | {key: made[key] for key in ("gaps", "rules", "open")}), "utf-8")


def of(question: str) -> list[Any]:
    items = BOOKSHOP[question]
    assert isinstance(items, list)
    return items


SILENT: dict[str, object] = {"services": ["catalog", *of("services")[1:]]}
"""A service of which nobody says what it is for."""
UNTESTED: dict[str, object] = {"mvp_features": [{**of("mvp_features")[0], "acceptance": []}, *of("mvp_features")[1:]]}

HELD: dict[str, Change] = {
    "1": lambda root: judged(root, concept="tbd"),
    "2": lambda root: judged(root, **UNTESTED),
    "3": lambda root: judged(root, **SILENT),
    "4": PLANTED["Y08"].change,
    "5": removed("Planning/PRD.md"),
    "6": PLANTED["Y01"].change,
    "7": lambda root: judged(root, **SILENT),
    "8": PLANTED["X01"].change,
    "9": lambda root: judged(root, timeline={"start": "2027-02-01", "deadline": "2027-01-01"}),
    "Q1": lambda root: judged(root, decision_overrides={}),
    "Q2": PLANTED["X02"].change,
    "Q3": PLANTED["Y04"].change,
    "Q4": lambda root: judged(root, failure_handling="tbd"),
    "Q5": lambda root: judged(root, success_metrics="tbd"),
    "Q6": lambda root: judged(root, timeline={"start": "2027-02-01", "deadline": "2027-01-01"}),
}


@pytest.mark.parametrize("name", HELD)
def test_each_gate_is_held_by_a_defect_and_else_passed(original: Path, shop: Path, name: str) -> None:
    code = ["--code"] if name in ("4", "Q3") else []
    HELD[name](shop)
    done = with_code(original, shop, "gate", name, "--json", *code)
    (gate,) = json.loads(done.stdout)["gates"]
    assert (done.returncode, gate["passed"]) == (1, False)
    assert gate["findings"]


def test_all_gates_of_the_bookshop_are_passed(original: Path) -> None:
    done = plan(original, "gate")
    assert done.returncode == 0
    assert re.findall(r"^(\w+) +passed", done.stdout, re.MULTILINE) == list(HELD)
    assert plan(original, "gate", "10").returncode == 2


def test_as_many_statuses_are_counted_as_the_error_catalogue_has(original: Path) -> None:
    guide = (original / "Planning" / "ImplementationGuide.md").read_text("utf-8")
    rows = re.findall(r"^\| [45]\d\d \|", guide, re.MULTILINE)
    assert f"{len(rows)} statuses of errors" in plan(original, "gate", "Q4").stdout


def test_one_service_has_code(generate: Generate) -> None:
    shop = generate({"project_name": "Shop", "concept": "Sells.", "services": ["shop: sells"]})
    assert "1 of 1 service has code" in plan(shop, "gate", "6").stdout


WAIVER = {"gap": "B01-catalog", "reason": "written next week", "owner": "Ada", "until": "2027-03-01"}


@pytest.mark.parametrize(("today", "waived"), [("2027-02-28", True), ("2027-03-01", True), ("2027-03-02", False)])
def test_a_waiver_holds_up_to_its_day(shop: Path, today: str, waived: bool) -> None:
    judged(shop, **SILENT, gap_waivers=[WAIVER])
    checked, listed, following, seventh = (
        plan(shop, *command, "--today", today) for command in (["check"], ["gaps"], ["next"], ["gate", "7"])
    )
    expected = "Accepted: written next week (waiver of Ada ends on 2027-03-01)."
    assert (expected in " ".join(listed.stdout.split())) == waived
    assert ("The waiver of Ada ended on 2027-03-01." in " ".join(listed.stdout.split())) == (not waived)
    assert ("Waived: 1" in checked.stdout) == waived
    assert f"{0 if waived else 1} to resolve before coding" in checked.stdout
    assert bool(re.search(r"^3  ok", checked.stdout, re.MULTILINE)) == waived
    assert ("B01-catalog" in following.stdout) == (not waived)
    codes = [it.returncode for it in (checked, listed, following, seventh)]
    assert codes == [0 if waived else 1] * 4


@pytest.mark.parametrize("command", ["check", "gaps", "next", "gate"])
def test_a_wrong_day_is_one_line(original: Path, command: str) -> None:
    done = plan(original, command, "--today", "2027-02-30")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "plan: 2027-02-30 is not a date. Fix: write it as 2027-03-01.\n"


def closed(required: list[str], **properties: object) -> dict[str, object]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


TEXT = {"type": "string"}
MESSAGE = closed(["text"], text=TEXT)
LOCATION = closed(
    [],
    physicalLocation=closed(
        ["artifactLocation"],
        artifactLocation=closed([], uri={"type": "string", "format": "uri-reference"}, uriBaseId=TEXT),
        region=closed([], startLine={"type": "integer", "minimum": 1}),
    ),
)
RESULT = closed(
    ["message"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level={"enum": ["none", "note", "warning", "error"]},
    message=MESSAGE,
    locations={"type": "array", "items": LOCATION},
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions={
        "type": "array",
        "items": closed(
            ["kind"],
            kind={"enum": ["inSource", "external"]},
            status={"enum": ["accepted", "underReview", "rejected"]},
            justification=TEXT,
        ),
    },
)
RULE = closed(["id"], id=TEXT, shortDescription=MESSAGE, help=MESSAGE)
DRIVER = closed(["name"], name=TEXT, rules={"type": "array", "items": RULE, "uniqueItems": True})
RUN = closed(["tool"], tool=closed(["driver"], driver=DRIVER), results={"type": "array", "items": RESULT})
SARIF = closed(
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"enum": ["2.1.0"]},
    runs={"type": "array", "items": RUN},
)
"""What the schema of SARIF 2.1.0 asks of the parts that are written; it knows no others by these names."""


def test_findings_are_sarif(shop: Path) -> None:
    judged(shop, **SILENT, monitoring_requirements="tbd", gap_waivers=[WAIVER])
    PLANTED["X01"].change(shop)
    PLANTED["X08"].change(shop)
    log = json.loads(plan(shop, "check", "--sarif", "--today", "2027-01-01").stdout)
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    results = {it["partialFingerprints"]["plan/v1"]: it for it in run["results"]}
    assert [it["ruleId"] for it in results.values()] == [rules[it["ruleIndex"]]["id"] for it in results.values()]
    levels = {it["ruleId"]: it["level"] for it in results.values()}
    assert levels.items() >= {"X01": "error", "X08": "note", "B01": "error", "A02": "warning"}.items()
    assert results["B01-catalog"]["suppressions"][0]["kind"] == "external"
    assert results["X01-README.md gone.md"]["locations"][0]["physicalLocation"]["region"]["startLine"] > 40
    assert all(it["help"]["text"] for it in rules)
    assert [it["ruleId"] for it in json.loads(plan(shop, "gaps", "--sarif").stdout)["runs"][0]["results"]]


def test_findings_are_a_markdown_table(shop: Path) -> None:
    PLANTED["X03"].change(shop)
    shown = plan(shop, "check", "--markdown").stdout.splitlines()
    assert shown[0] == "# Bookshop: 1 finding"
    assert shown[-1].startswith("| X03-Planning/Notes.md TODO | note | Planning/Notes.md:3 | still has 'TODO' |")


def test_every_json_is_as_the_schema_says(original: Path, shop: Path) -> None:
    schema = json.loads(plan(shop, "schema").stdout)
    judged(shop, **SILENT, storage_kind="auto", gap_waivers=[WAIVER])
    PLANTED["X08"].change(shop)
    with_old(shop)
    subprocess.run(["git", "init", "-q"], cwd=shop, check=True)
    commands = ("check", "gaps", "gate", "next", "trace", "routes", "advise", "why services", f"why {GUIDE}")
    seen = set()
    for command in (*commands, f"why {GUIDE}:3", "why services/orders/order.py", "archive Planning/Old.md", "undo"):
        done = with_code(original, shop, *command.split(), "--json")
        content = json.loads(done.stdout)
        jsonschema.validate(content, schema)
        assert (done.returncode in (0, 1), content["format"]) == (True, 1)
        seen.add(content["command"])
    assert seen | {"decide", "update"} == {it["properties"]["command"]["const"] for it in schema["oneOf"]}


def test_help_tells_what_exit_codes_mean(original: Path) -> None:
    assert "0 complete; 1 something is open; 2 wrong use" in " ".join(plan(original, "--help").stdout.split())


EDITED: dict[str, tuple[Change, str, str]] = {
    "prose": (
        replaced("Planning/ImplementationGuide.md", "\n## ", "\nWe like it so.\n\n## "),
        "Planning/ImplementationGuide.md",
        "note",
    ),
    "a record with more": (added(RECORD, "\nWe talked for an hour.\n"), RECORD, "note"),
    "a record that says otherwise": (replaced(RECORD, "# ADR-0001: Services", "# ADR-0001: Monolith"), RECORD, "drift"),
    "a task of a spreadsheet": (
        replaced("Planning/tasks.csv", "T-agree,Run", "T-agree,Walk"),
        "Planning/tasks.csv",
        "drift",
    ),
    "a task": (
        replaced("Planning/tasks.json", '"title": "Run', '"title": "Walk'),
        "Planning/tasks.json",
        "drift",
    ),
}


@pytest.mark.parametrize("case", EDITED)
def test_an_edited_managed_document_is_reported_with_the_home_of_what_stood_there(shop: Path, case: str) -> None:
    change, file, level = EDITED[case]
    change(shop)
    before = (shop / file).read_bytes()
    done = plan(shop, "check", "--json")
    (finding,) = found(done.stdout)
    assert (finding["rule"], finding["file"], finding["level"]) == ("X09", file, level)
    assert finding["line"] > 0
    assert "comes from" in finding["message"]
    assert plan(shop, "gate", "Q2").returncode == done.returncode == (1 if level == "drift" else 0)
    assert (shop / file).read_bytes() == before


def test_a_checkpoint_is_ok_where_its_gate_is_passed(shop: Path) -> None:
    PLANTED["X08"].change(shop)  # only a note
    judged(shop, **SILENT)
    checkpoints = json.loads(plan(shop, "check", "--json").stdout)["checkpoints"]
    gates = json.loads(plan(shop, "gate", "--json").stdout)["gates"][:9]
    assert [it["state"] == "ok" for it in checkpoints] == [it["passed"] for it in gates]
    assert {it["number"]: it["state"] for it in checkpoints}.items() >= {3: "open", 7: "open", 8: "ok"}.items()


def test_a_checkpoint_says_how_many_of_its_gaps_can_wait(shop: Path) -> None:
    judged(shop, future_accommodation="tbd", glossary="tbd")
    shown = json.loads(plan(shop, "check", "--json").stdout)
    waiting = sum((it["checkpoint"], it["level"]) == (2, "defer") for it in shown["findings"])
    second = shown["checkpoints"][1]
    assert (second["state"], f"; {waiting} gaps can wait" in second["evidence"]) == ("ok", waiting > 1)


@pytest.mark.parametrize("number", ["0", "-3"])
def test_next_of_no_number_is_one_line(original: Path, number: str) -> None:
    done = plan(original, "next", "--", number)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"plan: {number} is not a number of questions. Fix: ask for 1 or more.\n"


def test_next_offers_options_with_the_recommended_one_first(shop: Path) -> None:
    judged(shop, storage_kind="auto", data_sensitivity=["tbd"])
    asked = {it["question"]: it for it in json.loads(plan(shop, "next", "99", "--json").stdout)["questions"]}
    proposed = generation.build(BOOKSHOP | {"storage_kind": "auto"}, REAL).project.decision("storage_kind").option.name
    assert asked["storage_kind"]["options"][0]["value"] == proposed
    assert asked["storage_kind"]["why"]
    persons = next(it for it in asked["data_sensitivity"]["options"] if it["label"] == "Personal data")
    assert persons["value"] == "[pii]"
    assert [len(asked["data_sensitivity"][part]) for part in ("options", "more")] == [5, 2]
    assert asked["data_sensitivity"]["gaps"][0].keys() == {"id", "level", "message", "fix"}


TRACED = {
    "FR-001": ["FR-001"],
    "FR-003-AC2": ["FR-003"],
    "notifications": ["FR-004", "FR-005"],
    "/v1/books": ["FR-001", "FR-002", "FR-003"],
    "/v1/books/{id}": ["FR-001", "FR-002", "FR-003"],
    "DELETE /v1/books/{id}": ["FR-001", "FR-002", "FR-003"],
    "replace_book": ["FR-001", "FR-002", "FR-003"],
    "Book": ["FR-001", "FR-002", "FR-003"],
    "order.placed": ["FR-004"],
    "T-FR-002": ["FR-002"],
    ACCEPTANCE: ["FR-001"],
    "test_fr_005_ac1": ["FR-005"],
    "services/catalog/book.py": ["FR-001", "FR-002", "FR-003"],
    "services/notifications/on_order_placed.py": ["FR-004"],
    "CHANGELOG.md": [],
    "NFR-02": ["FR-003", "FR-004", "FR-005"],
    "T-NFR-02": ["FR-003", "FR-004", "FR-005"],
    "SM-1": [],
    "": ["FR-001", "FR-002", "FR-003", "FR-004", "FR-005"],
}


@pytest.mark.parametrize("what", TRACED)
def test_trace_leads_back_to_the_requirements(original: Path, what: str) -> None:
    done = plan(original, "trace", what, "--json")
    requirements = json.loads(done.stdout)["requirements"]
    assert [it["id"] for it in requirements] == TRACED[what]
    assert all(set(it["states"].values()) == {"open"} for it in requirements)


def test_trace_leads_from_targets_jobs_and_workflows_to_what_is_known_of_them(generate: Generate) -> None:
    features = [{"name": "Sell a seat", "services": ["office"]}, {"name": "Bill", "services": ["bank"]}]
    targets = [{"what": "Selling", "target": 1, "unit": "s"}]
    changes = {"mvp_features": features, "performance_targets": targets, "jobs": ["bank: settle daily at 06:00"]}
    office = generate(PRODUCTS["Ticket office"] | changes)
    for what, expected in (
        ("NFR-01", "NFR-01 Selling: task T-NFR-01; shown by the load test\nNo requirement names NFR-01."),
        ("settle", "settle: a job of bank, daily at 06:00, UTC\nFR-002 Bill"),
        ("services/bank/settle.py", "settle: a job of bank, daily at 06:00, UTC\nFR-002 Bill"),
        ("selling", "selling: a workflow of office, starts on create Sale; 1 creates Hold in hall, "),
    ):
        output = plan(office, "trace", what).stdout
        assert " ".join(output.split()).startswith(" ".join(expected.split())), output


def test_trace_of_nothing_names_the_nearest(original: Path) -> None:
    assert plan(original, "trace", "order.plced").stderr == (
        "plan: order.plced is nothing that a requirement could refer to. Fix: try order.placed.\n"
    )


def with_old(root: Path) -> None:
    written("Planning/Old.md", "---\ntitle: x\n---\n# Old\n\nSee [the PRD](PRD.md#data) and [up](../README.md).\n")(
        root
    )
    written(NOTES, "# Notes\n\n[old](Old.md#old), `[old](Old.md)` and [again](<Old.md>)\n")(root)
    written("docs/new.md", "# New\n")(root)


def test_archiving_moves_a_document_with_its_links(shop: Path) -> None:
    with_old(shop)
    before = plan(shop, "check", "--json").stdout
    done = plan(shop, "archive", "Planning/Old.md", "--why", "the pilot is over.", "--on", "2027-02-01")
    assert done.stdout == (
        "Moved Planning/Old.md to Planning/Archive/Old.md.\n  Its links follow in Planning/Notes.md\n"
    )
    assert not (shop / "Planning" / "Old.md").exists()
    assert (shop / "Planning" / "Archive" / "Old.md").read_text("utf-8") == (
        "---\ntitle: x\n---\n> Archived on 2027-02-01: the pilot is over.\n\n"
        "# Old\n\nSee [the PRD](../PRD.md#data) and [up](../../README.md).\n"
    )
    assert (shop / NOTES).read_text("utf-8") == (
        "# Notes\n\n[old](Archive/Old.md#old), `[old](Old.md)` and [again](<Archive/Old.md>)\n"
    )
    rules = [it["rule"] for it in found(plan(shop, "check", "--json").stdout)]
    assert rules == ["X07", "X07", *(it["rule"] for it in found(before) if it["rule"] != "X07")]


def test_archiving_follows_links_by_name(shop: Path) -> None:
    with_old(shop)
    written(NOTES, '# Notes\n\nSee [old][1] and [2].\n\n[1]: Old.md#old\n[2]: <Old.md> "Old"\n[^3]: Old.md\n')(shop)
    assert plan(shop, "archive", "Planning/Old.md").returncode == 0
    assert '\n[1]: Archive/Old.md#old\n[2]: <Archive/Old.md> "Old"\n[^3]: Old.md\n' in (shop / NOTES).read_text("utf-8")


def test_archiving_leads_to_what_takes_the_place(shop: Path) -> None:
    with_old(shop)
    assert plan(shop, "archive", "Planning/Old.md", "--by", "docs/new.md").returncode == 0
    assert "[new.md](../../docs/new.md) takes its place." in (shop / "Planning/Archive/Old.md").read_text("utf-8")
    assert "[old](../docs/new.md)," in (shop / NOTES).read_text("utf-8")
    assert not [it for it in found(plan(shop, "check", "--json").stdout) if it["rule"] == "X07"]


def test_archiving_that_cannot_be_finished_changes_nothing(shop: Path) -> None:
    with_old(shop)
    shutil.rmtree(shop / "Planning" / "Archive", ignore_errors=True)
    written("Planning/Archive", "a file where the folder would be")(shop)
    before = (shop / NOTES).read_bytes()
    done = plan(shop, "archive", "Planning/Old.md")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert (shop / NOTES).read_bytes() == before
    assert (shop / "Planning" / "Old.md").exists()


REFUSED = {
    "managed": (["Planning/PRD.md"], "is managed and would come back"),
    "outside": (["../elsewhere.md"], "is outside of the project"),
    "archived": (["Planning/Archive/Old.md"], "is in the archive already"),
    "no document": (["pyproject.toml"], "is not a document"),
    "not there": (["Planning/Older.md"], "is not a document"),
    "target": (["Planning/Old.md"], "is there already"),
    "of every project": (["Planning/Notes.md"], "belongs to every project"),
    "day": (["docs/new.md", "--on", "yesterday"], "is not a date"),
    "heir": (["docs/new.md", "--by", "gone.md"], "is not a document"),
    "its own heir": (["docs/new.md", "--by", "docs/new.md"], "cannot take its own place"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_archiving_refuses_in_one_line_and_changes_nothing(shop: Path, case: str) -> None:
    with_old(shop)
    written("Planning/Archive/Old.md", "# Older\n")(shop)
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    arguments, message = REFUSED[case]
    done = plan(shop, "archive", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert message in line
    assert {path: path.read_bytes() for path in before if "__pycache__" not in path.parts} == {
        path: it for path, it in before.items() if "__pycache__" not in path.parts
    }


IDS = "FR-001 and FR-002 and FR-003 are meant.\n"

ADVISED = {
    "alike": (PLANTED["X06"].change, "Consolidate", "Planning/Notes.md:3 and Planning/Money.md:3 say the same to 100%"),
    "one purpose": (
        both(written(NOTES, f"# Notes\n\n{IDS}"), written("Planning/More.md", f"# More\n\n{IDS}")),
        "Consolidate",
        "serve one purpose (3 of 3 ids are in both: FR-001, FR-002, FR-003)",
    ),
    "scattered": (
        both(*(written(f"Planning/Part{number}.md", f"# {number}\n\nFR-001\n") for number in range(4))),
        "Consolidate",
        "what concerns FR-001 is scattered over 4 documents",
    ),
    "long": (PLANTED["X11"].change, "Consolidate", "`doc_budget_lines` is 400: split it"),
    "long and managed": (
        added("Planning/PRD.md", "\nline\n" * 300),
        "Consolidate",
        "shorten the answers that made it, or answer `doc_budget_lines` with more",
    ),
    "rewritten": (
        written("docs/why.md", f"# Why\n\n{BOOKSHOP['concept']}\n"),
        "Keep separate",
        "is rewritten by every update and the other is not",
    ),
    "audience": (
        written(NOTES, f"# Notes\n\n{BOOKSHOP['concept']}\n"),
        "Keep separate",
        "they are for others: everyone; product owner, and everyone to begin with",
    ),
    "legal": (
        written(NOTES, "# Notes\n\nWe keep personal data for a year.\n\nThe shelf is blue.\n"),
        "Keep separate",
        "Planning/Notes.md, line 3: what law or contract requires is mixed with 1 paragraph about something else",
    ),
}


@pytest.mark.parametrize("case", ADVISED)
def test_advice_has_its_numbers_and_places(shop: Path, case: str) -> None:
    change, title, message = ADVISED[case]
    change(shop)
    done = plan(shop, "advise")
    assert done.returncode == 0
    assert f"{title}:" in done.stdout
    assert message in " ".join(done.stdout.split()), done.stdout


def test_there_is_no_advice_where_none_is_due(original: Path) -> None:
    assert plan(original, "advise").stdout == "Nothing to consolidate.\n"


def test_what_replaced_records_is_led_to(shop: Path) -> None:
    file = shop / "Planning" / "model.json"
    content = json.loads(file.read_text("utf-8"))
    old = next(it for it in content["documents"] if it.startswith("Decisions/0007"))
    for decision in content["decisions"]:
        decision["record"] = decision["record"].replace("0007", "0040")
    file.write_text(json.dumps(content), "utf-8")
    written(NOTES, f"# Notes\n\n[storage]({old})\n")(shop)
    message = [it["message"] for it in found(plan(shop, "check", "--json").stdout) if it["file"] == NOTES]
    assert message == [f"links to {old}, which is superseded"]


def test_no_specification_says_where_it_is_looked_for(shop: Path) -> None:
    removed(ORDERS)(shop)
    assert ORDERS in [it["file"] for it in found(plan(shop, "check", "--json").stdout) if it["rule"] == "X10"]


OTHERS = {
    "next to nothing": {"project_name": "Shop", "concept": "Sells.", "services": ["shop: sells"]},
    "no estimates": BOOKSHOP | {"estimate_basis": "order_only"},
    "agents": BOOKSHOP | {"estimate_basis": "agent_hours_with_review"},
    "one process": BOOKSHOP
    | {"architecture_style": "modular_monolith", "failure_isolation": "auto", "decision_overrides": {}},
}
"""Answers of other kinds than the examples'."""


@pytest.mark.parametrize("kind", OTHERS)
def test_every_command_can_tell_of_every_kind_of_project(generate: Generate, kind: str) -> None:
    project = generate(OTHERS[kind])
    for command in ("check", "gaps", "gate", "next", "trace", "advise", "why services"):
        done = plan(project, *command.split())
        assert (done.returncode in (0, 1), done.stderr) == (True, ""), command
        assert done.stdout.strip(), command
    for command in ("check --sarif", "check --json", "gaps --json", "gate --json", "next --json", "trace --json"):
        assert json.loads(plan(project, *command.split()).stdout), command
    assert "0 differences" in plan(project, "check").stdout


@pytest.mark.parametrize(
    "text", ["Just a note.\n", "> quoted\n", "- one\n- two\n", "", "\n\n", "The \u0130nventory.\n"]
)
def test_any_document_can_be_read(shop: Path, text: str) -> None:
    for name in (NOTES, "docs/ours.md"):
        written(name, text)(shop)
    for command in ("check", "advise", "gate"):
        assert plan(shop, command).returncode in (0, 1)


def test_a_link_to_a_name_that_no_file_can_have_leads_nowhere(shop: Path) -> None:
    written(NOTES, f"# Notes\n\n[x]({'x' * 300}.md)\n")(shop)
    assert "X01" in {it["rule"] for it in found(plan(shop, "check", "--json").stdout)}
