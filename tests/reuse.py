"""What Copier makes or asks anew for each copy, and what comes out the same, is made once by each worker.

An update renders three times, from up to five clones: to clone, to parse the questions, to import the extension and to
compile some 1,700 short templates takes it longer than to render, and so does asking git, for each file that it writes,
whether to record that the file is a program. Tests that start Copier as a separate process have nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from copier._template import load_template_config
from copier._vcs import clone
from jinja2 import Environment

from copies import git


def reuse(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let Copier use again what it made of the same version of a template; its clones stay in the folder."""
    patch.setattr("copier._template.clone", reused_clones(clone, folder))
    patch.setattr("copier._template.load_template_config", reused_questions(load_template_config, folder))
    patch.setattr(Environment, "compile", reused_code(Environment.compile))
    patch.setattr("copier._main.Worker._sync_git_index_executable_bit", lambda *_: None)  # none is


def reused_clones(clone: Callable[..., str], folder: Path) -> Callable[..., str]:
    """One clone for each version. Copier deletes the folder that it wanted it in, and leaves the clone alone."""

    @cache
    def made(url: str, ref: str, refs: str) -> str:
        location = folder / str(made.cache_info().currsize)
        location.mkdir()
        return clone(url, ref, location=str(location))

    def reused(url: str, ref: str = "HEAD", location: str | None = None) -> str:
        if ref == "HEAD" or not Path(url).is_dir():  # uncommitted changes come with it
            return clone(url, ref, location=location)
        return made(url, ref, git(Path(url), "show-ref", "--head"))

    return reused


def reused_questions(load: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """The questions of a clone, for the caller to change freely."""
    once = cache(load)

    def reused(path: Path, quiet: bool = False) -> Any:
        return deepcopy(once(path, quiet)) if path.is_relative_to(folder.resolve()) else load(path, quiet)

    return reused


def reused_code(compile: Callable[..., Any]) -> Callable[..., Any]:
    """The code of a template, for all environments that would compile it to the same."""
    known: dict[Hashable, CodeType] = {}

    def reused(
        self: Environment,
        source: Any,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> Any:
        if raw or not isinstance(source, str):
            return compile(self, source, name, filename, raw, defer_init)
        self.preprocess(source, name, filename)  # extensions may wait for it
        # What is constant was computed by filters, and those of a clone are in modules of its own.
        modules = frozenset((key, getattr(it, "__module__", "")) for key, it in self.filters.items())
        style = self.trim_blocks, self.lstrip_blocks, self.keep_trailing_newline, type(self), frozenset(self.extensions)
        key = source, name, filename, defer_init, modules, style
        if key not in known:
            known[key] = compile(self, source, name, filename, raw, defer_init)
        return known[key]

    return reused
