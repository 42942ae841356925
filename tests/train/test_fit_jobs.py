"""Fits as jobs: the same arrays in one process and in several, and no worker outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfm import plugins
from hfm.config import Train
from hfm.plugins import Panel
from hfm.stage import Context
from hfm.train import fit_jobs, folds
from hfm.train.fit_checkpoints import FitCheckpoints
from hfm.train.fold_rows import LABELS
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
    task = jobs.FitTask("lstm", panel, replace(SMALL, epochs=100000, patience=100000, warm_start=WARM), 7)
    say = lambda label, done, total, note="": print(done, flush=True)
    print("start", flush=True)
    ctx = Context("train", workers=2, progress=say)
    list(jobs.fit_all(task, folds.plan(21), ctx, FitCheckpoints(ctx)))
"""


def fitted(options: Train, panel: Panel, workers: int = 1, model: str = "lstm") -> dict[int, dict[str, bytes]]:
    """Fold -> name -> bytes of all folds and the final fit."""
    task, ctx = fit_jobs.FitTask(model, panel, options, 7), Context("train", workers=workers)
    plan = [*folds.plan(21), folds.final(21)]
    found = fit_jobs.fit_all(task, plan, ctx, FitCheckpoints(ctx))
    return {fold.number: {k: v.tobytes() for k, v in arrays.items()} for fold, arrays in found}


@pytest.mark.parametrize("warm_start", [True, False])
def test_a_fold_is_fitted_from_its_own_sessions_and_number(warm_start: bool) -> None:
    """The same fold alone or among others; another fold has other random numbers."""
    options, panel = replace(SMALL, warm_start=warm_start), rows().panel
    task, plan = fit_jobs.FitTask("lstm", panel, options, 7), folds.plan(21)
    first = fit_jobs.fit(task, plan[0], lambda news: None)
    alone = fit_jobs.fit(task, plan[1], lambda news: None, before=first if warm_start else None)
    together = fitted(options, panel)
    assert {k: v.tobytes() for k, v in alone.items()} == together[1]
    assert together[0]["seed0/l0/ih"] != together[1]["seed0/l0/ih"]


@pytest.mark.parametrize("model", ["lstm", "ensemble"])
def test_networks_apart_are_the_networks_together(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever worker fits a network, and whatever else that one fits."""
    monkeypatch.setitem(plugins.REGISTRY["executors"], "processes", "hfm.compute.local:Threads")
    monkeypatch.setattr(fit_jobs, "_fit_chain", one_at_a_time(fit_jobs._fit_chain))
    monkeypatch.setattr(fit_jobs, "PARALLEL_FROM", 0)
    options, panel = replace(SMALL, seeds=3, epochs=2), rows().panel
    assert fitted(options, panel, 2, model) == fitted(options, panel, 1, model)


def one_at_a_time(call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that threads call in turn: torch's generator is one for all."""
    lock = threading.Lock()

    def locked(*arguments: Any) -> Any:
        with lock:
            return call(*arguments)

    return locked


def test_no_earlier_fit_moves_with_later_sessions() -> None:
    """Each begins from the one before, never from a later one: sessions after a fold's validation part are poisoned."""
    panel, plan = rows().panel, folds.plan(21)
    whole = fitted(SMALL, panel)
    for fold in plan:
        known = np.unique(panel.session)[: fold.valid[1]]
        later = ~np.isin(np.repeat(panel.session, np.diff(panel.start)), known)
        poisoned = replace(
            panel, x=np.where(later[:, None], 7.0 - 3.0 * panel.x, panel.x),
            **{name: np.where(later, -getattr(panel, name), getattr(panel, name)) for name in LABELS},
        )  # fmt: skip
        assert later.any()
        found = fitted(SMALL, poisoned)
        assert all(found[k] == whole[k] for k in range(fold.number + 1))
        assert found[-1] != whole[-1]


def test_a_network_that_learned_nothing_is_no_start() -> None:
    """A floor's fold is followed by one that begins anew, with all its patience; one that learned has the short one."""
    panel, plan = rows().panel, folds.plan(21)
    options = replace(SMALL, epochs=8, patience=6, warm_patience=1, seeds=1)
    task = fit_jobs.FitTask("lstm", panel, options, 7)
    first = fit_jobs.fit(task, plan[0], lambda news: None)
    nothing = {k: np.zeros_like(v) if "/head/" in k else v for k, v in first.items()}
    anew, after = (fit_jobs.fit(task, plan[1], lambda news: None, before=before) for before in (None, nothing))
    assert {k: v.tobytes() for k, v in anew.items()} == {k: v.tobytes() for k, v in after.items()}
    rising = {k: v + 5.0 if "/head/b" in k else v for k, v in first.items()}
    warm = fit_jobs.fit(task, plan[1], lambda news: None, before=rising)
    assert warm["seed0/l0/ih"].tobytes() != anew["seed0/l0/ih"].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_die_with_the_process_that_started_them(number: signal.Signals, warm: bool) -> None:
    """kill -9 of the parent in the middle of training: seconds later nobody of its family runs."""
    code = PARENT.replace("WARM", str(warm))
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
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
