"""The feature step of event rows: against plain NumPy on the same rows, and what every feature promises."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from hfm.features import bar_features, batch, event_features
from hfm.tables import Array, records
from tests.quotes import quote_columns

Float = npt.NDArray[np.float64]
N, SLOTS, SECOND = 240, 120, 10**9
OPEN = 14 * 3600 * SECOND


def columns(n: int = N, seed: int = 0) -> dict[str, Array]:
    """Random event rows in sessions of SLOTS rows: the mid stands still half the time, few rows trade."""
    rng = np.random.default_rng(seed)
    out = quote_columns(n, SLOTS, seed)
    out["mid_close"] = 100.0 * np.exp(np.cumsum(rng.choice([-1e-4, 0.0, 0.0, 1e-4], n)))
    out["mid_open"] = np.concatenate(([100.0], out["mid_close"][:-1]))
    out["mid_high"] = np.maximum(out["mid_open"], out["mid_close"])
    out["mid_low"] = np.minimum(out["mid_open"], out["mid_close"])
    out["depth_bid"], out["depth_ask"] = rng.integers(1, 900, (2, n)).astype(float)
    out["volume"] = rng.integers(1, 300, n) * (rng.random(n) < 0.2)
    out["signed_volume"] = out["volume"] * rng.choice([-1.0, 1.0], n)
    since = np.cumsum(rng.integers(1, 10**9, n))
    start = np.repeat(since[::SLOTS], SLOTS)[:n]
    midnight = out["session"].astype("datetime64[D]").astype(np.int64) * 86400 * SECOND
    out["time"] = midnight + OPEN + since - start + 1
    out["time_open"] = np.where(out["seq"] == 0, out["time"] - 1, np.roll(out["time"], 1))
    return out


def run(data: dict[str, Array], names: tuple[str, ...] = event_features.NAMES) -> Float:
    """Features [n, len(names)] of rows of SPY from an empty state."""
    return batch.compute(data, {"SPY": batch.state_new(SLOTS, 1.0, names)}, names)


def test_the_compiled_step_equals_the_plain_one() -> None:
    """Bit for bit: the same operations in the same order."""
    data = columns(110)
    rows = records.records({name: column for name, column in data.items() if name != "symbol"}, records.QUOTE)
    state, every = event_features.state_new(SLOTS, 1.0), np.zeros(1, event_features.FEATURES)
    out = np.full((110, len(event_features.NAMES)), np.nan)
    for i, row in enumerate(rows):
        if event_features.step.py_func(state[0], row, every[0]):
            out[i] = every.view(np.float64)
    np.testing.assert_array_equal(out, run(data))


def test_its_first_features_are_those_of_the_step_of_bars() -> None:
    """One state holds both."""
    data = columns()
    np.testing.assert_array_equal(run(data)[:, : len(bar_features.NAMES)], run(data, bar_features.NAMES))


def test_rows_before_the_ring_is_full_are_nan_and_later_ones_are_finite() -> None:
    """LOOKBACK - 1 rows of nothing, then every feature has a value."""
    out = run(columns())
    assert np.isnan(out[: bar_features.LOOKBACK - 1]).all()
    assert np.isfinite(out[bar_features.LOOKBACK - 1 :]).all()


def test_every_feature_equals_plain_numpy() -> None:
    """Each recomputed at rows of the first and the second session, the ring reaching back over the close."""
    data = columns()
    out = run(data, event_features.EVENT_NAMES)
    ret = np.log(data["mid_close"] / data["mid_open"])
    size, sign = data["depth_bid"] + data["depth_ask"], np.sign(data["signed_volume"])
    for t in (77, 100, 119, 121, 180, 239):
        begin = t // SLOTS * SLOTS
        own = np.arange(begin, t + 1)
        moved, traded = own[ret[own] != 0], own[data["volume"][own] > 0]
        opened, now, mean = data["time_open"][begin], data["time"][t], size[t - 77 : t + 1].mean()
        spread = 1e-4 * data["spread_bps"][t]
        last = ret[moved[-1]] if len(moved) else 0.0
        expected = {
            "touch": (data["depth_bid"] - data["depth_ask"])[t] / size[t], "depth": math.log(size[t] / mean),
            "wait": math.log1p((now - data["time_open"][t]) / 1e6),
            "age": math.log1p((now - (data["time"][moved[-1]] if len(moved) else opened)) / 1e6),
            "still": math.log1p(t - moved[-1] if len(moved) else t - begin + 1),
            "trade_age": math.log1p((now - (data["time"][traded[-1]] if len(traded) else opened)) / 1e6),
            "move": np.sign(last), "move_size": last / spread, "jump": math.log(1e4 * abs(last) or 1e4 * spread),
            "sign_last": sign[traded[-1]] if len(traded) else 0.0,
        }  # fmt: skip
        for k in (1, 3, 10, 30, 78):
            back = slice(t - k + 1, t + 1)
            expected |= {f"ret_{k}": ret[back].sum() / spread, f"ofi_{k}": np.arcsinh(data["ofi"][back].sum() / mean),
                         f"flow_{k}": np.arcsinh(data["signed_volume"][back].sum() / mean)}  # fmt: skip
            expected["sign" if k == 1 else f"sign_{k}"] = sign[back].sum()
        wait = np.where(data["seq"] == 0, 1, data["time"] - data["time_open"])
        for k in (10, 78):
            expected[f"pace_{k}"] = math.log1p(wait[t - k + 1 : t + 1].mean() / 1e6)
        for name, value in expected.items():
            if name in event_features.EVENT_NAMES:
                assert out[t, event_features.EVENT_NAMES.index(name)] == pytest.approx(value, rel=1e-9, abs=1e-9), (
                    name,
                    t,
                )
        assert set(event_features.EVENT_NAMES) <= set(expected)


@pytest.mark.parametrize("cut", [0, 1, 90, 121, N])
def test_rows_split_anywhere_give_the_same_bits(cut: int) -> None:
    """The state is the whole memory: two calls equal one."""
    data, memory = columns(), {"SPY": batch.state_new(SLOTS, 1.0, event_features.NAMES)}
    parts = [batch.compute({k: v[at] for k, v in data.items()}, memory, event_features.NAMES)
             for at in (slice(0, cut), slice(cut, N))]  # fmt: skip
    np.testing.assert_array_equal(np.concatenate(parts), run(data))


def test_what_comes_later_changes_no_feature() -> None:
    """Every number after row 150 is poisoned: features up to it are the same bits."""
    clean = columns()
    late = np.arange(N) > 150
    dirty = {k: np.where(late, v * 1.5 + 1.0, v) if v.dtype == float else v for k, v in clean.items()}
    dirty["time"] = np.where(late, dirty["time"] + 5, dirty["time"])
    np.testing.assert_array_equal(run(dirty)[:151], run(clean)[:151])
    assert (run(dirty)[151:] != run(clean)[151:]).any()


def test_prices_and_sizes_in_other_units_change_no_feature() -> None:
    """Prices times a constant, shares in lots of a hundred."""
    data = columns()
    sizes = ("volume", "signed_volume", "ofi", "depth_bid", "depth_ask")
    other = {k: v * 7.5 if k.startswith("mid_") else v / 100 if k in sizes else v for k, v in data.items()}
    np.testing.assert_allclose(run(other), run(data), rtol=1e-7, atol=1e-7)


def test_mirrored_prices_flip_the_signed_features_and_no_others() -> None:
    """Log prices and flows negated, bid and ask exchanged: SIGNED change sign; what is even in the price stays."""
    data = columns()
    mirror = dict(data)
    for name, other in (("mid_open", "mid_open"), ("mid_close", "mid_close"), ("mid_high", "mid_low"),
                        ("mid_low", "mid_high")):  # fmt: skip
        mirror[name] = 10_000.0 / data[other]
    mirror |= {name: -data[name] for name in ("signed_volume", "ofi", "imbalance", "micro_bps")}
    mirror |= {"depth_bid": data["depth_ask"], "depth_ask": data["depth_bid"]}
    sign = np.array([-1.0 if name in batch.SIGNED else 1.0 for name in event_features.NAMES])
    np.testing.assert_allclose(run(mirror), sign * run(data), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("what", ["still price", "no volume", "empty book", "one instant"])
def test_degenerate_rows_give_finite_features(what: str) -> None:
    """A mid that never moves, nothing traded, both sides empty, all rows at one time: nothing is NaN or infinite."""
    data = columns()
    if what == "still price":
        data |= {name: np.full(N, 100.0) for name in ("mid_open", "mid_high", "mid_low", "mid_close")}
    elif what == "no volume":
        data |= {name: np.zeros(N) for name in ("volume", "signed_volume")}
    elif what == "empty book":
        data |= {name: np.zeros(N) for name in ("depth_bid", "depth_ask")}
    else:
        data["time_open"] = data["time"] = np.full(N, data["time"][0])
    assert np.isfinite(run(data)[bar_features.LOOKBACK - 1 :]).all()


def test_bars_names_alone_need_no_more_than_the_step_of_bars() -> None:
    """Columns and state are those of bars unless a feature of events is asked for."""
    assert batch.inputs(batch.GROUPS["default"]) == batch.INPUTS
    assert batch.inputs(batch.GROUPS["events"]) == ("symbol", *event_features.INPUTS)
    assert batch.state_new(SLOTS, 1.0).dtype == bar_features.STATE


def test_the_record_of_features_has_the_names_in_their_order() -> None:
    """A float64 each and nothing between them; a value written by name or by window stands at its name's place."""
    every = np.zeros(1, event_features.FEATURES)
    assert every.nbytes == 8 * len(event_features.NAMES)
    every["bars"]["ofi"], every["ofi"], every["sign_10"], every["jump"] = 1, [[2, 3, 4, 5, 6]], 7, 8
    values = dict(zip(event_features.EVENT_NAMES, every.view(np.float64)[len(bar_features.NAMES) :], strict=True))
    assert {name: value for name, value in values.items() if value} == {
        "ofi_1": 2, "ofi_3": 3, "ofi_10": 4, "ofi_30": 5, "ofi_78": 6, "sign_10": 7, "jump": 8,
    }  # fmt: skip
    assert every.view(np.float64)[bar_features.NAMES.index("ofi")] == 1
