"""Rows for the ledger's kernel: by hand, from a seed, and drawn by Hypothesis; and the kernel without numba."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import hfm.kernels.jit
from hfm.config import Backtest
from hfm.ledger import accounting
from hfm.ledger import layout as at
from hfm.ledger.account import params_new, state_new

FREE = Backtest(cash=10_000.0, fee_bps=0.0, spread_share=0.0, borrow=0.0, impact=0.0)
"""No cost at all at an open."""


def row(
    mid_open: float, mid_close: float, signal: float = 0.0, *, half: float = 0.0, symbol: int = 0, session: int = 0,
    seq: int = 0, last: bool = False, **other: float,
) -> np.ndarray:  # fmt: skip
    """One row; `half`: half the quoted spread. other: R_ names without the prefix, in small letters."""
    out = np.zeros(at.ROW)
    out[[at.R_SYMBOL, at.R_SESSION, at.R_SEQ, at.R_LAST, at.R_SIGNAL]] = symbol, session, seq, last, signal
    out[at.R_OPEN_NS], out[at.R_CLOSE_NS] = seq * 300e9, (seq + 1) * 300e9
    out[at.R_MID_OPEN], out[at.R_MID_CLOSE] = mid_open, mid_close
    out[at.R_BID_OPEN], out[at.R_ASK_OPEN] = mid_open - half, mid_open + half
    out[at.R_BID_CLOSE], out[at.R_ASK_CLOSE] = mid_close - half, mid_close + half
    out[at.R_LOW], out[at.R_HIGH] = min(mid_open, mid_close) - half, max(mid_open, mid_close) + half
    out[at.R_VOLUME], out[at.R_SPLIT] = 1e6, 1.0
    for name, value in other.items():
        out[getattr(at, f"R_{name.upper()}")] = value
    return out


def day(closes: list[float], signals: list[float], *, start: float | None = None, half: float = 0.0,
        session: int = 0, symbol: int = 0) -> np.ndarray:  # fmt: skip
    """A session whose opens are the closes before; the last row is marked."""
    opens = [closes[0] if start is None else start, *closes[:-1]]
    return np.stack([
        row(o, c, s, half=half, symbol=symbol, session=session, seq=i, last=i == len(closes) - 1)
        for i, (o, c, s) in enumerate(zip(opens, closes, signals, strict=True))
    ])  # fmt: skip


def play(rows: np.ndarray, settings: Backtest = FREE, *, symbols: int = 1, state: Any = None, module: Any = accounting,
         params: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """(ledger [n, OUT], trips [m, TRADE], final state) of rows in time order."""
    state = state_new(settings.cash, symbols) if state is None else state
    params = params_new(settings, symbols, 0.01) if params is None else params
    out, trips = np.empty((len(rows), at.OUT)), np.zeros((2 * len(rows) + 2, at.TRADE))
    count = module.loop(state, params, np.ascontiguousarray(rows), out, trips)
    return out, trips[:count], state


def random_rows(sessions: int, slots: int, symbols: int = 1, seed: int = 0, flip: float = 0.3) -> np.ndarray:
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
    return np.stack(out)


@st.composite
def markets(draw: st.DrawFn) -> np.ndarray:
    """Small markets with what goes wrong in real ones: holes, missing closes, NaN, zero and infinite prices."""
    rows = random_rows(draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 2)),
                       draw(st.integers(0, 10_000)), draw(st.sampled_from([0.1, 0.5, 1.0])))  # fmt: skip
    places = [at.R_MID_OPEN, at.R_MID_CLOSE, at.R_BID_OPEN, at.R_ASK_CLOSE, at.R_BID_CLOSE]
    bad = [np.nan, np.inf, -np.inf, 0.0, -5.0]
    for _ in range(draw(st.integers(0, 3))):
        rows[draw(st.integers(0, len(rows) - 1)), draw(st.sampled_from(places))] = draw(st.sampled_from(bad))
    if draw(st.booleans()):
        rows[draw(st.integers(0, len(rows) - 1)), at.R_LAST] = 0.0
    if draw(st.booleans()):
        rows[:, at.R_SESSION] *= draw(st.integers(1, 4))
        rows[draw(st.integers(0, len(rows) - 1)), at.R_DIVIDEND] = 0.5
    keep = np.ones(len(rows), bool)
    keep[draw(st.lists(st.integers(0, len(rows) - 1), max_size=2))] = False
    return rows[keep] if keep.any() else rows


def symbols_of(rows: np.ndarray) -> int:
    return int(rows[:, at.R_SYMBOL].max()) + 1


def unjitted(patch: pytest.MonkeyPatch, changes: dict[str, tuple[str, str]] | None = None) -> ModuleType:
    """hfm.ledger.accounting and all kernels it calls, as plain Python. changes: module -> (old, new) in its source."""
    patch.setattr(hfm.kernels.jit, "bare", lambda function: function)
    folder = Path(accounting.__file__).parent
    for name in ("lots", "fills", "limits", "step"):
        source = (folder / f"{name}.py").read_text("utf-8")
        old, new = (changes or {}).get(name, ("", ""))
        module = ModuleType(f"hfm.ledger.{name}")
        patch.setitem(sys.modules, f"hfm.ledger.{name}", module)
        exec(compile(source.replace(old, new) if old else source, f"{name}.py", "exec"), module.__dict__)
    return module
