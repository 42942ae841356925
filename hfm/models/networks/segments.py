"""Truncated backpropagation through time with burn-in: long sessions in segments, for networks to be fitted on.

A session of an order book has tens of thousands of rows: as one sequence a step through it would be one gradient. Its
segments are fitted side by side. A segment's first BURN_IN rows repeat the rows before it, without labels: the state
that the segment begins with comes of them (Kapturowski et al. 2019, Recurrent Experience Replay in Distributed
Reinforcement Learning, ICLR). Predictions of stepped networks know no segments: their state runs from the session's
open; those of the others, which would look back on the whole session at every row, are made segment by segment as they
were fitted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from hfm.plugins import ROWS, Int, Panel

LONGEST = 1440
"""Rows of a session that stays whole: a day of one-minute bars."""
LENGTH, BURN_IN = 64, 32
"""Rows of a segment, about as many as a session of five-minute bars has, and rows before it that warm the state up."""


class Segment(NamedTuple):
    """A stretch of rows [first, end) of a sequence; the state is warmed up from row `warm_up` on."""

    sequence: int
    warm_up: int
    first: int
    end: int


class _Borders(NamedTuple):
    """The same of all segments, [P] each."""

    sequence: Int
    warm_up: Int
    first: Int
    end: Int


def segments(start: Int) -> list[Segment]:
    """The segments of sequences, in order; at least one a sequence.

    Parameters
    ----------
    start : int64 [S+1]
        Borders of the sequences.

    Returns
    -------
    list of Segment
        Together they are all rows, once each.
    """
    return [Segment(*row) for row in np.column_stack(_borders(start)).tolist()]


def _borders(start: Int) -> _Borders:
    size = np.diff(start)
    length = np.where(size > LONGEST, LENGTH, np.maximum(size, 1))
    count = np.maximum(-(-size // length), 1)
    owner = np.repeat(np.arange(len(size)), count)
    first = start[:-1][owner] + (np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)) * length[owner]
    return _Borders(
        owner,
        np.maximum(first - BURN_IN, start[:-1][owner]),
        first,
        np.minimum(first + length[owner], start[1:][owner]),
    )


def segmented(panel: Panel) -> Panel:
    """The panel with every sequence of more than LONGEST rows in segments; itself where there is none."""
    if np.diff(panel.start).max(initial=0) <= LONGEST:
        return panel
    borders = _borders(panel.start)
    rows, start = _rows(borders)
    warming = rows < np.repeat(borders.first, borders.end - borders.warm_up)
    out = {name: getattr(panel, name)[rows] for name in ROWS if getattr(panel, name) is not None}
    for name in ("up", "ret_bps", "log_spread", "log_vol"):
        out[name] = np.where(warming, np.nan, out[name])
    symbol, session = panel.symbol[borders.sequence], panel.session[borders.sequence]
    return replace(panel, **out, start=start, symbol=symbol, session=session)


def source_rows(panel: Panel) -> Int:
    """The row of `panel` that each row of `segmented(panel)` is."""
    if np.diff(panel.start).max(initial=0) <= LONGEST:
        return np.arange(len(panel.slot))
    return _rows(_borders(panel.start))[0]


def _rows(borders: _Borders) -> tuple[Int, Int]:
    """(rows of all segments one after the other, warm-up included; borders of the segments among them)."""
    count = borders.end - borders.warm_up
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    return np.arange(start[-1]) + np.repeat(borders.warm_up - start[:-1], count), start
