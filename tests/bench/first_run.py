"""`hfm demo` at a terminal as after installation, and again: what a newcomer waits for, and for how long unheard.

Cold: no kernel is compiled and there is no run, but Python has compiled the modules, as an installer does. Warm: the
kernels are there, the runs are made anew. The verdicts count as shown when the last of both is on the screen.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests import terminal
from tests.bench.figure import Figure

TIMES = 3
VERDICTS = "both verdicts are right"
TARGET = "reach: 25 s cold, 2 s silent"


def figures() -> Iterator[Figure]:
    """Seconds on the wall to the verdicts, processor seconds, and the longest stretch without a sign on the screen."""
    with tempfile.TemporaryDirectory() as folder:
        warm_cache = Path(folder) / "warm"
        once(Path(folder) / "modules", warm_cache)  # so that Python's own cache is filled
        for kernels in ("cold", "warm"):
            taken = [
                once(Path(folder) / f"{kernels}-{i}", warm_cache if kernels == "warm" else Path(folder) / f"cache-{i}")
                for i in range(TIMES)
            ]
            note = f"hfm demo, 80 columns, {os.cpu_count()} cores; {TARGET}"
            for name, values in zip(("seconds to two verdicts", "processor seconds", "longest silence"),
                                    zip(*taken, strict=True), strict=True):  # fmt: skip
                yield Figure(f"first-run, kernels {kernels}, {name}", "s", statistics.median(values), None, None, 2,
                             max(values) / max(min(values), 1e-9), note)  # fmt: skip


def once(home: Path, cache: Path) -> tuple[float, float, float]:
    """Of one run in an empty home: seconds to the verdicts, of processors, of the longest silence."""
    home.mkdir()
    before = _processor()
    session = terminal.hfm("demo", cwd=home, HFM_HOME=str(home), NUMBA_CACHE_DIR=str(cache))
    assert session.code == 0, session.text
    return session.when(VERDICTS), _processor() - before, session.silence


def _processor() -> float:
    """Seconds that all children which have ended, and theirs, have spent."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
