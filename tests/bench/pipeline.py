"""The whole chain on thirty sessions, start to finish, beside the usual one-file recipe on the same CSV.

Ours is `hfm run` with its defaults on one worker: walk-forward folds, three networks each, floors, calibration, a
family of back-tests, the page. The recipe fits one network once.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv as csv
import pyarrow.parquet as pq

from tests.bench.command import Cost, cost
from tests.bench.figure import Figure, alternate

SESSIONS = 30


def figures() -> Iterator[Figure]:
    """Processor seconds, imports included, kernels compiled before."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cost(
            ["-m", "hfm", "fetch", "SPY", "--source", "synthetic", "--sessions", SESSIONS, "-q", "--run", "bars"], home
        )
        table = pq.read_table(home / "runs" / "bars" / "fetch" / "bars.parquet")
        csv.write_csv(table.select(["symbol", "time", "open", "high", "low", "close", "volume"]), home / "bars.csv")
        number = itertools.count()

        def ours() -> Cost:
            options = ["--source", "file", "--path", "bars.csv", "--label", "end", "--workers", 1, "-q"]
            return cost(["-m", "hfm", "run", "SPY", *options, "--run", f"r{next(number)}"], home)

        def recipe() -> Cost:
            return cost([Path(__file__).with_name("recipe.py"), "bars.csv", "picture.png"], home)

        ours()
        note = "one-file recipe of 25 epochs, one network"
        yield alternate("pipeline, 30 sessions", ours, recipe, n=table.num_rows, note=note, times=3)
