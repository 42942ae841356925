"""The LOBSTER export: what it writes, the LOBSTER source reads back as the same book."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm import tables
from hfm.config import Config, Fetch, Simulate
from hfm.errors import DataError
from hfm.fetch import stage as fetch
from hfm.fetch.book import book_events
from hfm.fetch.sources.lobster import days, load
from hfm.simulate import stage
from hfm.simulate.replay import lobster_export
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.fetch.flow import flow
from tests.orderbook import DAY, book_meta, book_table

META = tables.TableMeta(calendar="XNYS", symbols=("XYZ",))


def through(group: pa.Table, meta: tables.TableMeta) -> tuple[pa.Table, lobster_export.Files]:
    """The group, exported and read back by the source; and the files."""
    made = lobster_export.files(group, meta)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (made.message, made.orderbook):
            (Path(folder) / name).write_bytes(data)
        (day,) = days(folder)
        raw = load(day, day.levels)
    return book_events.group(raw, day.symbol, meta), made


def equal(one: pa.Table, other: pa.Table, but: tuple[str, ...] = ()) -> None:
    """Every column of two books but `but`, bit for bit."""
    for name in one.column_names:
        if name not in but:
            a, b = (t.column(name).combine_chunks() for t in (one, other))
            if pa.types.is_dictionary(a.type):
                a, b = a.cast(pa.string()), b.cast(pa.string())
            if pa.types.is_floating(a.type):
                np.testing.assert_array_equal(a.to_numpy(), b.to_numpy(), err_msg=name)
            else:
                assert a.equals(b), name


@given(seed=st.integers(0, 10_000), level=st.integers(1, 6), count=st.integers(20, 120))
@settings(max_examples=25, deadline=None)
def test_a_book_that_is_exported_and_read_again_is_the_same_book(seed: int, level: int, count: int) -> None:
    """All seven types, halts, empty levels, several events an instant: every column of every row."""
    made = flow(seed, count, level)
    with tempfile.TemporaryDirectory() as folder:
        for kind, text in (("message", made.messages), ("orderbook", made.orderbook)):
            (Path(folder) / f"XYZ_2024-03-11_34200000_57600000_{kind}_{level}.csv").write_text(text)
        (day,) = days(folder)
        group = book_events.group(load(day, level), "XYZ", dataclasses.replace(META, levels=level))
    again, files = through(group, dataclasses.replace(META, levels=level))
    equal(group, again)
    assert files.rounded == 0
    assert files.message[0] == f"XYZ_2024-03-11_34200000_57600000_message_{level}.csv"


@pytest.mark.parametrize("l3", [False, True])
def test_a_simulated_book_comes_back(l3: bool) -> None:
    """Orders, sizes, times and levels; an off-book trade gets a side, and its price four decimals."""
    config = Config(simulate=Simulate(fidelity="book", events=True, levels=3, l3=l3))
    inputs = {"fetch/bars.parquet": MemoryReader(bar_table(1, slots=4, drop=(2,)))}
    made = [p for a, p in stage.run(inputs, config, Context("simulate", seed=7)) if a == "simulate/book.parquet"]
    (group,) = made
    assert isinstance(group, pa.Table)
    again, files = through(group, tables.meta_of(group.schema))
    hidden = np.flatnonzero(group.column("event").cast(pa.string()).to_numpy(zero_copy_only=False) == "execute_hidden")
    lit = np.delete(np.arange(group.num_rows), hidden)
    equal(group.take(lit), again.take(lit), ("price", *book_events.level_names(3)))
    for name in ("price", *book_events.level_names(3)):
        a, b = (t.column(name).to_numpy() for t in (group, again))
        np.testing.assert_allclose(a, b, rtol=0, atol=6e-5 if name == "price" else 1e-9)
    assert np.isin(again.column("side").to_numpy()[hidden], (-1, 1)).all()
    assert hidden.size >= files.rounded > 0


def test_a_hand_written_day_is_written_as_the_readme_says() -> None:
    """Times with nine decimals from midnight, prices x 10,000, empty sides at +-9,999,999,999, a side by Lee-Ready."""
    made = lobster_export.files(book_table(DAY), book_meta(("XYZ",)))
    message, book = (data.decode().splitlines() for _, data in (made.message, made.orderbook))
    assert message[0] == "34200.500000000,1,0,100,99900,1"
    assert message[4] == "34203.000000000,4,0,10,100300,-1"
    assert message[6] == "34204.500000000,5,0,5,100000,1"
    assert book[0] == "9999999999,0,99900,100"
    assert book[2] == "100300,50,100100,30"


def test_what_the_format_cannot_hold_is_refused() -> None:
    """A snapshot of a feed, part of a share, an order between two prices, a time of another day."""
    meta = book_meta(("XYZ",))
    base = (0.5, "add", 1, 9.99, 100, 9.99, 100, 10.03, 50)
    for row, word in (
        ((0.5, "snapshot", 0, float("nan"), 0, 9.99, 100, 10.03, 50), "snapshot"),
        ((0.5, "add", 1, 9.99, 0.5, 9.99, 0.5, 10.03, 50), "parts of a share"),
        ((0.5, "add", 1, 9.990013, 100, 9.990013, 100, 10.03, 50), "finest price"),
        ((16 * 3600.0, "add", 1, 9.99, 100, 9.99, 100, 10.03, 50), "midnight"),
    ):
        rows = (base, row) if row[0] >= base[0] else (row, base)
        with pytest.raises(DataError) as caught:
            lobster_export.files(book_table(rows), meta)  # type: ignore[arg-type]
        assert word in str(caught.value.why)


def test_amazons_day_comes_back_to_the_last_bit(real: Path) -> None:
    """57,515 events of the vendor's file, exported and read again."""
    config = Config(fetch=Fetch(symbols=("AMZN",), source="lobster", path=f"{real}/book"))
    ctx = Context("fetch")
    ctx.as_of = ctx.as_of.replace(year=2030)
    (group,) = [p for _, p in fetch.run({}, config, ctx)]
    assert isinstance(group, pa.Table)
    again, _ = through(group, tables.meta_of(group.schema))
    equal(group, again)
