"""What the report knows of a run: gathered once, with a sentence for each thing that is not there."""

from __future__ import annotations

import json

import pytest

from hfm.config import Backtest, Config, Report
from hfm.report import evidence
from hfm.stage import Record
from hfm.tables import MemoryReader
from tests.report.builder import make

CONFIG = Config(report=Report(reps=200))


def test_everything_of_a_whole_run_is_found() -> None:
    """No stage is missing, the verdict has its numbers, N is what the pipeline counted."""
    found = evidence.gather(make(), CONFIG, Record(40))
    assert found.missing == ()
    assert found.forecast is not None
    assert found.strategy is not None
    assert (found.trials, found.verdict.numbers.document()["trials"]) == (40, 40)
    assert found.synthetic
    assert not found.planted
    assert not found.lookahead
    assert found.waterfall == ()


@pytest.mark.parametrize("gone", [path for names in evidence.ARTIFACTS.values() for path in names])
def test_each_artifact_that_is_not_there_is_named_with_its_command(gone: str) -> None:
    """One file missing, one sentence; the rest is still gathered."""
    inputs = {path: reader for path, reader in make().items() if path != gone}
    found = evidence.gather(inputs, CONFIG, Record(40))
    assert found.missing == (f"{gone} is missing: hfm {gone.split('/')[0]} makes it",)


def test_without_a_back_test_that_is_the_verdicts_reason() -> None:
    """No trial, no judgement, and the sessions that were forecast are counted."""
    found = evidence.gather(make(stages=("fetch", "simulate", "train")), CONFIG, Record(7))
    assert found.verdict.label == "insufficient data"
    assert found.verdict.reasons == ("There is no back-test in this run: hfm backtest makes it.",)
    assert found.verdict.numbers.document()["sessions"] > 0
    assert found.strategy is None


def test_columns_are_listed_by_where_they_come_from() -> None:
    """Observed and simulated columns of the quotes stand apart; the oracle's are simulated."""
    lines = {
        (table, origin): columns
        for table, origin, columns in evidence.gather(make(synthetic=False), CONFIG, Record(1)).origins
    }
    assert "trade_close" in lines["quotes", "observed"]
    assert "spread_bps" in lines["quotes", "simulated"]
    assert "p_up" in lines["oracle", "simulated"]
    assert "close" in lines["bars", "observed"]


def test_the_hash_is_the_settings_and_nothing_else() -> None:
    """Another threshold, another hash; another market, the same."""
    one, other = (evidence.gather(make(seed=seed), CONFIG, Record(1)).config_hash for seed in (1, 2))
    assert one == other
    changed = Config(report=Report(reps=200), backtest=Backtest(threshold="0.55"))
    assert evidence.gather(make(), changed, Record(1)).config_hash != one


def test_look_ahead_fills_are_flagged_before_any_other_flag() -> None:
    """The first flag says that the figures are no result."""
    inputs = make(sessions=90, edge=8.0, accuracy=0.6, synthetic=False)
    metrics = json.loads(inputs["backtest/metrics.json"].data()) | {"lookahead": True}
    found = evidence.gather(
        inputs | {"backtest/metrics.json": MemoryReader(json.dumps(metrics).encode())}, CONFIG, Record(40)
    )
    assert found.lookahead
    assert found.verdict.flags[0] == evidence.LOOKAHEAD
    assert "Too good to be taken as it is" in found.verdict.flags[1]
