"""`hfm train` over many folds: processor seconds, memory and scores, warm starts beside each fold fitted anew.

255 sessions of five-minute bars: real ones where HFM_REAL_DATA says, else generated; and 1,208 generated sessions, five
years, warm alone, since anew takes half an hour. Speed is not bought with scores: what either way forecasts is paired
session by session, of the LSTM and of the ensemble. The same training stands beside plain torch, which fits in the
place of hfm.models.lstm_cpu, and beside itself on one, two and four processes, whose artifacts are the same bytes.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from hfm import artifacts, atomic
from tests.bench import paired
from tests.bench.command import Cost, cost
from tests.bench.figure import Figure

REAL = "bars/spy_5m_2024-03_2025-04.parquet"
FIRST, SESSIONS, YEARS_5 = 30, 255, 1_208
PROCESSES = (1, 2, 4)
MODELS = ("lstm", "ensemble")
SLACK = 0.001
"""How far below 0 the interval of a difference of gains in R2 may reach."""
TRAINED = (artifacts.PREDICTIONS, artifacts.SCORES, artifacts.HISTORY, artifacts.WEIGHTS, artifacts.MODEL)


@dataclass(frozen=True)
class Way:
    """How folds are fitted. model: what `hfm train` is asked for."""

    warm: bool = True
    backend: str = "auto"
    model: str = "lstm"
    workers: int = 1


WARM, ANEW, TORCH = Way(), Way(warm=False), Way(backend="torch")


def figures() -> Iterator[Figure]:
    """Seconds of each way to fit, scores in pairs, processes, growth with the length of history."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepare(home, "first", FIRST, generated=True)
        train(home, "first", Way(model="ensemble"))  # compiles what is missing
        kind = prepare(home, "year", SESSIONS)
        yield from seconds(home, "year", kind)
        yield from scores(home, "year")
        yield from processes(home, "year", PROCESSES)
        prepare(home, "five", YEARS_5, generated=True)
        prepare(home, "one", SESSIONS, generated=True)
        yield from growth(home)


def seconds(home: Path, run: str, kind: str) -> Iterator[Figure]:
    """Processor seconds: warm beside anew, and beside plain torch in turn."""
    anew = train(home, run, ANEW)
    warm, torch = [], []
    for _ in range(2):
        warm.append(train(home, run, WARM))
        gains = gain(home, run)
        torch.append(train(home, run, TORCH))
        others = gain(home, run)
    own, plain = (statistics.median(c.cpu for c in side) for side in (warm, torch))
    spread, peak = max(c.cpu for c in warm) / min(c.cpu for c in warm), max(c.mib for c in warm)
    yield Figure("walk-forward, 255 sessions, processor seconds", "s", own, anew.cpu, anew.cpu / own, SESSIONS, spread,
                 f"{kind}; peer: each fold anew, {anew.mib:,.0f} MiB", peak)  # fmt: skip
    note = (f"peer: train.backend=torch, {max(c.mib for c in torch):,.0f} MiB, its gains over HAR {_words(others)}; "
            f"the layer's {_words(gains)}")  # fmt: skip
    yield Figure("walk-forward, hfm.models.lstm_cpu, processor seconds", "s", own, plain, plain / own, SESSIONS, spread,
                 note, peak)  # fmt: skip


def scores(home: Path, run: str) -> Iterator[Figure]:
    """Scores warm beside anew, of MODELS, the difference of each with its interval."""
    tested = []
    for warm in (False, True):
        train(home, run, Way(warm, model="ensemble"))
        tested.append(paired.read(home / "runs" / run))
    anew, begun = tested
    for model in MODELS:
        for score in paired.compare(begun, anew, model):
            note = f"peer: each fold anew; {score.note()}"
            if score.metric == paired.GAIN:
                note += f"; above -{SLACK}: {'yes' if score.low > -SLACK else 'NO'}"
            yield Figure(f"walk-forward, {model}, {score.task} {score.metric}", "", score.ours, score.peer, None,
                         len(begun.time), 1.0, note)  # fmt: skip


def processes(home: Path, run: str, counts: Sequence[int]) -> Iterator[Figure]:
    """Seconds on the wall by number of processes, beside one; raises AssertionError where artifacts differ by a bit."""
    one, expected = None, dict[str, str]()
    for count in counts:
        taken = train(home, run, Way(workers=count))
        found = {name: atomic.sha256(home / "runs" / run / name) for name in TRAINED}
        one, expected = one or taken, expected or found
        assert found == expected, f"{count} processes: {[n for n in found if found[n] != expected[n]]} differ"
        efficiency = one.wall / taken.wall / count
        note = (f"processor seconds {taken.cpu:.1f}, of one process {one.cpu:.1f}; efficiency {efficiency:.0%} on "
                f"{os.cpu_count()} processors; three networks a fold; artifacts of the same bytes")  # fmt: skip
        yield Figure(f"walk-forward, processes: {count}, seconds on the wall", "s", taken.wall, one.wall,
                     one.wall / taken.wall, SESSIONS, 1.0, note, taken.mib)  # fmt: skip


def growth(home: Path) -> Iterator[Figure]:
    """Processor seconds and memory of the run `five`, beside the run `one`."""
    five, one = train(home, "five", WARM), train(home, "one", WARM)
    yield Figure("walk-forward, 1,208 sessions, processor seconds", "s", five.cpu, None, None, YEARS_5, 1.0,
                 f"a session's over that of 255: {five.cpu / YEARS_5 * SESSIONS / one.cpu:.2f}", five.mib)  # fmt: skip
    yield Figure("walk-forward, 1,208 sessions, peak memory", "MiB", five.mib, one.mib, one.mib / five.mib,
                 YEARS_5, 1.0, "peer: 255 sessions", five.mib)  # fmt: skip


def prepare(home: Path, run: str, sessions: int, generated: bool = False) -> str:
    """What the quotes of a run are made of: a name."""
    real = Path(os.environ.get("HFM_REAL_DATA", "/nowhere")) / REAL
    if real.exists() and not generated:
        hfm(home, "fetch", "SPY", "--source", "file", "--path", str(real), "--run", run)
    else:
        hfm(home, "fetch", "SPY", "--source", "synthetic", "--sessions", str(sessions), "--run", run)
    hfm(home, "simulate", "--run", run)
    return "real bars" if real.exists() and not generated else "generated bars"


def train(home: Path, run: str, way: Way = WARM, *options: str) -> Cost:
    """Of `hfm train`; all of the way is said, since a run remembers its settings."""
    settings = (f"train.warm_start={str(way.warm).lower()}", f"train.backend={way.backend}")
    said = [word for setting in settings for word in ("--set", setting)]
    return hfm(home, "train", "--run", run, "--model", way.model, "--workers", str(way.workers), *said, *options)


def gain(home: Path, run: str) -> dict[str, float]:
    """Gain in R2 over HAR of the LSTM, by task, averaged over sessions."""
    table = pq.read_table(home / "runs" / run / artifacts.SCORES).to_pylist()
    return {row["task"]: row["value"] for row in table
            if row["metric"] == paired.GAIN and row["model"] == "lstm" and row["fold"] == -1}  # fmt: skip


def hfm(home: Path, *words: str) -> Cost:
    """Of one command in a process of its own."""
    return cost(["-m", "hfm", *words, "-q"], HFM_HOME=str(home))


def _words(gains: dict[str, float]) -> str:
    return ", ".join(f"{task} {value:+.4f}" for task, value in gains.items())
