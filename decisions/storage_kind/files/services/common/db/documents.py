"""Documents in folders: several change together or not at all, even if the process is killed.

A service has a folder, and in it one for each kind of document. A commit first stages the new contents next to the
documents, and then writes the journal, which lists all changes. From then on the commit is final: if this process does
not apply it, the next one that opens the documents does. Reading needs no lock: a document is replaced as a whole, and never
before the journal is written.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

log = structlog.get_logger()

Key = tuple[str, str]
"""The kind of a document and its name."""
Changes = Mapping[Key, bytes | None]
"""The new contents of documents; None removes one."""

LOCK, JOURNAL, STAGED = ".lock", ".journal", ".staged"
"""Next to the folders of the kinds, whose names do not begin with a dot."""


class Documents:
    """The documents of one service. All methods but `try_lock` wait for the disk, so async code calls them in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._journal = root / JOURNAL

    def prepare(self, *kinds: str) -> None:
        """Create the folders of these kinds where they are missing."""
        for folder in (STAGED, *kinds):
            (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.root / LOCK).touch()
        _sync(self.root)

    def has(self, kind: str) -> bool:
        return (self.root / kind).is_dir()

    def rename(self, kind: str, other: str) -> None:
        """Rename a kind; nothing happens if that was done before."""
        if self.has(kind):
            (self.root / kind).rename(self.root / other)
            _sync(self.root)

    def read(self, key: Key) -> bytes | None:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            if self.has(key[0]):
                return None
            raise

    def names(self, kind: str) -> list[str]:
        """The names of all documents of a kind, in order."""
        return sorted(it.stem for it in (self.root / kind).iterdir())

    def try_lock(self) -> int | None:
        """Take the lock, which one process of this machine has until it closes it or ends; None if it is taken."""
        file = os.open(self.root / LOCK, os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file

    def is_interrupted(self) -> bool:
        """Whether a commit is final but not applied to all documents; `recover` applies it."""
        return self._journal.exists()

    def recover(self) -> None:
        """Apply a commit that was interrupted, if there is one; the caller holds the lock."""
        if self.is_interrupted():
            self._apply(json.loads(self._journal.read_bytes()))

    def commit(self, changes: Changes) -> None:
        """Make all changes; the caller holds the lock.

        Raises:
            OSError: Nothing was changed, for example because the disk is full.
        """
        self._discard_staged()
        # Names that no commit has used: if a power failure brought an old journal back, it would find no such files.
        start = time.time_ns()
        staged = {
            self._name(key): None if content is None else f"{start}-{number}"
            for number, (key, content) in enumerate(changes.items())
        }
        try:
            for kind in {kind for kind, _ in changes}:
                (self.root / kind).stat()  # fails here if the folder is missing
            for name, content in zip(staged.values(), changes.values(), strict=True):
                if name is not None and content is not None:
                    _store(self.root / STAGED / name, content)
            _sync(self.root / STAGED)
            self._write_journal(json.dumps(staged).encode())
        except OSError:
            if not self.is_interrupted():
                self._discard_staged()
            raise
        try:
            self._apply(staged)
        except OSError as error:
            log.error("commit_interrupted", folder=str(self.root), error=str(error))

    def _write_journal(self, journal: bytes) -> None:
        """Write the journal to the disk, completely or not at all."""
        new = self._journal.with_suffix(".new")
        _store(new, journal)
        try:
            new.replace(self._journal)
            _sync(self.root)
        except OSError:
            self._journal.unlink(missing_ok=True)
            _sync(self.root)
            raise

    def _apply(self, staged: Mapping[str, str | None]) -> None:
        """Do what the journal says; each step may have been done before."""
        for path, name in staged.items():
            if name is None:
                (self.root / path).unlink(missing_ok=True)
            elif (source := self.root / STAGED / name).exists():
                source.replace(self.root / path)
        for folder in {Path(path).parent for path in staged}:
            _sync(self.root / folder)
        self._journal.unlink()

    def _discard_staged(self) -> None:
        """Remove what was staged for a commit that failed."""
        for file in (self.root / STAGED).iterdir():
            file.unlink()

    def _name(self, key: Key) -> str:
        return f"{key[0]}/{key[1]}.json"

    def _path(self, key: Key) -> Path:
        return self.root / self._name(key)


def _store(path: Path, content: bytes) -> None:
    """Write a file, and wait until it is on the disk."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
