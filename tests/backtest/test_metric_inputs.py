"""Returns by session and by instant, and the lengths of the year."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hfm import tables
from hfm.backtest.engine import Engine
from hfm.backtest.joined_panel import RESTING, panels
from hfm.backtest.metric_inputs import TRADED, MetricInputs, metric_inputs, too_few_traded
from hfm.backtest.totals import Totals
from hfm.config import Backtest
from tests.backtest import market


def inputs_of(more: dict[str, object], **settings: object) -> MetricInputs:
    """Of 12 sessions of 20 rows; more: metadata."""
    quoted = market.walk(["AAA"], 12, 20, seed=2)
    meta = tables.MemoryReader(quoted).meta
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, quoted.num_rows)
    readers = (tables.MemoryReader(t) for t in (quoted, market.predictions(quoted, {"lstm": p, "constant": 0.5})))
    engine = Engine(Backtest(threshold="0.52", **settings), ["AAA"], meta, 1)  # type: ignore[arg-type]  # a few of them
    totals = Totals(len(engine.trials))
    for panel in panels(*readers, "lstm", ["AAA"], RESTING):
        outcome = engine.take(panel)
        if outcome is not None:
            totals.add(outcome[0], outcome[1].sums, outcome[1].out)
    return metric_inputs(engine, totals, dataclasses.replace(meta, **more))  # type: ignore[arg-type]  # fields


def test_returns_compound_to_the_equity_of_the_ledger() -> None:
    """By session and by instant alike, from the starting capital on."""
    found = inputs_of({})
    assert found.equity[0] == found.cash == found.opening[0]
    assert np.prod(1 + found.r) == pytest.approx(found.equity[-1] / found.cash)
    assert np.prod(1 + found.bars) == pytest.approx(found.equity[-1] / found.cash)
    assert (len(found.r), len(found.bars), found.slots) == (12, 240, 20)
    assert (found.bars_year, found.sessions_year) == (19_500.0, 252.0)


def test_a_ruined_account_has_no_returns_after_its_ruin() -> None:
    """Nothing is divided by nothing: 0 where the opening equity is not above 0."""
    found = inputs_of({}, fee_bps=500.0)
    ruined = found.opening <= 0
    assert ruined.any()
    assert (found.r[ruined] == 0).all()
    assert (found.bars[found.equity[:-1] <= 0] == 0).all()
    assert np.isfinite(found.bars).all()


def test_too_few_traded_units_are_counted_in_words() -> None:
    """TRADED of them are enough."""
    notional = np.r_[np.ones(TRADED - 1), np.zeros(5)]
    assert too_few_traded(notional, "sessions") == "9 of 14 sessions traded: too few for an interval"
    assert too_few_traded(np.ones(TRADED), "blocks") == ""
