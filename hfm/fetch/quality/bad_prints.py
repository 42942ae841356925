"""Closes that leave and come back within a bar: bad prints, or moves that were real.

That a price left and returned is one witness. A second one decides (`is_bad_print`): the volume of the bar and the
next, where the next bar opened, and what other symbols did at the same time. What none of them speaks against is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.fetch.quality.grid_bars import GridBars
from hfm.fetch.quality.scales import MAD

NEAR = 6
"""Bars on either side that a bar is compared with."""
BUSY = 1.5
"""Times the median volume of the bars near it that a move back and forth is traded at, on average over its two bars."""
MOVED = 4.0
"""MAD-sigmas of another symbol's move that counts as a move at the same time."""
PAST = 400
"""Bars whose median move gives the sigma of the next as many."""
TOGETHER = 0.2
"""Share of the other symbols that must have moved."""
SHARE = 0.25
"""Of the jump: how near the next open must be to the one side or the other."""
JOINED = 0.5
"""Share of bars that open at the close before, above which an open says nothing."""
ABSURD = np.log(1.5)
"""A jump that no volume makes true: exchanges bust such trades."""
JUMP = 10.0
"""MAD-sigmas of a move that is looked at."""


@dataclass(frozen=True)
class PeerMoves:
    """When the other symbols moved.

    Attributes
    ----------
    time : [k] ns UTC, sorted, each once.
    moved : [k] how many other symbols moved then.
    count : how many other symbols there are.
    """

    time: Int
    moved: Int
    count: int


class CloseJumps(NamedTuple):
    """[n] bars whose close jumps by more than JUMP sigmas.

    spikes: it comes back with the next bar and is a bad print. moves: it stays, or comes back and was real.
    """

    spikes: Bool
    moves: Bool


NO_PEERS = PeerMoves(np.empty(0, np.int64), np.empty(0, np.int64), 0)


def close_jumps(bars: GridBars, sigma: Float, peers: PeerMoves = NO_PEERS) -> CloseJumps:
    """Jumps of a symbol's closes.

    A spike needs the bars before and after it in the same session: nothing is said of a session's first and last bar.
    Moves that stay are news, and so are those that return where no second witness speaks against them.

    Parameters
    ----------
    bars : [n].
    sigma : [n] scale of a bar's log return (scales.trailing: with the bars that did not move); NaN where it is not
        known, and then nothing is said of the bar. It is at least that of the NEAR bars on either side, so that a wild
        hour is no row of errors.
    peers : when other symbols moved.

    Returns
    -------
    The two masks; no bar is in both.
    """
    n = len(bars)
    spikes = np.zeros(n, bool)
    if n < 3:
        return CloseJumps(spikes, np.zeros(n, bool))
    # 1. log returns into each bar and out of it, within its session
    step = np.diff(np.log(bars.close))
    step[bars.index[1:] != bars.index[:-1]] = np.nan
    into = np.append(np.nan, step)
    out = np.append(step, np.nan)
    # 2. jumps; of these, those that the next bar takes back by more than half
    with np.errstate(invalid="ignore"):
        big = np.abs(into) > JUMP * sigma
        back = (np.minimum(np.abs(into), np.abs(out)) > JUMP * sigma) & (np.abs(into + out) < np.abs(into) / 2)
    # 3. of those, the ones that are large for the bars near them too, and that a witness speaks against
    for row in np.flatnonzero(back & (sigma > 0)):
        near = np.concatenate([into[max(row - NEAR, 0) : row], into[row + 2 : row + 2 + NEAR]])
        near = near[~np.isnan(near)]
        local = MAD * float(np.median(np.abs(near))) if near.size else 0.0
        alone = min(abs(into[row]), abs(out[row])) > JUMP * local
        spikes[row] = alone and is_bad_print(bars, int(row), peers)
    # 4. the others are moves; the way back from a spike is none
    after_spike = np.append(False, spikes[:-1])
    return CloseJumps(spikes, big & (sigma > 0) & ~spikes & ~after_spike)


def move_times(time: Int, close: Float) -> Int:
    """Times at which a symbol's close moved by more than MOVED MAD-sigmas, or came back from that.

    Parameters
    ----------
    time : [n] ns UTC, in any order.
    close : [n] currency; moves from or to a price that is not positive and finite are left out.

    Returns
    -------
    [k] ns UTC, sorted, each once. The sigma is that of the PAST bars and more before a bar, block by block; of the
    first block its own.
    """
    order = np.argsort(time, kind="stable")
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(np.diff(np.log(close[order])))
    change[~np.isfinite(change)] = np.nan
    moved = np.zeros(len(change), bool)
    for first in range(0, len(change), PAST):
        before = change[max(first - PAST, 0) : first or PAST]
        finite = before[~np.isnan(before)]
        if finite.size:
            moved[first : first + PAST] = change[first : first + PAST] > MOVED * MAD * float(np.median(finite))
    return np.unique(time[order][1:][moved])


def peer_moves(moves: Mapping[str, Int]) -> dict[str, PeerMoves]:
    """Of each symbol, when the others moved.

    Parameters
    ----------
    moves : symbol -> its times from `move_times`.

    Returns
    -------
    dict of str to PeerMoves
        By symbol.
    """
    time, count = np.unique(np.concatenate(list(moves.values()) or [np.empty(0, np.int64)]), return_counts=True)
    return {
        symbol: PeerMoves(time, count - np.isin(time, times, assume_unique=True), len(moves) - 1)
        for symbol, times in moves.items()
    }


def is_bad_print(bars: GridBars, row: int, peers: PeerMoves) -> bool:
    """Whether a close from which the next one came back is wrong: a witness speaks against it and none for it.

    Parameters
    ----------
    bars : [n].
    row : the bar of that close; it has a bar before and after it.
    peers : when other symbols moved.

    Returns
    -------
    bool
    """
    volume, next_open = _volume_vote(bars, row), _next_open_vote(bars, row)
    others = peer_vote(int(bars.time[row]), int(bars.time[row + 1]), peers)
    if abs(np.log(bars.close[row] / bars.close[row - 1])) > ABSURD:
        volume = -1
    votes = (volume, next_open, others)
    return min(votes) < 0 and max(votes) <= 0


def _volume_vote(bars: GridBars, row: int) -> int:
    """1 where the two bars of the move traded more than those near them, -1 where not, 0 where volume is not known."""
    volume = bars.volume
    near = np.concatenate((volume[max(row - NEAR, 0) : row], volume[row + 2 : row + 2 + NEAR]))
    usual = float(np.median(near)) if near.size else 0.0
    if usual <= 0:
        return 0
    return 1 if volume[row : row + 2].mean() >= BUSY * usual else -1


def _next_open_vote(bars: GridBars, row: int) -> int:
    """1 where the next bar opened where the jump had led, -1 where it opened where it began, 0 between."""
    open_, close = bars.open, bars.close
    # a vendor whose opens are the closes before them says nothing by them
    if np.mean(open_[1 : row + 2] == close[: row + 1]) > JOINED:
        return 0
    back = float(np.log(open_[row + 1] / close[row]) / np.log(close[row - 1] / close[row]))
    return -1 if abs(back - 1) < SHARE else 1 if abs(back) < SHARE else 0


def peer_vote(first: int, last: int, peers: PeerMoves) -> int:
    """Whether other symbols moved in the bars that end between two times.

    Parameters
    ----------
    first, last : ns UTC, both included.
    peers : when other symbols moved.

    Returns
    -------
    int
        1 yes, -1 no, 0 where there are no other symbols.
    """
    if not peers.count:
        return 0
    inside = (peers.time >= first) & (peers.time <= last)
    most = int(peers.moved[inside].max(initial=0))
    return 1 if most >= max(1.0, TOGETHER * peers.count) else -1
