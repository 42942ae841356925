"""Labels: what a later row will have said. Known only from then on, and nowhere else in the package.

The label's row is the one `horizon` rows later, where rows t..t+h stand in consecutive clock slots of one session of
one symbol; or, of the target `next-move`, the row of that session in which the mid next moves. Elsewhere NaN. The price
label is also NaN where the mid did not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.models.linear.ridge import Mask
from hfm.plugins import Float, Int

NO_TIME = np.iinfo(np.int64).min
"""A time that is not known (NaT)."""

AHEAD = (1, 10, 100)
"""Rows over which the direction that was said of event rows is also scored."""


@dataclass(frozen=True, slots=True)
class Labels:
    """[n] each. up: 1, 0; ret_bps; log_spread in log bps; log_vol in log bps; time: int64 ns UTC, NO_TIME: no label."""

    up: Float
    ret_bps: Float
    log_spread: Float
    log_vol: Float
    time: Int


def ahead(seq: Int, start: Int, horizon: int) -> Int:
    """The row of each row's label, `horizon` rows later.

    Parameters
    ----------
    seq : int64 [n]
        Clock slots.
    start : int64 [S+1]
        Borders of the sequences.
    horizon : int
        At least 1.

    Returns
    -------
    int64 [n]
        -1 where the sequence has no such row, or a slot is missing in between.
    """
    out = np.full(len(seq), -1)
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    rows = np.arange(max(len(seq) - horizon, 0))
    rows = rows[(owner[rows] == owner[rows + horizon]) & (seq[rows + horizon] == seq[rows] + horizon)]
    out[rows] = rows + horizon
    return out


def next_move(mid: Float, start: Int) -> Int:
    """The first later row of the same sequence in which the mid moves.

    Its mid differs from the row's own: in between it stood still.

    Parameters
    ----------
    mid : float64 [n]
        At the close, currency.
    start : int64 [S+1]
        Borders of the sequences.

    Returns
    -------
    int64 [n]
        -1 where there is none.
    """
    moved = np.append(mid[1:] != mid[:-1], False)  # at t: the next row moves
    moved[start[1:] - 1] = False
    at = np.flatnonzero(moved)
    near = np.searchsorted(at, np.arange(len(mid)))
    found = np.append(at, len(mid))[near] + 1
    return np.where(found < np.repeat(start[1:], np.diff(start)), found, -1)


def labels(mid: Float, levels: Float, time: Int, label_row: Int) -> Labels:
    """Labels of rows in the order of the quotes table.

    Parameters
    ----------
    mid : float64 [n]
        At the close, currency.
    levels : float64 [n, 2]
        The row's own log quoted spread and log volatility in log bps (of bars Garman-Klass 1980, eq. 20, floored:
        feature gk_1), which become labels where the row is another's label's row.
    time : int64 [n]
        ns UTC.
    label_row : int64 [n]
        The label's row, -1 where there is none.

    Returns
    -------
    Labels
        NaN and NO_TIME without a label's row.
    """
    n = len(mid)
    up, ret, spread, vol = (np.full(n, np.nan) for _ in range(4))
    when = np.full(n, NO_TIME)
    rows = np.flatnonzero(label_row >= 0)
    row = label_row[rows]
    ret[rows] = 1e4 * np.log(mid[row] / mid[rows])
    moved = rows[ret[rows] != 0]
    up[moved] = ret[moved] > 0
    spread[rows], vol[rows], when[rows] = levels[row, 0], levels[row, 1], time[row]
    return Labels(up, ret, spread, vol, when)


def masked(known: Labels, rows: Mask) -> Labels:
    """The labels without those of some rows.

    Parameters
    ----------
    known : Labels
        Of n rows.
    rows : bool [n]
        Which have none.

    Returns
    -------
    Labels
        NaN and NO_TIME there.
    """
    up, ret, spread, vol = (
        np.where(rows, np.nan, x) for x in (known.up, known.ret_bps, known.log_spread, known.log_vol)
    )
    return Labels(up, ret, spread, vol, np.where(rows, NO_TIME, known.time))


def realised(mid: Float, start: Int, label_row: Int, least: Float) -> Float:
    """Log volatility of event rows over their label's time: the root of the mid's summed squared returns.

    Realised variance: Andersen et al. 2003, Econometrica 71(2), doi:10.1111/1468-0262.00418. A single event rarely
    moves the mid, and has no range: there is nothing that Garman-Klass could measure.

    Parameters
    ----------
    mid : float64 [n]
        At the close, currency.
    start : int64 [S+1]
        Borders of the sequences.
    label_row : int64 [n]
        The label's row, -1 where there is none.
    least : float64 [n]
        What the volatility is at least, in bps.

    Returns
    -------
    float64 [n]
        In log bps, from the row to its label's row; NaN without a label.
    """
    returns = np.append(0.0, np.diff(np.log(mid)))
    returns[start[:-1]] = 0.0
    total = np.cumsum(returns * returns)
    out = np.full(len(mid), np.nan)
    rows = np.flatnonzero(label_row >= 0)
    square = np.maximum(total[label_row[rows]] - total[rows], (1e-4 * least[rows]) ** 2)
    out[rows] = 0.5 * np.log(square) + np.log(1e4)
    return out
