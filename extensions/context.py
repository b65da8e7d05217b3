"""The adapter between Copier and the model: the only file here that knows Copier and Jinja.

It reads the answers from Copier's context, validates them, helps the prompts, and gives templates `project` and
`planning`. It runs no command and opens no connection. The only file that it writes holds the answers of an interrupted
session.
"""

from __future__ import annotations

import atexit
import hashlib
import re
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping, Sequence
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
    from groundplan.catalogue import Catalogue
    from groundplan.generation import Generation
    from groundplan.project import Project
    from groundplan.prompts import Prompts
    from groundplan.provenance import GeneratedFile
    from groundplan.questionnaire import Question

ROOT = Path(__file__).resolve().parent.parent

COPIER_KEYS = ("_commit", "_src_path")
"""Copier's own keys in an answers file; a data file that was copied from one may contain them."""

MODEL = "Planning/model.json"
"""Describes all other files."""
ANSWERS_FILE = "{{ _copier_conf.answers_file }}"
"""The template of the answers file, which is not derived from answers."""

LOOP = re.compile(r"\{% yield (?P<name>\w+) from (?P<items>.+?) %\}(?P<body>.*?)\{% endyield %\}")
"""Copier's loop in a path."""

MODULES = (
    "answers",
    "catalogue",
    "data_files",
    "field_types",
    "generation",
    "history",
    "interrupted_session",
    "names",
    "planning.model_json",
    "problems",
    "prompts",
    "provenance",
    "questionnaire",
    "reading",
    "text",
)
"""The modules used here, imported eagerly: during an update Copier deletes the older template before it is done."""


def load_package(folder: Path) -> ModuleType:
    """Import the package under a name unique to its version.

    Two versions can coexist in one process, and the clones that Copier makes of one version share it.
    """
    name = f"groundplan_{version()}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
        if spec is None or spec.loader is None:
            raise ImportError(f"{folder} is not a package")
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


def version() -> str:
    """A short text that changes with all that makes the package, the catalogue and the code of templates."""
    seen = hashlib.sha256()
    for pattern in ("copier.yml", "questions/*", "extensions/**/*.py", "decisions/**/*"):
        for path in sorted(it for it in ROOT.glob(pattern) if it.is_file()):
            content = path.read_bytes()
            seen.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return seen.hexdigest()[:12]


def compile_once(environment: Environment, known: dict[Hashable, Any]) -> None:
    """Let an environment compile no template that is known, and add those that it compiles.

    In an update Copier compiles some 6,000 short templates, nearly all of them paths and questions that it compiled
    before.
    """
    compile: Any = environment.compile

    def compiled(source: Any, name: str | None = None, filename: str | None = None, **form: bool) -> Any:
        if not isinstance(source, str):
            return compile(source, name, filename, **form)
        environment.preprocess(source, name, filename)  # Copier's loop in a path is begun by it
        key = source, name, *form.items()
        if key not in known:
            known[key] = compile(source, name, filename, **form)
        return known[key]

    environment.compile = compiled  # type: ignore[method-assign, assignment]


class Groundplan(ContextHook):
    """Validates the answers and adds the model to the context of templates. Copier makes one per environment."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.package: Any = load_package(ROOT / "extensions" / "groundplan")
        environment.filters.update(self.package.text.FILTERS)
        environment.filters["project_name"] = self.package.names.project_for
        self.shared: dict[str, Any] = vars(self.package).setdefault("shared", {})
        """What is made once for all clones of a version."""
        compile_once(environment, self.shared.setdefault("templates", {}))
        self.validated = False
        self.generation: Generation | None = None
        self.previous_answers: dict[str, Any] = {}
        self.answers_so_far: dict[str, Any] = {}
        self.answers_file = b""
        self.path_templates: dict[str, Template] = {}

    @cached_property
    def catalogue(self) -> Catalogue:
        if "catalogue" not in self.shared:
            try:
                self.shared["catalogue"] = self.package.catalogue.load(ROOT / "decisions")
            except self.package.catalogue.CatalogueError as error:
                raise UserMessageError(str(error)) from None
        catalogue: Catalogue = self.shared["catalogue"]
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
        """Add names to a context; they take precedence over equally named answers."""
        role = render_role(context["_copier_conf"]["dst_path"])
        context["render_role"] = lambda: role
        if context["_copier_phase"] == "render":
            self.generation = generation = self.generation or self.build(context)
            context["project"], context["planning"] = generation.project, generation.planning
            context["model_json"] = lambda: self.model_json(dict(context))
        else:
            self.add_prompt_helpers(context, role)
            context["run"] = lambda command: self.run(command, context)  # for messages

    def run(self, command: str, context: Mapping[str, Any]) -> str:
        """A command of the project, as its package manager runs it."""
        project: Project = (self.generation or self.build(context)).project
        return project.run(command)

    def add_prompt_helpers(self, context: MutableMapping[str, Any], role: str) -> None:
        """Add the names that the questions in `questions/` use."""
        conf = context["_copier_conf"]
        interactive = role == "project" and not conf["defaults"]
        if interactive:
            self.answers_so_far = dict(context["_copier_answers"])  # without the one that is being typed
        given = answers_in(context, self.questions)
        prompts: Prompts = self.package.prompts.Prompts(self.catalogue, given, not interactive)
        context["preflight"] = lambda: self.preflight(context, role)
        context["answer_error"] = lambda name: self.answer_error(name, prompts, conf["data"]) if interactive else ""
        context["field_types"] = " ".join(self.package.field_types.FIELD_TYPES)
        context["choices"], context["has_state"] = prompts.choices, prompts.has_state
        context["state_question"], context["decisions"] = prompts.state_question, prompts.decisions

    def answer_error(self, name: str, prompts: Prompts, data: Mapping[str, Any]) -> str:
        """What is wrong with an answer that was typed; given and unchanged answers have been validated before."""
        if name in data:
            return ""
        unchanged = (self.previous_answers.get(name), self.package.questionnaire.BY_NAME[name].default)
        # A reason belongs to a state, which may have changed although the reason has not.
        is_reason = name.endswith(self.package.answers.REASON_SUFFIX)
        return "" if prompts.given.get(name) in unchanged and not is_reason else prompts.answer_error(name)

    def preflight(self, context: Mapping[str, Any], role: str) -> bool:
        """Refuse answers that cannot be generated, with every problem, before anything is asked or written.

        It runs in the first question's `when`, where Copier shows a user's error without a traceback. The `new` render
        of an update is not validated: the project's own was, and it is given answers to removed questions.
        """
        if role != "new" and not self.validated:
            conf = context["_copier_conf"]
            self.previous_answers = given = answers_in(context, self.questions)
            if role == "project":
                given = given | {name: value for name, value in conf["data"].items() if name not in COPIER_KEYS}
            taken, problems = self.package.questionnaire.check(self.questions, given, conf["defaults"])
            if role == "old" and not given.get("history"):
                problems = (*problems, self.package.history.GONE)
            if role == "project" and not problems:
                problems = self.package.data_files.duplicate_keys(sys.argv)
            if problems:
                raise user_error(problems)
            self.check_values(taken, complete=conf["defaults"])
            if role == "project" and not conf["defaults"]:
                yaml.SafeDumper.add_representer(dict, represent_in_order)
                self.answers_file = self.package.interrupted_session.read_answers_file(Path(conf["dst_path"]))
                atexit.register(self.save_interrupted_session, conf)
            self.validated = True
        return False

    def check_values(self, answers: dict[str, Any], complete: bool) -> None:
        """Refuse unreadable answers; if more will be asked, as far as those so far tell."""
        if complete:
            self.build(answers)
            return
        found = self.package.reading.unfinished(answers, settings=self.catalogue.settings)[1]
        if problems := [it for it in found if it.question in answers]:
            raise user_error(problems)

    def save_interrupted_session(self, conf: Mapping[str, Any]) -> None:
        """At exit, if no project was generated: save what was answered, and say how to resume."""
        session = self.package.interrupted_session
        answers = self.answers_so_far
        prompts: Prompts = self.package.prompts.Prompts(self.catalogue, answers, False)
        asked = [it.name for it in self.questions if it.name in answers and prompts.asks(it)]
        before = self.previous_answers
        new = {name: answers[name] for name in asked if name not in before or answers[name] != before[name]}
        destination = Path(conf["dst_path"])
        finished = self.generation is not None and session.answers_file_changed(destination, self.answers_file)
        if new and not finished:
            from_data = {name: value for name, value in conf["data"].items() if name in answers}
            path = session.save_answers(new | from_data, self.questions, destination)
            print(session.resume_hint(path), file=sys.stderr)

    def build(self, context: Mapping[str, Any]) -> Generation:
        """The project and its planning, built from the answers in a context."""
        order = tuple(question.name for question in self.questions)
        answers = answers_in(context, self.questions)
        try:
            generation: Generation = self.package.generation.build(answers, self.catalogue, order)
        except self.package.problems.Refused as refused:
            raise user_error(refused.problems) from None
        return generation

    def model_json(self, context: Mapping[str, Any]) -> str:
        """What the project's checker reads, with the answers that each line of the other files depends on."""
        files = sorted(self.generated_files(context), key=lambda it: it.path)
        text: str = self.package.planning.model_json.dump(context["planning"], files)
        return text

    def generated_files(self, context: Mapping[str, Any]) -> Iterator[GeneratedFile]:
        """Every generated file except the model, with the answers that were read for each of its lines.

        Documents that are the same in every project are included, and modules that decide who may do what. The others
        are rendered a second time for this: Copier renders files in the order of the file system, so that when it
        renders the model, others are still missing.
        """
        folder = ROOT / "template"
        for source in sorted((*folder.rglob("*.md"), *folder.glob("services/common/auth/*.py"))):
            path = source.relative_to(folder).as_posix()
            yield self.package.provenance.generated_file(path, (), [(source.read_text("utf-8"), ())])
        for source in sorted(folder.rglob("*.jinja")):
            name = source.relative_to(folder).as_posix().removesuffix(".jinja")
            if name not in (MODEL, ANSWERS_FILE):
                template = self.environment.get_template(source.relative_to(ROOT).as_posix())
                for path, because_of, variables in self.paths(name.split("/"), "", frozenset(), context):
                    chunks = self.tracked_chunks(template.generate(variables))
                    yield self.package.provenance.generated_file(path, because_of, chunks)

    def paths(
        self, parts: Sequence[str], parent: str, because_of: frozenset[str], variables: Mapping[str, Any]
    ) -> Iterator[tuple[str, frozenset[str], Mapping[str, Any]]]:
        """The files made from a template: path, the answers because of which it exists, and its loop variables."""
        if not parts:
            yield parent, because_of, variables
            return
        (part, *rest), items = parts, [variables]
        with self.package.provenance.tracking() as loop_answers:
            if loop := LOOP.search(part):
                part = part.replace(loop[0], loop["body"])
                found = self.environment.compile_expression(loop["items"], undefined_to_none=False)(**variables)
                items = [{**variables, loop["name"]: it} for it in found or ()]
        template = self.path_template(part)
        for item in items:
            with self.package.provenance.tracking() as name_answers:
                name = template.render(item)
            if name:
                path = f"{parent}/{name}" if parent else name
                yield from self.paths(rest, path, because_of | loop_answers | name_answers, item)

    def path_template(self, text: str) -> Template:
        """The template of a part of a path, compiled once for all services."""
        if text not in self.path_templates:
            self.path_templates[text] = self.environment.from_string(text)
        return self.path_templates[text]

    def tracked_chunks(self, chunks: Iterator[str]) -> Iterator[tuple[str, set[str]]]:
        """The chunks of a file, each with the answers that were read to render it."""
        done = object()
        while True:
            with self.package.provenance.tracking() as answers:
                chunk = next(chunks, done)
            if not isinstance(chunk, str):
                return
            yield chunk, answers


def represent_in_order(dumper: yaml.SafeDumper, mapping: Mapping[str, object]) -> yaml.Node:
    """Keep the order of keys in prompts: sorted, an answer would change when somebody merely accepts it."""
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping.items())  # items are not sorted


def render_role(destination: Path) -> str:
    """Which render this is: of the `project` itself, or one of the two that an update compares, `old` and `new`."""
    for role in ("old", "new"):
        if f"copier._main.{role}_copy." in str(destination):
            return role
    return "project"


def answers_in(context: Mapping[str, Any], questions: Iterable[Question]) -> dict[str, Any]:
    """The answers in a context."""
    return {it.name: context[it.name] for it in questions if it.name in context}


def user_error(problems: Iterable[object]) -> UserMessageError:
    """The error that Copier shows without a traceback, with a line for each problem."""
    return UserMessageError("\n".join(str(problem) for problem in problems))
