"""Prices that one bar alone has: an open, a high, a low or a close far from all prices beside it.

Each is measured by the symbol's own moves (scales), and kept where the bar was traded as a move of that size asks: a
flash crash is no error. A price beyond half as much again is none that any volume makes true.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm import stale_rows
from hfm.arrays import Bool, Float
from hfm.fetch.quality import scales
from hfm.fetch.quality.grid_bars import GridBars
from hfm.fetch.quality.level_shifts import LEAP
from hfm.fetch.quality.scales import ScaledBars

SIGMAS = 12.0
"""Sigmas of a bar's return that a border's close is away from those beside it; and from which on an open is named."""
OPEN = 20.0
"""Sigmas that an open is away from the close before it and from its own. SPY has a real one at 15.8 (2025-05-19)."""
NIGHTS = 6.0
"""Sigmas of the night's return that a border's close must be away as well."""
WICK, SHORTEST = 30.0, 0.05
"""Sigmas, and share of the price, that a high or low is away from open and close. Shorter ones do no harm: wicks of 4
to 5 % in real bars move the charged spread by less than .01 bp."""
FAR, FARTHEST = 25.0, 0.03
"""Sigmas, and share of the price, from which on a close within a session is named that left, came back and was kept."""
BACK = 0.5
"""Share of a departure that must have been undone."""


EARLY = stale_rows.LOOK
"""Sessions of a file that have no look-back to judge standing prices by."""


class Outliers(NamedTuple):
    """[n] bars with a price that stands alone: wrong ones, and those that are kept.

    Kept are those that were traded as such a move is, and those that are nearer than what is wrong for certain.
    """

    wrong: Bool
    kept: Bool


def find_opens(bars: ScaledBars) -> Outliers:
    """Bars whose open is away from the close before it and from their own, on the same side of both."""
    found = _none(bars)
    if len(bars.close) < 2:
        return found
    # from the close before to the open, and on to the close: back by more than BACK
    leave = np.log(bars.open[1:] / bars.close[:-1])
    back = np.log(bars.close[1:] / bars.open[1:])
    new = bars.session[1:] != bars.session[:-1]
    size = np.where(np.abs(leave + back) < BACK * np.abs(leave), np.minimum(np.abs(leave), np.abs(back)), 0.0)
    scale = np.where(new, bars.opening[1:], bars.scale[1:])
    for row in np.flatnonzero(size > SIGMAS * scale) + 1:
        at, limit = float(size[row - 1]), SIGMAS * float(scale[row - 1])
        _judge(bars, found, int(row), at, limit, certain=at > OPEN / SIGMAS * limit)
    return found


def find_wicks(bars: ScaledBars) -> Outliers:
    """Bars whose high or low is away from both their open and their close."""
    found = _none(bars)
    up = np.log(bars.high / np.maximum(bars.open, bars.close))
    down = np.log(np.minimum(bars.open, bars.close) / bars.low)
    size = np.maximum(up, down)
    new = np.append(True, bars.session[1:] != bars.session[:-1])[: len(size)]
    limit = np.maximum(WICK * np.where(new, bars.opening, bars.scale), SHORTEST)
    for row in np.flatnonzero((size > limit) | (size > LEAP)):
        _judge(bars, found, int(row), float(size[row]), float(limit[row]), certain=True)
    return found


def find_closes(bars: ScaledBars) -> Outliers:
    """Bars at a session's border whose close leaves and comes back with the next bar; far ones within it are kept.

    Wrong can be a session's last bar, from whose close the next session is back, and its first. Closes within a session
    are judged elsewhere (bad_prints.close_jumps).

    Parameters
    ----------
    bars : [n] of one symbol.

    Returns
    -------
    Outliers
    """
    found = _none(bars)
    if len(bars.close) < 3:
        return found
    step = np.diff(np.log(bars.close))
    night = bars.session[1:] != bars.session[:-1]
    into, out = step[:-1], step[1:]
    size = np.where(np.abs(into + out) < BACK * np.abs(into), np.minimum(np.abs(into), np.abs(out)), 0.0)
    # limits: at a border by the bar's, the night's and the opening's scale, within a session by FAR
    limit = np.fmax(SIGMAS * bars.scale[1:-1], NIGHTS * bars.night[1:-1])
    limit = np.where(night[:-1], np.fmax(limit, SIGMAS * bars.opening[1:-1]), limit)
    border = night[:-1] | night[1:]
    limit = np.where(border, limit, np.fmax(FAR * bars.scale[1:-1], FARTHEST))
    for row in np.flatnonzero(size > limit) + 1:
        _judge(bars, found, int(row), float(size[row - 1]), float(limit[row - 1]), certain=bool(border[row - 1]))
    _unconfirmed(bars, found, step, night)
    return found


def _unconfirmed(bars: ScaledBars, found: Outliers, step: Float, night: Bool) -> None:
    """Name a file's first and newest bar whose close is far from its one neighbour's, as a vendor's last quote can be.

    Nothing beyond them says whether the move is real. step: [n - 1] between closes; night: whether between sessions.
    """
    for row, at in ((0, 0), (len(step), -1)):
        limit = float(np.fmax(FAR * bars.scale[row], FARTHEST))
        if night[at]:
            limit = max(limit, NIGHTS * float(np.nan_to_num(bars.night[row])))
        if abs(float(step[at])) > limit:
            _judge(bars, found, row, abs(float(step[at])), limit, certain=False)


def _none(bars: ScaledBars) -> Outliers:
    return Outliers(np.zeros(len(bars.close), bool), np.zeros(len(bars.close), bool))


def _judge(bars: ScaledBars, found: Outliers, row: int, size: float, limit: float, *, certain: bool) -> None:
    """Enter a departure of `size` beyond `limit` as wrong, or as kept; not at all where bars near it do the like."""
    near = scales.local_sigma(bars, row) * limit / max(float(bars.scale[row]), 1e-12)
    if size > LEAP and certain:
        found.wrong[row] = True
    elif size > near:
        error = certain and not scales.is_traded(bars, row, row, size)
        found.wrong[row], found.kept[row] = error, not error


class RowRange(NamedTuple):
    """Rows first..last, both included."""

    first: int
    last: int


def standing_prices(bars: GridBars) -> list[RowRange]:
    """Runs of one price in a file's first EARLY sessions that are improbable by the share of such rows there.

    A row stands still where open, high, low and close are the close before. hfm.stale_rows judges by the sessions
    before, which these sessions lack; a run goes on from a session to the next.

    Parameters
    ----------
    bars : [n], at least one.

    Returns
    -------
    list of RowRange
        Of positions in `bars`.
    """
    close = bars.close
    still = np.append(
        False, (bars.high[1:] == bars.low[1:]) & (bars.open[1:] == close[1:]) & (close[1:] == close[:-1])
    )  # fmt: skip
    early = bars.index < bars.index[0] + EARLY
    still &= early
    edge = np.diff(np.concatenate(([0], still.astype(np.int8), [0])))
    out = []
    for first, end in zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True):
        # the chance of such a row from the rows outside the run, at odds of PERSIST; to the power of its length
        length, others = int(end - first), int(still.sum() - (end - first))
        odds = stale_rows.PERSIST * (others + 1) / max(int(early.sum()) - length - others, 1)
        if length * np.log(max(odds / (1.0 + odds), stale_rows.LEAST)) < np.log(stale_rows.RARE):
            out.append(RowRange(int(first), int(end) - 1))
    return out
