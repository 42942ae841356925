"""Runs `hfm` as a user does: another process, its exit code, its two streams."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfm.errors import is_typed
from tests import hints

RETYPE = "HFM_RETYPE"
"""Where the environment has it, every error's next step is typed, in every test that runs a command (see retype)."""


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
    done = _typed(list(map(str, arguments)), cwd, env, timeout)
    assert "Traceback" not in done.err + done.out, done.err
    if done.code not in (0, 7, 8):
        assert done.err.startswith("error: "), done.err
        assert "next: " in done.err, done.err
        assert len(done.err.splitlines()) <= 3, done.err
        hint = hints.printed(done.err)
        hints.check(hint.removeprefix(hints.ADVICE), [str(a) for a in arguments])
        assert hint.startswith(hints.ADVICE) != is_typed(hint), done.err
        if os.environ.get(RETYPE):
            retype(done, arguments, cwd, env)
    return done


def _typed(arguments: list[str], cwd: Path, env: dict[str, str] | None, timeout: float = 240) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "hfm", *arguments],
        cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout,
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def retype(done: Done, arguments: Sequence[object], cwd: Path, env: dict[str, str] | None = None) -> None:
    """Type what a failed command says to type, in a copy of `cwd`: each alternative must change the outcome.

    Changed is another exit code, or another error. Not typed: advice, what has a placeholder, what would ask a network.
    """
    hint = hints.printed(done.err)
    if not is_typed(hint) or hints.PLACEHOLDER.search(hint):
        return
    for part in hints.parts(hint):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "copy"
            shutil.copytree(cwd, home, symlinks=True)
            moved = [word.replace(str(cwd), str(home)) for word in (part, *map(str, arguments))]
            words = shlex.split(moved[0])
            if words[0] == "pip" or (
                words[:2] == ["hfm", "fetch"] and "--source" not in words and "--run" not in words
            ):
                continue
            if words[0] == "hfm":
                again = _typed(words[1:], home, env)
            elif words[0].startswith("--"):
                again = _typed([*moved[1:], *words], home, env)
            else:
                subprocess.run(words, cwd=home, check=True)
                again = _typed(moved[1:], home, env)
        before, after = (text.splitlines()[:1] for text in (done.err.replace(str(cwd), str(home)), again.err))
        assert (again.code, after) != (done.code, before), f"{part!r} changes nothing: {again.err}"
