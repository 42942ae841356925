"""What leaves the engine: trades, bars made of trades, rows of quotes, and the table of every event.

B bars of a session, E events, L price levels a side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.kernels.jit import kernel
from hfm.simulate.bars.generator import Sheet
from hfm.simulate.book import book_state as at
from hfm.simulate.book.book_session import Session
from hfm.simulate.book.simulator import Played

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
COLUMNS = (
    "mid_open", "mid_high", "mid_low", "mid_close", "bid_open", "ask_open", "bid_close", "ask_close",
    "trade_open", "trade_high", "trade_low", "trade_close", "spread_bps", "half_spread", "depth_bid", "depth_ask",
    "volume", "signed_volume", "ofi", "trades", "imbalance", "micro_bps", "sigma_bps",
)  # fmt: skip
"""Of quotes, that `rows` makes."""
WORDS = ("add", "reduce", "delete", "execute", "execute_hidden", "halt")
"""Of the events, by their number in the layout."""


@dataclass(frozen=True)
class Trades:
    """[n] trades in order: time (s since the session's open), price, size (shares), side (1 buyer, -1 seller, 0 off the
    book), and whether on the book."""

    time: Float
    price: Float
    size: Float
    side: Float
    lit: npt.NDArray[np.bool_]


def trades(played: Played, volume: float, unit: float) -> Trades:
    """The trades of a bar of `volume` shares.

    The last one takes the fraction of a unit that the engine does not see; where a bar has less volume than the prints
    that its prices need, they share it.
    """
    rows = played.prints[played.prints[:, 4] <= at.LIT]
    size = rows[:, 2] * unit
    if len(size):
        total = float(size.sum())
        if total > volume:
            size = size * (volume / total)
        else:
            size[-1] += volume - total
    return Trades(rows[:, 0], rows[:, 1], size, rows[:, 3], rows[:, 4] == at.LIT)


def aggregate(one: Trades) -> tuple[float, float, float, float, float]:
    """Open, high, low, close and volume of trades; NaN prices where there are none."""
    if not len(one.price):
        return (np.nan,) * 4 + (0.0,)
    return float(one.price[0]), float(one.price.max()), float(one.price.min()), float(one.price[-1]), one.size.sum()


def faithful(session: Session, sheet: Sheet, s: int) -> npt.NDArray[np.bool_]:
    """[B]: whether each bar's trades re-aggregate to it: prices to 1e-9, volume to a part in 1e12, none where none
    was."""
    m = sheet.moves
    out = np.zeros(len(session.seq), bool)
    for n, t in enumerate(session.seq):
        made = np.array(aggregate(trades(session.played[n], session.volume[n], session.unit)))
        bar = np.array([x[s, t] for x in (m.open, m.high, m.low, m.close, m.volume)])
        if bar[4] == 0.0:
            out[n] = made[4] == 0.0
        else:
            out[n] = (np.abs(made - bar)[:4] <= 1e-9).all() and abs(made[4] - bar[4]) <= 1e-12 * bar[4]
    return out


def rows(session: Session, sheet: Sheet, s: int, tick: float) -> dict[str, Float]:
    """Columns of quotes [B]. Depths are time-weighted means of the best sizes; imbalance and micro stand at the close.

    trade_* are the bar's own prices. half_spread: mean distance of trades from the mid, by size; without trades
    `effective` times half the quoted spread. Trades: on and off the book.
    """
    m, t, played = sheet.moves, session.seq, session.played
    sums = np.stack([p.sums for p in played])
    bid, ask, bid_size, ask_size = np.stack([p.best for p in played]).T.astype(float)
    span = sums[:, at.SINCE] - sums[:, at.START]
    first = np.stack([p.first for p in played]).astype(float)

    def price(ticks: Float) -> Float:
        return np.asarray((ticks + session.origin) * tick)

    mid = price(0.5 * (bid + ask))
    quoted = sums[:, at.SPREAD_T] / span * tick
    volume = session.volume
    printed = np.array([float(p.prints[p.prints[:, 4] <= at.LIT, 2].sum()) for p in played])
    paid = np.where(printed > 0, sums[:, at.PAID] * tick / np.maximum(printed, 1.0), sheet.effective * 0.5 * quoted)
    count = np.array([float((p.prints[:, 4] <= at.LIT).sum()) for p in played])
    total = np.maximum(bid_size + ask_size, 1.0)
    weighted = price((bid * ask_size + ask * bid_size) / total)
    prices = {f"trade_{name}": getattr(m, name)[s, t] for name in ("open", "high", "low", "close")}
    return prices | {
        "mid_open": price(sums[:, at.MID_OPEN]), "mid_high": price(sums[:, at.MID_HIGH]),
        "mid_low": price(sums[:, at.MID_LOW]), "mid_close": mid,
        "bid_open": price(first[:, 0]), "ask_open": price(first[:, 1]),
        "bid_close": price(bid), "ask_close": price(ask),
        "spread_bps": 1e4 * quoted / mid, "half_spread": paid,
        "depth_bid": sums[:, at.BID_T] / span * session.unit, "depth_ask": sums[:, at.ASK_T] / span * session.unit,
        "volume": volume, "signed_volume": sums[:, at.SIGNED] * session.unit, "ofi": sums[:, at.OFI] * session.unit,
        "trades": count, "imbalance": (bid_size - ask_size) / total, "micro_bps": 1e4 * (weighted - mid) / mid,
        "sigma_bps": 1e4 * sheet.levels.sigma[s, t],
    }  # fmt: skip


@kernel
def levels(tape: Int, queue: Int, out: Int) -> int:
    """Replay a tape [E, EVENT_WIDTH] on a book, the size at each tick in `queue`: out [E, 4L] after each event.

    Per level: bid price, bid size, ask price, ask size; a missing level has size 0. Returns the first event at which
    the book so made disagrees with the tape (best prices and sizes, no size below 0), or -1.
    """
    deep, ticks = out.shape[1] // 4, len(queue)
    for e in range(len(tape)):
        kind, price = tape[e, 1], tape[e, 3]
        if kind == at.ADD:
            queue[price] += tape[e, 4]
        elif kind == at.HALT:
            queue[:] = 0
        elif kind != at.HIDDEN:
            queue[price] -= tape[e, 4]
            if queue[price] < 0:
                return e
        out[e, :] = 0
        bid, ask = tape[e, 6], tape[e, 7]
        if kind != at.HALT and (bid >= ask or queue[bid] != tape[e, 8] or queue[ask] != tape[e, 9]):
            return e
        k, p = 0, bid
        while k < deep and p >= max(bid - 60, 0):
            if queue[p] > 0:
                out[e, 4 * k], out[e, 4 * k + 1] = p, queue[p]
                k += 1
            p -= 1
        k, p = 0, ask
        while k < deep and p < min(ask + 60, ticks):
            if queue[p] > 0:
                out[e, 4 * k + 2], out[e, 4 * k + 3] = p, queue[p]
                k += 1
            p += 1
    return -1


def events(session: Session, key: Mapping[str, object], opening: int, deep: int, tick: float) -> pa.Table:
    """The table `book` of a session, `deep` price levels a side. key: symbol, session, and `meta` of the table.

    opening: instant (ns UTC) at which the session opens.
    """
    state, queue = (
        np.zeros((sum(len(p.tape) for p in session.played), 4 * deep), np.int64),
        np.zeros(session.ticks, np.int64),
    )
    done = 0
    for p in session.played:
        wrong = levels(p.tape, queue, state[done : done + len(p.tape)])
        if wrong >= 0:
            where = f"event {done + wrong} of {key['symbol']} on {key['session']}"
            raise RuntimeError(f"{where} does not lead to the book after it")
        done += len(p.tape)
    time, kind, side, ticks, units, order = (
        np.concatenate([p.tape[:, k] for p in session.played]) for k in (0, 1, 2, 3, 4, 5)
    )
    price, size = (ticks + session.origin) * tick, units * session.unit
    hidden = kind == at.HIDDEN
    price[hidden] = np.concatenate(
        [p.prints[p.tape[p.tape[:, 1] == at.HIDDEN, 3], 1] for p in session.played] or [np.zeros(0)]
    )
    price[kind == at.HALT] = np.nan
    columns: dict[str, object] = {
        "symbol": str(key["symbol"]), "session": np.full(done, key["session"]), "seq": np.arange(done),
        "time": opening + time, "event": pa.DictionaryArray.from_arrays(pa.array(kind, pa.int32()), WORDS),
        "side": side.astype(np.int8), "price": price, "size": size,
        "order_id": pa.array(order, mask=order == 0),
    }  # fmt: skip
    for k in range(deep):
        for j, name in enumerate(("bid", "ask")):
            there = state[:, 4 * k + 2 * j + 1] > 0
            columns[f"{name}_px_{k + 1}"] = np.where(there, (state[:, 4 * k + 2 * j] + session.origin) * tick, np.nan)
            columns[f"{name}_sz_{k + 1}"] = state[:, 4 * k + 2 * j + 1] * session.unit
    meta = key["meta"]
    return tables.build(tables.schema.book(deep), columns, meta, "simulated")  # type: ignore[arg-type]  # a dict
