"""The order book of Cont, Stoikov and Talreja (2010), fitted to a tape and simulated: the peer of our own.

Operations Research 58(3), 549-563, doi:10.1287/opre.1090.0780. Unit orders; limit orders at i ticks from the opposite
best come at rate lambda(i), market orders at mu a side, each resting order leaves at rate theta. Of a tape that shows
the best level only, an order at i ticks is seen while the spread is at least i: rates are counted over that time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from hfm.simulate.replay.event_tape import Tape, order_flow

Float = npt.NDArray[np.float64]
REACH, GRID = 80, 40_000


@dataclass(frozen=True)
class Rates:
    """arrival [REACH]: limit orders a second and side at 1, 2, ... ticks from the opposite best; market: alike.

    leave: a second and resting order; unit: shares of an order; traded: shares of a market order.
    """

    arrival: Float
    market: float
    leave: float
    unit: float
    traded: float


def fit(
    tape: Tape, use: npt.NDArray[np.bool_], added: npt.NDArray[np.bool_], price: Float, size: Float, tick: float
) -> Rates:
    """Rates from the events of `use` [n]; added: new limit orders, price and size: of each event."""
    held = np.append(np.diff(tape.time), 0) * use / 1e9
    ticks = np.rint(np.nan_to_num(tape.spread) / tick).astype(int)
    span = np.array([held[ticks >= i].sum() for i in range(1, REACH + 1)])
    before = np.maximum(np.arange(len(price)) - 1, 0)
    buys = np.abs(price - tape.bid) < tick / 4
    away = np.rint(np.where(buys, tape.ask[before] - price, price - tape.bid[before]) / tick)
    counted = added & use & (away >= 1) & (away <= REACH)
    unit = float(size[counted].mean())
    number = np.bincount(away[counted].astype(int), size[counted], REACH + 1)[1:] / unit
    arrival = np.where(span > 60, number / np.maximum(span, 1e-9) / 2, 0.0)
    seen = np.flatnonzero(arrival > 0)
    slope, level = np.polyfit(np.log(seen + 1.0), np.log(arrival[seen]), 1, w=np.sqrt(number[seen]))  # section 3.2
    arrival = np.where(span > 60, arrival, np.exp(level + slope * np.log(np.arange(1, REACH + 1))))
    inside = use[tape.at]
    taken = tape.size[inside].sum()
    resting = (held * (tape.bid_size + tape.ask_size)).sum() / unit
    removed = np.maximum(-np.diff(tape.bid_size + tape.ask_size, prepend=0.0), 0.0)
    still = (tape.bid == tape.bid[before]) & (tape.ask == tape.ask[before]) & use
    still[tape.at] = False
    leave = removed[still].sum() / unit / resting
    seconds = held.sum()
    return Rates(arrival, float(taken / unit / seconds / 2), float(leave), unit, unit)


def simulate(rates: Rates, mid: float, tick: float, start: int, seconds: float, seed: int) -> Tape:
    """A tape of so many seconds from `start` (ns UTC), begun at a book of the stationary depth."""
    with np.errstate(all="ignore"):
        room = int(4 * seconds * (2 * rates.arrival.sum() + 2 * rates.market) + 1000)
    rows = _run(rates.arrival, rates.market, rates.leave, seconds, room, np.random.default_rng(seed))
    rows = rows[rows[:, 0] > 0]
    base = round(mid / tick) - GRID // 2
    bid, ask = ((rows[:, j] + base) * tick for j in (1, 3))
    bid_size, ask_size = rows[:, 2] * rates.unit, rows[:, 4] * rates.unit
    time = start + (rows[:, 0] * 1e9).astype(np.int64)
    at = np.flatnonzero(rows[:, 5] != 0)
    middle = 0.5 * (bid + ask)
    total = np.maximum(bid_size + ask_size, 1e-9)
    sign = rows[at, 5]
    before = middle[np.maximum(at - 1, 0)]
    return Tape(
        time, bid, ask, bid_size, ask_size, middle, ask - bid, order_flow(bid, ask, bid_size, ask_size),
        (bid_size - ask_size) / total, 0, at, before, np.full(len(at), rates.traded), sign, before,
    )  # fmt: skip


@numba.njit(cache=False)
def _run(arrival: Float, market: float, leave: float, seconds: float, room: int, rng: np.random.Generator) -> Float:
    """Events [k, 6]: seconds, bid, units at it, ask, units at it, side of a market order (0: none)."""
    book = np.zeros((2, GRID), np.int64)  # bids, asks by price in ticks
    reach = len(arrival)
    total = arrival.sum()
    cumulated = np.cumsum(arrival)
    best = np.array([GRID // 2 - 3, GRID // 2 + 3])
    count = np.zeros(2, np.int64)
    for i in range(reach):
        units = max(1, int(arrival[i] / max(leave, 1e-9)))
        book[0, GRID // 2 - 3 - i] = units
        book[1, GRID // 2 + 3 + i] = units
        count += units
    out = np.zeros((room, 6))
    t, k = 0.0, 0
    while t < seconds and k < room:
        rates = (total, total, market, market, leave * count[0], leave * count[1])
        whole = rates[0] + rates[1] + rates[2] + rates[3] + rates[4] + rates[5]
        t += rng.exponential(1.0 / whole)
        draw = rng.random() * whole
        which = 0
        while draw > rates[which] and which < 5:
            draw -= rates[which]
            which += 1
        side = which % 2  # 0 a bid is added, an ask is taken (buyer), a bid leaves
        taker = 0
        if which < 2:
            away = min(int(np.searchsorted(cumulated, rng.random() * total)), reach - 1) + 1
            price = best[1] - away if side == 0 else best[0] + away
            book[side, price] += 1
            count[side] += 1
            if (side == 0 and price > best[0]) or (side == 1 and price < best[1]):
                best[side] = price
        else:
            target = 1 - side if which < 4 else side
            if count[target] <= 1:
                continue
            price = best[target]
            if which < 4:
                taker = 1 if side == 0 else -1
            else:
                left = int(rng.random() * count[target])
                while left >= book[target, price]:
                    left -= book[target, price]
                    price += -1 if target == 0 else 1
            book[target, price] -= 1
            count[target] -= 1
            while book[target, best[target]] == 0:
                best[target] += -1 if target == 0 else 1
        same = best[0] == out[k - 1, 1] and best[1] == out[k - 1, 3]
        if k and same and book[0, best[0]] == out[k - 1, 2] and book[1, best[1]] == out[k - 1, 4]:
            continue  # the tape of one level does not see it
        out[k, 0], out[k, 5] = t, taker
        out[k, 1], out[k, 2] = best[0], book[0, best[0]]
        out[k, 3], out[k, 4] = best[1], book[1, best[1]]
        k += 1
    return out
