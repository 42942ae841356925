"""The schemas are documented and say what orders them."""

from __future__ import annotations

import pytest

from hfm import tables


@pytest.mark.parametrize("table", tables.TABLES.values(), ids=lambda t: t.name)
def test_every_column_has_a_type_a_unit_and_words(table: tables.Table) -> None:
    """The report prints them."""
    assert len(set(table.names)) == len(table.columns)
    assert all(c.unit and c.doc for c in table.columns)
    assert all(table[name] for name in table.order)


def test_a_book_has_as_many_levels_as_asked() -> None:
    """Prices and sizes of both sides."""
    assert len(tables.book(3).columns) == len(tables.book(1).columns) + 8
