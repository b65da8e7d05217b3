"""Products with rules, routes and queries of their own fit into owned files, and stay whole when decisions change."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest
import yaml

from copies import Generate, Reanswer
from projects import EXAMPLES, GENERATED, REPOSITORY, answers, check_whole, model, need_postgres, run


class Product(NamedTuple):
    """The answers of a product, and the folder of what its people wrote."""

    answers: Path
    folder: Path

    @property
    def files(self) -> dict[str, str]:
        """What they wrote, by its path in the project."""
        return {it.relative_to(self.folder).as_posix(): it.read_text("utf-8") for it in self.folder.rglob("*.py")}

    @property
    def settings(self) -> str:
        """What they added to `.env.example`."""
        added = self.folder / ".env.example"
        return added.read_text("utf-8") if added.is_file() else ""


PRODUCTS = [
    *(Product(it / "answers.yml", it) for it in sorted((REPOSITORY / "tests" / "products").iterdir())),
    *(Product(it, it.with_suffix("")) for it in EXAMPLES if it not in GENERATED),
]
*_, CONDUIT = PRODUCTS


def built(generate: Generate, product: Product) -> Path:
    """A product with what its people wrote: where that takes the place of a generated file, the file is theirs."""
    project = generate(answers(product.answers))
    replaced = {it for it in product.files if (project / it).exists()}
    assert replaced <= {*yaml.safe_load((project / "Planning" / "model.json").read_text("utf-8"))["owned"]}
    for folder in ("services", "tests"):
        shutil.copytree(product.folder / folder, project / folder, dirs_exist_ok=True)
    with (project / ".env.example").open("a", encoding="utf-8") as example:
        example.write(product.settings)
    run(project, "plan", "routes")
    return project


DESCRIBED = {
    "conduit": "| `list_tags` | GET | `/api/tags` | List all tags. | anyone | – | 200 `TagsAnswer` "
    "| 422 Unprocessable Content, 503 Service Unavailable | FR-003 |",
    "fares": "| `get_quote` | GET | `/v1/quote` | Tell what a trip costs. "
    "| anyone | `km` | 200 `Quote` | 422 Unprocessable Content, 503 Service Unavailable | – |",
    "ledger": "| `make_transfer` | POST | `/v1/transfers` | Move money between two accounts. "
    "| teller | `Transfer` | 204 | 401 Unauthorized, 403 Forbidden, 404 Not Found, 409 Conflict, "
    "422 Unprocessable Content, 503 Service Unavailable | FR-001 |",
    "reader": "| `list_newest_feeds` | GET | `/v1/feeds/newest` | List the titles of the newest feeds, for everybody. "
    "| anyone | – | 200 `list[str]` | 422 Unprocessable Content, 503 Service Unavailable | – |",
}
"""What Planning/Routes.md says of a route of each."""


def check_product(project: Path) -> None:
    """Fail unless a product is whole, and its code is what its documents say."""
    check_whole(project)
    findings = run(project, "python", "-c", FINDINGS)
    assert findings.splitlines()[-1] == "[]"


FINDINGS = """
from pathlib import Path
from scripts.planning import checks, code, model
project = checks.Project(Path.cwd(), model.load(Path.cwd()), "2026-01-01")
found = (*checks.documents(project), *code.code(project))
print([str(it) for it in found if it.level == "drift"])
"""


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda it: it.folder.name)
def test_a_product_fits_into_owned_files_and_stays_whole(
    generate: Generate, reanswer: Reanswer, product: Product
) -> None:
    project = built(generate, product)
    described = (project / "Planning" / "Routes.md").read_text("utf-8")
    assert DESCRIBED[product.folder.name] in described.splitlines()
    check_product(project)

    need_postgres()
    entity, *others = yaml.safe_load(product.answers.read_text("utf-8"))["data_entities"]
    entities = [entity.replace(")", ", remark: text?)", 1), *others]
    reanswer(project, storage_kind="postgres", logging="plain", data_entities=entities)
    assert model(project).product.entities
    assert {it: (project / it).read_text("utf-8") for it in product.files} == product.files
    assert (project / ".env.example").read_text("utf-8").endswith(product.settings)
    assert (project / "Planning" / "Routes.md").read_text("utf-8") == described
    check_product(project)


def test_the_example_of_a_route_shows_no_secret(generate: Generate) -> None:
    """It is about the first entity of the service, which has one here."""
    project = generate(answers(CONDUIT.answers))
    routes = project / "services" / "conduit" / "routes.py"
    told = ast.get_docstring(ast.parse(routes.read_text("utf-8"))) or ""
    example = dedent("\n".join(it for it in told.splitlines() if it.startswith("    ") or not it))
    with routes.open("a", encoding="utf-8") as module:
        module.write(example)
    run(project, "mypy", "services/conduit/routes.py")
    schemas = json.loads(run(project, "python", "-c", SCHEMAS))
    assert "username" in schemas["UserAnswer"]["properties"]
    assert "password_hash" not in json.dumps(schemas)


SCHEMAS = """
import json
from services.conduit.main import app
print(json.dumps(app.openapi()["components"]["schemas"]))
"""


def test_a_module_of_ones_own_is_typed_and_one_that_is_left_behind_is_not(generate: Generate) -> None:
    project = built(generate, CONDUIT)
    for name in ("tokens", "left_behind"):
        with (project / "services" / "conduit" / f"{name}.py").open("a", encoding="utf-8") as module:
            module.write('\n\nWRONG: int = "text"\n')
    with pytest.raises(AssertionError, match="Found 1 error in 1 file") as found:
        run(project, "mypy")
    assert "services/conduit/tokens.py" in str(found.value)
