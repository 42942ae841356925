"""A back-test of a million bars, against vectorbt (numba and Rust) and backtesting.py at the same trades.

The rule that all of them can keep: 100 shares long above P .6, short below .4, flat between, filled at the next open
three quarters of the half-spread off the mid, .5 bp of notional a side, no end of session. Equity is asserted equal
at every bar to 6 decimals before anything is timed.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hfm.backtest.ledger_tables import edges, lay
from hfm.backtest.sweep.summary_ledger import rows_new, rows_of, summarise, workspace
from hfm.config import Backtest
from hfm.ledger import ledger_records as rec
from hfm.ledger.account import equity, params_new, state_new
from hfm.ledger.ledger_records import HOT_ROW, LEDGER_ROW
from hfm.orders import step
from hfm.tables.records import Records
from tests.backtest.walk import walk
from tests.bench.figure import Figure, rate

BARS = 1_000_000
PNL = 20
"""Runs that are timed together where one is too short for the clock."""
NEAR = 2_048
"""Bars whose rows and columns lie in the processor's cache."""
SLOW = 50_000
"""Bars for backtesting.py, which takes ten seconds a million."""
CASH = 1e8
RULE = Backtest(cash=CASH, fee_bps=0.5, impact=0.0, borrow=0.0, max_position=100.0)


def figures() -> Iterator[Figure]:
    """All ledger columns and round trips; P&L by session alone; against each peer that is installed."""
    rows, signal = market(BARS)
    params = params_new(RULE, 1, 0.01)
    out, trips = np.zeros(BARS, rec.LEDGER_RESULT), np.zeros(2 * BARS + 2, rec.ROUND_TRIP)

    def ledger() -> float:
        state = state_new(CASH, 1)
        step.loop(state, params, rows, out, trips)
        return equity(state)

    lean, codes, room = params.copy(), signal.astype(np.int8) + edges(rows), workspace(len(rows))
    both = rows_of(rows)
    lean["keep_trips"] = False

    def pnl() -> float:
        state = state_new(CASH, 1)
        summarise(state, lean, both, codes, np.zeros(1, rec.BLOCK_SUMS), room)
        return equity(state)

    def near() -> None:
        for _ in range(BARS // NEAR):
            step.loop(state_new(CASH, 1), params, rows[:NEAR], out[:NEAR], trips[: 2 * NEAR + 2])

    assert abs(ledger() - pnl()) < 1e-6
    yield rate("backtest rows, laid once from columns for all trials, bars", BARS, laying(rows))
    yield rate("backtest all columns, bars in the processor's cache", BARS // NEAR * NEAR, near,
               note=f"{NEAR:,} bars again and again; of a million, memory is the limit")  # fmt: skip
    yield rate("backtest P&L alone, bars", BARS, pnl)
    for name, peer in peers(rows, signal, out):
        yield rate(f"backtest all columns, bars against {name}", BARS, ledger, peer, note=name)
        yield rate(f"backtest P&L, bars against {name}", BARS, pnl, peer, note=name)
    if importlib.util.find_spec("backtesting"):
        yield from slow()


def laying(rows: Records) -> Callable[[], None]:
    """A function that lays the rows from the quotes' columns, as the back-test does before any ledger runs."""
    columns = {name: rows[name].copy() for name in LEDGER_ROW.names or ()}
    columns["is_last"] = columns["is_last"].astype(np.int64)
    out, order = rows_new(len(rows)), np.arange(len(rows))
    lay(columns, order, out)
    for name in HOT_ROW.names or ():
        np.testing.assert_array_equal(out.hot[name], rows[name])
    return lambda: lay(columns, order, out)


def market(n: int) -> tuple[Records, np.ndarray]:
    """One long session, and the signals."""
    rows, p = walk(n)
    for name in ("session", "block", "is_last"):
        rows[name] = 0
    signal = (p > 0.6).astype(float) - (p < 0.4)
    signal[-2:] = 0.0  # nothing is held at the end
    rows["target"] = signal
    return rows, signal


def peers(rows: Records, signal: np.ndarray, out: Records) -> Iterator[tuple[str, Callable[[], object]]]:
    """(name, function) of vectorbt's engines that are installed, once their equity equals ours."""
    if not importlib.util.find_spec("vectorbt"):
        return
    import vectorbt as vbt

    mid, close = rows["mid_open"], rows["mid_close"]
    target = 100.0 * np.append(0.0, signal[:-1])
    slip = 0.75 * 0.5 * (rows["ask_open"] - rows["bid_open"]) / mid
    for engine in ("numba", "rust"):
        if engine == "rust" and not importlib.util.find_spec("vectorbt_rust"):
            continue

        def orders(engine: str = engine) -> Any:
            return vbt.Portfolio.from_orders(
                close, size=target, size_type="targetamount", price=mid, slippage=slip, fees=0.5e-4, init_cash=CASH,
                freq="5min", engine=engine,
            ).value()  # fmt: skip

        np.testing.assert_allclose(orders().to_numpy(), out["equity"], rtol=0, atol=1e-6)
        yield f"vectorbt {vbt.__version__} {engine}", orders


def slow() -> Iterator[Figure]:
    """backtesting.py over fewer bars; its P&L equals ours to 6 decimals of the capital."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import backtesting
    backtesting.backtesting._tqdm = lambda steps, **_: steps  # its progress bar
    rows, signal = market(SLOW)
    opens, close = rows["mid_open"], rows["mid_close"]
    frame = pd.DataFrame({
        "Open": opens, "Close": close, "High": np.maximum(opens, close), "Low": np.minimum(opens, close),
    }, index=pd.date_range("2000-01-01", periods=SLOW, freq="5min"))  # fmt: skip

    class Rule(backtesting.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            pass

        def next(self) -> None:
            side = signal[len(self.data) - 1]
            if self.position and (side == 0 or self.position.is_long != (side > 0)):
                self.position.close()
            if side and not (self.position and self.position.is_long == (side > 0)):
                (self.buy if side > 0 else self.sell)(size=100)

    def peer() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = backtesting.Backtest(frame, Rule, cash=CASH, commission=0.5e-4, finalize_trades=True)
            return float(test.run()["Equity Final [$]"])

    free = Backtest(cash=CASH, fee_bps=0.5, impact=0.0, borrow=0.0, max_position=100.0, spread_share=0.0)
    params, out = params_new(free, 1, 0.01), np.zeros(SLOW, rec.LEDGER_RESULT)
    trips = np.zeros(2 * SLOW + 2, rec.ROUND_TRIP)

    def ours() -> float:
        state = state_new(CASH, 1)
        step.loop(state, params, rows, out, trips)
        return equity(state)

    assert abs(peer() / ours() - 1) < 1e-6
    lean, codes, room = params.copy(), signal.astype(np.int8) + edges(rows), workspace(len(rows))
    both = rows_of(rows)
    lean["keep_trips"] = False

    def pnl() -> float:
        state = state_new(CASH, 1)
        for _ in range(PNL):
            state = state_new(CASH, 1)
            summarise(state, lean, both, codes, np.zeros(1, rec.BLOCK_SUMS), room)
        return equity(state)

    assert abs(pnl() / ours() - 1) < 1e-9
    note = f"backtesting.py {backtesting.__version__}; without a spread, which it has only as a share of the price"
    yield rate("backtest all columns, bars against backtesting.py", SLOW, ours, peer, note=note, times=3)
    alone = rate("backtest P&L, bars against backtesting.py", SLOW, pnl, peer, note=note, times=3)
    yield replace(alone, ours=alone.ours * PNL, ratio=(alone.ratio or 0.0) * PNL)
