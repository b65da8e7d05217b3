"""Between Copier and the model: the only file here that knows Copier and Jinja.

It reads the answers from Copier's context, guards the questionnaire, helps its prompts, and gives templates `project`.
It runs no command and opens no connection. The one file that it writes keeps the answers of an interrupted sitting.
"""

from __future__ import annotations

import atexit
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import yaml
from copier.errors import UserMessageError
from copier_template_extensions import ContextHook
from jinja2 import Environment, Template

if TYPE_CHECKING:
    from groundplan.asking import Asking
    from groundplan.catalogue import Catalogue
    from groundplan.project import Project
    from groundplan.provenance import Made
    from groundplan.questionnaire import Question

ROOT = Path(__file__).resolve().parent.parent

RECORDED = ("_commit", "_src_path")
"""What an answers file holds that is no answer, and may come with answers taken from one."""

MODEL = "Planning/model.json"
"""What tells of all other files."""
ANSWERS_FILE = "{{ _copier_conf.answers_file }}"
"""The template of the answers file, which is no file that answers are made into."""

LOOP = re.compile(r"\{% yield (?P<name>\w+) from (?P<items>.+?) %\}(?P<body>.*?)\{% endyield %\}")
"""Copier's loop over paths."""

MODULES = (
    "answers",
    "asking",
    "catalogue",
    "history",
    "kept",
    "names",
    "problems",
    "project",
    "provenance",
    "questionnaire",
    "reading",
    "text",
)
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
        environment.filters["project_name"] = self.package.names.project_for
        self.passed = False
        self.project: Project | None = None
        self.before: dict[str, Any] = {}
        self.so_far: dict[str, Any] = {}
        self.answers_file = b""
        self.parts: dict[str, Template] = {}

    @cached_property
    def catalogue(self) -> Catalogue:
        try:
            catalogue: Catalogue = self.package.catalogue.load(ROOT / "decisions")
        except self.package.catalogue.CatalogueError as fault:
            raise UserMessageError(str(fault)) from None
        return catalogue

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        questions: tuple[Question, ...] = self.package.questionnaire.with_choices(
            self.package.questionnaire.QUESTIONS,
            {decision.id: decision.words for decision in self.catalogue.decisions},
            {decision.id: decision.answers for decision in self.catalogue.decisions},
        )
        return questions

    def hook(self, context: MutableMapping[str, Any]) -> None:
        """Add names to a context; whatever the data calls itself, these come after it."""
        role = role_of(context["_copier_conf"]["dst_path"])
        context["render_role"] = lambda: role
        if context["_copier_phase"] == "render":
            context["project"] = self.project = self.project or self.build(context)
            context["made"] = lambda: sorted(self.made(dict(context)), key=lambda it: it.path)
        else:
            self.help_prompts(context, role)

    def help_prompts(self, context: MutableMapping[str, Any], role: str) -> None:
        """Add what the stanzas of questions read."""
        conf = context["_copier_conf"]
        asked = role == "project" and not conf["defaults"]
        if asked:
            self.so_far = dict(context["_copier_answers"])  # without the one that is being typed
        asking: Asking = self.package.asking.Asking(self.catalogue, answers_in(context, self.questions), not asked)
        context["preflight"] = lambda: self.preflight(context, role)
        context["fault"] = lambda name: self.fault(name, asking, conf["data"]) if asked else ""
        context["choices"], context["stated"], context["because"] = asking.choices, asking.stated, asking.because
        context["decisions"] = asking.decisions

    def fault(self, name: str, asking: Asking, data: Mapping[str, Any]) -> str:
        """What is wrong with an answer that was typed; what was given or stood before was checked by then."""
        if name in data:
            return ""
        unchanged = (self.before.get(name), self.package.questionnaire.BY_NAME[name].default)
        is_reason = name.endswith(self.package.answers.REASON)  # which belongs to a state that may be another one now
        return "" if asking.given.get(name) in unchanged and not is_reason else asking.fault(name)

    def preflight(self, context: Mapping[str, Any], role: str) -> bool:
        """Refuse, with every problem and before anything is asked or written, what could not be generated.

        The first question's `when`: there a user's error ends in lines, later it would end in a traceback. A `new`
        render is not checked: the project's own was, and it is given answers to questions that are gone.
        """
        if role != "new" and not self.passed:
            conf = context["_copier_conf"]
            self.before = given = answers_in(context, self.questions)
            if role == "project":
                given = given | {name: value for name, value in conf["data"].items() if name not in RECORDED}
            taken, problems = self.package.questionnaire.check(self.questions, given, conf["defaults"])
            if role == "old" and not given.get("history"):
                problems = (*problems, self.package.history.GONE)
            if role == "project" and not problems:
                problems = self.package.kept.twice(sys.argv)
            if problems:
                raise told(problems)
            self.check_values(taken, complete=conf["defaults"])
            if role == "project" and not conf["defaults"]:
                yaml.SafeDumper.add_representer(dict, in_order)
                self.answers_file = self.package.kept.recorded(Path(conf["dst_path"]))
                atexit.register(self.keep, conf)
            self.passed = True
        return False

    def check_values(self, taken: dict[str, Any], complete: bool) -> None:
        """Refuse given answers that cannot be read; while more will be asked, by what is there already."""
        if complete:
            self.build(taken)
            return
        found = self.package.reading.unfinished(taken, settings=self.catalogue.settings)[1]
        if problems := [it for it in found if it.question in taken]:
            raise told(problems)

    def keep(self, conf: Mapping[str, Any]) -> None:
        """At the end of a sitting that led to no project: write down what was answered, and say how to go on."""
        asking = self.package.asking.Asking(self.catalogue, self.so_far, False)
        asked = {it.name: self.so_far[it.name] for it in self.questions if it.name in self.so_far and asking.asks(it)}
        new = {name: value for name, value in asked.items() if name not in self.before or value != self.before[name]}
        finished = self.project is not None and self.package.kept.is_newer(Path(conf["dst_path"]), self.answers_file)
        if new and not finished:
            answers = new | {name: value for name, value in conf["data"].items() if name in self.so_far}
            path = self.package.kept.write(answers, self.questions, Path(conf["dst_path"]))
            print(self.package.kept.said(path), file=sys.stderr)

    def build(self, context: Mapping[str, Any]) -> Project:
        """The project that the answers in a context describe."""
        order = tuple(question.name for question in self.questions)
        try:
            project: Project = self.package.project.build(answers_in(context, self.questions), self.catalogue, order)
        except self.package.problems.Refused as refused:
            raise told(refused.problems) from None
        return project

    def made(self, context: Mapping[str, Any]) -> Iterator[Made]:
        """Every file that is rendered but the model, with the answers that were read for each of its lines.

        Documents that are the same in every project are among them. The others are rendered once more for that: Copier
        goes through its files in the order of the disk, and what is told of them has to stand in one of them.
        """
        folder = ROOT / "template"
        for source in sorted(folder.rglob("*.md")):
            path = source.relative_to(folder).as_posix()
            yield self.package.provenance.made(path, (), [(source.read_text("utf-8"), ())])
        for source in sorted(folder.rglob("*.jinja")):
            name = source.relative_to(folder).as_posix().removesuffix(".jinja")
            if name not in (MODEL, ANSWERS_FILE):
                template = self.environment.get_template(source.relative_to(ROOT).as_posix())
                for path, there, variables in self.paths(name.split("/"), "", frozenset(), context):
                    yield self.package.provenance.made(path, there, self.noted(template.generate(variables)))

    def paths(
        self, parts: Sequence[str], above: str, there: frozenset[str], variables: Mapping[str, Any]
    ) -> Iterator[tuple[str, frozenset[str], Mapping[str, Any]]]:
        """The files that a template makes: path, the answers that let it be there, and what its loops stand at."""
        if not parts:
            yield above, there, variables
            return
        (part, *below), items = parts, [variables]
        with self.package.provenance.noting() as read:
            if loop := LOOP.search(part):
                part = part.replace(loop[0], loop["body"])
                found = self.environment.compile_expression(loop["items"], undefined_to_none=False)(**variables)
                items = [{**variables, loop["name"]: it} for it in found or ()]
        template = self.part(part)
        for item in items:
            with self.package.provenance.noting() as own:
                name = template.render(item)
            if name:
                path = f"{above}/{name}" if above else name
                yield from self.paths(below, path, there | read | own, item)

    def part(self, text: str) -> Template:
        """The template of a part of a path; every service has the same ones."""
        if text not in self.parts:
            self.parts[text] = self.environment.from_string(text)
        return self.parts[text]

    def noted(self, chunks: Iterator[str]) -> Iterator[tuple[str, set[str]]]:
        """The pieces of a file, each with the answers that were read for it."""
        done = object()
        while True:
            with self.package.provenance.noting() as read:
                chunk = next(chunks, done)
            if not isinstance(chunk, str):
                return
            yield chunk, read


def in_order(dumper: yaml.SafeDumper, mapping: Mapping[str, object]) -> yaml.Node:
    """Mappings as they were written: a prompt that sorted them would change an answer that somebody only accepts."""
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping.items())  # pairs are not sorted


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
