"""A terminal of 80 columns with a program in it, as somebody at a keyboard meets it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

import pexpect
import pyte

COLUMNS, LINES = 80, 500
"""Higher than any screen, so that nothing scrolls away while a test reads it."""

PROMPT = re.compile(r"^\d+(?:\.\d+)? (?=[A-Z])", re.MULTILINE)
"""How each prompt of the questionnaire begins: with the number of its section."""

ENTER, FINISH, ERASE, CTRL_C, UP, DOWN = "\r", "\x1b\r", "\x01\x0b", "\x03", "\x1b[A", "\x1b[B"
"""Keys: `FINISH` ends a text of several lines, `ERASE` empties the line that the cursor is on."""


class Terminal:
    """A program on a screen."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.Stream(self.screen)
        self.program = pexpect.spawn(
            command[0],
            list(command[1:]),
            env={**env, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            dimensions=(LINES, COLUMNS),
            encoding="utf-8",
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.close(force=True)

    @property
    def shown(self) -> str:
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def wait(self, text: str, within: float = 60) -> None:
        """Wait until a text is on the screen; fail with the screen when it does not come."""
        end = time.monotonic() + within
        while text not in self.shown:
            if not self._read() or time.monotonic() > end:
                assert text in self.shown, f"{text!r} is not on the screen:\n{self.shown}"

    def type(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.program.send(key)

    def accept_all(self, within: float = 120) -> int:
        """Accept whatever every further prompt suggests; give the exit code."""
        end, quiet = time.monotonic() + within, 0.0
        while True:
            before = self.shown
            if not self._read():
                return self.ended()
            assert time.monotonic() < end, f"still asking:\n{self.shown}"
            quiet = quiet + 0.1 if self.shown == before else 0.0
            if quiet > 0.35:
                prompt = PROMPT.split(self.shown)[-1]
                self.type(FINISH if "(Finish with" in prompt else ENTER)
                quiet = 0.0

    def ended(self, within: float = 60) -> int:
        """Wait for the end of the program; give its exit code."""
        end = time.monotonic() + within
        while self._read():
            assert time.monotonic() < end, f"still running:\n{self.shown}"
        self.program.close()
        return int(self.program.exitstatus if self.program.exitstatus is not None else -1)

    def _read(self) -> bool:
        """Show what the program has written since; tell whether more may come."""
        try:
            self.stream.feed(self.program.read_nonblocking(65_536, timeout=0.1))
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        return True
