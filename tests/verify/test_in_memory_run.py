"""The corridor in memory is the corridor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hfm.artifacts import BARS
from hfm.tables import column_array
from hfm.verify.causality import equal_rows
from hfm.verify.in_memory_run import InMemoryRun, joined, synthetic


def test_the_same_seed_is_the_same_market_on_any_day() -> None:
    """verify must not depend on when it is run."""
    one, two, other = (synthetic(3, seed).through("simulate") for seed in (1, 1, 2))
    name = "simulate/quotes.parquet"
    rows = one.table(name).num_rows
    assert equal_rows(one.table(name), two.table(name), rows) == rows
    assert equal_rows(one.table(name), other.table(name), rows) == 0
    assert one.document("simulate/facts.json")["fidelity"] == "bars"


def test_a_market_ends_at_the_instant_that_is_asked_for() -> None:
    """fetch.as_of stands for now, as it does in a run; without one the market ends where verify's do."""
    whole = synthetic(3, 1)
    earlier = replace(whole.config, fetch=replace(whole.config.fetch, as_of="2026-03-05T18:00:00Z"))
    time = column_array(InMemoryRun(earlier, {}).through("fetch").table(BARS)["time"])
    assert np.datetime64(int(time[-1]), "ns") <= np.datetime64("2026-03-05T18:00")
    assert np.datetime64(int(column_array(whole.table(BARS)["time"])[-1]), "ns") > np.datetime64("2026-03-06T20:00")


def test_documents_and_groups_come_together() -> None:
    """As the disk would have them."""
    assert joined([b"ab"]) == b"ab"
    assert joined([{"a": 1}]) == b'{"a": 1}'
