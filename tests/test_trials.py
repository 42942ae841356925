"""N counts what was tried, not how often it was run, and a new run does not reset it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hfm import corridor
from hfm.config import Config, Simulate
from hfm.pipeline import Options, run_all
from hfm.run import Run
from hfm.trials import count_trials, trial_keys
from tests import toy
from tests.backtest import market

EVENT = {"event": "trial", "trial": "q0.9", "policy": {"q": 0.9}, "cost": {}, "span": ["a", "b"], "symbols": ["SPY"]}


def test_the_key_is_of_what_can_change_the_result_and_not_of_the_name() -> None:
    """Same policy on the same data is the same trial."""
    inputs = {"simulate/quotes.parquet": "1"}
    key = trial_keys([EVENT], inputs)[0]["key"]
    assert trial_keys([EVENT | {"trial": "mine"}], inputs)[0]["key"] == key
    assert trial_keys([EVENT | {"cost": {"fee": 1}}], inputs)[0]["key"] != key
    assert trial_keys([EVENT], {"simulate/quotes.parquet": "2"})[0]["key"] != key
    assert "key" not in trial_keys([{"event": "halt"}], inputs)[0]


def test_a_back_test_run_again_adds_no_trial_and_another_threshold_one() -> None:
    """The family of the real stage, by its keys; thresholds of a sweep are none."""
    quoted = market.walk(["AAA"], 4, 20)
    p = 0.5 + np.random.default_rng(3).normal(0, 0.1, quoted.num_rows)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5})

    def keys(**settings: object) -> set[str]:
        events = market.run(quoted, predicted, **settings)[1].events
        return {event["key"] for event in trial_keys(events, {"simulate/quotes.parquet": "1"})}

    first = keys(threshold="q90")
    assert keys(threshold="q90") == keys(threshold="q95") == keys(threshold="q90", sweep=5) == first
    assert len(keys(threshold="0.57") - first) == 1
    assert len(keys(threshold="q90", fee_bps=2.0) - first) == len(first)


def test_trials_are_counted_over_all_runs_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rerun adds none, another seed adds its own, another symbol or span is another family."""
    monkeypatch.setattr(corridor, "STAGES", toy.STAGES)
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run = Run(tmp_path / "runs" / name)
        run.path.mkdir(parents=True)
        list(run_all(run, Config(simulate=Simulate(seed=seed)), Options(tmp_path), False))
        list(run_all(run, Config(simulate=Simulate(seed=seed)), Options(tmp_path), True))
    assert count_trials(tmp_path, tmp_path / "runs" / "a") == 4
    assert count_trials(tmp_path / "elsewhere", tmp_path / "runs" / "c") == 2
    assert count_trials(tmp_path, tmp_path / "runs" / "none") == 0
