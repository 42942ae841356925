"""Resume: killed anywhere and taken up again, a training ends in the same bytes."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hfm.models.networks import network_fit
from hfm.stage import Context
from hfm.train import fit_jobs, folds, walk_forward
from hfm.train.fit_checkpoints import FitCheckpoints
from tests.command import hfm
from tests.train.market import SMALL, rows


class Memory:
    """A checkpoint in memory that dies after so many saves."""

    def __init__(self, lives: int = 10**9) -> None:
        self.data: bytes | None = None
        self.lives = lives

    def save(self, data: bytes) -> None:
        """Keep it, then perhaps die."""
        self.data = data
        self.lives -= 1
        if self.lives == 0:
            raise KeyboardInterrupt

    def load(self) -> bytes | None:
        """What was kept."""
        return self.data


def run(memory: Memory, resume: bool, device: str = "cpu") -> dict[tuple[int, str], bytes]:
    """All arrays of three fits, two networks of four epochs each; device: what the checkpoint is told."""
    ctx = Context("train", checkpoint=memory, resume=resume)
    task = fit_jobs.FitTask("lstm", rows().panel, SMALL, 7)
    plan = [*folds.plan(21), folds.final(21)]
    fits = fit_jobs.fit_all(task, plan, ctx, FitCheckpoints(ctx, lambda: device))
    return {(f.number, name): value.tobytes() for f, arrays in fits for name, value in arrays.items()}


@pytest.mark.parametrize("saves", [1, 2, 3, 5, 8, 9, 10, 14, 20])
def test_a_training_killed_after_any_save_ends_in_the_same_bytes(saves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside epochs, between them, between networks, between folds."""
    monkeypatch.setattr(network_fit, "SAVE_EVERY", 0)
    whole = run(Memory(), resume=False)
    memory = Memory(saves)
    with pytest.raises(KeyboardInterrupt):
        run(memory, resume=False)
    memory.lives = 10**9
    assert run(memory, resume=True) == whole


def test_a_training_killed_again_and_again_still_ends_in_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three saves a life."""
    monkeypatch.setattr(network_fit, "SAVE_EVERY", 0)
    whole = run(Memory(), resume=False)
    memory = Memory(3)
    for _ in range(100):
        try:
            assert run(memory, resume=True) == whole
            return
        except KeyboardInterrupt:
            memory.lives = 3
    pytest.fail("it never came to an end")


@pytest.mark.parametrize("warm_start", [True, False])
def test_a_fit_that_is_done_is_written_once(warm_start: bool) -> None:
    """A save writes the whole checkpoint: sixty folds twice over are gigabytes."""
    memory = Memory(100)
    ctx, plan = Context("train", checkpoint=memory), [*folds.plan(21), folds.final(21)]
    task = fit_jobs.FitTask("lstm", rows().panel, replace(SMALL, warm_start=warm_start), 7)
    list(fit_jobs.fit_all(task, plan, ctx, FitCheckpoints(ctx)))
    assert 100 - memory.lives == len(plan)


def test_without_resume_what_was_saved_is_not_looked_at() -> None:
    """A fresh start, even over a checkpoint."""
    memory = Memory()
    memory.data = b"not a checkpoint"
    record = FitCheckpoints(Context("train", checkpoint=memory))
    assert record.arrays("lstm", 0) is None
    assert record.state("lstm", 0) is None


def test_late_news_of_a_fit_that_is_done_is_dropped() -> None:
    """A worker's last state may arrive after its arrays."""
    memory = Memory()
    record = FitCheckpoints(Context("train", checkpoint=memory))
    record.save_arrays("lstm", 3, {"a": np.arange(3.0)})
    record.save_state("lstm", 3, 0, b"late")
    again = FitCheckpoints(Context("train", checkpoint=memory, resume=True))
    assert again.state("lstm", 3) is None
    found = again.arrays("lstm", 3)
    assert found is not None
    np.testing.assert_array_equal(found["a"], np.arange(3.0))


def test_a_training_stopped_on_another_device_starts_afresh_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a fit and behind one that is done: nothing is taken up, and the bytes are those of a whole one;
    the same device goes on without a word."""
    monkeypatch.setattr(network_fit, "SAVE_EVERY", 0)
    whole = run(Memory(), resume=False)
    for saves in (2, 12):
        memory = Memory(saves)
        with pytest.raises(KeyboardInterrupt):
            run(memory, resume=False, device="cuda")
        memory.lives = 10**9
        same, other = Context("train", checkpoint=memory, resume=True), Context("train", checkpoint=memory, resume=True)
        taken = FitCheckpoints(same, lambda: "cuda")
        assert taken.state("lstm", 0) or taken.arrays("lstm", 0)
        assert same.warnings == []
        dropped = FitCheckpoints(other, lambda: "cpu")
        assert dropped.state("lstm", 0) is None
        assert dropped.arrays("lstm", 0) is None
        (line,) = other.warnings
        assert "cuda" in line
        assert "cpu" in line
        assert run(memory, resume=True, device="cpu") == whole


def test_the_device_is_asked_for_only_where_there_is_something_to_keep() -> None:
    """torch takes a second to say it."""

    def never() -> str:
        raise AssertionError

    FitCheckpoints(Context("train"), never).save_arrays("gbm", 0, {})
    FitCheckpoints(Context("train", checkpoint=Memory(), resume=True), never)


def test_a_walk_asks_where_its_networks_are_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees and floors are fitted on the processor wherever networks would be."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert walk_forward._device(("har", "gbm"), SMALL) == "cpu"
    assert walk_forward._device(("har", "lstm"), SMALL) == "cuda"
    assert walk_forward._device(("har", "lstm"), replace(SMALL, device="cpu")) == "cpu"
    assert walk_forward._device(("har", "lstm"), replace(SMALL, backend="fused")) == "cpu"


TRAIN = (
    "import sys; from hfm.models.networks import network_fit; network_fit.SAVE_EVERY = 0;"
    "from hfm.cli import main; sys.exit(main())"
)


@pytest.mark.slow
def test_kill_9_at_ten_random_moments_and_resume_gives_the_undisturbed_bytes(tmp_path: Path) -> None:
    """30 epochs through the command line; --resume after each kill; model and predictions byte-equal."""
    market = ("fetch", "SPY", "--source", "synthetic", "--sessions", 21, "--interval", "15m",
              "--set", "fetch.as_of=2025-06-02T00:00Z")  # fmt: skip
    for name in ("whole", "killed"):
        assert hfm(*market, "--run", name, cwd=tmp_path).code == 0
        assert hfm("simulate", "--run", name, cwd=tmp_path).code == 0
    settings = ["train", "--epochs", "30", "--set", "train.patience=30", "--set", "train.hidden=16"]
    began = time.perf_counter()
    assert hfm(*settings, "--run", "whole", cwd=tmp_path).code == 0
    lasts = time.perf_counter() - began
    rng, kills, code, resume = np.random.default_rng(11), 0, None, False
    while kills < 10 or code != 0:
        if code == 0:  # it got through before its time: from the start again
            resume = False
        command = [sys.executable, "-c", TRAIN, *settings, "--run", "killed", "--workers", "1"]
        process = subprocess.Popen([*command, *(["--resume"] if resume else [])], cwd=tmp_path,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
        code, resume = None, True
        try:
            code = process.wait(None if kills == 10 else float(rng.uniform(0.3, 0.95)) * lasts)
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        error = process.communicate()[1]
        assert code in (None, 0), error.decode()
    for artifact in ("model.safetensors", "model.json", "predictions.parquet", "history.parquet", "scores.parquet"):
        one, two = (tmp_path / "runs" / name / "train" / artifact for name in ("whole", "killed"))
        assert one.read_bytes() == two.read_bytes(), artifact
    assert not (tmp_path / "runs" / "killed" / "train" / ".resume").exists()
