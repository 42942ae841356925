"""Many thresholds over the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.backtest.sweep import sweep
from hfm.config import Backtest
from hfm.ledger import layout as at
from hfm.ledger.account import equity, params_new
from tests.backtest.walk import walk
from tests.ledger.market import play


@pytest.mark.parametrize("fill", ["next-open", "passive"])
def test_each_threshold_earns_what_its_own_ledger_says(fill: str) -> None:
    """Net P&L to a millionth and the same round trips; NaN forecasts are flat."""
    rows, p = walk(3_000)
    p[100:200] = np.nan
    settings = Backtest(fill=fill)  # type: ignore[arg-type]  # a string of its own Literal
    levels = np.array([0.5, 0.55, 0.6, 0.9])
    net, trips = sweep(rows, p, levels, params_new(settings, 1, 0.01), settings.cash)
    for k, level in enumerate(levels):
        rows[:, at.R_SIGNAL] = (p > level).astype(float) - (p < 1 - level)
        _, ended, state = play(rows, settings)
        assert net[k] == pytest.approx(equity(state) - settings.cash, abs=1e-6)
        assert trips[k] == len(ended)
    assert trips[0] > trips[1] > trips[2] > trips[3] == 0


def test_no_levels_and_no_rows() -> None:
    """Empty in, empty out."""
    rows, p = walk(100)
    params = params_new(Backtest(), 1, 0.01)
    assert sweep(rows, p, np.empty(0), params, 1.0)[0].shape == (0,)
    assert sweep(rows[:0], p[:0], np.array([0.6]), params, 1.0)[0].tolist() == [0.0]
