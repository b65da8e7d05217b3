"""Git as `plan` needs it, whatever the machine has set for other work."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

KEPT = re.compile(
    r"GIT_(SSH\w*|ASKPASS|TERMINAL_PROMPT|HTTP_\w+|SSL_\w+|PROXY_\w+|EXEC_PATH|CEILING_DIRECTORIES"
    r"|DISCOVERY_ACROSS_FILESYSTEM|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+))"
)
"""Variables of git that say how a template is reached; others, as `GIT_DIR`, name other work."""

ALWAYS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "color.ui": "false",
    "submodule.recurse": "false",
    "clone.rejectShallow": "false",
    "protocol.version": "2",
    "protocol.file.allow": "always",
    "fetch.fsckObjects": "false",
}
"""What git does for `plan`, whatever the machine's settings are."""

SAME_BYTES = ALWAYS | {
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.safecrlf": "false",
    "core.excludesFile": os.devnull,
    "core.attributesFile": os.devnull,
    "init.templateDir": "",
    "commit.gpgSign": "false",
    "merge.conflictStyle": "merge",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "status.showUntrackedFiles": "normal",
}
"""What it does besides where a change is made, so that it has the same bytes on each machine."""


class RefusedError(Exception):
    """Nothing was changed; the message says why, and what helps."""


def environment(settings: Mapping[str, str] = ALWAYS) -> dict[str, str]:
    """This process's environment, in which git finds the repository of the folder and is set so."""
    kept = {name: it for name, it in os.environ.items() if not _is_of_other_work(name)}
    told = kept.get("GIT_CONFIG_COUNT", "")
    begin = int(told) if told.isdecimal() else 0
    for number, (key, value) in enumerate(settings.items(), begin):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    counted = str(begin + len(settings))
    return kept | {"GIT_CONFIG_COUNT": counted, "GIT_OPTIONAL_LOCKS": "0"}


def _is_of_other_work(name: str) -> bool:
    return name.upper().startswith("GIT_") and not KEPT.fullmatch(name)


def git(
    folder: Path,
    *arguments: str,
    ok: int = 0,
    settings: Mapping[str, str] = ALWAYS,
    env: Mapping[str, str] | None = None,
    given: str | None = None,
) -> str:
    """What git answers to what it is given; `ok` is a further exit code that means no failure.

    Raises:
        RefusedError: Git failed; the message has what it said.
    """
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment(settings) | dict(env or {}),
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
    )
    if done.returncode not in (0, ok):
        raise RefusedError(_failure(arguments[0], done.stderr))
    return done.stdout.rstrip("\n")


def _failure(command: str, told: str) -> str:
    """What git said in a line, and what helps."""
    last = (told.strip().splitlines() or ["it gave no reason"])[-1]
    return f"git {command} failed: {last}. Fix: what git names, then try again"


def file_states(folder: Path, *between: str) -> Iterator[tuple[str, str]]:
    """What happens to each file between two states, named as `git diff` names them.

    `A` it comes, `M` it changes, `D` it goes; then its path.
    """
    listed = git(folder, "diff", "--name-status", "--relative", "--no-renames", "-z", *between)
    parts = [part for part in listed.split("\0") if part]
    yield from zip(parts[::2], parts[1::2], strict=True)


def content(folder: Path, path: str, commit: str = "HEAD") -> bytes:
    """A file of this folder as a commit has it."""
    return subprocess.run(
        ["git", "show", f"{commit}:./{path}"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        check=True,
    ).stdout
