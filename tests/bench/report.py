"""`hfm report` on 255 sessions, the page and the poster, beside quantstats' page of the same back-test's returns.

Whole commands in processes of their own, in turn, imports included. On the wall by two processes and by one; what two
take of the processor and of memory. Real bars where HFM_REAL_DATA says, else generated ones. Target: 2 s on the wall.
"""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.command import Cost, cost
from tests.bench.figure import Figure
from tests.bench.walk_forward import SESSIONS, hfm, prepare, train

TIMES = 5


def figures() -> Iterator[Figure]:
    """Seconds on the wall, processor seconds, MiB."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        kind = prepare(home, "year", SESSIONS)
        train(home, "year", workers=2)
        hfm(home, "backtest", "--run", "year", "--threshold", "0.6")
        sides = {"two": lambda: report(home, 2), "one": lambda: report(home, 1)}
        if importlib.util.find_spec("quantstats"):
            sides["quantstats"] = lambda: tearsheet(home)
        taken: dict[str, list[Cost]] = {name: [] for name in sides}
        for _ in range(TIMES + 1):
            for name, side in sides.items():
                taken[name].append(side())
        peer_is = "quantstats' html" if "quantstats" in sides else "none, quantstats is absent"
        for title, unit, part in (
            ("seconds on the wall", "s", "wall"),
            ("processor seconds", "s", "cpu"),
            ("peak memory of a process", "MiB", "mib"),
        ):
            values = {name: [getattr(each, part) for each in found[1:]] for name, found in taken.items()}
            median = {name: statistics.median(found) for name, found in values.items()}
            peer, spread = median.get("quantstats"), max(values["two"]) / min(values["two"])
            yield Figure(f"report, 255 sessions, {title}", unit, median["two"], peer,
                         peer / median["two"] if peer else None, SESSIONS, spread,
                         f"{kind}; peer: {peer_is}; one process {median['one']:.3g} {unit}")  # fmt: skip


def report(home: Path, workers: int) -> Cost:
    """Of `hfm report`."""
    return hfm(home, "report", "--run", "year", "--workers", str(workers))


def tearsheet(home: Path) -> Cost:
    """Of the peer, on the same session returns."""
    trials = home / "runs" / "year" / "backtest" / "trials.parquet"
    return cost(["-W", "ignore", Path(__file__).with_name("tearsheet.py"), trials, home / "tearsheet.html"])
