"""Records have the fields that the schema says, and kernels read and write them by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from hfm.kernels.jit import kernel
from hfm.tables import QUOTES, TABLES, Table, records, schema
from hfm.tables.records import QUOTE

TOY = Table(
    "toy",
    1,
    schema.columns("""
symbol word -        which
day    date -        trading day
at     time UTC      instant
price  f8   currency last price
side   i1?  -        1, -1, or not known
last   bool -        whether it is the last
"""),
    ("day",),
)
COLUMNS = {
    "symbol": np.array([1, 0]), "day": np.array(["1970-01-03", "2024-01-02"], "datetime64[D]"),
    "at": np.array([2**60 + 1, 7]), "price": np.array([1.5, np.nan]), "side": np.array([-1, 1], np.int8),
    "last": np.array([True, False]),
}  # fmt: skip
DTYPE = records.record_dtype(TOY)
COUNTED = records.record_dtype(TOY, ["price", "last"], schema.columns("rows i8 count rows seen"))
NESTED = records.nested_dtype([("head", COUNTED), ("ring", DTYPE, (3,))])


def test_every_kind_has_its_field_and_rows_come_back_as_they_were() -> None:
    """Days since 1970, ns since 1970 to the last one, NaN, -1 and flags."""
    rows = records.records(COLUMNS, DTYPE)
    assert rows.dtype is DTYPE
    assert DTYPE.isalignedstruct
    assert rows[0].tolist() == (1, 2, 2**60 + 1, 1.5, -1, True)
    again = records.to_columns(rows)
    assert list(again) == TOY.names
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(again[name], column.astype(np.int64) if name == "day" else column)


def test_fields_without_a_column_are_blank_and_columns_without_a_field_are_passed_over() -> None:
    """NaN, 0 and False at every depth; `fill` leaves the rest as it stands."""
    rows = records.records({"at": COLUMNS["at"], "other": np.zeros(5)}, DTYPE)
    assert np.isnan(rows["price"]).all()
    assert not rows["last"].any()
    assert np.isnan(records.blank(2, NESTED)["ring"]["price"]).all()
    rows["side"] = 1
    records.fill(rows, {"price": COLUMNS["price"]})
    assert rows["side"].tolist() == [1, 1]
    assert rows["price"][0] == 1.5


def test_words_and_wrong_lengths_are_refused() -> None:
    """A kernel takes the index of a word; a column too short would be repeated."""
    with pytest.raises(ValueError, match="index of a word"):
        records.records({**COLUMNS, "symbol": np.array(["A", "B"], object)}, DTYPE)
    with pytest.raises(ValueError, match="one length"):
        records.records({**COLUMNS, "price": np.zeros(1)}, DTYPE)
    with pytest.raises(KeyError, match="prices"):
        records.record_dtype(TOY, ["prices"])


def test_equal_columns_have_one_dtype_and_extra_fields_come_last() -> None:
    """The identity of a dtype is how numba finds a compiled kernel."""
    assert records.record_dtype(TOY) is DTYPE
    assert COUNTED.names == ("price", "last", "rows")
    assert np.concatenate([np.zeros(1, DTYPE)] * 2).dtype is DTYPE


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_every_table_has_a_record(table: Table) -> None:
    """With all its columns, in its order."""
    assert records.record_dtype(table).names == tuple(table.names)


@kernel
def _add(state: np.record, row: np.record) -> None:
    entry = state.ring[state.head.rows % 3]
    entry.price, entry.last, entry.at = row.price, row.last, row.at + 1
    state.head.rows += 1
    state.head.price += row.price


@pytest.mark.parametrize("form", ["compiled", "plain"])
def test_kernels_read_and_write_fields_of_nested_records_by_name(form: str) -> None:
    """A row is a view, compiled or not."""
    step: Any = _add if form == "compiled" else _add.py_func
    rows, state = records.records({**COLUMNS, "price": np.array([1.5, 2.0])}, DTYPE), np.zeros(2, NESTED)
    step(state[1], rows[0])
    step(state[1], rows[1])
    assert (state[1].head.rows, state[1].head.price, state[0].head.rows) == (2, 3.5, 0)
    assert state["ring"]["at"][1].tolist() == [2**60 + 2, 8, 0]


def test_a_new_column_of_the_quotes_is_a_field_of_the_row() -> None:
    """One line in the schema: the dtype follows, the fields before keep their order."""
    assert QUOTE.names == tuple(QUOTES.names)
    wider = dataclasses.replace(QUOTES, columns=(*QUOTES.columns, *schema.columns("vwap f8 currency average price")))
    assert records.record_dtype(wider).names == (*QUOTES.names, "vwap")
