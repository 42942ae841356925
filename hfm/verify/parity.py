"""The same work done another way gives the same bits: live as the batch, killed and resumed as undisturbed."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hfm import atomic
from hfm.artifacts import LEDGER, MODEL, PREDICTIONS, QUOTES, WEIGHTS
from hfm.live.node import MarketSpec, Node
from hfm.live.stream import Stream
from hfm.models.checkpoint import load
from hfm.models.inference import FORECAST_COLUMNS
from hfm.tables import MemoryReader, arrays
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import synthetic

BOOKED = ("signal", "target", "net_pnl", "position", "equity")
SESSIONS = 30
KILLS = 3
WAIT_S = 120.0


def live_is_batch() -> list[Row]:
    """Row by row, as live takes them: every forecast, signal, position and equity of the batch, bit for bit."""
    settings: dict[str, dict[str, object]] = {
        "train": {"seeds": 1, "epochs": 3, "hidden": 16, "layers": 1}, "backtest": {"threshold": "q50"},
    }  # fmt: skip
    run = synthetic(SESSIONS, 61, settings).through("simulate", "train", "backtest")
    document = run.document(MODEL)
    weights = run.artifacts[WEIGHTS]
    assert isinstance(weights, bytes)
    quotes = MemoryReader(run.table(QUOTES))
    stream = Stream(Node(load(weights, document), run.config.backtest, MarketSpec.of(quotes.meta)))
    predictions = arrays(run.table(PREDICTIONS), ("model", "session", "seq", *FORECAST_COLUMNS))
    of_model = predictions["model"] == document["model"]
    book = arrays(run.table(LEDGER), ("session", "seq", *BOOKED))
    rows = [json.loads(line) for line in stream.replay(quotes)]
    same = np.ones(len(rows), bool)
    every = np.ones(len(book["seq"]), bool)
    for table, names, rows_of in ((predictions, FORECAST_COLUMNS, of_model), (book, BOOKED, every)):
        for name in names:
            live = np.array([np.nan if row[name] is None else float(row[name]) for row in rows])
            batch = table[name][rows_of].astype(float)
            same &= (live == batch) | (np.isnan(live) & np.isnan(batch)) if len(live) == len(batch) else False
    n = int(of_model.sum())
    return [Row("rows that live answers as the batch does", f"{n} of {n}", int(same.sum()), n, n)]


def killed_and_resumed() -> list[Row]:
    """Training killed -9 at several points and resumed each time: checkpoint and forecasts are the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        market = ["SPY", "--source", "synthetic", "--sessions", "60", "--as-of", "2026-03-06T22:00:00+00:00"]
        _hfm(home, "fetch", *market, "--run", "whole").wait()
        _hfm(home, "simulate", "--run", "whole").wait()
        shutil.copytree(home / "runs" / "whole", home / "runs" / "killed")
        _hfm(home, *_train("whole")).wait()
        kills = 0
        for k in range(KILLS):
            process = _hfm(home, *_train("killed"), *(["--resume"] if k else []))
            kills += _killed(process, home / "runs" / "killed" / "train" / ".resume" / "checkpoint")
        _hfm(home, *_train("killed"), "--resume").wait()
        names = ("model.safetensors", "model.json", "predictions.parquet", "scores.parquet", "history.parquet")
        same = 0
        for name in names:
            with contextlib.suppress(OSError):
                same += atomic.sha256(home / "runs" / "whole" / "train" / name) == atomic.sha256(
                    home / "runs" / "killed" / "train" / name
                )
    n = len(names)
    return [Row(f"artifacts of a training killed {kills} times and resumed", f"{n} of {n} the same", same, n, n)]


def _train(name: str) -> list[str]:
    return ["train", "--run", name, "--epochs", "12", "--set", "train.seeds=2"]


def _hfm(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command in a process of its own, silent."""
    command = [sys.executable, "-m", "hfm", *arguments, "-q", "--home", str(home)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _killed(process: subprocess.Popen[bytes], checkpoint: Path) -> bool:
    """Kill -9 as soon as the checkpoint is another one than it was; whether it came to that."""
    before, until = _stamp(checkpoint), time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < until:
        now = _stamp(checkpoint)
        if now is not None and now != before:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.01)
    process.kill()
    process.wait()
    return False


def _stamp(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
