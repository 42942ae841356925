"""Runs `hfm` at a terminal, and notes what it shows there and when."""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.command import hears_ctrl_c


@dataclass
class Session:
    """What a person saw: pieces of text, each with the second at which it came; the exit code at the end."""

    pieces: list[tuple[float, str]] = field(default_factory=list)
    code: int = -1
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(piece for _, piece in self.pieces)

    def when(self, words: str) -> float:
        """The second at which `words` had been shown, for the first time; infinity where they never were."""
        seen = ""
        for second, piece in self.pieces:
            seen += piece
            if words in seen:
                return second
        return float("inf")

    @property
    def silence(self) -> float:
        """Longest stretch in seconds without a sign, from the start to the end."""
        times = [0.0, *(second for second, _ in self.pieces), self.seconds]
        return max(b - a for a, b in itertools.pairwise(times))


def hfm(
    *arguments: object, cwd: Path, columns: int = 80, timeout: float = 600,
    watch: Callable[[subprocess.Popen[bytes], str], None] | None = None, **env: str,
) -> Session:  # fmt: skip
    """`hfm ARGUMENTS` in `cwd` with all three streams at a terminal.

    watch: called with the process and all the text, after each piece; may send a signal.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    plain = {k: v for k, v in os.environ.items()
             if k not in ("CI", "NO_COLOR", "COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE")}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "hfm", *map(str, arguments)], cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs,
        preexec_fn=hears_ctrl_c, env={**plain, "TERM": "xterm-256color", **env},
    )  # fmt: skip
    os.close(theirs)
    began, session = time.monotonic(), Session()
    while select.select([ours], [], [], timeout)[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed: the process is gone
            break
        session.pieces.append((time.monotonic() - began, piece.decode(errors="replace")))
        if watch is not None:
            watch(process, session.text)
    session.seconds = time.monotonic() - began
    os.close(ours)
    session.code = process.wait(60)
    return session
