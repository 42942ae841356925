"""The feature step against plain NumPy on the same rows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from hfm.features import bar_features, batch
from tests.quotes import quote_columns

Float = npt.NDArray[np.float64]
N, SLOTS = 240, 60


def rows(n: int = N, seed: int = 0) -> Float:
    """[n, ROW] of random quotes in sessions of SLOTS rows."""
    return batch.row_matrix(quote_columns(n, SLOTS, seed))


def run(data: Float, py: bool = False, state: Float | None = None) -> Float:
    """All features of rows [n, ROW], by the kernel or by its plain Python form."""
    state = bar_features.state_new(SLOTS, 300.0) if state is None else state
    out = np.empty((len(data), len(bar_features.NAMES)))
    if not py:
        bar_features.loop(state, data, np.arange(len(bar_features.NAMES)), np.empty(len(bar_features.NAMES)), out)
        return out
    plain = getattr(bar_features.step, "py_func", bar_features.step)  # numba's dispatcher carries the plain function
    for i, row in enumerate(data):
        plain(state, row, out[i])
    return out


def column(out: Float, name: str) -> Float:
    """One feature of `run`'s answer."""
    return out[:, bar_features.NAMES.index(name)]


def field(data: Float, name: str) -> Float:
    """One input column."""
    return data[:, bar_features.ROW.index(name)]


def test_the_compiled_step_equals_the_plain_one() -> None:
    """Bit for bit: the same operations in the same order."""
    data = rows(130)
    np.testing.assert_array_equal(run(data), run(data, py=True))


def test_rows_before_the_ring_is_full_are_nan_and_later_ones_are_finite() -> None:
    """LOOKBACK - 1 rows of nothing, then every feature has a value."""
    out = run(rows())
    assert np.isnan(out[: bar_features.LOOKBACK - 1]).all()
    assert np.isfinite(out[bar_features.LOOKBACK - 1 :]).all()


def returns(data: Float) -> Float:
    """Each row's return: from the close before inside a session, else from its own open."""
    session, seq = field(data, "session"), field(data, "seq")
    close = field(data, "mid_close")
    origin = field(data, "mid_open").copy()
    joined = (session[1:] == session[:-1]) & (seq[1:] == seq[:-1] + 1)
    origin[1:][joined] = close[:-1][joined]
    return np.log(close / origin)


def test_windowed_features_equal_numpy_over_the_last_rows() -> None:
    """Each statistic recomputed by a plain formula at five rows, among them one after a hole."""
    data = rows()
    data = np.delete(data, [150, 151], axis=0)  # a hole inside a session
    out, r = run(data), returns(data)
    volume, ofi, spread = field(data, "volume"), field(data, "ofi"), field(data, "spread_bps")
    hl = np.log(field(data, "mid_high") / field(data, "mid_low"))
    co = np.log(field(data, "mid_close") / field(data, "mid_open"))
    gk = 0.5 * np.log(0.5 * hl**2 - (2 * math.log(2) - 1) * co**2) + math.log(1e4)
    x = 1e4 * r / field(data, "sigma_bps")
    o, f = (q / field(data, "depth_bid") / field(data, "sigma_bps") for q in (ofi, field(data, "signed_volume")))
    nights = np.append(np.nan, np.diff(np.log(field(data, "mid_close"))))
    for t in (77, 100, 149, 150, 237):

        def back(values: Float, k: int, t: int = t) -> Float:
            return values[t - k + 1 : t + 1]

        sd = back(r, 20).std(ddof=1)
        xs = back(x, 78)
        residual, leftover = (back(y, 78) - (back(y, 78) @ xs) / (xs @ xs) * xs for y in (o, f))
        expected = {
            "volume_ratio": math.log(volume[t] / back(volume, 20).mean()),
            "momentum": back(r, 5).sum() / (sd * math.sqrt(5)),
            "volatility": 1e4 * sd, "volatility_nights": 1e4 * back(nights, 20).std(ddof=1),
            "ofi": ofi[t] / math.sqrt((back(ofi, 78) ** 2).mean()),
            "spread": spread[t],
            "log_volatility": math.log(1e4 * sd),
            "ofi_sigma": o[t],
            "ret_sigma": x[t],
            "rv_12": 0.5 * math.log((back(r, 12) ** 2).mean()) + math.log(1e4),
            "rv_78": 0.5 * math.log((back(r, 78) ** 2).mean()) + math.log(1e4),
            "gk_1": gk[t], "gk_3": back(gk, 3).mean(), "gk_12": back(gk, 12).mean(), "gk_78": back(gk, 78).mean(),
            "spread_3": np.log(back(spread, 3)).mean(), "spread_78": np.log(back(spread, 78)).mean(),
            "surprise": residual[-1] / math.sqrt((residual**2).mean()),
            "flow_surprise": leftover[-1] / math.sqrt((leftover**2).mean()),
            "slot": field(data, "seq")[t] / SLOTS,
        }  # fmt: skip
        for name, value in expected.items():
            assert column(out, name)[t] == pytest.approx(value, rel=1e-9, abs=1e-12), (name, t)


def test_the_gap_counts_dividends_and_splits() -> None:
    """A 2:1 split and a dividend at an open leave no gap where the holder lost nothing."""
    data = rows()
    at = 2 * SLOTS
    before = data[at - 1, bar_features.ROW.index("mid_close")]
    prices = [j for j, n in enumerate(bar_features.ROW) if n.startswith("mid_")]
    data[at:, prices] *= (before - 1.0) / 2.0 / data[at, bar_features.ROW.index("mid_open")]
    data[at, bar_features.ROW.index("split_ratio")] = 2.0
    data[at, bar_features.ROW.index("cash_dividend")] = 1.0
    assert column(run(data), "gap")[at] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("what", ["still price", "no volume", "no flow", "no depth", "one-price bars"])
def test_degenerate_rows_give_finite_features(what: str) -> None:
    """A price that never moves, nothing traded, no order flow, high = low: floors hold, nothing is NaN or infinite."""
    data = rows()
    at = {name: j for j, name in enumerate(bar_features.ROW)}
    if what == "still price":
        data[:, [at[n] for n in bar_features.ROW if n.startswith("mid_")]] = 100.0
    elif what == "no volume":
        data[:, [at["volume"], at["signed_volume"]]] = 0.0
    elif what == "no flow":
        data[:, [at["ofi"], at["signed_volume"]]] = 0.0
    elif what == "no depth":
        data[::7, [at["depth_bid"], at["depth_ask"]]] = 0.0
    else:
        data[:, [at["mid_high"], at["mid_low"], at["mid_open"]]] = data[:, [at["mid_close"]]]
    out = run(data)[bar_features.LOOKBACK - 1 :]
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 1e3


def test_a_nan_input_stays_in_its_own_features() -> None:
    """A row without an order-flow imbalance loses the features of OFI while the ring holds it, and no others."""
    data = rows()
    data[100, bar_features.ROW.index("ofi")] = np.nan
    out = run(data)
    lost = {"ofi", "ofi_sigma", "surprise"}
    for name in bar_features.NAMES:
        assert np.isnan(column(out, name)[100]) == (name in lost), name
    assert np.isfinite(out[100 + bar_features.LOOKBACK :]).all()
