"""Days of an unattended nightly job, with what goes wrong in a year: nothing is half-written, lost, or needs a hand.

Each day at 21:30 UTC: `hfm fetch` of the vendor's stand-in into the day's run, `hfm run` of the rest, and on some days
one fault: the vendor's, a kill at any moment, a full disk, the job started twice, a flipped bit in the day's files.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from hfm.fetch.archive import month_files
from hfm.fetch.sessions import sessions
from hfm.runs.manifest import Run
from tests.conftest import Count
from tests.reliability.corridor import files, sound, start, temps
from tests.reliability.test_disk_full import limited
from tests.yahoo import Yahoo

BEGIN = datetime(2025, 3, 3, 21, 30, tzinfo=UTC)
PATIENCE = 60.0
"""Seconds for the vendor, but for three where it is known to fail."""
DOCUMENTED = {0, 4, 5, 6, 7, 9, 10, -9}
"""Exit codes that a night may end with; -9 is the kill."""


class Nights:
    """The job, its home, its vendor, and the faults that strike it."""

    def __init__(self, home: Path, vendor: Yahoo, seed: int) -> None:
        self.home, self.vendor, self.rng = home, vendor, np.random.default_rng(seed)
        self.codes: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()

    def commands(self, day: datetime) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """The night's two commands."""
        run = f"nightly-{day:%Y%m%d}"
        fetch = ("fetch", "SPY", "--days", 35, "--as-of", day.isoformat(), "--max-time", PATIENCE, "--run", run, "-q")
        return fetch, ("run", "--run", run, "--set", "train.model=logistic", "--as-of", day.isoformat(), "-q")

    def call(self, *arguments: object) -> int:
        """One command, as cron starts it; its exit code, and silence unless it has something to say."""
        return self.ended(start(*arguments, cwd=self.home, **self.vendor.env()))

    def ended(self, process: subprocess.Popen[str]) -> int:
        """Wait for a command."""
        out, err = process.communicate(timeout=240)
        assert "Traceback" not in err, err
        assert process.returncode in DOCUMENTED, err
        if process.returncode == 0:
            assert (out, err) == ("", "")
        self.codes[process.returncode] += 1
        return process.returncode

    # -- faults: each takes the place of one call ---------------------------------------------------------------------
    def vendor_fails(self, *arguments: object) -> int:
        """429, an empty page, half a body, a reset, for the whole night."""
        what = self.rng.choice([429, 500, "html", "truncated", "reset", "empty"])
        self.vendor.script("chart", int(what) if str(what).isdigit() else str(what), times=50)
        code = self.call(*(3 if a is PATIENCE else a for a in arguments))
        self.vendor.reset(self.vendor.now)
        return code

    def killed(self, *arguments: object) -> int:
        """kill -9 after up to five seconds."""
        process = start(*arguments, cwd=self.home, **self.vendor.env())
        try:
            process.wait(self.rng.uniform(0.05, 5))
        except subprocess.TimeoutExpired:
            process.kill()
        return self.ended(process)

    def disk_full(self, *arguments: object) -> int:
        """No file can grow beyond a few kilobytes."""
        import os

        before = dict(os.environ)
        os.environ.update(self.vendor.env())
        try:
            done = limited(int(self.rng.integers(0, 60_000)), *arguments, cwd=self.home)
        finally:
            os.environ.clear()
            os.environ.update(before)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in DOCUMENTED, done.stderr
        self.codes[done.returncode] += 1
        return done.returncode

    def twice(self, *arguments: object) -> int:
        """The job is started a second time while it runs."""
        both = [start(*arguments, cwd=self.home, **self.vendor.env()) for _ in range(2)]
        return min(self.ended(process) for process in both)

    def bit_flip(self, *arguments: object) -> int:
        """A bit of one of the run's files turns over before the command reads it."""
        run = Run(self.home / "runs" / str(arguments[arguments.index("--run") + 1]))
        there = sorted(run.path.glob("*/*.parquet"))
        if there:
            path = there[int(self.rng.integers(len(there)))]
            raw = bytearray(path.read_bytes())
            raw[int(self.rng.integers(len(raw)))] ^= 1 << int(self.rng.integers(8))
            path.write_bytes(raw)
        return self.call(*arguments)

    # -- a night ------------------------------------------------------------------------------------------------------
    def night(self, day: datetime, calm: bool) -> bool:
        """Both commands; True where both did all they should."""
        self.vendor.now = day.isoformat()
        fetch, rest = self.commands(day)
        kinds: list[Callable[..., int]] = [self.vendor_fails, self.killed, self.disk_full, self.twice, self.bit_flip]
        strikes = None if calm else kinds[int(self.rng.integers(len(kinds)))]
        at = int(self.rng.integers(2))
        if strikes is not None:
            self.faults[strikes.__name__.replace("_", " ")] += 1
        code = strikes(*fetch) if strikes is not None and at == 0 else self.call(*fetch)
        if code not in (0, 7):
            return False
        code = strikes(*rest) if strikes is not None and at == 1 else self.call(*rest)
        return code in (0, 7)

    def inspect(self, day: datetime) -> int:
        """Every file of the night is what its manifest says, the archive is whole; how many files were looked at."""
        path = self.home / "runs" / f"nightly-{day:%Y%m%d}"
        for month in self.home.glob("data/bars/**/????-??.parquet"):
            month_files.read_month(month)
        return sound(path, [files(path)]) if path.is_dir() else 0


@pytest.mark.parametrize("days", [pytest.param(5, marks=pytest.mark.slow), pytest.param(250, marks=pytest.mark.soak)])
@pytest.mark.timeout(14_400)
def test_a_year_of_nights_needs_no_hand(tmp_path: Path, count: Count, days: int) -> None:
    """A fault on two days of five; the night after a fault does all again, and at the end nothing is missing."""
    home = tmp_path / "home"
    home.mkdir()
    over = sessions("XNYS", 300, "2025-03-03", "2026-04-30")
    nights = [datetime.fromisoformat(f"{day}T21:30+00:00") for day in over.day[:days]]
    assert nights[0] == BEGIN
    with Yahoo(tmp_path / "yahoo", nights[0].isoformat(), symbols=("SPY",)) as vendor:
        job = Nights(home, vendor, seed=days)
        looked = 0
        for i, day in enumerate(nights):
            calm = i % 5 in (0, 3, 4) or i == days - 1
            good = job.night(day, calm)
            assert good or not calm, f"the night of {day:%Y-%m-%d} failed without a fault of its own"
            looked += job.inspect(day)
            if i % 20 == 19:
                assert job.call("prune", "--keep", 10, "-q") == 0
    kept = month_files.folder(home / "data", "yahoo", "SPY", 300)
    first = sessions("XNYS", 300, (nights[0] - timedelta(days=34)).date().isoformat(), nights[-1].date().isoformat())
    index = np.repeat(np.arange(len(first)), first.slots)
    seq = np.concatenate([np.arange(n) for n in first.slots])
    assert (month_files.read(kept).time == first.slot_end(index, seq)).all(), "the archive has a gap"
    last = home / "runs" / f"nightly-{nights[-1]:%Y%m%d}"
    assert (last / "report" / "report.html").is_file()
    assert temps(last) == []
    for what, n in job.faults.items():
        count(f"cron days struck by: {what}", n)
    count("cron days", days)
    count("artifacts looked at after a cron day", looked)
