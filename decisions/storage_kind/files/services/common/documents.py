"""Documents in folders: several are changed at once or not at all, whatever ends the process.

A service has a folder, and in it one for each kind of document. What is to be stored is written beside the documents
first, then a list of all that changes together: the journal. When that is on the disk the change is done, and whoever
comes next ends it if this process does not. Reading needs no lock: a document is replaced as a whole, and never before
its change is done.
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
"""A kind of document and the name of one."""
Changes = Mapping[Key, bytes | None]
"""What documents become; None removes one."""

LOCK, JOURNAL, STAGED = ".lock", ".journal", ".staged"
"""Beside the kinds, none of which begins with a dot."""


class Documents:
    """The documents of one service. All methods work on the disk and belong into a thread, but for `try_lock`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._journal = root / JOURNAL

    def prepare(self, *kinds: str) -> None:
        """Make the folders of these kinds where there are none."""
        for folder in (STAGED, *kinds):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / LOCK).touch()
        _sync(self.root)

    def has(self, kind: str) -> bool:
        return (self.root / kind).is_dir()

    def rename(self, kind: str, other: str) -> None:
        """Give all documents of a kind another; nothing happens where that was done."""
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
        """A lock that one of all processes of this machine has, until it is closed or the process ends."""
        file = os.open(self.root / LOCK, os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file

    def is_interrupted(self) -> bool:
        """Whether a change is done but not all of it can be read yet; after `recover` it can."""
        return self._journal.exists()

    def recover(self) -> None:
        """End the change that somebody else began, if there is one; the lock is needed."""
        if self.is_interrupted():
            self._finish(json.loads(self._journal.read_bytes()))

    def commit(self, changes: Changes) -> None:
        """Make all changes; the lock is needed.

        Raises:
            OSError: Nothing was changed: the disk is full, for one.
        """
        self._sweep()
        # Names that no change has had: were an old journal back after a power failure, it would find nothing.
        start = time.time_ns()
        staged = {
            self._name(key): None if content is None else f"{start}-{number}"
            for number, (key, content) in enumerate(changes.items())
        }
        try:
            for kind in {kind for kind, _ in changes}:
                (self.root / kind).stat()  # no folder, no change
            for name, content in zip(staged.values(), changes.values(), strict=True):
                if name is not None and content is not None:
                    _store(self.root / STAGED / name, content)
            _sync(self.root / STAGED)
            self._promise(json.dumps(staged).encode())
        except OSError:
            if not self.is_interrupted():
                self._sweep()
            raise
        try:
            self._finish(staged)
        except OSError as error:
            log.error("change to be ended by the next", folder=str(self.root), error=str(error))

    def _promise(self, journal: bytes) -> None:
        """Have the journal on the disk, or not at all."""
        new = self._journal.with_suffix(".new")
        _store(new, journal)
        try:
            new.replace(self._journal)
            _sync(self.root)
        except OSError:
            self._journal.unlink(missing_ok=True)
            _sync(self.root)
            raise

    def _finish(self, staged: Mapping[str, str | None]) -> None:
        """Do what the journal says, or the rest of it: each step may have been done before."""
        for path, name in staged.items():
            if name is None:
                (self.root / path).unlink(missing_ok=True)
            elif (source := self.root / STAGED / name).exists():
                source.replace(self.root / path)
        for folder in {Path(path).parent for path in staged}:
            _sync(self.root / folder)
        self._journal.unlink()

    def _sweep(self) -> None:
        """Remove what was staged for a change that did not come to be."""
        for left in (self.root / STAGED).iterdir():
            left.unlink()

    def _name(self, key: Key) -> str:
        return f"{key[0]}/{key[1]}.json"

    def _path(self, key: Key) -> Path:
        return self.root / self._name(key)


def _store(path: Path, content: bytes) -> None:
    """Write a file, and return when it is on the disk."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
