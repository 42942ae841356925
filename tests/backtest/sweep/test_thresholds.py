"""Many thresholds over the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.backtest.sweep.summary_ledger import rows_of
from hfm.backtest.sweep.thresholds import Sweep, spell, sweep
from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger.account import equity, params_new, state_new
from hfm.orders import step
from hfm.tables.metrics_document import SweepPoint
from tests.backtest import market
from tests.backtest.walk import Walk, walk
from tests.ledger.market import play


@pytest.mark.parametrize("fill", ["next-open", "passive"])
def test_each_threshold_earns_what_its_own_ledger_says(fill: str) -> None:
    """Net P&L to a millionth and the same round trips; NaN forecasts are flat."""
    rows, p = walk(3_000)
    p[100:200] = np.nan
    settings = Backtest(fill=fill)  # type: ignore[arg-type]  # a string of its own Literal
    levels, score = np.array([0.0, 0.05, 0.1, 0.4]), p - 0.5
    net, trips = sweep(rows, score, levels, params_new(settings, 1, 0.01), settings.cash)
    for k, level in enumerate(levels):
        rows["target"] = (score > level).astype(float) - (score < -level)
        _, ended, state = play(rows, settings)
        assert net[k] == pytest.approx(equity(state) - settings.cash, abs=1e-6)
        assert trips[k] == len(ended)
    assert trips[0] > trips[1] > trips[2] > trips[3] == 0


def holed() -> Walk:
    """A walk with every kind of hole: no open, no quote, no close, at a session's first and last row and inside, last
    rows that are missing."""
    rows, p = walk(3_000)
    rng = np.random.default_rng(5)
    for names in (("mid_open", "bid_open", "ask_open"), ("ask_close",), ("mid_close",)):
        for bad in (np.nan, 0.0, np.inf, -1.0):
            some = rng.choice(len(rows), 25, replace=False)
            for name in names:
                rows[name][some] = bad
    rows["mid_close"][77::390] = rows["mid_open"][78::390] = np.nan
    rows["bid_close"][155::390] = np.nan
    keep = np.ones(len(rows), bool)
    keep[233::390] = False
    mid = rows["mid_close"]
    rows["mark_sum"] = np.cumsum(np.where((mid > 0) & (mid < np.inf), mid, 0.0))
    return Walk(rows[keep], p[keep])


@pytest.mark.parametrize(
    "settings",
    [
        Backtest(), Backtest(fill="cross"), Backtest(fill="next-mid", fee_bps=0.0), Backtest(max_position=17.0),
        Backtest(size=0.3, impact=2.0, borrow=0.1), Backtest(hold_overnight=True), Backtest(throttle=3),
        Backtest(max_drawdown=0.01), Backtest(sizing="vol"),
    ],
    ids=lambda s: f"{s.fill}-{s.size}-{s.sizing}-{s.hold_overnight}-{s.throttle}-{s.max_position}",
)  # fmt: skip
def test_a_sweep_over_broken_data_is_each_thresholds_own_ledger_to_the_cent(settings: Backtest) -> None:
    """Under every rule, plain or not; more thresholds than run side by side at once."""
    rows, p = holed()
    rows["ret_sd_bps"] = 5.0
    levels, score = np.linspace(0.0, 0.12, 70), p - 0.5
    net, trips = sweep(rows.copy(), score, levels, params_new(settings, 1, 0.01, 19_500.0), settings.cash)
    for k in (0, 1, 20, 63, 64, 69):
        rows["target"] = (score > levels[k]).astype(float) - (score < -levels[k])
        state = state_new(settings.cash, 1)
        out, ended = np.zeros(len(rows), rec.LEDGER_RESULT), np.zeros(2 * len(rows) + 2, rec.ROUND_TRIP)
        count = step.loop(state, params_new(settings, 1, 0.01, 19_500.0), rows, out, ended)
        assert net[k] == pytest.approx(equity(state) - settings.cash, abs=1e-6)
        assert trips[k] == count


def test_no_levels_and_no_rows() -> None:
    """Empty in, empty out."""
    rows, p = walk(100)
    params = params_new(Backtest(), 1, 0.01)
    assert sweep(rows, p, np.empty(0), params, 1.0)[0].shape == (0,)
    assert sweep(rows[:0], p[:0], np.array([0.6]), params, 1.0)[0].tolist() == [0.0]


def test_panels_change_nothing() -> None:
    """The states are carried: two halves give what the whole gives."""
    rows, p = walk(2_000)
    params, levels = params_new(Backtest(), 1, 0.01), np.array([0.0, 0.1])
    whole, parts = (Sweep(levels, params, 1e6, 1) for _ in range(2))
    border = int(np.flatnonzero(np.diff(rows["session"]))[10]) + 1
    whole.take(rows_of(rows.copy()), p - 0.5)
    for cut in (slice(border), slice(border, None)):
        parts.take(rows_of(rows[cut].copy()), p[cut] - 0.5)
    np.testing.assert_allclose(parts.net, whole.net, atol=1e-6)
    np.testing.assert_array_equal(parts.trips, whole.trips)


def test_the_stage_shows_quantiles_beside_the_trial_and_records_that_it_did() -> None:
    """q90 of the sweep is the trial q90; the family, its trials and the metrics are what they are without it."""
    quoted = market.walk(["AAA", "BBB"], 8, 30, seed=4)
    p = 0.5 + np.random.default_rng(3).normal(0, 0.1, quoted.num_rows)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5})
    plain, before = market.run(quoted, predicted, threshold="q90")
    doc, ctx = market.run(quoted, predicted, threshold="q90", sweep=20)
    points = doc["metrics"].pop("sweep")
    assert [point["level"] for point in points] == pytest.approx([k / 20 for k in range(20)])
    assert points[18]["net_return"] == pytest.approx(doc["metrics"]["metrics"]["return_net"]["value"], abs=1e-9)
    assert points[18]["trips"] == doc["metrics"]["metrics"]["trips"]["value"]
    assert doc["metrics"] == plain["metrics"]
    assert ctx.events[:-1] == before.events
    assert (ctx.events[-1]["event"], ctx.events[-1]["levels"]) == ("sweep", 20)
    lines = [line for line in ctx.lines if line not in before.lines]
    assert lines == spell([SweepPoint(**point) for point in points], "q")
    assert lines[0] == "sweep of 20 thresholds:"
    assert "chosen after the fact" in lines[-1]
