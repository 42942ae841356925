"""The oracle's forecast of the spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from hfm.verify.lookahead import compare
from tests.bars import bar_table
from tests.simulate.test_stage import simulate, spy

Float = npt.NDArray[np.float64]


def errors(bars: pa.Table) -> tuple[Float, Float, Float]:
    """ln spread of the next row less its forecast, the stated sd, and the change of ln spread."""
    quotes, oracle, _ = simulate(bars)
    ln = np.log(quotes["spread_bps"].to_numpy())
    inner = np.flatnonzero(~quotes["is_last"].to_numpy(zero_copy_only=False))
    mean, sd = (oracle[n].to_numpy() for n in ("log_spread_mean", "log_spread_sd"))
    assert np.isnan(mean[~np.isin(np.arange(len(ln)), inner)]).all()
    return ln[inner + 1] - mean[inner], sd[inner], ln[inner + 1] - ln[inner]


def test_the_forecast_of_the_spread_has_no_bias_and_beats_the_last_spread() -> None:
    """Invented bars: mean error within .01 of 0, its sd at most .8 of the change's."""
    error, _, change = errors(bar_table(200))
    assert abs(error.mean()) < 0.01
    assert error.std() < 0.8 * change.std()


def test_on_real_spy_its_stated_error_is_the_true_one(real: Path) -> None:
    """A year of SPY: stated and actual error agree within 5 %, and there is no bias."""
    error, sd, _ = errors(spy(real))
    assert abs(error.mean()) < 0.005
    assert np.sqrt(np.mean(sd**2)) == pytest.approx(error.std(), rel=0.05)


def test_in_the_first_session_too_the_next_row_s_volatility_is_not_known() -> None:
    """The level of a symbol's first session is a running mean: the forecast stands when the next row is another."""
    bars = bar_table(2, slots=12)
    known = oracle_of(bars)
    for row in (1, 5, 10):
        other = oracle_of(bars.slice(0, row))
        for name in ("log_spread_mean", "log_spread_sd"):
            np.testing.assert_array_equal(known[name][: row - 1], other[name][: row - 1])
        wild = compare.poisoned(bars, int(compare.times(bars)[row]), 1.5)
        np.testing.assert_array_equal(known["log_spread_mean"][:row], oracle_of(wild)["log_spread_mean"][:row])


def oracle_of(bars: pa.Table) -> dict[str, Float]:
    """The oracle's forecast of the spread, of a table of bars."""
    found = simulate(bars)[1]
    return {name: found[name].to_numpy() for name in ("log_spread_mean", "log_spread_sd")}
