"""Long sessions in pieces, for networks to be fitted on: each piece preceded by rows that only warm its state up.

A session of an order book has tens of thousands of rows: as one sequence a step through it would be one gradient. Its
pieces are fitted side by side. A piece's first LEAD rows repeat the rows before it, without labels: the state that the
piece begins with comes of them (burn-in, Kapturowski et al. 2019, Recurrent Experience Replay in Distributed
Reinforcement Learning, ICLR). Predictions know no pieces: their state runs from the session's open.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hfm.plugins import ROWS, Panel

LONGEST = 1440
"""Rows of a session that stays whole: a day of one-minute bars."""
LENGTH, LEAD = 256, 64
"""Rows of a piece, and rows before it that warm the state up."""


def cut(panel: Panel) -> Panel:
    """The panel with every sequence of more than LONGEST rows in pieces; itself where there is none."""
    size = np.diff(panel.start)
    if size.max(initial=0) <= LONGEST:
        return panel
    owner, begin, end = [], [], []
    for s, rows in enumerate(size):
        length = LENGTH if rows > LONGEST else max(int(rows), 1)
        first = np.arange(0, max(int(rows), 1), length) + panel.start[s]
        owner += [s] * len(first)
        begin += first.tolist()
        end += np.minimum(first + length, panel.start[s + 1]).tolist()
    opened = np.maximum(np.array(begin) - LEAD, panel.start[:-1][owner])
    count = np.array(end) - opened
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    rows = np.arange(start[-1]) + np.repeat(opened - start[:-1], count)
    warm = rows < np.repeat(begin, count)
    out = {name: getattr(panel, name)[rows] for name in ROWS if getattr(panel, name) is not None}
    for name in ("up", "ret_bps", "log_spread", "log_vol"):
        out[name] = np.where(warm, np.nan, out[name])
    return replace(panel, **out, start=start, symbol=panel.symbol[owner], session=panel.session[owner])
