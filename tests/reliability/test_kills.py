"""kill -9 and signals at any moment: the old files or the new ones, a rerun that needs no cleaning, the same bytes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from hfm.runs.manifest import Run
from tests.conftest import Count
from tests.reliability.corridor import FETCH, files, sound, start, temps, whole

NETWORK = ("--set", "train.epochs=4", "--set", "train.seeds=1")


@pytest.mark.parametrize("kills", [pytest.param(8, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.timeout(7200)
def test_kill_9_at_random_moments_of_the_corridor(tmp_path: Path, count: Count, kills: int) -> None:
    """`hfm run` is killed, looked at and typed again, turn about with two settings, a network's training included."""
    known = [files(whole(tmp_path, f"known{seed}", *NETWORK, "--set", f"simulate.seed={seed}", "--set",
                         "train.model=lstm")) for seed in (7, 8)]  # fmt: skip
    began = time.monotonic()
    whole(tmp_path, "timed", *NETWORK, "--set", "train.model=lstm")
    usual = time.monotonic() - began
    rng, run, done, finished = np.random.default_rng(9), tmp_path / "runs" / "r", 0, 0
    seed = 7
    while done < kills:
        process = start("run", *FETCH, "--run", "r", *NETWORK, "--set", f"simulate.seed={seed}", "-q", cwd=tmp_path)
        try:
            _, err = process.communicate(timeout=rng.uniform(0, usual))
        except subprocess.TimeoutExpired:  # the moment has come
            process.kill()
            process.communicate()
            done += 1
        else:
            assert process.returncode == 0, err
            assert files(run) == known[seed - 7]
            finished += 1
            seed = 15 - seed
            if finished % 4 == 0:
                shutil.rmtree(run)
        if run.is_dir():
            sound(run, known)
    last = start("run", *FETCH, "--run", "r", *NETWORK, "--set", f"simulate.seed={seed}", "-q", cwd=tmp_path)
    assert last.communicate()[1] == ""
    assert files(run) == known[seed - 7]
    assert temps(run) == []
    count("random kills (-9) of `hfm run`", done)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.timeout(900)
def test_a_signal_ends_it_within_two_seconds_without_a_traceback(
    tmp_path: Path, count: Count, number: signal.Signals, code: int
) -> None:
    """At moments spread over start-up, kernels, training and report: one line, the code, nothing half-written."""
    whole(tmp_path)
    for i, after in enumerate(np.linspace(0.5, 7, 8)):
        process = start("run", *FETCH, "--run", f"s{i}", *NETWORK, "-q", cwd=tmp_path)
        time.sleep(after)
        process.send_signal(number)
        sent = time.monotonic()
        _, err = process.communicate(timeout=60)
        took = time.monotonic() - sent
        # Before Python has come to hfm's own handlers it ends in Python's way: a shell shows the same code.
        assert "Traceback" not in err or "/hfm/" not in err, f"after {after:.2f} s\n{err}"
        allowed = {code, -number, 0}
        assert process.returncode in allowed, f"after {after:.2f} s: {process.returncode}\n{err}"
        assert took < 2, f"{took:.1f} s after {after:.2f} s"
        with Run(tmp_path / "runs" / f"s{i}").lock():  # where an orderly end took too long, the next command sweeps
            assert temps(tmp_path / "runs" / f"s{i}") == []
        count("signals (SIGINT, SIGTERM) sent to `hfm run`", 1)
