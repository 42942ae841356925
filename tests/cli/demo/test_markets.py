"""The two markets differ in the signal alone, and their verdicts come out as they should."""

from __future__ import annotations

import dataclasses

import pytest

from hfm.artifacts import BARS
from hfm.cli.demo.markets import MARKETS, SEED, settings, verdict
from hfm.verify.in_memory_run import InMemoryRun
from tests.cli.demo import seeds

SUMMARY = {
    "headline": {
        "accuracy_direction": {"value": 0.564, "lo": 0.556, "hi": 0.572, "floor": 0.503},
        "return_net": {"value": 1.5, "lo": 1.1, "hi": 2.0},
    },
    "backtest": {"metrics": {"trips": {"value": 1221.0}}},
    "verdict": {"label": "edge supported", "numbers": {"sessions": 200, "p": 5e-5, "level": 0.0033, "reps": 20000}},
}


def test_the_settings_differ_in_the_signal_and_in_nothing_else() -> None:
    """So the verdicts do for that reason alone."""
    planted, none = (settings(market, 3) for market in MARKETS)
    assert (planted.simulate.signal, none.simulate.signal) == ("planted", "none")
    assert dataclasses.replace(planted, simulate=none.simulate) == none
    assert (planted.fetch.seed, planted.simulate.seed, planted.train.seed) == (3, 3, 3)


def test_the_bars_are_the_same_on_every_day_and_in_both_markets() -> None:
    """250 sessions of the synthetic source."""
    planted, none = (InMemoryRun(settings(m, SEED), {}).through("fetch").table(BARS) for m in MARKETS)
    assert planted.equals(none)
    assert len(set(planted["session"].to_pylist())) == 250
    assert str(max(planted["session"].to_pylist())) == "2026-03-06"


def test_a_verdict_is_taken_from_the_summary() -> None:
    """And knows whether it is the right one."""
    found = verdict(MARKETS[0], "/home/runs/demo-planted", SUMMARY)
    assert found.page == "/home/runs/demo-planted/report/report.html"
    assert (found.round_trips, found.sessions, found.base_rate) == (1221, 200, 0.503)
    assert found.right
    assert not verdict(MARKETS[1], "/r", SUMMARY).right


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_verdicts_are_right_for_other_seeds_too() -> None:
    """The default is no lucky one: `python -m tests.cli.demo.seeds` judges twenty."""
    assert [seeds.labels(seed) for seed in range(100, 103)] == [("edge supported", "no edge found")] * 3
