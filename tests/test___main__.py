"""`python -m hfm` is `hfm`: cron lines without an entry point on their PATH use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hfm


def test_the_module_and_the_command_are_one(tmp_path: Path) -> None:
    """Same words, same code."""
    for start in ([sys.executable, "-m", "hfm"], [str(Path(sys.executable).with_name("hfm"))]):
        done = subprocess.run([*start, "--version"], capture_output=True, text=True, cwd=tmp_path)
        assert (done.returncode, done.stdout.split()) == (0, ["hfm", hfm.__version__])
        assert subprocess.run([*start, "nothing"], capture_output=True, cwd=tmp_path).returncode == 2
