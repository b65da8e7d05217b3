"""Services that options bring: part of the project, and none of what was answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundplan import catalogue, generation
from groundplan.catalogue import Catalogue, CatalogueError
from groundplan.domain import Belonging
from groundplan.generation import Generation
from groundplan.operations import of_option, operations
from groundplan.problems import Refused

DECISIONS = Path(__file__).parents[2] / "decisions"
BOARD: dict[str, object] = {
    "project_name": "Notice board",
    "concept": "Neighbours put up notices.",
    "personas": [{"name": "Neighbour", "goal": "find a bicycle"}],
    "mvp_features": [{"name": "Read notices", "persona": "Neighbour", "services": ["board"]}],
    "services": ["board: keeps notices"],
    "data_entities": ["board.Notice(author: uuid, title: str)"],
    "access": ["Notice: create Neighbour, read Neighbour; owner: author"],
    "api_auth": "accounts",
}


@pytest.fixture(scope="module")
def decisions() -> Catalogue:
    return catalogue.load(DECISIONS)


def build(decisions: Catalogue, **more: object) -> Generation:
    return generation.build(BOARD | more, decisions)


@pytest.fixture(scope="module")
def board(decisions: Catalogue) -> Generation:
    return build(decisions)


def test_it_is_a_service_with_a_process_a_port_a_database_and_its_migrations(board: Generation) -> None:
    project = board.project
    ours, brought = project.product.services
    assert (ours.name, brought.name, brought.brought_by) == ("board", "identity", "api_auth")
    assert ours.port != brought.port
    settings = {it.name: it for it in project.environment}
    assert settings["IDENTITY_DATABASE_URL"].service == "identity"
    assert settings["IDENTITY_KEYS_URL"].default == f"{project.url('identity')}/.well-known/jwks.json"
    assert project.history.revisions("identity")
    assert {it.name for it in board.planning.specifications} == {"board", "identity"}


def test_what_only_it_reads_is_asked_of_no_other_process(board: Generation) -> None:
    settings = {it.name: it for it in board.project.environment}
    key = settings["IDENTITY_SIGNING_KEYS"]
    assert (key.service, key.secret, key.optional_for_process) == ("identity", True, True)
    ours, brought = board.planning.specifications
    assert "IDENTITY_SIGNING_KEYS" not in str(ours.configuration)
    assert "IDENTITY_SIGNING_KEYS" in str(brought.configuration)


@pytest.mark.parametrize(("versioning", "path"), [("url", "/v1/logins"), ("header", "/logins")])
def test_what_it_answers_is_known_as_all_operations_are(decisions: Catalogue, versioning: str, path: str) -> None:
    product = build(decisions, api_versioning=versioning).project.product
    ours, brought = product.services
    assert of_option(product, ours) == ()
    login = next(it for it in operations(product, brought) if it.id == "log_in")
    assert (login.method, login.path, login.access, login.success) == ("POST", path, "anyone", 201)
    assert [it.name for it in login.parameters] == ([] if versioning == "url" else ["API-Version"])


def test_its_api_is_the_module_of_the_option_and_not_the_one_made_for_each_service(board: Generation) -> None:
    sources = {it.target: it.source for it in board.project.modules if it.target.endswith("/api.py")}
    folder = "decisions/web_framework"
    assert sources["services/identity/api.py"] == f"{folder}/fastapi_login_tokens/services/identity/api.py"
    assert sources["services/board/api.py"] == f"{folder}/fastapi/services/{{service}}/api.py.jinja"
    assert "services/identity/login/signing.py" in board.project.typed_files
    assert "services/identity/mail.py" in board.project.owned_files


def test_neither_gaps_nor_tasks_nor_reasons_are_about_it(board: Generation, decisions: Catalogue) -> None:
    without = build(decisions, api_auth="oidc")
    assert {it.id for it in board.planning.gaps} == {it.id for it in without.planning.gaps}
    assert [it.id for it in board.planning.plan.tasks] == [it.id for it in without.planning.plan.tasks]
    assert board.planning.architecture.drivers == without.planning.architecture.drivers
    assert board.planning.architecture.access == without.planning.architecture.access


@pytest.mark.parametrize("api_auth", ["accounts", "session"])
def test_what_it_keeps_of_a_caller_belongs_to_a_person(decisions: Catalogue, api_auth: str) -> None:
    project = build(decisions, person=["Notice: delete"], api_auth=api_auth).project
    assert project.product.person == (
        Belonging("Notice", "delete"),
        Belonging("UserAccount", "delete"),
        Belonging("LoginSession", "delete", "account", "UserAccount"),
        Belonging("EmailToken", "delete", "email", "UserAccount", "email"),
    )
    entities = project.product.entities
    assert project.person_account == entities["UserAccount"]
    assert project.person_owner == entities["Notice"].fields[0]


@pytest.mark.parametrize("api_auth", ["accounts", "session"])
def test_an_account_belongs_to_a_tenant_where_there_are_some(decisions: Catalogue, api_auth: str) -> None:
    more = {"data_entities": ["board.Notice(author: uuid, title: str)", "board.Place(name: str)"], "api_auth": api_auth}
    for tenants, has in (("Town; shared: Place", True), ({}, False)):
        product = build(decisions, **more, tenants=tenants).project.product
        account = product.entities["UserAccount"]
        assert ("organisation" in {it.name for it in account.fields}) is has
        assert not account.of_tenant


def test_where_no_answer_says_what_belongs_to_a_person_nothing_does(board: Generation, decisions: Catalogue) -> None:
    assert not board.project.product.person
    assert not board.project.has("erased_records")
    without = build(decisions, person=["Notice: delete"], api_auth="oidc").project
    assert (without.person_account, len(without.product.person)) == (None, 1)


@pytest.mark.parametrize("field", ["email", "User"])
def test_what_cannot_be_the_id_of_an_account_tells_of_none(decisions: Catalogue, field: str) -> None:
    entities = ["board.User(name: str)", f"board.Notice(author: {field}, title: str)"]
    project = build(decisions, person=["Notice: delete"], data_entities=entities).project
    assert project.person_owner is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"services": ["board: keeps notices", "identity: knows who is who"]}, "services: 'identity' is the name"),
        (
            {"data_entities": ["board.Notice(author: uuid, title: str)", "board.UserAccount(name: str)"]},
            "data_entities: UserAccount is the name of what identity keeps",
        ),
        (
            {"data_entities": ["board.Notice(author: uuid, title: EmailToken)", "value EmailToken(name: str)"]},
            "data_entities: EmailToken is the name of what identity keeps",
        ),
    ],
)
def test_answers_that_have_its_names_are_refused(decisions: Catalogue, more: dict[str, object], message: str) -> None:
    with pytest.raises(Refused, match=message) as caught:
        build(decisions, **more)
    assert "api_auth" in str(caught.value)
    assert build(decisions, **more, api_auth="oidc")


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("problems: [400]", "problems: 400", "problems: must be a list of statuses"),
        ("problems: [400]", "problems: [many]", "problems: must be a list of statuses"),
        ("method: GET", "verb: GET", "unknown key 'verb'"),
        ("path: /things, ", "", "missing 1 required"),
        ("responsibility: knows things", "purpose: knows things", "unknown key 'purpose'"),
        ('["private Thing(name: str)"]', "things", "entities: must be a list of words"),
    ],
)
def test_a_service_that_an_option_describes_wrongly_is_named(
    tmp_path: Path, written: str, instead: str, message: str
) -> None:
    text = """
guide: A4c
phase: 3
question: Who knows things?
options:
  ours:
    label: Ours
    because: It is here.
    cost: It is kept.
    rejected: it is kept
    footprint:
      services:
        things:
          responsibility: knows things
          entities: ["private Thing(name: str)"]
          requests:
            get_things: {method: GET, path: /things, summary: reads things, problems: [400]}
"""
    file = tmp_path / "knowledge" / "decision.yml"
    file.parent.mkdir()
    file.write_text(text)
    (service,) = catalogue.load(tmp_path)["knowledge"].options[0].footprint.services
    assert (service.name, [it.id for it in service.requests]) == ("things", ["get_things"])
    assert written in text
    file.write_text(text.replace(written, instead))
    with pytest.raises(CatalogueError, match=message) as caught:
        catalogue.load(tmp_path)
    assert "options.ours.footprint.services.things" in str(caught.value)
