"""`hfm backtest` in a new process on a million bars with five models' predictions: what a user waits for.

Fetch and simulate are the real ones; the predictions are drawn, since training a million bars takes hours and the
back-test reads the same columns. Every command is a process of its own with warm kernel caches; its wall shall stay
below 2 s, of which half a second is numba's import and the loading of compiled code.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from hfm import artifacts, tables
from hfm.config import Config
from hfm.stage import Context, Product
from tests.bench.command import Cost, cost
from tests.bench.figure import Figure

SESSIONS = 2_580
"""Of one-minute bars: a million rows."""
MODELS = ("constant", "har", "logistic", "lstm", "persistence")
TIMES = 5


def figures() -> Iterator[Figure]:
    """Seconds on the processor and on the wall, of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        rows = prepare(home, SESSIONS)
        words = ("backtest", "--threshold", "0.55", "-q")
        command(home, *words)  # the kernels' cache
        taken = [command(home, *words) for _ in range(TIMES)]
        note = "five models' predictions, all artifacts and metrics"
        for name, place in (("processor seconds", 0), ("seconds on the wall", 2)):
            values = sorted(t[place] for t in taken)
            yield Figure(f"hfm backtest, new process, {name}", "s", values[TIMES // 2], None, None, rows,
                         values[-1] / values[0], note, max(t.mib for t in taken))  # fmt: skip


def prepare(home: Path, sessions: int) -> int:
    """Rows of a run `big` under `home` that is ready for its back-test."""
    command(home, "fetch", "SPY", "--source", "synthetic", "--interval", "1m", "--sessions", str(sessions),
            "--run", "big", "-q")  # fmt: skip
    command(home, "simulate", "--run", "big", "-q")
    command(home, drawn=True)
    from hfm.runs.manifest import Run

    return int(Run(home / "runs" / "big").manifest().stages["simulate"].artifacts["simulate/quotes.parquet"].rows or 0)


def command(home: Path, *words: str, drawn: bool = False) -> Cost:
    """Of one command in a process of its own."""
    module = "tests.bench.backtest_cold" if drawn else "hfm"
    return cost(["-m", module, *words], HFM_HOME=str(home), NUMBA_NUM_THREADS="1")


def predictions(inputs: Mapping[str, tables.Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """A train stage that draws its predictions."""
    quotes = inputs["simulate/quotes.parquet"]
    meta = dataclasses.replace(quotes.meta, model="lstm", models=tuple(MODELS), horizon=1)
    rng = np.random.default_rng(5)
    for group in quotes.groups(["symbol", "session", "seq", "time", "spread_bps"]):
        data = tables.arrays(group)
        yield "train/predictions.parquet", drawn(data, rng, meta)


def drawn(data: Mapping[str, tables.Array], rng: np.random.Generator, meta: tables.TableMeta) -> object:
    """Predictions of all models for the rows of one group."""
    n, count = len(data["seq"]), len(MODELS)
    up = (rng.random(n) < 0.5).astype(np.int8)
    p = 0.5 + rng.normal(0.0, 0.03, (n, count))
    columns: dict[str, object] = {name: np.repeat(data[name], count) for name in ("symbol", "session", "seq", "time")}
    spread = np.repeat(data["spread_bps"], count)
    columns |= {
        "model": np.tile(np.array(MODELS, object), n), "fold": 0, "horizon": 1,
        "time_label": (columns["time"] + 60 * 10**9).view("datetime64[ns]"),  # type: ignore[operator]
        "p_up": p.ravel(), "p_raw": p.ravel(), "conf_rank": np.clip(np.abs(p - 0.5) / 0.1, 0, 1).ravel(),
        "ret_sd_bps": np.exp(rng.normal(1.0, 0.3, n * count)), "spread_q10": 0.8 * spread, "spread_q50": spread,
        "spread_q90": 1.2 * spread, "p_widen": rng.random(n * count), "y_up": np.repeat(up, count),
        "y_ret_bps": np.repeat(rng.normal(0, 3, n), count),
        "y_spread_bps": np.repeat(np.roll(data["spread_bps"], -1), count),
        "y_vol": np.repeat(rng.normal(0, 1, n), count),
    }  # fmt: skip
    return tables.build(tables.PREDICTIONS, columns, meta, "estimated")


def main() -> None:
    """Commit drawn predictions in the run `big` of $HFM_HOME, as the train stage would."""
    from hfm.runs import pipeline, stages
    from hfm.runs.manifest import Run

    home = Path(os.environ["HFM_HOME"])
    run = Run(home / "runs" / "big")
    stage = stages.Stage("train", "tests.bench.backtest_cold:predictions", needs=(artifacts.QUOTES,),
                           takes=(artifacts.ORACLE,), writes=(artifacts.PREDICTIONS,))  # fmt: skip
    with run.lock():
        pipeline.execute(run, stage, Config(), pipeline.Options(home))


if __name__ == "__main__":
    main()
