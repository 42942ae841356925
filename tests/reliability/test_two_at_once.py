"""Several processes in one run or archive at a time: one works, the others are told so, readers never wait."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest

from hfm.config import Config, Fetch
from hfm.errors import LockedError
from hfm.fetch.archive import month_files
from hfm.runs import freshness, pipeline
from hfm.runs import stages as corridor
from hfm.runs.manifest import Run
from hfm.runs.pipeline import Options
from tests import toy
from tests.conftest import Count

PROCESSES = 8


def contend(path: Path, barrier: Any, rounds: int, seed: int, out: Queue[str]) -> None:
    """One cron job: at each stroke fetch into the same run, under its lock, and read what is there without one."""
    corridor.STAGES = toy.STAGES
    run, home = Run(path), path.parent.parent
    for _ in range(rounds):
        barrier.wait()
        try:
            with run.lock():
                pipeline.execute(run, toy.STAGES[0], Config(fetch=Fetch(seed=seed)), Options(home))
            out.put("worked")
        except LockedError:
            out.put("locked")
        run.manifest()  # a reader never waits, and never sees half a manifest: it raises DataError where it does
        barrier.wait()


def keep(archive: Path, barrier: Any, rounds: int, out: Queue[str]) -> None:
    """Hold one symbol's archive for an instant at each stroke."""
    for _ in range(rounds):
        barrier.wait()
        try:
            with month_files.locked(archive, "yahoo", "SPY", 0.0):
                time.sleep(0.002)
            out.put("worked")
        except LockedError:
            out.put("locked")
        barrier.wait()


def race(target: Any, rounds: int, *arguments: Any) -> list[str]:
    """What PROCESSES fresh interpreters said over so many rounds. Fails where one of them dies."""
    spawn = multiprocessing.get_context("spawn")
    barrier, out = spawn.Barrier(PROCESSES, timeout=120), spawn.Queue()
    where, *rest = arguments
    everyone = []
    for i in range(PROCESSES):
        seeds = [i] if rest else []
        everyone.append(spawn.Process(target=target, args=(where, barrier, rounds, *seeds, out)))
    for process in everyone:
        process.start()
    said = [out.get(timeout=240) for _ in range(rounds * PROCESSES)]
    for process in everyone:
        process.join(60)
        assert process.exitcode == 0
    return said


@pytest.mark.parametrize(
    "rounds", [pytest.param(10, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.soak)]
)
def test_eight_jobs_in_one_run(tmp_path: Path, count: Count, rounds: int) -> None:
    """Each is the only one at work or is told so at once; the run is whole and its journal counts the winners."""
    path = tmp_path / "runs" / "r"
    path.mkdir(parents=True)
    said = race(contend, rounds, path, "seeds")
    assert set(said) <= {"worked", "locked"}
    assert said.count("worked") >= rounds
    run = Run(path)
    stages = sum(b'"event": "stage"' in line for line in (path / "journal.jsonl").read_bytes().split(b"\n"))
    assert stages == said.count("worked")
    assert freshness.check_committed(run, run.manifest(), ["fetch/bars.parquet"])
    count("races of eight processes for one run", rounds)


@pytest.mark.slow
def test_eight_jobs_in_one_archive(tmp_path: Path, count: Count) -> None:
    """The archive of a symbol has one writer at a time."""
    said = race(keep, 25, tmp_path)
    assert set(said) <= {"worked", "locked"}
    assert said.count("worked") >= 25
    count("races of eight processes for one archive", 25)
