"""Records have the fields that the schema says, and kernels read and write them by name."""

from __future__ import annotations

import subprocess
import sys
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


def test_a_codec_reads_and_writes_records_as_named_tuples() -> None:
    """To the bit, through padding; the fields of nested records stand beside the others."""
    nested = records.nested_dtype([("day", "i8"), ("final", "?"), ("head", COUNTED), ("side", "i1")])
    codec, rows = records.Codec(nested), np.zeros(2, nested)
    assert codec.names == ("day", "final", "price", "last", "rows", "side")
    rows["head"]["price"], rows["side"], rows["final"] = (0.1, np.nan), (-1, 1), (False, True)
    first, second = codec.all(rows)
    assert tuple(first) == (0, False, 0.1, False, 0, -1)
    assert (second.final, second.side) == (True, 1)
    codec.write(rows.view(np.uint8).data, codec.make((5, True, 2.5, True, 7, 0)))
    assert rows[0].tolist() == (5, True, (2.5, True, 7), 0)
    assert codec.read(rows.view(np.uint8).data).rows == 7


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


NEW_COLUMN = """
import importlib.machinery, importlib.util, sys
from pathlib import Path

import hfm

class Schema(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        text, line = Path(self.path).read_text("utf-8"), "flags         i4   "
        assert text.count(line) == 1
        return compile(text.replace(line, "vwap f8 currency mean price\\n" + line), self.path, "exec")

class Finder:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "hfm.tables.schema":
            file = str(Path(hfm.__file__).with_name("tables") / "schema.py")
            return importlib.util.spec_from_loader(name, Schema(name, file))

sys.meta_path.insert(0, Finder)

import numpy as np
from hfm import tables
from hfm.features import batch
from hfm.kernels.jit import kernel
from hfm.live import quote_rows
from hfm.tables.records import QUOTE
from tests.quotes import quote_columns

assert QUOTE["vwap"] == np.float64 and tables.QUOTES["vwap"].unit == "currency"

item = {name: 1.0 for name in QUOTE.names}
item |= {"symbol": "SPY", "session": "2024-01-02", "seq": 0, "is_last": False, "vwap": 100.5, "flags": 0}
item |= {"time_open": "2024-01-02T14:30Z", "time": "2024-01-02T14:35Z"}
assert quote_rows.parse(item, {"SPY": 0}).vwap == 100.5

seen = []
class Step:
    STATE, FEATURES, NAMES, INPUTS = (getattr(batch.bar_features, n) for n in ("STATE", "FEATURES", "NAMES", "INPUTS"))
    loop = staticmethod(lambda states, rows, picks, every, out: seen.extend(rows["vwap"].tolist()))
batch.step_module = lambda names: Step
columns = quote_columns(5, 5, 0) | {"vwap": np.arange(5.0)}
batch.compute(columns, {"SPY": batch.bar_features.state_new(5, 300.0)}, ("ofi",))
assert seen == [0.0, 1.0, 2.0, 3.0, 4.0]
"""


def test_a_new_column_of_the_quotes_is_one_line_of_the_schema() -> None:
    """The record, the live row and the row that the features' step takes have it, without another edit."""
    assert QUOTE.names == tuple(QUOTES.names)
    done = subprocess.run([sys.executable, "-c", NEW_COLUMN], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
