"""Long sessions in pieces, for networks to be fitted on: each piece preceded by rows that only warm its state up.

A session of an order book has tens of thousands of rows: as one sequence a step through it would be one gradient. Its
pieces are fitted side by side. A piece's first LEAD rows repeat the rows before it, without labels: the state that the
piece begins with comes of them (burn-in, Kapturowski et al. 2019, Recurrent Experience Replay in Distributed
Reinforcement Learning, ICLR). Predictions of stepped networks know no pieces: their state runs from the session's open;
those of the others, which would look back on the whole session at every row, are made piece by piece as they were
fitted.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hfm.plugins import ROWS, Int, Panel

LONGEST = 1440
"""Rows of a session that stays whole: a day of one-minute bars."""
LENGTH, LEAD = 64, 32
"""Rows of a piece, about as many as a session of five-minute bars has, and rows before it that warm the state up."""


def pieces(start: Int) -> tuple[Int, Int, Int, Int]:
    """([P] sequence, first row with its lead, first row, end) of the pieces of sequences with borders start [S+1]."""
    size = np.diff(start)
    length = np.where(size > LONGEST, LENGTH, np.maximum(size, 1))
    count = np.maximum(-(-size // length), 1)
    owner = np.repeat(np.arange(len(size)), count)
    begin = start[:-1][owner] + (np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)) * length[owner]
    return (
        owner,
        np.maximum(begin - LEAD, start[:-1][owner]),
        begin,
        np.minimum(begin + length[owner], start[1:][owner]),
    )


def cut(panel: Panel) -> Panel:
    """The panel with every sequence of more than LONGEST rows in pieces; itself where there is none."""
    if np.diff(panel.start).max(initial=0) <= LONGEST:
        return panel
    owner, opened, begin, end = pieces(panel.start)
    rows, start = _rows(opened, end)
    warm = rows < np.repeat(begin, end - opened)
    out = {name: getattr(panel, name)[rows] for name in ROWS if getattr(panel, name) is not None}
    for name in ("up", "ret_bps", "log_spread", "log_vol"):
        out[name] = np.where(warm, np.nan, out[name])
    return replace(panel, **out, start=start, symbol=panel.symbol[owner], session=panel.session[owner])


def places(panel: Panel) -> Int:
    """The row of `panel` that each row of `cut(panel)` is."""
    if np.diff(panel.start).max(initial=0) <= LONGEST:
        return np.arange(len(panel.slot))
    _, opened, _, end = pieces(panel.start)
    return _rows(opened, end)[0]


def _rows(opened: Int, end: Int) -> tuple[Int, Int]:
    """(rows opened .. end of all pieces one after the other, borders of the pieces among them)."""
    count = end - opened
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    return np.arange(start[-1]) + np.repeat(opened - start[:-1], count), start
