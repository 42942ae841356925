"""Fits as jobs: the same arrays in one process and in several, and no worker outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hfm.stage import Context
from hfm.train import fit_jobs, folds
from hfm.train.fit_checkpoints import FitCheckpoints
from tests.train.market import SMALL, rows

PARENT = """
from dataclasses import replace
import os
from hfm.stage import Context
from hfm.train import folds, fit_jobs as jobs
from hfm.train.fit_checkpoints import FitCheckpoints
from tests.train.market import SMALL, rows
if __name__ == "__main__":
    jobs.PARALLEL_FROM = 0
    panel = rows().panel
    task = jobs.FitTask("lstm", panel, replace(SMALL, epochs=100000, patience=100000), 7)
    say = lambda label, done, total, note="": print(done, flush=True)
    print("start", flush=True)
    ctx = Context("train", workers=2, progress=say)
    list(jobs.fit_all(task, folds.plan(21), ctx, FitCheckpoints(ctx)))
"""


def test_a_fold_is_fitted_from_its_own_sessions_and_number() -> None:
    """The same fold alone or among others; another fold has other random numbers."""
    panel = rows().panel
    task = fit_jobs.FitTask("lstm", panel, SMALL, 7)
    plan = folds.plan(21)
    together = {
        f.number: a for f, a in fit_jobs.fit_all(task, plan, Context("train"), FitCheckpoints(Context("train")))
    }
    alone = fit_jobs.fit(task, plan[1], lambda news: None)
    assert {k: v.tobytes() for k, v in alone.items()} == {k: v.tobytes() for k, v in together[1].items()}
    assert together[0]["seed0/l0/ih"].tobytes() != together[1]["seed0/l0/ih"].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_die_with_the_process_that_started_them(number: signal.Signals) -> None:
    """kill -9 of the parent in the middle of training: seconds later nobody of its family runs."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "start\n"
    assert parent.stdout.readline()  # the first epoch of some fold
    os.kill(parent.pid, number)
    parent.wait(10)
    deadline = time.monotonic() + 10
    while _family(parent.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _family(parent.pid)


def _family(group: int) -> list[int]:
    """Live processes of a process group."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(name))
    return found
