"""`hfm stream --bench` on a small run: the whole path from a row to its signal and ledger, beside ONNX Runtime."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure


def figures() -> Iterator[Figure]:
    """p50 and p99 of each path in microseconds of wall time; the peer is ONNX Runtime's window where it is there."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _hfm(home, "run", "SPY", "--source", "synthetic", "--sessions", 21, "--set", "train.epochs=2", "-q")
        timings = json.loads(_hfm(home, "stream", "--bench", "--json"))["metrics"]["bench"]
        window = next((t for t in timings if t["name"] == "ONNX Runtime, 1 network, window"), None)
        for timing in timings:
            p50, _, p99, _, most = timing["us"]
            own = timing["name"].startswith(("step", "line"))
            peer = window["us"][0] if window and own else None
            note = f"p99 {p99:.1f}, max {most:.0f}" + (", peer ONNX Runtime's window, p50" if peer else "")
            ratio = peer / p50 if peer else None
            yield Figure(f"latency {timing['name']}, p50", "us", p50, peer, ratio, timing["rows"], 1.0, note)


def _hfm(home: Path, *arguments: object) -> Any:
    command = [sys.executable, "-m", "hfm", *map(str, arguments)]
    return subprocess.run(command, cwd=home, check=True, capture_output=True, text=True).stdout
