"""What is said of a session's events: steps of price, counts, the horizon."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm import tables
from hfm.fetch.book import book_events
from hfm.fetch.book.book_events import CODE
from hfm.raw_data import RawBook


def book() -> RawBook:
    """Four events by hand: locked, crossed, one-sided."""
    levels = np.array([[9.0, 10, 11, np.nan], [1, 1, 1, 0], [10.0, 10, 10, 10], [2, 2, 2, 2]])
    kinds = [CODE["add"], CODE["add"], CODE["execute"], CODE["halt"]]
    return RawBook(
        session=np.datetime64("2024-03-01"),
        time=np.array([10, 10, 20, 30]),
        event=np.array(kinds, np.int8),
        side=np.array([1, 1, -1, 0], np.int8),
        price=np.array([9.0, 10, 10, np.nan]),
        size=np.array([1.0, 1, 2, 0]),
        order_id=np.array([5, 6, -1, -1]),
        levels=levels,
        tick=0.01,
        counts={"gaps": 3},
    )


def test_counts_by_hand() -> None:
    """Kinds that are there, one-sided, locked, crossed, and what the source counted."""
    assert book_events.account(book()) == {
        "rows": 4, "add": 2, "execute": 1, "halt": 1, "one_sided": 1, "locked": 1, "crossed": 1, "gaps": 3,
    }  # fmt: skip


def test_a_row_group_has_the_schema_and_says_what_was_seen() -> None:
    """No id is null; levels are observed unless they were rebuilt."""
    group = book_events.group(book(), "XYZ", tables.TableMeta(levels=1))
    tables.check(group, tables.book(1))
    assert group["order_id"].to_pylist() == [5, 6, None, None]
    assert group["seq"].to_pylist() == [0, 1, 2, 3]
    assert set(tables.provenance(group.schema).values()) == {"observed"}
    assert tables.header(group.schema)["meta"] == {"levels": 1}


@pytest.mark.parametrize(("end", "rows"), [(5, 0), (10, 2), (19, 2), (20, 3), (99, 4)])
def test_what_is_known_by_an_instant(end: int, rows: int) -> None:
    """Events of one time belong together."""
    cut = book_events.until(book(), end)
    assert len(cut.time) == len(cut.event) == cut.levels.shape[1] == rows


def test_the_tick_is_what_all_prices_are_multiples_of() -> None:
    """In currency; of no price at all it is none."""
    assert book_events.tick(np.array([5_853_300, 5_853_200, 5_853_350]), 10_000) == 0.005
    assert book_events.tick(np.array([100, 100]), 100) == 1.0
    assert book_events.tick(np.zeros(0, np.int64), 100) == 0.0


@given(st.integers(1, 10**14))
def test_decimal_prices_become_integers_exactly(units: int) -> None:
    """Whatever was written with up to eight decimals, to a million."""
    assert book_events.units(np.array([float(f"{units // 10**8}.{units % 10**8:08d}")]))[0] == units
