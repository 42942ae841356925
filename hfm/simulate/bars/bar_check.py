"""The table of `hfm simulate --check`: facts pooled over fixed seeds, each against its band."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hfm.config import Config
from hfm.simulate.bars import bar_facts, bar_stream
from hfm.simulate.moments import Moments
from hfm.stage import Context
from hfm.tables import Reader

SEEDS = (101, 102, 103)
SESSIONS = 60
"""Sessions of each market that the bands were drawn for."""


def table(markets: Sequence[Reader], config: Config) -> dict[str, dict[str, Any]]:  # Any: JSON
    """By id: label, value, se, band, pass and whose property it is (see facts.document).

    markets: bars of independent markets, each simulated with all of SEEDS. Seeds of one market share its
    days, so they are one cluster a day. pass is False where a band is missed: exit code 8.
    """
    if config.simulate.fidelity == "book":
        from hfm.simulate.book import book_check as book

        return book.table(markets, config, SEEDS)
    moments = Moments()
    settings, observed = None, False
    for bars in markets:
        runs = []
        for seed in SEEDS:
            sim = dataclasses.replace(config.simulate, seed=seed)
            ctx = Context("simulate", seed=seed)
            settings = bar_stream.settings(bars, sim, ctx)
            runs.append(bar_stream.sheets(bars, settings, ctx))
        observed |= not bars.meta.synthetic
        for groups in zip(*runs, strict=True):
            moments.add([(p.grid.days, p.sums) for _, passed in groups for p in passed])
    assert settings is not None
    return bar_facts.document(moments, bar_facts.pooled(settings), observed)


def failed(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Ids of the facts outside their bands."""
    return [name for name, row in rows.items() if row["pass"] is False]
