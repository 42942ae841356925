"""Which rows the part of a fold is: whole sessions, or blocks of clock time inside them.

A fold counts units: the panel's sessions, or where the panel has blocks those. A split inside a session needs a purge
(labels that are known only after the split are masked) and a lead (a state that starts at the session's open).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hfm.models.linear.ridge import Mask
from hfm.plugins import ROWS, Int, Panel

LABELS = ("up", "ret_bps", "log_spread", "log_vol")


@dataclass(frozen=True)
class LeadIn:
    """A part and what its models must have seen before it: inside [n] tells the part's own rows of the panel's."""

    panel: Panel
    inside: Mask


def place(panel: Panel, first: int, last: int) -> slice | Int:
    """Where the rows of a part stand in the panel.

    Parameters
    ----------
    panel : Panel
        Of n rows.
    first, last : int
        The part: units [first, last).

    Returns
    -------
    slice or int64 [m]
        A slice where the units are sessions.
    """
    if panel.block is not None:
        return np.flatnonzero((panel.block >= first) & (panel.block < last))
    days = np.unique(panel.session)
    low = int(np.searchsorted(panel.session, days[first]))
    high = int(np.searchsorted(panel.session, days[last - 1], "right"))
    return slice(int(panel.start[low]), int(panel.start[high]))


def part(panel: Panel, first: int, last: int) -> Panel:
    """The rows of a part, labels and all.

    Parameters
    ----------
    panel, first, last
        As in `place`.

    Returns
    -------
    Panel
    """
    if panel.block is None:
        return panel.of_sessions(first, last)
    return _take(panel, np.flatnonzero((panel.block >= first) & (panel.block < last)))


def purged_part(panel: Panel, first: int, last: int) -> Panel:
    """The rows of a part, NaN in labels that are known only in unit `last` or later: those that it must not see.

    Parameters
    ----------
    panel, first, last
        As in `place`.

    Returns
    -------
    Panel
    """
    cut = part(panel, first, last)
    return cut if cut.known is None else _purged(cut, last)


def lead(panel: Panel, first: int, last: int) -> LeadIn:
    """A part with the rows that precede it in its sessions, so that a state can be carried.

    Parameters
    ----------
    panel, first, last
        As in `place`.

    Returns
    -------
    LeadIn
    """
    if panel.block is None:
        cut = panel.of_sessions(first, last)
        return LeadIn(cut, np.ones(len(cut.slot), bool))
    wanted = (panel.block >= first) & (panel.block < last)
    owner = np.repeat(panel.session, np.diff(panel.start))
    rows = np.flatnonzero(np.isin(owner, np.unique(owner[wanted])) & (panel.block < last))
    return LeadIn(_take(panel, rows), wanted[rows])


def cluster(panel: Panel) -> Int:
    """[n] in whose sums errors may move together: the session, or the block."""
    return np.repeat(panel.session, np.diff(panel.start)) if panel.block is None else panel.block


def _take(panel: Panel, rows: Int) -> Panel:
    owner = np.repeat(np.arange(len(panel.session)), np.diff(panel.start))
    count = np.bincount(owner[rows], minlength=len(panel.session))
    present = count > 0
    cut = {name: getattr(panel, name)[rows] for name in ROWS}
    start = np.concatenate([[0], np.cumsum(count[present])]).astype(np.int64)
    return replace(panel, **cut, start=start, symbol=panel.symbol[present], session=panel.session[present])


def _purged(panel: Panel, last: int) -> Panel:
    assert panel.known is not None
    late = panel.known >= last
    cut = {name: np.where(late, np.nan, getattr(panel, name)) for name in LABELS}
    return replace(panel, **cut)  # type: ignore[arg-type]  # arrays by name
