"""A bar that came back changed would be counted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from hfm.tables import column_array
from hfm.verify import structure
from hfm.verify.in_memory_run import InMemoryRun


def test_one_changed_price_fails_the_reaggregation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim compares every bar."""
    real = InMemoryRun.through

    def through(self: InMemoryRun, *stages: str) -> InMemoryRun:
        made = real(self, *stages)
        if "simulate" not in stages:
            return made
        quotes = made.table("simulate/quotes.parquet")
        low = column_array(quotes["trade_low"]).copy()
        low[7] -= 0.01
        at = quotes.schema.get_field_index("trade_low")
        return made.replaced(quotes=quotes.set_column(at, quotes.schema.field(at), pa.array(low)))

    monkeypatch.setattr(InMemoryRun, "through", through)
    (row,) = structure.reaggregation()
    assert not row.passed
    assert row.got == row.high - 1
