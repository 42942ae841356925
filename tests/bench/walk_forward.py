"""`hfm train` over many folds: processor seconds and memory, warm starts beside each fold fitted anew, and scores.

255 sessions of five-minute bars: real ones where HFM_REAL_DATA says, else generated; and 1,208 generated sessions, five
years, warm alone, since anew takes half an hour. The gain in R2 over HAR stands beside the other way's, so that speed
is not bought with it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from tests.bench.command import Cost, cost
from tests.bench.figure import Figure

REAL = "bars/spy_5m_2024-03_2025-04.parquet"
SESSIONS, YEARS_5 = 255, 1_208
TASKS = ("spread", "volatility")


def figures() -> Iterator[Figure]:
    """Seconds of one worker and of two, what the second is worth, growth with the length of history."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        kind = prepare(home, "year", SESSIONS)
        taken, gains = {}, {}
        for name, options in (
            ("anew", ("--set", "train.warm_start=false")),
            ("warm", ("--set", "train.warm_start=true")),
        ):
            taken[name] = train(home, "year", *options)
            gains[name] = gain(home, "year")
        warm, anew = taken["warm"], taken["anew"]
        note = f"{kind}; peer: each fold anew; " + ", ".join(
            f"{task} gain over HAR {gains['warm'][task]:+.4f}, anew {gains['anew'][task]:+.4f}" for task in TASKS
        )
        yield Figure("walk-forward, 255 sessions, processor seconds", "s", warm.cpu, anew.cpu, anew.cpu / warm.cpu,
                     SESSIONS, 1.0, note)  # fmt: skip
        two = train(home, "year", workers=2)
        yield Figure("walk-forward, two workers, seconds on the wall", "s", two.wall, warm.wall, warm.wall / two.wall,
                     SESSIONS, 1.0, f"peer: one worker; at most {os.cpu_count()} processors")  # fmt: skip
        prepare(home, "five", YEARS_5, generated=True)
        prepare(home, "one", SESSIONS, generated=True)
        five, one = train(home, "five"), train(home, "one")
        yield Figure("walk-forward, 1,208 sessions, processor seconds", "s", five.cpu, None, None, YEARS_5, 1.0,
                     f"a session's over that of 255: {five.cpu / YEARS_5 / (one.cpu / SESSIONS):.2f}")  # fmt: skip
        yield Figure("walk-forward, 1,208 sessions, peak memory", "MiB", five.mib, one.mib, one.mib / five.mib,
                     YEARS_5, 1.0, "peer: 255 sessions")  # fmt: skip


def prepare(home: Path, run: str, sessions: int, generated: bool = False) -> str:
    """What the quotes of a run are made of: a name."""
    real = Path(os.environ.get("HFM_REAL_DATA", "/nowhere")) / REAL
    if real.exists() and not generated:
        hfm(home, "fetch", "SPY", "--source", "file", "--path", str(real), "--run", run)
    else:
        hfm(home, "fetch", "SPY", "--source", "synthetic", "--sessions", str(sessions), "--run", run)
    hfm(home, "simulate", "--run", run)
    return "real bars" if real.exists() and not generated else "generated bars"


def train(home: Path, run: str, *options: str, workers: int = 1) -> Cost:
    """Of `hfm train`, with what it needs compiled."""
    return hfm(home, "train", "--run", run, "--workers", str(workers), *options)


def gain(home: Path, run: str) -> dict[str, float]:
    """Gain in R2 over HAR of the network, by task, averaged over sessions."""
    table = pq.read_table(home / "runs" / run / "train" / "scores.parquet").to_pylist()
    return {row["task"]: row["value"] for row in table
            if row["metric"] == "gain_over_har" and row["model"] == "lstm" and row["fold"] == -1}  # fmt: skip


def hfm(home: Path, *words: str) -> Cost:
    """Of one command in a process of its own."""
    return cost(["-m", "hfm", *words, "-q"], HFM_HOME=str(home))
