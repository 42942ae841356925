"""Runs `hfm` as a user does: another process, its exit code, its two streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def hears_ctrl_c() -> None:
    """For a new process, before its program starts: a shell's background job is born deaf to SIGINT, as are its own."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Done:
    """What a finished command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # Any: JSON
        """stdout as the one JSON object that --json promises."""
        return json.loads(self.out)


def hfm(*arguments: object, cwd: Path, env: dict[str, str] | None = None, timeout: float = 240) -> Done:
    """`hfm ARGUMENTS` in `cwd`; never a traceback, and an error that says what to do next."""
    done = subprocess.run(
        [sys.executable, "-m", "hfm", *map(str, arguments)],
        cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    if done.returncode not in (0, 7, 8):
        assert done.stderr.startswith("error: "), done.stderr
        assert "next: " in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) <= 3, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)
