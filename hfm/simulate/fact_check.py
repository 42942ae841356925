"""The table of `hfm simulate --check`: facts pooled over fixed seeds, each against its band."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from hfm.config import Config
from hfm.simulate.bars import bar_facts, bar_stream
from hfm.simulate.book import book_tape
from hfm.simulate.book.session_tasks import BookCounts, SessionSums, sessions
from hfm.simulate.book.stage import judged
from hfm.simulate.moments import Moments
from hfm.stage import Context
from hfm.tables import Reader

SEEDS = (101, 102, 103)
SESSIONS = 60
"""Sessions of each market that the bands were drawn for."""


def table(
    markets: Sequence[Reader], config: Config, seeds: Sequence[int] = SEEDS
) -> dict[str, dict[str, Any]]:  # Any: JSON
    """Facts pooled over markets and seeds, each against its band.

    Seeds of one market share its days, so they are one cluster a day.

    Parameters
    ----------
    markets
        Bars of independent markets, each simulated with all of the seeds (a book: with one of them in turn).
    config
        Fidelity and model.
    seeds
        Fixed, whatever the configuration says.

    Returns
    -------
    dict[str, dict[str, Any]]
        By id: label, value, se, band, pass and whose property it is (see bar_facts.document). pass is False where a
        band is missed: exit code 8.
    """
    if config.simulate.fidelity == "book":
        return _book_table(markets, config, seeds)
    moments = Moments()
    settings, observed = None, False
    for bars in markets:
        runs = []
        for seed in seeds:
            sim = dataclasses.replace(config.simulate, seed=seed)
            ctx = Context("simulate", seed=seed)
            settings = bar_stream.settings(bars, sim, ctx)
            runs.append(bar_stream.simulate_groups(bars, settings, ctx))
        observed |= not bars.meta.synthetic
        for groups in zip(*runs, strict=True):
            moments.add([(p.grid.days, p.sums) for _, per_symbol in groups for p in per_symbol])
    assert settings is not None
    return bar_facts.document(moments, bar_facts.pooled(settings), observed)


def _book_table(
    markets: Sequence[Reader], config: Config, seeds: Sequence[int]
) -> dict[str, dict[str, Any]]:  # Any: JSON
    """The table of the book's facts.

    markets: bars of independent markets, each played with a seed of its own; a single one with the first of them.

    Returns
    -------
    dict[str, dict[str, Any]]
        By id: label, value, se, band, pass and whose property it is.

    Raises
    ------
    AssertionError
        Where a session gives a table that was not asked for.
    """
    of_bars, of_book, counts = Moments(), Moments(), BookCounts()
    pooled, observed = None, False
    for n, bars in enumerate(markets):
        sim = dataclasses.replace(
            config.simulate, seed=seeds[n % len(seeds)], events=False, prints=False, snapshots=False
        )
        ctx = Context("simulate", seed=sim.seed)
        settings = bar_stream.settings(bars, sim, ctx)
        pooled = bar_facts.pooled(settings)
        observed |= not bars.meta.synthetic
        for group, per_symbol in bar_stream.simulate_groups(bars, settings, ctx):
            of_bars.add([(p.grid.days, p.sums) for p in per_symbol])
            columns = {name: np.empty(group.num_rows) for name in book_tape.COLUMNS}
            for _ in sessions(group, per_symbol, settings, SessionSums(columns, of_book, counts), bars.meta, ctx):
                raise AssertionError("no events were asked for")
    assert pooled is not None
    return judged(of_bars, of_book, counts, pooled, observed)


def failed(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Ids of the facts outside their bands."""
    return [name for name, row in rows.items() if row["pass"] is False]
