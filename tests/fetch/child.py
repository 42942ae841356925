"""A process in which nothing is patched, and which fetches through the real yfinance client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOW = "2026-03-13T20:30:00+00:00"
"""A Friday after the close."""
CHILD = """
import json, sys, threading
from datetime import datetime
from pathlib import Path
from hfm.errors import HfmError
from tests.fetch.drive import fetch
for line in sys.stdin:
    settings = json.loads(line)
    as_of = datetime.fromisoformat(settings.pop("now"))
    home = settings.pop("home", None)
    try:
        got = fetch(as_of=as_of, archive=home and Path(home), source="yahoo", **settings)
        said = {"code": 7 if got.ctx.losses else 0, "losses": got.ctx.losses, "warnings": got.ctx.warnings, "quality":
        got.meta["quality"],
                "notes": got.meta["notes"], "close": got.column("close").tolist()}
    except HfmError as e:
        said = {"code": int(e.code), "lines": e.lines()}
    for thread in threading.enumerate():  # what a deadline left behind must not reach the next test
        if thread.name.startswith("yahoo "):
            thread.join(15)
    print(json.dumps(said), flush=True)
"""


@dataclass(frozen=True)
class Child:
    """A process in which nothing is patched; what it knows of Yahoo it knows from its environment."""

    process: subprocess.Popen[str]

    def ask(self, **settings: object) -> dict[str, Any]:
        """One fetch, by default SPY's last five days: {"code", and "quality", ... or the error's "lines"}."""
        settings = {"symbols": ["SPY"], "days": 5, "now": NOW, **settings}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(settings) + "\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def end(self) -> str:
        """Stop it; what it wrote to stderr."""
        _, err = self.process.communicate(timeout=30)
        return err


def start(env: dict[str, str]) -> Child:
    """A child whose network is what `env` says."""
    return Child(
        subprocess.Popen(
            [sys.executable, "-c", CHILD],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )
