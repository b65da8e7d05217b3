"""Tell what a release is about, and refuse one whose tag, version and changelog do not agree.

    python .github/release.py TAG

It prints the section of CHANGELOG.md, which becomes the text of the release. The version stands in pyproject.toml
alone; the tag is `v` and the version, which is what Copier sorts by. Exit codes: 0 they agree, 2 refused with a line.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

TAG = re.compile(r"v\d+\.\d+\.\d+((a|b|rc)\d+)?")
"""A version that PEP 440 and Semantic Versioning both order, but for a release to come, which only the first knows."""
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<day>\S+))?[ \t]*$", re.MULTILINE)


class Refused(Exception):
    """There can be no release; the message says why, and what helps."""


def section(tag: str, root: Path) -> str:
    """What the changelog says of the version of a tag; raise `Refused` where something does not agree."""
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if not TAG.fullmatch(tag):
        raise Refused(f"{tag} is not a tag of a release. Fix: name it v{version}")
    if tag != f"v{version}":
        raise Refused(f"{tag} is not the version of pyproject.toml, {version}. Fix: change one of the two")
    text = (root / "CHANGELOG.md").read_text("utf-8")
    headings = list(HEADING.finditer(text))
    here = next((it for it in headings if it["version"] == version), None)
    if here is None:
        raise Refused(f"CHANGELOG.md has no section of {version}. Fix: give what is unreleased the heading of it")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", here["day"] or ""):
        raise Refused(f"CHANGELOG.md does not date {version}. Fix: ## [{version}] - YYYY-MM-DD")
    ends = [it.start() for it in headings if it.start() > here.start()]
    section_text = text[here.end() : min(ends, default=len(text))].strip()
    if not section_text:
        raise Refused(f"CHANGELOG.md says nothing of {version}. Fix: write what is new")
    return section_text


def main(arguments: Sequence[str] | None = None, root: Path = Path()) -> int:
    """Print the section or why there can be no release."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if len(given) != 1:
            raise Refused("no tag is named. Fix: python .github/release.py TAG")
        print(section(given[0], root))
    except Refused as refused:
        print(f"release: {refused}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
