"""A day of a level-3 book from nothing: Databento's records of orders that come, go and trade at random.

Orders come within a few ticks of the best prices, any of those that stand is cancelled or modified, and the oldest at a
best price trades; the mid wanders. The prices and sizes are nobody's: it is the number of records, of orders that stand
and of levels that a reader's time and memory hang on.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare

OPEN = int(np.datetime64("2024-06-03T13:30", "ns").astype(np.int64))
"""09:30 in New York."""
DAY_NS = 23_400 * 10**9
SYMBOL, NUMBER = "XYZ", 17
CENT = 10_000_000
MIDDLE, TICKS = 20_000, 40_000
BEFORE = 4_000
"""Orders that come before the open."""
ORDERS = 20_000
"""Most orders that stand."""
CHUNK = 1_000_000
"""Records that are made and written at a time."""
Records = npt.NDArray[Any]  # Any: a structure
MBO = np.dtype(
    [("length", "u1"), ("rtype", "u1"), ("publisher_id", "u2"), ("instrument_id", "u4"), ("ts_event", "u8"),
     ("order_id", "u8"), ("price", "i8"), ("size", "u4"), ("flags", "u1"), ("channel_id", "u1"), ("action", "u1"),
     ("side", "u1"), ("ts_recv", "u8"), ("ts_in_delta", "i4"), ("sequence", "u4")]
)  # fmt: skip
"""As MBOMsg lies in a file; action and side are codes of letters."""
STATE = np.dtype(
    [("seed", "u8"), ("live", "i8"), ("number", "i8"), ("time", "f8"), ("best_bid", "i8"), ("best_ask", "i8"),
     ("events", "i8")]
)  # fmt: skip
ORDER = np.dtype([("number", "i8"), ("tick", "i8"), ("side", "i8"), ("size", "i8"), ("at", "i8")])
"""One that stands; at: its place in the queue of its tick."""
ACTION = {letter: ord(letter) for letter in "ACMTF"}
ADD, CANCEL, MODIFY, TRADE, FILL = ACTION.values()
BUY, SELL = ord("B"), ord("A")


@bare
def _uniform(state: Records) -> float:
    """Uniform in [0, 1) by xorshift64 (Marsaglia 2003, doi:10.18637/jss.v008.i14)."""
    x = state[0].seed
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0].seed = x
    return float(x >> np.uint64(11)) / 9007199254740992.0


@bare
def _write(row: Records, state: Records, action: int, side: int, tick: int, size: int, number: int, last: int) -> None:
    row.action, row.side, row.price, row.size, row.order_id = action, side, tick * 10_000_000, size, number
    row.ts_recv = row.ts_event = np.uint64(state[0].time)
    row.flags = 128 * last
    row.length, row.rtype, row.publisher_id, row.instrument_id = 14, 160, 1, 17


@bare
def _count(state: Records, depth: npt.NDArray[np.int64], side: int, tick: int, change: int) -> None:
    """Count an order in or out at its tick, and move the best price."""
    s = 0 if side == 66 else 1
    depth[s, tick] += change
    if s == 0:
        if change > 0:
            state[0].best_bid = max(state[0].best_bid, tick)
        while depth[0, state[0].best_bid] == 0:
            state[0].best_bid -= 1
    else:
        if change > 0:
            state[0].best_ask = min(state[0].best_ask, tick)
        while depth[1, state[0].best_ask] == 0:
            state[0].best_ask += 1


@bare
def fill(
    state: Records, orders: Records, depth: npt.NDArray[np.int64], mean_gap: float, calm: int, out: Records
) -> int:
    """Write whole messages until `out` is almost full or state.events is 0; how many records were written.

    calm: of the first so many events each brings an order.
    """
    n = 0
    while n + 3 <= out.shape[0] and state[0].events > 0:
        state[0].events -= 1
        if _uniform(state) > 0.1:
            state[0].time -= mean_gap / 0.9 * np.log(1.0 - _uniform(state))
        live = state[0].live
        u = _uniform(state)
        side = 66 if _uniform(state) < 0.5 else 65
        s = 0 if side == 66 else 1
        adding = 0.55 if live < 4_000 else 0.40
        if calm > 0 or live < 200 or (u < adding and live + 1 < orders.shape[0]):
            calm -= 1
            away = int(-30.0 * np.log(1.0 - _uniform(state)))
            tick = state[0].best_ask - 1 - away if s == 0 else state[0].best_bid + 1 + away
            number = state[0].number
            state[0].number += 1
            order = orders[live]
            order.number, order.tick, order.side, order.size = number, tick, side, 1 + int(200.0 * _uniform(state))
            state[0].live = live + 1
            _count(state, depth, side, tick, 1)
            _write(out[n], state, 65, side, tick, order.size, number, 1)
            n += 1
            continue
        trades = u > 0.95
        k = int(_uniform(state) * live)
        if trades:  # some order at the best price
            best = state[0].best_bid if s == 0 else state[0].best_ask
            found = -1
            for j in range(4000):
                at = (k + j) % live
                if orders[at].side == side and orders[at].tick == best:
                    found = at
                    break
            if found < 0:
                continue
            k = found
        order = orders[k]
        size = order.size if _uniform(state) < 0.8 else 1 + int(_uniform(state) * order.size * 0.99)
        if not trades and u > 0.92:
            change = 1 + int(200.0 * _uniform(state))
            order.size = change
            _write(out[n], state, 77, order.side, order.tick, change, order.number, 1)
            n += 1
            continue
        if trades:
            _write(out[n], state, 84, 65 if order.side == 66 else 66, order.tick, size, 0, 0)
            _write(out[n + 1], state, 70, order.side, order.tick, size, order.number, 0)
            n += 2
        _write(out[n], state, 67, order.side, order.tick, size, order.number, 1)
        n += 1
        order.size -= size
        if order.size <= 0:
            tick, of = order.tick, order.side
            last = orders[live - 1]
            order.number, order.tick, order.side, order.size = last.number, last.tick, last.side, last.size
            state[0].live = live - 1
            if depth[0 if of == 66 else 1, tick] > 0:
                _count(state, depth, of, tick, -1)
    return n


def header() -> bytes:
    """The metadata of a file of one instrument on 2024-06-03."""
    import databento_dbn as lib

    span = {"start_date": dt.date(2024, 6, 3), "end_date": dt.date(2024, 6, 4)}
    mapping = SimpleNamespace(raw_symbol=SYMBOL, intervals=[SimpleNamespace(**span, symbol=str(NUMBER))])
    meta = lib.Metadata(dataset="XNAS.ITCH", start=OPEN, stype_in=lib.SType.RAW_SYMBOL, symbols=[SYMBOL],
                        stype_out=lib.SType.INSTRUMENT_ID, schema=lib.Schema("mbo"), mappings=[mapping])  # fmt: skip
    return bytes(meta.encode())


def write(path: Path, events: int, seed: int = 7) -> int:
    """Write a day of so many messages to a .dbn file; how many records there are."""
    state = np.zeros(1, STATE)
    state["seed"], state["number"], state["time"] = np.uint64(88172645463325252 + seed), 1, OPEN - BEFORE * 1000.0
    state["best_bid"], state["best_ask"] = MIDDLE, MIDDLE + 2
    orders, depth = np.zeros(ORDERS, ORDER), np.zeros((2, TICKS), np.int64)
    depth[0, 0] = depth[1, TICKS - 1] = 1  # so that a search for the best price ends
    out, records = np.zeros(CHUNK, MBO), 0
    with path.open("wb") as file:
        file.write(header())
        for count, gap, calm in ((BEFORE, 900.0, BEFORE), (events, 0.98 * DAY_NS / events, 0)):
            state["events"] = count
            state["time"] = max(float(state["time"][0]), float(OPEN)) if calm == 0 else state["time"]
            while state["events"][0] > 0:
                n = fill(state, orders, depth, gap, calm, out)
                file.write(out[:n].tobytes())
                records += n
    return records
