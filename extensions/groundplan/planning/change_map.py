"""Where to look in a project to change something: a row for each kind of thing that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..codegen.services import ServiceCode
from ..project import Project
from .markdown import Table, code, table


def change_map(project: Project) -> Table:
    """What somebody may want to change, and the files and answers that it is in; of each kind one service is named."""
    return table("To change, Look in", _rows(project))


def _rows(project: Project) -> Iterator[tuple[str, str]]:
    def first(has: Callable[[ServiceCode], object]) -> ServiceCode | None:
        return next((it for it in project.services if has(it)), None)

    if it := first(lambda it: it.entities):
        rules = f"{_file(it, it.entities[0].snake)}; what it may override: {_file(it, 'hooks')}"
        yield "rules: what is checked before a record changes, and done afterwards", rules
        yield "fields of a record", _made("data_entities", _file(it, "models"))
        yield "the generated routes", _made("data_entities", _file(it, "api"))
    owned = [pair for it in project.services for pair in project.owned_modules(it.name).items()]
    yield from {written: _link(path) for path, written in reversed(owned)}.items()
    if it := first(lambda it: it.policies):
        yield "who may do what", _made("access", _file(it, "access"))
    if it := first(lambda it: it.published):
        fields = f"its fields are in {_file(it, 'models')}"
        yield "an event: when it is published, and its fields", f"{_made('services', _file(it, 'events'))}; {fields}"
    if it := first(lambda it: it.reactions):
        reaction = f"{_file(it, it.reactions[0].module)}; {_made('services', _file(it, 'consumers'))}"
        yield "what an event causes", reaction
    if it := first(lambda it: it.jobs):
        yield "a job", f"{_file(it, it.jobs[0].name)}; when it runs: {_made('jobs', _file(it, 'jobs'))}"
    if it := first(lambda it: it.workflows):
        yield "the steps of a workflow", _made("workflows", _file(it, "workflows"))
    if it := first(lambda it: it.workflow_steps):
        yield "what a step of a workflow does", _file(it, it.workflow_steps[0].module)
    managed = f"managed: {_link('services/common/config.py')}"
    yield "a setting", f"{_link('services/settings.py')}; {managed}; values: `.env`"
    revisions = (it.target for it in project.modules if "revision" in dict(it.items))
    if path := next(revisions, ""):
        yield "a migration", f"{_link(path)} and those beside it; {_link('scripts/migrate.py')} runs them"


def _made(question: str, file: str) -> str:
    """An answer, and a file that is made from it."""
    return f"the answer {code(question)}, from which {file} is made"


def _file(service: ServiceCode, name: str) -> str:
    return _link(f"services/{service.name}/{name}.py")


def _link(path: str) -> str:
    """A link from the folder of the project to a file in it."""
    return f"[{code(path)}]({path})"
