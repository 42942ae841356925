"""Stages meet disk: freshness, lineage, all-or-nothing commits, and what a killed or failed stage leaves."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hfm import atomic
from hfm.config import Config, Fetch, load, parse_set
from hfm.errors import ConfigError, DataError, DiskError, ExitCode
from hfm.runs import stages
from hfm.runs.manifest import Run
from hfm.runs.pipeline import execute
from hfm.runs.stages import by_name
from tests import toy
from tests.toy import bytes_of, everything, options, states


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return toy.placed(tmp_path, monkeypatch)


def test_everything_runs_once_and_is_then_fresh(run: Run) -> None:
    """A second run does nothing; --refresh fetches again and finds the rest fresh, since the bytes are the same."""
    assert states(run) == ["missing"] * 3
    assert everything(run) == ["fetch", "simulate", "train"]
    assert everything(run) == []
    assert states(run) == ["fresh"] * 3
    assert everything(run, refresh=True) == ["fetch"]


def test_each_stage_alone_gives_the_same_bytes(run: Run) -> None:
    """Delete one stage's outputs, rerun that stage."""
    everything(run)
    before = bytes_of(run)
    for stage in toy.STAGES:
        for artifact in stage.writes:
            (run.path / artifact).unlink()
        assert states(run)[toy.STAGES.index(stage)] == "stale"
        execute(run, stage, Config(), options(run))
        assert bytes_of(run) == before


@pytest.mark.parametrize(("flag", "stage"), [("TOY_FAIL", "simulate"), ("TOY_FAIL_LATE", "train")])
def test_a_stage_that_fails_leaves_the_last_good_result(
    run: Run, monkeypatch: pytest.MonkeyPatch, flag: str, stage: str
) -> None:
    """Also when it failed after its first artifact: same bytes, still fresh, no temp file."""
    everything(run)
    before = bytes_of(run)
    monkeypatch.setenv(flag, "1")
    with pytest.raises(DataError, match="asked to fail"):
        execute(run, by_name(stage), Config(), options(run))
    assert bytes_of(run) == before
    assert states(run) == ["fresh"] * 3


@pytest.mark.parametrize("point", range(40))
def test_a_full_disk_at_any_write_leaves_old_or_nothing_and_the_rerun_is_clean(
    run: Run, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    """Each fsync and replace fails once: exit 10; the rerun needs no cleaning and gives the undisturbed bytes."""
    everything(run)
    before = bytes_of(run)
    calls = 0
    sync, swap = os.fsync, os.replace

    def failing(real: object) -> object:
        def call(*args: object) -> object:
            nonlocal calls
            calls += 1
            if calls == point + 1:
                raise OSError(28, "No space left on device")
            return real(*args)  # type: ignore[operator]  # os.fsync or os.replace

        return call

    monkeypatch.setattr(os, "fsync", failing(sync))
    monkeypatch.setattr(os, "replace", failing(swap))
    try:
        with run.lock():
            execute(run, by_name("train"), Config(), options(run))
        assert calls <= point, "a failed write went unnoticed"
    except DiskError as e:
        assert e.code == ExitCode.DISK
    monkeypatch.undo()
    monkeypatch.setattr(stages, "STAGES", toy.STAGES)
    with run.lock():
        assert everything(run) in ([], ["train"])
    assert bytes_of(run) == before


KILL = """
import os, sys, signal
from pathlib import Path
from tests import toy
from tests.toy import NOW, bytes_of, everything, options, states
from hfm.runs import pipeline, stages as corridor
from hfm.config import Config
from hfm.runs.manifest import Run
corridor.STAGES = toy.STAGES
left = int(sys.argv[2])
def dying(real):
    def call(*args):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    return call
os.fsync, os.replace = dying(os.fsync), dying(os.replace)
run = Run(Path(sys.argv[1]))
with run.lock():
    pipeline.execute(run, corridor.by_name("simulate"), Config(), pipeline.Options(run.path.parent.parent))
    list(pipeline.run_all(run, Config(), pipeline.Options(run.path.parent.parent), False))
"""


@pytest.mark.slow
def test_kill_9_at_every_write_point_leaves_a_run_that_goes_on(run: Run) -> None:
    """Killed before each fsync and replace in turn, until none is left: old or new, never half; the rerun is whole."""
    everything(run)
    before = bytes_of(run)
    for point in range(1, 200):
        done = subprocess.run([sys.executable, "-c", KILL, str(run.path), str(point)], capture_output=True, text=True)
        for name, data in bytes_of(run).items():
            if atomic.TEMP_MARK not in name:
                assert data == before[name], f"{name} half-written at point {point}"
        with run.lock():
            everything(run)
        assert bytes_of(run) == before
        if done.returncode == 0:
            assert point > 10
            return
        assert done.returncode == -9, done.stderr
    pytest.fail("never got through")


def test_losses_make_the_outcome_partial_and_stay_on_record(run: Run) -> None:
    """Exit 7 means committed, with the losses named."""
    outcome = execute(run, by_name("fetch"), load([parse_set(["fetch.symbols=['SPY','X']"])]), options(run))
    assert outcome.code == ExitCode.PARTIAL
    assert run.manifest().stages["fetch"].losses == ["X: no such symbol"]


def test_documents_and_figures_are_json_without_nan(run: Run) -> None:
    """NaN has no JSON: it is null."""
    everything(run)
    assert json.loads((run.path / "simulate/facts.json").read_bytes())["nan"] is None
    assert run.manifest().stages["simulate"].figures["nothing"] is None


def test_settings_given_to_one_stage_are_kept_for_the_later_ones(run: Run) -> None:
    """The run records its whole config."""
    execute(run, by_name("fetch"), load([parse_set(["train.lr=0.5"])]), options(run))
    assert run.manifest().config["train"]["lr"] == 0.5


def test_a_time_to_stand_in_for_now_must_be_one(run: Run) -> None:
    """Exit 3 with an example: no flag gave it (those are judged where the settings are read)."""
    with pytest.raises(ConfigError, match="as_of"):
        execute(run, by_name("fetch"), Config(fetch=Fetch(as_of="yesterday")), options(run))


def test_a_stage_that_forgets_an_artifact_is_a_bug(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not commit."""
    odd = dataclasses.replace(toy.STAGES[0], writes=("fetch/bars.parquet", "fetch/more.json"))
    monkeypatch.setattr(stages, "STAGES", (odd, *toy.STAGES[1:]))
    with pytest.raises(AssertionError, match="promised"):
        execute(run, odd, Config(), options(run))
    assert not run.exists()
