"""The tables of a session on demand: every event, every trade, and the book at each second.

E events, L price levels a side. Times are those of the events: ns since the session's opening, cut.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.arrays import Float, Int
from hfm.instants import SECOND_NS
from hfm.kernels.jit import kernel
from hfm.simulate.book.book_session import BookSession
from hfm.simulate.book.book_state import ADD, EXECUTE_HIDDEN, HALT, LEVEL
from hfm.simulate.book.book_tape import trades
from hfm.tables.records import Records

WORDS = ("add", "reduce", "delete", "execute", "execute_hidden", "halt")
"""Of the events, by their code (book_state.EVENT)."""
PRICE_LEVEL_SEARCH = 60
"""Ticks behind a best price within which levels are looked for."""


@kernel
def replay_levels(tape: Records, queue: Int, levels: Records) -> int:
    """Replay a tape on a book, and note its best price levels after each event.

    Parameters
    ----------
    tape
        [E] of EVENT, in order.
    queue
        [ticks] units at each tick before the first event; after the last one on return.
    levels
        [E, L] of LEVEL, written: the best first; a missing level has size 0.

    Returns
    -------
    int
        The first event at which the book so made disagrees with the tape (best prices and sizes, no size below 0), or
        -1.
    """
    deep, ticks = levels.shape[1], len(queue)
    for e in range(len(tape)):
        event = tape[e]
        if event.kind == ADD:
            queue[event.price] += event.qty
        elif event.kind == HALT:
            queue[:] = 0
        elif event.kind != EXECUTE_HIDDEN:
            queue[event.price] -= event.qty
            if queue[event.price] < 0:
                return e
        for k in range(deep):
            level = levels[e, k]
            level.bid = level.bid_size = level.ask = level.ask_size = 0
        bid, ask = event.bid, event.ask
        if event.kind != HALT and (bid >= ask or queue[bid] != event.bid_size or queue[ask] != event.ask_size):
            return e
        k, p = 0, bid
        while k < deep and p >= max(bid - PRICE_LEVEL_SEARCH, 0):
            if queue[p] > 0:
                levels[e, k].bid, levels[e, k].bid_size = p, queue[p]
                k += 1
            p -= 1
        k, p = 0, ask
        while k < deep and p < min(ask + PRICE_LEVEL_SEARCH, ticks):
            if queue[p] > 0:
                levels[e, k].ask, levels[e, k].ask_size = p, queue[p]
                k += 1
            p += 1
    return -1


def events(session: BookSession, key: Mapping[str, object], opening: int, deep: int, tick: float) -> pa.Table:
    """The table `book` of a session: every event, and the price levels after it.

    A tape that does not lead to the book that it says, which is a fault of the engine, is a RuntimeError.

    Parameters
    ----------
    session
        With its rows.
    key
        symbol, session, and `meta` of the table.
    opening
        ns UTC at which the session opens.
    deep
        Price levels a side.
    tick
        Currency.

    Returns
    -------
    pa.Table
        A row an event; prices NaN and sizes 0 where a level is missing.
    """
    levels = _levels(session, key, deep)
    done = len(levels)
    # field by field: one tape of the whole session would be 80 bytes an event more
    clock, kind, side, ticks, qty, order = (
        np.concatenate([p.tape[name] for p in session.played])
        for name in ("clock", "kind", "side", "price", "qty", "order_id")
    )
    price, size = (ticks + session.origin) * tick, qty * session.unit
    price[kind == EXECUTE_HIDDEN] = _hidden_prices(session)
    price[kind == HALT] = np.nan
    columns: dict[str, object] = {
        "symbol": str(key["symbol"]), "session": np.full(done, key["session"]), "seq": np.arange(done),
        "time": opening + clock, "event": pa.DictionaryArray.from_arrays(pa.array(kind, pa.int32()), WORDS),
        "side": side.astype(np.int8), "price": price, "size": size,
        "order_id": pa.array(order, mask=order == 0),
    }  # fmt: skip
    columns |= _level_columns(session, levels, tick)
    meta = key["meta"]
    return tables.build(tables.schema.book(deep), columns, meta, "simulated")  # type: ignore[arg-type]  # a dict


def _levels(session: BookSession, key: Mapping[str, object], deep: int) -> Records:
    """[E, L] the price levels after each event of a session. Raises RuntimeError as `events` says."""
    queue = np.zeros(session.ticks, np.int64)
    levels = np.zeros((sum(len(p.tape) for p in session.played), deep), LEVEL)
    done = 0
    for p in session.played:
        wrong = replay_levels(p.tape, queue, levels[done : done + len(p.tape)])
        if wrong >= 0:
            where = f"event {done + wrong} of {key['symbol']} on {key['session']}"
            raise RuntimeError(f"{where} does not lead to the book after it")
        done += len(p.tape)
    return levels


def _hidden_prices(session: BookSession) -> Float:
    """[n] exact prices of the hidden executions, in order: the tape has the rows of their trades."""
    prices = []
    for p in session.played:
        rows = p.tape["price"][p.tape["kind"] == EXECUTE_HIDDEN]
        prices.append(p.trades["price"][rows])
    return np.concatenate(prices)


def _level_columns(session: BookSession, levels: Records, tick: float) -> dict[str, object]:
    """Price (currency, NaN where a level is missing) and size (shares) of each level [E], from `levels` [E, L]."""
    columns: dict[str, object] = {}
    for k in range(levels.shape[1]):
        for name in ("bid", "ask"):
            units, at_level = levels[f"{name}_size"][:, k], levels[name][:, k]
            columns[f"{name}_px_{k + 1}"] = np.where(units > 0, (at_level + session.origin) * tick, np.nan)
            columns[f"{name}_sz_{k + 1}"] = units * session.unit
    return columns


def prints(session: BookSession, key: Mapping[str, object], opening: int) -> pa.Table:
    """The table `prints` of a session: every trade on and off the book.

    Parameters
    ----------
    session
        With its rows.
    key, opening
        See `events`.

    Returns
    -------
    pa.Table
        A row a trade, in order.
    """
    parts = [trades(p, v, session.unit) for p, v in zip(session.played, session.volume, strict=True)]
    time, price, size, side, lit = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("time", "price", "size", "side", "lit")
    )
    columns = {"price": price, "size": size, "side": side.astype(np.int8), "lit": lit}
    return _build(tables.PRINTS, columns, time, key, opening)


def snapshots(session: BookSession, key: Mapping[str, object], opening: int, tick: float) -> pa.Table:
    """The table `snapshots` of a session: the best prices and sizes at each second, and the flow since its open.

    Parameters
    ----------
    session
        With its rows.
    key, opening, tick
        See `events`.

    Returns
    -------
    pa.Table
        A row a second.
    """
    rows = np.concatenate([p.snapshots for p in session.played])
    mid, half = rows["mid"] + session.origin, 0.5 * rows["spread"]
    columns = {
        "bid": (mid - half) * tick, "ask": (mid + half) * tick, "depth_bid": rows["bid_size"] * session.unit,
        "depth_ask": rows["ask_size"] * session.unit, "ofi": rows["ofi"] * session.unit,
        "signed_volume": rows["signed"] * session.unit,
    }  # fmt: skip
    return _build(tables.SNAPSHOTS, columns, rows["time"], key, opening)


def _build(
    table: tables.Table, columns: Mapping[str, object], time: tables.Array, key: Mapping[str, object], opening: int
) -> pa.Table:
    keys = {
        "symbol": str(key["symbol"]), "session": np.full(len(time), key["session"]), "seq": np.arange(len(time)),
        "time": opening + (time * SECOND_NS).astype(np.int64),
    }  # fmt: skip
    return tables.build(table, keys | dict(columns), key["meta"], "simulated")  # type: ignore[arg-type]  # a dict
