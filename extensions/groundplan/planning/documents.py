"""The planning documents: what their templates loop over, and the model that the project's checker reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .. import diagrams, gaps, interactions
from ..catalogue import package_of
from ..domain import Item, Service
from ..gaps import REQUIREMENTS, Gap
from ..interactions import Flow, Request, entities_of, events_of
from ..name_matching import names_match
from ..plan import Plan
from ..problems import Problem
from ..project import EnvVar, Project
from ..project_view import ProjectView
from ..provenance import cached_property, track, tracking
from ..text import json_lines
from . import answers_markdown, task_export, workflow_tables
from .acceptance import Acceptance, acceptance_link
from .architecture import Architecture
from .change_map import change_map
from .decision_records import Records
from .implementation import Implementation
from .markdown import NONE, UNKNOWN, Table, advice, cell, code, codes, counted, fence, sentence, table
from .prd import Prd
from .rule_example import RuleExample
from .schedule import Schedule, build_plan, problems
from .specification import Specification
from .threat_model import ThreatModel

__all__ = ["Planning"]


@dataclass(frozen=True)
class Planning:
    """All documents of a project."""

    project: Project

    @cached_property
    def view(self) -> ProjectView:
        """The project with its plan."""
        with tracking():  # the plan tracks its own answers when it is read
            return replace(self.project.view, plan=self.plan)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        return gaps.find(self.view)

    @cached_property
    def plan(self) -> Plan:
        return build_plan(self.project.view)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the plan cannot be made."""
        return problems(self.project.view)

    @cached_property
    def schedule(self) -> Schedule:
        return Schedule(self.view, self.plan)

    @cached_property
    def records(self) -> Records:
        return Records(self.project.history, self.project.decisions, self.project.modules)

    @cached_property
    def prd(self) -> Prd:
        return Prd(self.view, self.gaps)

    @cached_property
    def architecture(self) -> Architecture:
        project = self.project
        return Architecture(
            self.view, self.records, project.processes, project.environment, project.manager, project.gateway
        )

    @cached_property
    def threat_model(self) -> ThreatModel:
        return ThreatModel(self.view, self.records, self.project.fixture_data)

    @cached_property
    def implementation(self) -> Implementation:
        return Implementation(self.view, self.records)

    @cached_property
    def specifications(self) -> tuple[Specification, ...]:
        return tuple(map(self._specified, self.project.product.services))

    def _specified(self, service: Service) -> Specification:
        with tracking() as served:  # these alone tell of ports
            addresses = self.project.url(service.name), self.project.public_url(service), self.project.docs_url(service)
        return Specification(
            self.view,
            service,
            *addresses,
            *self._credential(service),
            self._settings(service),
            self.project.fixture_data,
            self._requests(service),
            "the one process" if self.architecture.one_process else f"the process of {service.name}",
            frozenset(served),
        )

    @property
    def services(self) -> str:
        """Who does what, after what is still open about it."""
        return self.section("services", self.architecture.services)

    @cached_property
    def interactions_table(self) -> Table:
        """What passes between services, for which requirements, and where it is drawn."""
        return table(
            "Requirements, What passes between services, Drawn in",
            self._interaction_rows(),
            "No service calls another or subscribes to its events.",
        )

    def _interaction_rows(self) -> Iterator[tuple[str, str, str]]:
        product = self.project.product
        begins = interactions.initial_changes(product)
        for it in self.flows:
            features = ", ".join(f"{feature.id} {cell(feature.name)}" for feature in it.features) or NONE
            first = (product.entities[entity].service for entity, _ in begins(it))
            yield features, cell(it.summary), ", ".join(map(_drawn, dict.fromkeys(first)))
        for workflow in product.workflows:
            about = product.entities[workflow.entity]
            features = ", ".join(
                f"{feature.id} {cell(feature.name)}"
                for feature in product.features
                if about in entities_of(product, feature)
            )
            summary = f"{workflow.service} leads {workflow.name}: {workflow_tables.summary(workflow.steps)}"
            yield features or NONE, cell(summary), _drawn(workflow.service)

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """What passes between services."""
        return interactions.flows(self.project.product)

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """What callers ask for that leads through several services."""
        return interactions.requests(self.project.product, self.flows)

    def _requests(self, service: Service) -> tuple[Request, ...]:
        with tracking():  # each tells of itself
            return tuple(it for it in self.requests if it.entity.service == service.name)

    def _credential(self, service: Service) -> tuple[str, str]:
        """Who calls a service, and where its credential goes."""
        if service.exposure != "public":
            return "other services", self.project.wording("service_credential_location")
        return self.project.wording("credential_owner"), self.project.wording("credential_location")

    def _settings(self, service: Service) -> tuple[EnvVar, ...]:
        """The settings that are a service's own, everybody's, a called service's address, or of an API that it uses."""
        with tracking():  # each tells of itself
            product = self.project.product
            called = (it.service for it in product.calls(service))
            receivers = () if self.view.event_transport.broker else product.message_recipients(service.name)
            near = {f"{it.upper()}_URL" for it in (*called, *receivers)}
            foreign = [it.env for it in product.external_apis if service.name not in it.used_by]
            others = {f"{env}_{part}" for env in foreign for part in ("URL", "KEY", "TIMEOUT_S")}
            others.add(f"{service.name.upper()}_URL")  # it does not call itself
            return tuple(
                it
                for it in self.project.environment
                if it.name in near
                or (it.name not in others and it.service in ("", service.name) and not it.migrate_only)
            )

    @cached_property
    def example(self) -> RuleExample | None:
        """A rule as code, if the answers want code and there is an entity to show it with."""
        wanted = self.project.answers["code_examples"].value is not False
        for service in self.project.services if wanted else ():
            for it in service.entities:
                if it.entity.sent:
                    return RuleExample(it.entity, tuple(lookup.attribute for lookup in it.lookups))
        return None

    @cached_property
    def acceptance(self) -> tuple[Acceptance, ...]:
        """The test files of the features that say what is accepted."""
        return tuple(Acceptance(it) for it in self.project.product.features if it.criteria)

    def note(self, question: str) -> str:
        """What a document states in place of an answer, or about an unconfirmed one; empty for a plain value."""
        answer = self.view.answer(question)
        about = cell(REQUIREMENTS[question])
        match answer.state:
            case "tbd":
                id = next((gap.id for gap in self.gaps if gap.question == question and gap.rule < "A03"), "")
                return f"**Open** ({id}): {about}. Answer `{question}`."
            case "not needed":
                return f"Not needed ({code(question)}): {sentence(answer.reason or 'no reason given')}"
            case "defer":
                trigger, owner = cell(answer.trigger, "it is not stated when"), cell(answer.owner, "nobody")
                return f"**Deferred** ({trigger}); {owner} then answers `{question}`: {about}."
            case "assume":
                return f"**Assumed**: nobody has confirmed `{question}` yet."
        return ""

    def section(self, question: str, *parts: object) -> str:
        """A section's body: the parts that have something to say, after the state of its answer."""
        blocks = (self.note(question), *(str(part) for part in parts if part))
        return "\n\n".join(filter(None, blocks))

    @property
    def answered_by(self) -> str:
        """Whose answers all this rests on."""
        words = {"human": "a person", "agent": "a program", "both": "people and programs together"}
        answer = self.view.answer("respondent").value
        who, product = words.get(str(answer), "nobody named"), cell(self.project.product.name)
        return f"The answers about {product} were given by {who}."

    def answered(self, question: str) -> str:
        """A section's body, made from what the question says of itself."""
        return self.section(question, answers_markdown.body(self.view, question))

    @cached_property
    def must(self) -> tuple[Gap, ...]:
        return tuple(gap for gap in self.gaps if gap.must)

    @cached_property
    def deferrable(self) -> tuple[Gap, ...]:
        return tuple(gap for gap in self.gaps if not gap.must and not gap.waived)

    @cached_property
    def waived(self) -> Table:
        """The gaps that somebody accepts, with who, why and until when."""
        return table(
            "Gap, Finding, Accepted because, By, Until",
            (
                (it.id, advice(it.message), cell(it.waived_because), cell(it.waived_by), it.waived_until)
                for it in self.gaps
                if it.waived
            ),
        )

    @property
    def gap_counts(self) -> str:
        """How many gaps there are; each answer may open or close one."""
        track(*REQUIREMENTS, *(it.decision.id for it in self.project.decisions))
        waived = f", {len(self.waived.rows)} waived" if self.waived else ""
        must = counted(len(self.must), "gap", "gaps")
        return f"{must} to resolve before coding, {len(self.deferrable)} that can wait{waived}"

    def gap_table(self, found: tuple[Gap, ...]) -> Table:
        return table(
            "Gap, Finding, Fix, Answer",
            ((it.id, advice(it.message), advice(it.fix), code(it.question)) for it in found),
            "None.",
        )

    @cached_property
    def future(self) -> Table:
        return table(
            "Feature, Why later, Needs first, Revisit, Seam",
            (
                (
                    cell(it.name),
                    cell(it.text, UNKNOWN),
                    cell(it.get("depends_on")),
                    cell(it.get("revisit"), UNKNOWN),
                    self._seam(it),
                )
                for it in self.view.items("future_features")
            ),
        )

    def _seam(self, feature: Item) -> str:
        """Where a later feature fits in, and what leaving room for it costs now."""
        for need in self.view.items("future_accommodation"):
            if names_match(need.name, feature.name):
                return f"{cell(need.text, UNKNOWN)} (costs now: {cell(need.get('cost_now'), UNKNOWN)})"
        return UNKNOWN

    @cached_property
    def future_needs(self) -> Table:
        """The needs that are not a feature of a list of later ones, which has the seams of those."""
        later = [it.name for it in self.view.items("future_features")]
        needs = self.view.items("future_accommodation")
        return table(
            "Need, Seam, Costs now",
            (
                (cell(it.name), cell(it.text, UNKNOWN), cell(it.get("cost_now"), UNKNOWN))
                for it in needs
                if not any(names_match(it.name, name) for name in later)
            ),
            f"{counted(len(needs), 'seam is', 'seams are')} in the table of deferred features above." if needs else "",
        )

    @cached_property
    def measured(self) -> Table:
        """The requirements that are numbers: where they hold, and what measures them."""
        return table(
            "Target or metric, On, Task, Shown by",
            (
                *((f"{row[0]} {row[1]}", row[5], f"T-{row[0]}", "the load test") for row in self.prd.targets.rows),
                *((f"{row[0]} {row[1]}", row[6], NONE, row[5]) for row in self.prd.metrics.rows),
            ),
        )

    @cached_property
    def trace(self) -> Table:
        """Requirement, where it is built, what it is done by, and what proves it."""
        return table(
            "Requirement, Services, Endpoints, Events, Task, Tests",
            (
                (
                    f"{it.id} {cell(it.name)}",
                    codes(it.services),
                    codes(entity.path for entity in entities_of(self.view.product, it) if not entity.private),
                    codes(events_of(self.view.product, it)),
                    f"T-{it.id}",
                    acceptance_link(it, counted(len(it.criteria), "criterion", "criteria"), "../"),
                )
                for it in self.view.product.features
            ),
        )

    @property
    def left_out(self) -> Table:
        """What is out of scope and yet has a time to be looked at again."""
        items = (it for it in self.view.items("out_of_scope") if it.get("revisit"))
        return table(
            "Left out of the MVP, Revisit",
            ((cell(it.name), cell(it.get("revisit"))) for it in items),
            "Nothing that is left out has a time for a review.",
        )

    @cached_property
    def owned_files(self) -> Table:
        """The owned files of code and tests, with what goes into each."""
        return table("File, Takes", self._owned_files())

    def _owned_files(self) -> Iterator[tuple[str, str]]:
        for service in self.project.product.services:
            folder = f"services/{service.name}"
            for entity in service.entities:
                yield _file(f"{folder}/{entity.snake}.py"), f"the rules of {code(entity.name)}"
            for it in service.reactions:
                rules = f"what {code(it.event)} means for {code(it.creates)}"
                yield _file(f"{folder}/{it.snake}.py"), rules
            for job in service.jobs:
                yield _file(f"{folder}/{job.name}.py"), f"the job {code(job.name)}, {job.begins}"
            for step in self.project.product.workflow_steps_in(service.name):
                purpose = f"what {code(step.workflow)} does to {code(step.creates)}, and takes back"
                yield _file(f"{folder}/{step.module}.py"), purpose
            for path, purpose in self.project.owned_modules(service.name).items():
                yield _file(path), purpose
        yield _file("services/settings.py"), "settings of your own; each has a line in `.env.example`, too"
        meets = "which drafts the tests send, who calls, and what stand-ins of external APIs answer"
        yield _file("tests/drafts.py"), meets
        if self.acceptance:
            ids = ", ".join(it.feature.id for it in self.acceptance)
            yield _file("tests/acceptance"), f"a file each for the criteria of {ids}"

    @cached_property
    def change_map(self) -> Table:
        """Where to look to change something."""
        return change_map(self.project)

    @cached_property
    def libraries(self) -> Table:
        """What the project stands on, and what is required in no version: it comes with the first rule that uses it."""
        known = {it.package: it for it in self.project.dependencies}
        required = (it for it in self.view.items("required_libraries") if package_of(it.name) not in known)
        here = ((code(it.spec), cell(it.why)) for it in known.values())
        to_come = (
            (
                f"{code(it.name)} {cell(it.get('constraint'), '')}".strip(),
                f"{cell(it.text, 'required')}; {code(self.project.manager.add)} adds it",
            )
            for it in required
        )
        return table("Package, For", (*here, *to_come))

    def diagram(self, it: diagrams.Diagram) -> str:
        """A diagram in a document; nothing where it would show nothing."""
        return fence("mermaid", it.source) if it.source else ""

    @cached_property
    def tasks_json(self) -> str:
        """The tasks for other tools, and for the project's checker."""
        return json_lines(task_export.tasks(self.plan))

    @cached_property
    def tasks_csv(self) -> str:
        """The same for a spreadsheet."""
        return task_export.csv_of(self.plan)


def _file(path: str) -> str:
    """A link from Planning to a file of the project."""
    return f"[{code(path)}](../{path})"


def _drawn(service: str) -> str:
    """A link to the diagrams of what begins at a service."""
    return f"[{service}](ServiceSpecifications/{service}.md#at-run-time)"
