"""Facts: statistics of sums against the plain statistic, bands, and what is judged."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import kurtosis, norm

from hfm import tables
from hfm.simulate.bars import bar_facts
from tests.bars import bar_table
from tests.simulate.test_stage import simulate


@pytest.fixture(scope="module")
def run() -> tuple[pa.Table, dict[str, dict[str, float]]]:
    """Quotes and facts of 80 sessions with a few holes."""
    quotes, _, document = simulate(bar_table(80, drop=(100, 101, 3000)))
    return quotes, document["facts"]


def test_facts_equal_plain_statistics_of_the_quotes(run: tuple[pa.Table, dict[str, dict[str, float]]]) -> None:
    """Kurtosis, autocorrelation, slope and R2 of OFI, mean spread: recomputed row by row."""
    q, found = tables.arrays(run[0]), run[1]
    joined = np.concatenate(([False], (np.diff(q["seq"]) == 1) & (q["session"][1:] == q["session"][:-1])))
    origin = np.where(joined, np.roll(q["mid_close"], 1), q["mid_open"])
    r = 1e4 * np.log(q["mid_close"] / origin)
    x = r / q["sigma_bps"]
    push = 0.005 / q["depth_bid"] * q["ofi"] / (q["sigma_bps"] * 1e-4 * origin)
    expected = {
        "kurtosis": kurtosis(r),
        "kurtosis_standardised": kurtosis(x),
        "return_ac1": np.corrcoef(x[:-1][joined[1:]], x[1:][joined[1:]])[0, 1],
        "abs_ac1": np.corrcoef(np.abs(r[:-1][joined[1:]]), np.abs(r[1:][joined[1:]]))[0, 1],
        "ofi_slope": np.polyfit(push, x, 1)[0],
        "ofi_r2": np.corrcoef(push, x)[0, 1] ** 2,
        "spread_ticks": np.mean((q["ask_close"] - q["bid_close"]) / 0.01),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-4), name


def test_the_model_passes_its_own_bands(run: tuple[pa.Table, dict[str, dict[str, float]]]) -> None:
    """Every fact that the simulator makes (not the bars) lies inside."""
    judged = {name: fact["pass"] for name, fact in run[1].items() if fact["of"] == "simulated" and fact["band"]}
    assert len(judged) >= 8
    assert all(judged.values()), judged


def test_what_is_the_bars_own_is_not_judged_where_they_are_real() -> None:
    """Kurtosis of observed bars: a value, no band, no verdict."""
    _, _, document = simulate(bar_table(30, synthetic=False))
    assert document["facts"]["kurtosis"]["pass"] is None
    assert document["facts"]["kurtosis"]["band"] is None
    assert document["facts"]["ofi_slope"]["pass"] is not None


def test_known_gains_are_those_of_the_design() -> None:
    """rho .107 -> 53.4 %, 1.9 % beyond .6; .2 -> 56.4 %, 21.5 %."""
    for rho, right, far in ((0.107, 0.534, 0.019), (0.2, 0.564, 0.215)):
        gain, share = bar_facts.known_gain(rho, 1.0)
        assert gain == pytest.approx(rho)
        assert 0.5 + math.asin(gain) / math.pi == pytest.approx(right, abs=5e-4)
        assert share == pytest.approx(far, abs=5e-4)
        assert share == pytest.approx(2 * norm.cdf(-norm.ppf(0.6) * math.sqrt(1 - rho**2) / rho), rel=1e-6)
