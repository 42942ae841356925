"""What a bar of the book came to: its trades, the bar that they make, and its row of quotes.

B bars of a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hfm.arrays import Bool, Float
from hfm.simulate.bars.generator import SimulatedSessions
from hfm.simulate.book.book_session import BookSession
from hfm.simulate.book.simulator import PlayedBar

COLUMNS = (
    "mid_open", "mid_high", "mid_low", "mid_close", "bid_open", "ask_open", "bid_close", "ask_close",
    "trade_open", "trade_high", "trade_low", "trade_close", "spread_bps", "half_spread", "depth_bid", "depth_ask",
    "volume", "signed_volume", "ofi", "trades", "imbalance", "micro_bps", "sigma_bps",
)  # fmt: skip
"""Of quotes, that `rows` makes."""


@dataclass(frozen=True)
class BarTrades:
    """[n] trades in order: time (s since the session's open), price, size (shares), side (1 buyer, -1 seller, 0 off the
    book), and whether on the book.
    """

    time: Float
    price: Float
    size: Float
    side: Float
    lit: Bool


def trades(played: PlayedBar, volume: float, unit: float) -> BarTrades:
    """The trades of a bar.

    The last one takes the fraction of a unit that the engine does not see; where a bar has less volume than the trades
    that its prices need, they share it.

    Parameters
    ----------
    played
        The bar.
    volume
        Shares that the bar has.
    unit
        Shares of one unit of the engine.

    Returns
    -------
    BarTrades
        In order of time; sizes in shares.
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


class TradedBar(NamedTuple):
    """The bar that trades make: prices in currency, NaN where there is no trade; volume in shares."""

    open: float
    high: float
    low: float
    close: float
    volume: float


def aggregate(one: BarTrades) -> TradedBar:
    """The bar that trades make."""
    price = one.price
    if not len(price):
        return TradedBar(np.nan, np.nan, np.nan, np.nan, 0.0)
    return TradedBar(float(price[0]), float(price.max()), float(price.min()), float(price[-1]), float(one.size.sum()))


def faithful(session: BookSession, simulated: SimulatedSessions, s: int) -> Bool:
    """Whether each bar's trades re-aggregate to it: prices to 1e-9, volume to a part in 1e12, none where none was.

    Parameters
    ----------
    session
        What the book came to.
    simulated
        The bars [S, T].
    s
        Which session.

    Returns
    -------
    Bool
        [B].
    """
    m = simulated.moves
    out = np.zeros(len(session.seq), bool)
    for n, t in enumerate(session.seq):
        *rebuilt, traded = aggregate(trades(session.played[n], session.volume[n], session.unit))
        prices, volume = [x[s, t] for x in (m.open, m.high, m.low, m.close)], m.volume[s, t]
        if volume == 0.0:
            out[n] = traded == 0.0
        else:
            near = np.abs(np.subtract(rebuilt, prices)) <= 1e-9
            out[n] = near.all() and abs(traded - volume) <= 1e-12 * volume
    return out


def rows(session: BookSession, simulated: SimulatedSessions, s: int, tick: float) -> dict[str, Float]:
    """Columns of quotes of a session of the book.

    Depths are time-weighted means of the best sizes; imbalance and micro stand at the close. trade_* are the bar's own
    prices. half_spread is the mean distance of trades from the mid, by size; without trades `effective` times half the
    quoted spread. Trades are those on and off the book.

    Parameters
    ----------
    session
        What the book came to.
    simulated
        The bars [S, T].
    s
        Which session.
    tick
        Currency.

    Returns
    -------
    dict[str, Float]
        [B] by name, COLUMNS; no NaN.
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
    total = np.maximum(bid_size + ask_size, 1.0)
    weighted = price((bid * ask_size + ask * bid_size) / total)
    prices = {f"trade_{name}": getattr(m, name)[s, t] for name in ("open", "high", "low", "close")}
    return prices | {
        "mid_open": price(sums["mid_open"]), "mid_high": price(sums["mid_high"]),
        "mid_low": price(sums["mid_low"]), "mid_close": mid,
        "bid_open": price(bid_open), "ask_open": price(ask_open),
        "bid_close": price(bid), "ask_close": price(ask),
        "spread_bps": 1e4 * quoted / mid,
        "half_spread": _half_spread(session, tick, simulated.effective * 0.5 * quoted),
        "depth_bid": sums["bid_time"] / span * session.unit, "depth_ask": sums["ask_time"] / span * session.unit,
        "volume": session.volume, "signed_volume": sums["signed"] * session.unit, "ofi": sums["ofi"] * session.unit,
        "trades": np.array([float(len(p.trades)) for p in played]),
        "imbalance": (bid_size - ask_size) / total, "micro_bps": 1e4 * (weighted - mid) / mid,
        "sigma_bps": 1e4 * simulated.levels.sigma[s, t],
    }  # fmt: skip


def _half_spread(session: BookSession, tick: float, otherwise: Float) -> Float:
    """[B] mean distance of trades from the mid, by size (currency); `otherwise` in bars without trades."""
    printed = np.array([float(p.trades["qty"].sum()) for p in session.played])
    paid = np.array([p.sums.paid for p in session.played])
    return np.where(printed > 0, paid * tick / np.maximum(printed, 1.0), otherwise)
