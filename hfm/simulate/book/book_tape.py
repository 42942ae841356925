"""What leaves the engine: trades, bars made of trades, rows of quotes, and the tables of events, trades and snapshots.

B bars of a session, E events, L price levels a side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.arrays import Bool, Float, Int
from hfm.kernels.jit import kernel
from hfm.simulate.bars.generator import SimulatedSessions
from hfm.simulate.book.book_session import BookSession
from hfm.simulate.book.book_state import ADD, EXECUTE_HIDDEN, HALT, LEVEL
from hfm.simulate.book.simulator import PlayedBar
from hfm.tables.records import Records

COLUMNS = (
    "mid_open", "mid_high", "mid_low", "mid_close", "bid_open", "ask_open", "bid_close", "ask_close",
    "trade_open", "trade_high", "trade_low", "trade_close", "spread_bps", "half_spread", "depth_bid", "depth_ask",
    "volume", "signed_volume", "ofi", "trades", "imbalance", "micro_bps", "sigma_bps",
)  # fmt: skip
"""Of quotes, that `rows` makes."""
WORDS = ("add", "reduce", "delete", "execute", "execute_hidden", "halt")
"""Of the events, by their code (book_state.EVENT)."""


@dataclass(frozen=True)
class BarTrades:
    """[n] trades in order: time (s since the session's open), price, size (shares), side (1 buyer, -1 seller, 0 off the
    book), and whether on the book."""

    time: Float
    price: Float
    size: Float
    side: Float
    lit: Bool


def trades(played: PlayedBar, volume: float, unit: float) -> BarTrades:
    """The trades of a bar of `volume` shares.

    The last one takes the fraction of a unit that the engine does not see; where a bar has less volume than the prints
    that its prices need, they share it.
    """
    rows = played.trades
    size = rows["qty"] * unit
    if len(size):
        total = float(size.sum())
        if total > volume:
            size = size * (volume / total)
        else:
            size[-1] += volume - total
    return BarTrades(rows["time"], rows["price"], size, rows["side"], rows["lit"])


def aggregate(one: BarTrades) -> tuple[float, float, float, float, float]:
    """Open, high, low, close and volume of trades; NaN prices where there are none."""
    if not len(one.price):
        return (np.nan,) * 4 + (0.0,)
    return float(one.price[0]), float(one.price.max()), float(one.price.min()), float(one.price[-1]), one.size.sum()


def faithful(session: BookSession, simulated: SimulatedSessions, s: int) -> Bool:
    """[B]: whether each bar's trades re-aggregate to it: prices to 1e-9, volume to a part in 1e12, none where none
    was."""
    m = simulated.moves
    out = np.zeros(len(session.seq), bool)
    for n, t in enumerate(session.seq):
        rebuilt = np.array(aggregate(trades(session.played[n], session.volume[n], session.unit)))
        bar = np.array([x[s, t] for x in (m.open, m.high, m.low, m.close, m.volume)])
        if bar[4] == 0.0:
            out[n] = rebuilt[4] == 0.0
        else:
            out[n] = (np.abs(rebuilt - bar)[:4] <= 1e-9).all() and abs(rebuilt[4] - bar[4]) <= 1e-12 * bar[4]
    return out


def rows(session: BookSession, simulated: SimulatedSessions, s: int, tick: float) -> dict[str, Float]:
    """Columns of quotes [B]. Depths are time-weighted means of the best sizes; imbalance and micro stand at the close.

    trade_* are the bar's own prices. half_spread: mean distance of trades from the mid, by size; without trades
    `effective` times half the quoted spread. Trades: on and off the book.
    """
    m, t, played = simulated.moves, session.seq, session.played
    sums = np.array([p.sums for p in played])
    bid, ask, bid_size, ask_size = np.array([p.closing for p in played], float).T
    bid_open, ask_open, _, _ = np.array([p.opening for p in played], float).T
    span = sums["until"] - sums["start"]

    def price(ticks: Float) -> Float:
        return np.asarray((ticks + session.origin) * tick)

    mid = price(0.5 * (bid + ask))
    quoted = sums["spread_time"] / span * tick
    volume = session.volume
    printed = np.array([float(p.trades["qty"].sum()) for p in played])
    paid = np.where(printed > 0, sums["paid"] * tick / np.maximum(printed, 1.0), simulated.effective * 0.5 * quoted)
    count = np.array([float(len(p.trades)) for p in played])
    total = np.maximum(bid_size + ask_size, 1.0)
    weighted = price((bid * ask_size + ask * bid_size) / total)
    prices = {f"trade_{name}": getattr(m, name)[s, t] for name in ("open", "high", "low", "close")}
    return prices | {
        "mid_open": price(sums["mid_open"]), "mid_high": price(sums["mid_high"]),
        "mid_low": price(sums["mid_low"]), "mid_close": mid,
        "bid_open": price(bid_open), "ask_open": price(ask_open),
        "bid_close": price(bid), "ask_close": price(ask),
        "spread_bps": 1e4 * quoted / mid, "half_spread": paid,
        "depth_bid": sums["bid_time"] / span * session.unit, "depth_ask": sums["ask_time"] / span * session.unit,
        "volume": volume, "signed_volume": sums["signed"] * session.unit, "ofi": sums["ofi"] * session.unit,
        "trades": count, "imbalance": (bid_size - ask_size) / total, "micro_bps": 1e4 * (weighted - mid) / mid,
        "sigma_bps": 1e4 * simulated.levels.sigma[s, t],
    }  # fmt: skip


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
    """The table `book` of a session, `deep` price levels a side. key: symbol, session, and `meta` of the table.

    opening: instant (ns UTC) at which the session opens.
    """
    queue = np.zeros(session.ticks, np.int64)
    levels = np.zeros((sum(len(p.tape) for p in session.played), deep), LEVEL)
    done = 0
    for p in session.played:
        wrong = replay_levels(p.tape, queue, levels[done : done + len(p.tape)])
        if wrong >= 0:
            where = f"event {done + wrong} of {key['symbol']} on {key['session']}"
            raise RuntimeError(f"{where} does not lead to the book after it")
        done += len(p.tape)
    # field by field: one tape of the whole session would be 80 bytes an event more
    clock, kind, side, ticks, qty, order = (
        np.concatenate([p.tape[name] for p in session.played])
        for name in ("clock", "kind", "side", "price", "qty", "order_id")
    )
    price, size = (ticks + session.origin) * tick, qty * session.unit
    price[kind == EXECUTE_HIDDEN] = np.concatenate(
        [p.trades["price"][p.tape["price"][p.tape["kind"] == EXECUTE_HIDDEN]] for p in session.played]
    )
    price[kind == HALT] = np.nan
    columns: dict[str, object] = {
        "symbol": str(key["symbol"]), "session": np.full(done, key["session"]), "seq": np.arange(done),
        "time": opening + clock, "event": pa.DictionaryArray.from_arrays(pa.array(kind, pa.int32()), WORDS),
        "side": side.astype(np.int8), "price": price, "size": size,
        "order_id": pa.array(order, mask=order == 0),
    }  # fmt: skip
    for k in range(deep):
        for name in ("bid", "ask"):
            units, at_level = levels[f"{name}_size"][:, k], levels[name][:, k]
            columns[f"{name}_px_{k + 1}"] = np.where(units > 0, (at_level + session.origin) * tick, np.nan)
            columns[f"{name}_sz_{k + 1}"] = units * session.unit
    meta = key["meta"]
    return tables.build(tables.schema.book(deep), columns, meta, "simulated")  # type: ignore[arg-type]  # a dict


def prints(session: BookSession, key: Mapping[str, object], opening: int) -> pa.Table:
    """The table `prints`: every trade on and off the book. key, opening: see `events`."""
    parts = [trades(p, v, session.unit) for p, v in zip(session.played, session.volume, strict=True)]
    time, price, size, side, lit = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("time", "price", "size", "side", "lit")
    )
    columns = {"price": price, "size": size, "side": side.astype(np.int8), "lit": lit}
    return _build(tables.PRINTS, columns, time, key, opening)


def snapshots(session: BookSession, key: Mapping[str, object], opening: int, tick: float) -> pa.Table:
    """The table `snapshots`: best prices and sizes at each second, and what has flowed since the session's open."""
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
        "time": opening + (time * 1e9).astype(np.int64),
    }  # fmt: skip
    return tables.build(table, keys | dict(columns), key["meta"], "simulated")  # type: ignore[arg-type]  # a dict
