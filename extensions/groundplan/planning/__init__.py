"""What the planning documents say: everything that their templates loop over, and the model that the checker reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import diagrams, flows, gaps
from ..domain import Item, Service
from ..flows import Flow, Request, told, touched
from ..gaps import REQUIREMENTS, Facts, Gap
from ..gaps.facts import alike
from ..plan import Plan
from ..problems import Problem
from ..provenance import Made, cached_property, note, noting
from . import answered, export, model, workflows
from .acceptance import Acceptance, acceptance_link
from .architecture import Architecture
from .example import RuleExample
from .implementation import Implementation
from .markdown import NONE, UNKNOWN, Table, advice, code, codes, counted, fence, sentence, table, text
from .prd import Prd
from .records import Records
from .schedule import Schedule, made_from, problems
from .specification import Specification

if TYPE_CHECKING:
    from ..project import EnvVar, Project

__all__ = ["Planning"]


@dataclass(frozen=True)
class Planning:
    """All documents of a project."""

    project: Project

    @cached_property
    def _asked(self) -> Facts:
        """The facts without the plan, which is made from what they show."""
        project = self.project
        return Facts(project.answers, project.product, project.lists, project.decisions, project.history.id)

    @cached_property
    def facts(self) -> Facts:
        with noting():  # whoever reads the plan takes it from here, and notes what it was made from
            return replace(self._asked, plan=self.plan)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        return gaps.find(self.facts)

    @cached_property
    def plan(self) -> Plan:
        return made_from(self._asked)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What keeps the plan from being made."""
        return problems(self._asked)

    @cached_property
    def schedule(self) -> Schedule:
        return Schedule(self.facts, self.plan)

    @cached_property
    def records(self) -> Records:
        return Records(self.project.history, self.project.decisions)

    @cached_property
    def prd(self) -> Prd:
        return Prd(self.facts, self.gaps)

    @cached_property
    def architecture(self) -> Architecture:
        return Architecture(
            self.facts, self.records, self.project.processes, self.project.environment, self.project.entrance
        )

    @cached_property
    def implementation(self) -> Implementation:
        return Implementation(self.facts, self.records)

    @cached_property
    def specifications(self) -> tuple[Specification, ...]:
        return tuple(map(self._specified, self.project.product.services))

    def _specified(self, service: Service) -> Specification:
        with noting() as served:  # these alone tell of ports
            addresses = self.project.url(service.name), self.project.public_url(service), self.project.docs_url(service)
        return Specification(
            self.facts,
            service,
            *addresses,
            *self._asked_of_callers(service),
            self._settings(service),
            self.project.facts,
            self._requests(service),
            "the one process" if self.architecture.one_process else f"the process of {service.name}",
            frozenset(served),
        )

    @property
    def services(self) -> str:
        """Who does what, after what is still open about it."""
        return self.section("services", self.architecture.services)

    @cached_property
    def courses(self) -> Table:
        """What passes between services, for which requirements, and where it is drawn."""
        return table(
            "Requirements, What passes between services, Drawn in",
            self._courses(),
            "No service calls or hears another.",
        )

    def _courses(self) -> Iterator[tuple[str, str, str]]:
        product = self.project.product
        begins = flows.beginnings(product)
        for it in self.flows:
            features = ", ".join(f"{feature.id} {text(feature.name)}" for feature in it.features) or NONE
            first = (product.entities[entity].service for entity, _ in begins(it))
            yield features, text(it.told), ", ".join(map(_drawn, dict.fromkeys(first)))
        for workflow in product.workflows:
            about = product.entities[workflow.entity]
            features = ", ".join(
                f"{feature.id} {text(feature.name)}"
                for feature in product.features
                if about in touched(product, feature)
            )
            said = f"{workflow.service} leads {workflow.name}: {workflows.told(workflow.steps)}"
            yield features or NONE, text(said), _drawn(workflow.service)

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """What passes between services."""
        return flows.flows(self.project.product)

    @cached_property
    def requests(self) -> tuple[Request, ...]:
        """What callers ask for that leads through several services."""
        return flows.requests(self.project.product, self.flows)

    def _requests(self, service: Service) -> tuple[Request, ...]:
        with noting():  # each tells of itself
            return tuple(it for it in self.requests if it.entity.service == service.name)

    def _asked_of_callers(self, service: Service) -> tuple[str, str, str]:
        """What callers of a service prove themselves by, whose that must be, and where they put it."""
        if service.exposure != "public":
            return "key", "of the services", "The key of the services goes into `X-API-Key`"
        return self.project.says("proof"), self.project.says("needed"), self.project.says("sent")

    def _settings(self, service: Service) -> tuple[EnvVar, ...]:
        """The settings that are a service's own, everybody's, a neighbour's address, or of an API that it uses."""
        with noting():  # each tells of itself
            product = self.project.product
            called = (it.service for it in product.calls(service))
            told = () if self.facts.way.broker else product.told(service.name)
            near = {f"{it.upper()}_URL" for it in (*called, *told)}
            foreign = [it.env for it in product.external_apis if service.name not in it.used_by]
            others = {f"{env}_{part}" for env in foreign for part in ("URL", "KEY", "TIMEOUT_S")}
            others.add(f"{service.name.upper()}_URL")  # it does not call itself
            return tuple(
                it
                for it in self.project.environment
                if it.name in near or (it.name not in others and it.service in ("", service.name) and not it.apart)
            )

    @cached_property
    def example(self) -> RuleExample | None:
        """A rule as code, where the answers want code and there is an entity to show it on."""
        wanted = self.project.answers["code_examples"].value is not False
        entities = (it for it in self.project.product.entities.values() if it.fields)
        return next(map(RuleExample, entities), None) if wanted else None

    @cached_property
    def acceptance(self) -> tuple[Acceptance, ...]:
        """The test files of the features that say what is accepted."""
        return tuple(Acceptance(it) for it in self.project.product.features if it.criteria)

    def note(self, question: str) -> str:
        """What is said in place of an answer, or about one that nobody confirmed; empty for a plain value."""
        answer = self.facts.answer(question)
        about = text(REQUIREMENTS[question])
        match answer.state:
            case "tbd":
                id = next((gap.id for gap in self.gaps if gap.question == question and gap.rule < "A03"), "")
                return f"**Open** ({id}): {about}. Answer `{question}`."
            case "not needed":
                return f"Not needed ({code(question)}): {sentence(answer.reason or 'no reason given')}"
            case "defer":
                trigger, owner = text(answer.trigger, "nobody said when"), text(answer.owner, "nobody")
                return f"**Deferred** ({trigger}); {owner} then answers `{question}`: {about}."
            case "assume":
                return f"**Assumed**: nobody has confirmed `{question}` yet."
        return ""

    def section(self, question: str, *parts: object) -> str:
        """A section's body: the parts that have something to say, after the state of its answer."""
        said = (self.note(question), *(str(part) for part in parts if part))
        return "\n\n".join(filter(None, said))

    @property
    def answered_by(self) -> str:
        """Whose answers all this rests on."""
        words = {"human": "a person", "agent": "a program", "both": "people and programs together"}
        answer = self.facts.answer("respondent").value
        who, product = words.get(str(answer), "nobody named"), text(self.project.product.name)
        return f"The answers about {product} were given by {who}."

    def answered(self, question: str) -> str:
        """A section's body, made from what the question says of itself."""
        return self.section(question, answered.body(self.facts, question))

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
                (it.id, advice(it.message), text(it.waived_because), text(it.waived_by), it.waived_until)
                for it in self.gaps
                if it.waived
            ),
        )

    @property
    def gap_counts(self) -> str:
        """How many gaps there are; each answer may open or close one."""
        note(*REQUIREMENTS, *(it.decision.id for it in self.project.decisions))
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
            "Feature, Why later, Needs first, Looked at again, Seam",
            (
                (
                    text(it.name),
                    text(it.text, UNKNOWN),
                    text(it.get("depends_on")),
                    text(it.get("revisit"), UNKNOWN),
                    self._seam(it),
                )
                for it in self.facts.items("future_features")
            ),
        )

    def _seam(self, feature: Item) -> str:
        """Where a later feature fits in, and what leaving room for it costs now."""
        for need in self.facts.items("future_accommodation"):
            if alike(need.name, feature.name):
                return f"{text(need.text, UNKNOWN)} (costs now: {text(need.get('cost_now'), UNKNOWN)})"
        return UNKNOWN

    @cached_property
    def room(self) -> Table:
        """The needs that are no feature of a list of later ones, which has the seams of those."""
        later = [it.name for it in self.facts.items("future_features")]
        needs = self.facts.items("future_accommodation")
        return table(
            "Need, Seam, Costs now",
            (
                (text(it.name), text(it.text, UNKNOWN), text(it.get("cost_now"), UNKNOWN))
                for it in needs
                if not any(alike(it.name, name) for name in later)
            ),
            f"The seams of {len(needs)} deferred features are in their table above." if needs else "",
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
                    f"{it.id} {text(it.name)}",
                    codes(it.services),
                    codes(entity.path for entity in touched(self.facts.product, it)),
                    codes(told(self.facts.product, it)),
                    f"T-{it.id}",
                    acceptance_link(it, counted(len(it.criteria), "criterion", "criteria"), "../"),
                )
                for it in self.facts.product.features
            ),
        )

    @property
    def left_out(self) -> Table:
        """What is out of scope and yet has a time to be looked at again."""
        items = (it for it in self.facts.items("out_of_scope") if it.get("revisit"))
        return table(
            "Left out of the MVP, Looked at again",
            ((text(it.name), text(it.get("revisit"))) for it in items),
            "Nothing that is left out has a time at which it is looked at again.",
        )

    @cached_property
    def yours(self) -> Table:
        """The owned files of code and tests, with what goes into each."""
        return table("File, Takes", self._yours(), "Nothing yet: no entity, reaction or criterion is answered.")

    def _yours(self) -> Iterator[tuple[str, str]]:
        for service in self.project.product.services:
            folder = f"services/{service.name}"
            for entity in service.entities:
                yield _file(f"{folder}/{entity.snake}.py"), f"the rules of {code(entity.name)}"
            for it in service.reactions:
                rules = f"what {code(it.event)} means for {code(it.creates)}"
                yield _file(f"{folder}/{it.snake}.py"), rules
            for job in service.jobs:
                yield _file(f"{folder}/{job.name}.py"), f"the job {code(job.name)}, {job.begins}"
            for step in self.project.product.steps(service.name):
                said = f"what {code(step.workflow)} does to {code(step.creates)}, and takes back"
                yield _file(f"{folder}/{step.module}.py"), said
        if self.acceptance:
            ids = ", ".join(it.feature.id for it in self.acceptance)
            yield _file("tests/acceptance"), f"a file each for the criteria of {ids}"

    @cached_property
    def libraries(self) -> Table:
        """What the project stands on, and what is required besides: that comes with the first rule that uses it."""
        known = {it.package: it for it in self.project.dependencies}
        required = (it for it in self.facts.items("required_libraries") if it.name.casefold() not in known)
        here = ((code(it.spec), text(it.why)) for it in known.values())
        to_come = (
            (
                f"{code(it.name)} {text(it.get('constraint'), '')}".strip(),
                f"{text(it.text, 'required')}; `uv add` brings it in",
            )
            for it in required
        )
        return table("Package, For", (*here, *to_come))

    def diagram(self, it: diagrams.Diagram) -> str:
        """A diagram in a document; nothing where it would show nothing."""
        return fence("mermaid", it.source) if it.source else ""

    def model_json(self, made: Iterable[Made]) -> str:
        """What the project's checker reads; `made` are the project's other files."""
        return model.dump(self, made)

    @cached_property
    def tasks_json(self) -> str:
        """The tasks for other tools, and for the project's checker."""
        return model.lines(export.tasks(self.plan))

    @cached_property
    def tasks_csv(self) -> str:
        """The same for a spreadsheet."""
        return export.csv_of(self.plan)


def _file(path: str) -> str:
    """A link from Planning to a file of the project."""
    return f"[{code(path)}](../{path})"


def _drawn(service: str) -> str:
    """A link to the diagrams of what begins at a service."""
    return f"[{service}](ServiceSpecifications/{service}.md#at-run-time)"
