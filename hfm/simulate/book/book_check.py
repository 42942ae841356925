"""The table of `hfm simulate --check --fidelity book`: facts of the book over fixed seeds, each against its band."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from hfm.config import Config
from hfm.simulate.bars import bar_facts, bar_stream
from hfm.simulate.book import book_tape
from hfm.simulate.book.stage import Tally, judged, sessions
from hfm.simulate.moments import Moments
from hfm.stage import Context
from hfm.tables import Reader


def table(markets: Sequence[Reader], config: Config, seeds: Sequence[int]) -> dict[str, dict[str, Any]]:  # Any: JSON
    """By id: label, value, se, band, pass and whose property it is.

    markets: bars of independent markets, each played with a seed of its own; a single one with the first of them.
    """
    of_bars, of_book, tallied = Moments(), Moments(), Tally()
    pooled, observed = None, False
    for n, bars in enumerate(markets):
        sim = dataclasses.replace(
            config.simulate, seed=seeds[n % len(seeds)], events=False, prints=False, snapshots=False
        )
        ctx = Context("simulate", seed=sim.seed)
        settings = bar_stream.settings(bars, sim, ctx)
        pooled = bar_facts.pooled(settings)
        observed |= not bars.meta.synthetic
        for group, passed in bar_stream.sheets(bars, settings, ctx):
            of_bars.add([(p.grid.days, p.sums) for p in passed])
            columns = {name: np.empty(group.num_rows) for name in book_tape.COLUMNS}
            for _ in sessions(group, passed, settings, (columns, of_book, tallied), bars.meta, ctx):
                raise AssertionError("no events were asked for")
    assert pooled is not None
    return judged(of_bars, of_book, tallied, pooled, observed)
