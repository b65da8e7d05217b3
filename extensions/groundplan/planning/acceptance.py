"""The owned test files: one per feature that says what is accepted, with a test per criterion."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from ..domain import Feature
from ..text import doc
from .markdown import UNKNOWN

WIDTH = 90
"""What fits into a line after an indentation and quotes."""


def acceptance_link(feature: Feature, label: str, root: str) -> str:
    """A link to the tests of a feature from a document, whose way to the project's root is `root`."""
    return f"[{label}]({root}{feature.acceptance_test})" if feature.criteria else UNKNOWN


@dataclass(frozen=True)
class AcceptanceTest:
    """The test of a criterion."""

    id: str
    text: str

    @property
    def function(self) -> str:
        return f"test_{self.id.lower().replace('-', '_')}"

    @property
    def docstring(self) -> list[str]:
        """The criterion as lines of a docstring; in a comment, words such as `noqa` would tell tools what to do."""
        words = doc(self.text)
        words = f" {words}" if words.startswith('"') else words  # as `ruff format` sets a quote migrate_only
        wrapped = textwrap.wrap(f'"""{words}', WIDTH, break_long_words=False, break_on_hyphens=False)
        return [*wrapped, '"""'] if len(wrapped) > 1 else [f'"""{words}"""']


@dataclass(frozen=True)
class Acceptance:
    """The owned test file of a feature."""

    feature: Feature

    @property
    def path(self) -> str:
        return self.feature.acceptance_test

    @property
    def module(self) -> str:
        return self.path.removeprefix("tests/acceptance/").removesuffix(".py")

    @property
    def tests(self) -> tuple[AcceptanceTest, ...]:
        return tuple(AcceptanceTest(it.id, it.text) for it in self.feature.criteria)
