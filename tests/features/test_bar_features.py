"""The feature step against plain NumPy on the same rows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from hfm.features import bar_features
from hfm.tables import records
from hfm.tables.records import Records
from tests.quotes import quote_columns

Float = npt.NDArray[np.float64]
N, SLOTS = 240, 60
MIDS = ("mid_open", "mid_high", "mid_low", "mid_close")


def rows(n: int = N, seed: int = 0) -> Records:
    """[n] records of random quotes in sessions of SLOTS rows."""
    columns = quote_columns(n, SLOTS, seed)
    return records.records({name: column for name, column in columns.items() if name != "symbol"}, records.QUOTE)


def run(data: Records, py: bool = False) -> Float:
    """All features of rows [n], by the kernel or by its plain Python form."""
    state, count = bar_features.state_new(SLOTS, 300.0), len(bar_features.NAMES)
    every, out = np.zeros(1, bar_features.FEATURES), np.full((len(data), count), np.nan)
    if not py:
        bar_features.loop(state, data, np.arange(count), every, out)
        return out
    for i, row in enumerate(data):
        if bar_features.step.py_func(state[0], row, every[0]):
            out[i] = every.view(np.float64)
    return out


def column(out: Float, name: str) -> Float:
    """One feature of `run`'s answer."""
    return out[:, bar_features.NAMES.index(name)]


def test_the_compiled_step_equals_the_plain_one() -> None:
    """Bit for bit: the same operations in the same order."""
    data = rows(130)
    np.testing.assert_array_equal(run(data), run(data, py=True))


def test_rows_before_the_ring_is_full_are_nan_and_later_ones_are_finite() -> None:
    """LOOKBACK - 1 rows of nothing, then every feature has a value."""
    out = run(rows())
    assert np.isnan(out[: bar_features.LOOKBACK - 1]).all()
    assert np.isfinite(out[bar_features.LOOKBACK - 1 :]).all()


def returns(data: Records) -> Float:
    """Each row's return: from the close before inside a session, else from its own open."""
    session, seq = data["session"], data["seq"]
    close = data["mid_close"]
    origin = data["mid_open"].copy()
    joined = (session[1:] == session[:-1]) & (seq[1:] == seq[:-1] + 1)
    origin[1:][joined] = close[:-1][joined]
    return np.log(close / origin)


def test_windowed_features_equal_numpy_over_the_last_rows() -> None:
    """Each statistic recomputed by a plain formula at five rows, among them one after a hole."""
    data = rows()
    data = np.delete(data, [150, 151])  # a hole inside a session
    out, r = run(data), returns(data)
    volume, ofi, spread = data["volume"], data["ofi"], data["spread_bps"]
    hl = np.log(data["mid_high"] / data["mid_low"])
    co = np.log(data["mid_close"] / data["mid_open"])
    gk = 0.5 * np.log(0.5 * hl**2 - (2 * math.log(2) - 1) * co**2) + math.log(1e4)
    x = 1e4 * r / data["sigma_bps"]
    o, f = (q / data["depth_bid"] / data["sigma_bps"] for q in (ofi, data["signed_volume"]))
    nights = np.append(np.nan, np.diff(np.log(data["mid_close"])))
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
            "slot": data["seq"][t] / SLOTS,
        }  # fmt: skip
        for name, value in expected.items():
            assert column(out, name)[t] == pytest.approx(value, rel=1e-9, abs=1e-12), (name, t)


def test_the_gap_counts_dividends_and_splits() -> None:
    """A 2:1 split and a dividend at an open leave no gap where the holder lost nothing."""
    data = rows()
    at = 2 * SLOTS
    factor = (data["mid_close"][at - 1] - 1.0) / 2.0 / data["mid_open"][at]
    for name in MIDS:
        data[name][at:] *= factor
    data["split_ratio"][at], data["cash_dividend"][at] = 2.0, 1.0
    assert column(run(data), "gap")[at] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("what", ["still price", "no volume", "no flow", "no depth", "one-price bars"])
def test_degenerate_rows_give_finite_features(what: str) -> None:
    """A price that never moves, nothing traded, no order flow, high = low: floors hold, nothing is NaN or infinite."""
    data = rows()
    if what == "still price":
        for name in MIDS:
            data[name] = 100.0
    elif what == "no volume":
        data["volume"] = data["signed_volume"] = 0.0
    elif what == "no flow":
        data["ofi"] = data["signed_volume"] = 0.0
    elif what == "no depth":
        data["depth_bid"][::7] = data["depth_ask"][::7] = 0.0
    else:
        data["mid_high"] = data["mid_low"] = data["mid_open"] = data["mid_close"]
    out = run(data)[bar_features.LOOKBACK - 1 :]
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 1e3


def test_a_nan_input_stays_in_its_own_features() -> None:
    """A row without an order-flow imbalance loses the features of OFI while the ring holds it, and no others."""
    data = rows()
    data["ofi"][100] = np.nan
    out = run(data)
    lost = {"ofi", "ofi_sigma", "surprise"}
    for name in bar_features.NAMES:
        assert np.isnan(column(out, name)[100]) == (name in lost), name
    assert np.isfinite(out[100 + bar_features.LOOKBACK :]).all()


def test_the_record_of_features_has_the_names_in_their_order() -> None:
    """A float64 each and nothing between them: the record is read as an array by place."""
    assert bar_features.FEATURES.names == bar_features.NAMES
    assert bar_features.FEATURES.itemsize == 8 * len(bar_features.NAMES)
