"""The corridor in memory is the corridor."""

from __future__ import annotations

from hfm.verify.causality import equal_rows
from hfm.verify.in_memory_run import joined, synthetic


def test_the_same_seed_is_the_same_market_on_any_day() -> None:
    """verify must not depend on when it is run."""
    one, two, other = (synthetic(3, seed).through("simulate") for seed in (1, 1, 2))
    name = "simulate/quotes.parquet"
    rows = one.table(name).num_rows
    assert equal_rows(one.table(name), two.table(name), rows) == rows
    assert equal_rows(one.table(name), other.table(name), rows) == 0
    assert one.document("simulate/facts.json")["fidelity"] == "bars"


def test_documents_and_groups_come_together() -> None:
    """As the disk would have them."""
    assert joined([b"ab"]) == b"ab"
    assert joined([{"a": 1}]) == b'{"a": 1}'
