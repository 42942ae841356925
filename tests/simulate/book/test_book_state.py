"""The engine's memory by field."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import book_state

DTYPES = (
    "BOOK",
    "BAR",
    "SUMS",
    "TABLES",
    "LAWS",
    "EVENT",
    "TRADE",
    "METAORDER",
    "SNAPSHOT",
    "PRICE_LEVEL",
    "ORDER",
    "LEVEL",
)


@pytest.mark.parametrize("name", DTYPES)
def test_a_field_is_read_and_written_by_its_name(name: str) -> None:
    """In plain Python as in a kernel: no field is called as an attribute of a record is, and what is written into an
    element stands in its array."""
    dtype = getattr(book_state, name)
    assert dtype.type is np.record
    assert not set(dtype.names) & set(dir(np.record))
    rows = np.zeros(2, dtype)
    for k, field in enumerate(dtype.names):
        if dtype[field].shape:
            getattr(rows[1], field)[...] = k + 1
        else:
            setattr(rows[1], field, k + 1)
        assert (rows[field][1] == (True if dtype[field] == np.bool_ else k + 1)).all()
        assert not rows[field][0].any()


def test_records_have_one_size_whatever_the_data() -> None:
    """So numba compiles each kernel once: what grows with the data is a plain array of the engine."""
    small = book_state.engine(10, 0, book_state.Buffers(4, 3, 2, 1))
    large = book_state.engine(1000, 50, book_state.Buffers(40, 30, 20, 10))
    for one, other in zip(small, large, strict=True):
        assert one.dtype == other.dtype
        assert np.ndim(one) == np.ndim(other)
    assert [len(x) for x in (large.queue, large.levels, large.orders)] == [1000, 1000, 51]
    assert [len(x) for x in (small.queue, small.levels, small.orders)] == [10, 0, 0]
    assert [len(x) for x in (small.tape, small.trades, small.metaorders, small.snapshots)] == [4, 3, 2, 1]
