"""Rows for the ledger's kernel: by hand, from a seed, and drawn by Hypothesis; and the kernel without numba."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import hfm.kernels.jit
from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger.account import params_new, state_new
from hfm.ledger.ledger_records import LedgerState
from hfm.orders import step
from hfm.tables.records import Records

hypothesis_settings.register_profile("kernels", deadline=None)  # the first example of a test may compile a kernel
hypothesis_settings.load_profile("kernels")
FREE = Backtest(cash=10_000.0, fee_bps=0.0, spread_share=0.0, borrow=0.0, impact=0.0)
"""No cost at all at an open."""


MINUTES_5 = 300 * 10**9
DAY = 86_400 * 10**9


def row(
    mid_open: float, mid_close: float, target: float = 0.0, *, half: float = 0.0, symbol: int = 0, session: int = 0,
    seq: int = 0, last: bool = False, **other: float,
) -> Records:  # fmt: skip
    """[1] row; `half`: half the quoted spread. other: further fields of LEDGER_ROW."""
    out = np.zeros(1, rec.LEDGER_ROW)
    start = session * DAY + seq * MINUTES_5
    values = {
        "symbol": symbol, "session": session, "seq": seq, "is_last": last, "target": target, "time_open": start,
        "time": start + MINUTES_5, "mid_open": mid_open, "mid_close": mid_close, "bid_open": mid_open - half,
        "ask_open": mid_open + half, "bid_close": mid_close - half, "ask_close": mid_close + half,
        "trade_low": min(mid_open, mid_close) - half, "trade_high": max(mid_open, mid_close) + half, "volume": 1e6,
        "split_ratio": 1.0, **other,
    }  # fmt: skip
    for name, value in values.items():
        out[name] = value
    return out


def day(closes: list[float], targets: list[float], *, start: float | None = None, half: float = 0.0,
        session: int = 0, symbol: int = 0) -> Records:  # fmt: skip
    """A session whose opens are the closes before; the last row is marked."""
    opens = [closes[0] if start is None else start, *closes[:-1]]
    return np.concatenate([
        row(o, c, s, half=half, symbol=symbol, session=session, seq=i, last=i == len(closes) - 1)
        for i, (o, c, s) in enumerate(zip(opens, closes, targets, strict=True))
    ])  # fmt: skip


def turned(*symbols: Records) -> Records:
    """Rows of several symbols by instant, symbols of one instant in their order."""
    return np.stack(symbols, axis=1).reshape(-1)


class Played(NamedTuple):
    """ledger [n] of LEDGER_RESULT, trips [m] of ROUND_TRIP, and the final state."""

    out: Records
    trips: Records
    state: LedgerState


def play(rows: Records, settings: Backtest = FREE, *, symbols: int = 1, state: LedgerState | None = None,
         module: Any = step, params: Records | None = None) -> Played:  # fmt: skip
    """What a ledger makes of rows in time order."""
    state = state_new(settings.cash, symbols) if state is None else state
    params = params_new(settings, symbols, 0.01) if params is None else params
    out, trips = np.zeros(len(rows), rec.LEDGER_RESULT), np.zeros(2 * len(rows) + 2, rec.ROUND_TRIP)
    count = module.loop(state, params, np.ascontiguousarray(rows), out, trips)
    return Played(out, trips[:count], state)


def assert_equal(one: Played, other: Played) -> None:
    """Bit for bit: ledger, trips and state."""
    for a, b in zip((one.out, one.trips, *one.state), (other.out, other.trips, *other.state), strict=True):
        assert_records_equal(a, b)


def assert_records_equal(one: Records, other: Records) -> None:
    """Field by field; NaN is NaN."""
    for name in one.dtype.names or ():
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def random_rows(sessions: int, slots: int, symbols: int = 1, seed: int = 0, flip: float = 0.3) -> Records:
    """Random walks with random signals that change with probability `flip`, time-ordered over symbols."""
    rng = np.random.default_rng(seed)
    price = np.full(symbols, 100.0)
    signal = np.zeros(symbols)
    out = []
    for session in range(sessions):
        price *= np.exp(rng.normal(0, 5e-3, symbols))
        for seq in range(slots):
            for symbol in range(symbols):
                if rng.random() < flip:
                    signal[symbol] = rng.integers(-1, 2)
                new = price[symbol] * np.exp(rng.normal(0, 1e-3))
                out.append(row(price[symbol], new, signal[symbol], half=0.01 * (1 + rng.random()), symbol=symbol,
                               session=session, seq=seq, last=seq == slots - 1, sigma_day=0.01, adv=1e6))  # fmt: skip
                price[symbol] = new
    return np.concatenate(out)


@st.composite
def markets(draw: st.DrawFn) -> Records:
    """Small markets with what goes wrong in real ones: holes, missing closes, NaN, zero and infinite prices."""
    rows = random_rows(draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 2)),
                       draw(st.integers(0, 10_000)), draw(st.sampled_from([0.1, 0.5, 1.0])))  # fmt: skip
    places = ["mid_open", "mid_close", "bid_open", "ask_close", "bid_close"]
    bad = [np.nan, np.inf, -np.inf, 0.0, -5.0]
    for _ in range(draw(st.integers(0, 3))):
        rows[draw(st.sampled_from(places))][draw(st.integers(0, len(rows) - 1))] = draw(st.sampled_from(bad))
    if draw(st.booleans()):
        rows["is_last"][draw(st.integers(0, len(rows) - 1))] = False
    if draw(st.booleans()):
        rows["session"] *= draw(st.integers(1, 4))
        rows["cash_dividend"][draw(st.integers(0, len(rows) - 1))] = 0.5
    keep = np.ones(len(rows), bool)
    keep[draw(st.lists(st.integers(0, len(rows) - 1), max_size=2))] = False
    return rows[keep] if keep.any() else rows


def symbols_of(rows: Records) -> int:
    return int(rows["symbol"].max()) + 1


PLAIN = (
    "hfm.orders.order_records", "hfm.ledger.fills", "hfm.ledger.round_trips", "hfm.ledger.accounting",
    "hfm.risk.limits", "hfm.orders.simulated_broker", "hfm.orders.step",
)  # fmt: skip
"""The modules of the ledger's step, each after those that it imports."""


def unjitted(patch: pytest.MonkeyPatch, changes: dict[str, tuple[str, str]] | None = None) -> ModuleType:
    """hfm.orders.step and all kernels it calls, as plain Python. changes: module -> (old, new) in its source."""
    patch.setattr(hfm.kernels.jit, "bare", lambda function: function)
    for name in PLAIN:
        spec = importlib.util.find_spec(name)
        path = Path(str(spec.origin))  # type: ignore[union-attr]  # it is there
        source = path.read_text("utf-8")
        old, new = (changes or {}).get(name, ("", ""))
        module = ModuleType(name)
        module.__spec__ = spec  # it may be made once more
        patch.setitem(sys.modules, name, module)
        patch.setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
        exec(compile(source.replace(old, new) if old else source, str(path), "exec"), module.__dict__)
    return module
