"""Quotes and features made again with another future: honest ones stand, one that looks ahead is named by its row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hfm.artifacts import BARS, QUOTES
from hfm.features import batch
from hfm.features.bar_features import LOOKBACK
from hfm.tables import MemoryReader, column_array
from hfm.train import training_panel
from hfm.verify.lookahead import compare, rebuilt
from tests.bars import bar_table
from tests.verify import cheats
from tests.verify.lookahead.market import market, readers


def test_the_head_is_whole_sessions_and_is_read_no_further() -> None:
    """Two of five; more than there are is all of them."""
    table = bar_table(5, ("QQQ", "SPY"), slots=6)
    head = rebuilt._head(MemoryReader(table), 2)
    assert head.equals(table.slice(0, 24))
    assert rebuilt._head(MemoryReader(table), 9).num_rows == table.num_rows


def test_the_more_rows_the_fewer_cuts() -> None:
    """Half the rows each, within the budget; at least one, at most so many."""
    table = bar_table(6, slots=10)
    rng = np.random.default_rng(1)
    assert len(rebuilt._instants(rng, table, 10**6, 5)) <= 5
    assert len(rebuilt._instants(rng, table, 1, 5)) == 1
    few = [len(rebuilt._instants(rng, table, 60, 8)) for _ in range(20)]
    assert max(few) == 2


def test_quotes_stand_with_their_future_cut_or_changed() -> None:
    """All columns of quotes and oracle, at several cuts."""
    given = {name: reader for name, reader in readers().items() if name in (BARS, QUOTES, "simulate/oracle.parquet")}
    rows = list(rebuilt.quotes(given, market().config, np.random.default_rng(2)))
    assert [row.claim for row in rows if not row.passed] == []
    assert {row.claim.split(" stand")[0] for row in rows} == {"simulate: quotes", "simulate: oracle"}
    assert all(row.got > 0 for row in rows)


@pytest.mark.parametrize("name", [None, "momentum"])
def test_features_stand_and_one_of_a_centred_mean_is_named(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean engine passes all four claims; a rolling mean of rows to come is named by feature and row."""
    compute: Callable[..., Any] = batch.compute

    def smooth(columns: Any, states: Any, names: Any) -> Any:  # Any: as batch.compute
        out = compute(columns, states, names)
        if name is not None:
            out[:, list(names).index(name)] = cheats.centred(out[:, list(names).index(name)])
        return out

    monkeypatch.setattr(batch, "compute", smooth)
    table = market().table(QUOTES)
    task = training_panel.task(MemoryReader(table).meta, market().config.train)
    clean = training_panel.read(MemoryReader(table), task)
    rows = list(rebuilt.features(table, clean, task, np.random.default_rng(3)))
    failed = [row.claim for row in rows if not row.passed]
    if name is None:
        assert failed == []
        assert len(rows) == 4
    else:
        assert failed
        assert all(claim.startswith("train: feature momentum of ") for claim in failed[:-1])


def test_rows_are_ranked_within_their_symbol() -> None:
    """0, 1, 2, ... through the sessions of each; the first LOOKBACK rows are not warm."""
    table = market().table(QUOTES)
    rows = training_panel.read(
        MemoryReader(table), training_panel.task(MemoryReader(table).meta, market().config.train)
    )
    rank, keys = rebuilt._rank(rows), rebuilt.keys(rows)
    for symbol in ("QQQ", "SPY"):
        assert rank[keys["symbol"] == symbol].tolist() == list(range(table.num_rows // 2))
    assert (rank >= LOOKBACK).any()
    np.testing.assert_array_equal(keys["seq"], column_array(table["seq"]))
    assert compare.place(keys, 0).startswith("QQQ ")
