"""Between Copier and the model: the only file here that knows Copier and Jinja.

It reads the answers from Copier's context, guards the questionnaire, and gives templates `project`. It runs no command,
writes no file and opens no connection.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from functools import cached_property
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from copier.errors import UserMessageError
from copier_template_extensions import ContextHook
from jinja2 import Environment

if TYPE_CHECKING:
    from groundplan.catalogue import Catalogue, Decision
    from groundplan.project import Project
    from groundplan.questionnaire import Question

ROOT = Path(__file__).resolve().parent.parent

RECORDED = ("_commit", "_src_path")
"""What an answers file holds that is no answer, and may come with answers taken from one."""

MODULES = ("catalogue", "history", "problems", "project", "questionnaire", "text")
"""What is used here of the package, imported at once: an update deletes the older template before it ends."""


def load_package(folder: Path) -> ModuleType:
    """Import the package under a name of its own, so that two versions of it can live in one process."""
    name = f"groundplan_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
        if spec is None or spec.loader is None:
            raise ImportError(f"{folder} is no package")
        package = module_from_spec(spec)
        sys.modules[name] = package
        before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # only Copier writes files
        try:
            spec.loader.exec_module(package)
            for module in MODULES:
                import_module(f"{name}.{module}")
        finally:
            sys.dont_write_bytecode = before
    return sys.modules[name]


class Groundplan(ContextHook):
    """Guards the questionnaire and gives templates the project. There is one of it per environment."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.package: Any = load_package(ROOT / "extensions" / "groundplan")
        environment.filters.update(self.package.text.FILTERS)
        self.passed = False
        self.project: Project | None = None

    @cached_property
    def catalogue(self) -> Catalogue:
        try:
            catalogue: Catalogue = self.package.catalogue.load(ROOT / "decisions")
        except self.package.catalogue.CatalogueError as fault:
            raise UserMessageError(str(fault)) from None
        return catalogue

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        choices = {id: decision.words for id, decision in self.decisions.items()}
        questions: tuple[Question, ...] = self.package.questionnaire.load(ROOT, choices)
        return questions

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """What the stanzas of the questionnaire read: choices and words of each decision."""
        return {decision.id: decision for decision in self.catalogue.decisions}

    def hook(self, context: MutableMapping[str, Any]) -> None:
        """Add names to a context; whatever the data calls itself, these come after it."""
        role = role_of(context["_copier_conf"]["dst_path"])
        context["render_role"] = lambda: role
        context["preflight"] = lambda: self.preflight(context, role)
        context["decisions"] = self.decisions
        if context["_copier_phase"] == "render":
            context["project"] = self.project = self.project or self.build(context)

    def preflight(self, context: Mapping[str, Any], role: str) -> bool:
        """Refuse, with every problem and before anything is asked or written, what could not be generated.

        The first question's `when`: there a user's error ends in lines, later it would end in a traceback. A `new`
        render is not checked: the project's own was, and it is given answers to questions that are gone.
        """
        if role != "new" and not self.passed:
            conf = context["_copier_conf"]
            given = answers_in(context, self.questions)
            if role == "project":
                given |= {name: value for name, value in conf["data"].items() if name not in RECORDED}
            taken, problems = self.package.questionnaire.check(self.questions, given, conf["defaults"])
            if role == "old" and not given.get("history"):
                problems = (*problems, self.package.history.GONE)
            if problems:
                raise told(problems)
            if conf["defaults"]:  # else the answers are not complete yet, and the first render checks them
                self.build(taken)
            self.passed = True
        return False

    def build(self, context: Mapping[str, Any]) -> Project:
        """The project that the answers in a context describe."""
        order = tuple(question.name for question in self.questions)
        try:
            project: Project = self.package.project.build(answers_in(context, self.questions), self.catalogue, order)
        except self.package.problems.Refused as refused:
            raise told(refused.problems) from None
        return project


def role_of(destination: Path) -> str:
    """Which render this is: of the `project` itself, or of what an update compares, `old` with `new`."""
    for role in ("old", "new"):
        if f"copier._main.{role}_copy." in str(destination):
            return role
    return "project"


def answers_in(context: Mapping[str, Any], questions: Iterable[Question]) -> dict[str, Any]:
    """The answers among all that a context holds."""
    return {it.name: context[it.name] for it in questions if it.name in context}


def told(problems: Iterable[object]) -> UserMessageError:
    """What Copier shows without a traceback: each problem on a line."""
    return UserMessageError("\n".join(str(problem) for problem in problems))
