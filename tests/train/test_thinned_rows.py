"""One row in k of many events: the same rows and labels as among all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Train
from hfm.plugins import ROWS
from hfm.tables import MemoryReader
from hfm.train import thinned_rows, training_panel
from tests.orderbook import queue_race, replayed
from tests.parts import Parts
from tests.train.market import small
from tests.train.test_stage import train


def quotes_of_events() -> pa.Table:
    """Two sessions of two symbols, an hour and a half each."""
    return replayed(
        *(
            queue_race(1500, 2 * d + s, 5400.0, day, symbol)
            for d, day in enumerate(("2012-06-21", "2012-06-22"))
            for s, symbol in enumerate(("AAA", "BBB"))
        )
    )


@pytest.mark.parametrize("size", [37, 1000, 10**6])
@pytest.mark.parametrize("stride", [2, 7, 150])
@pytest.mark.parametrize("target", ["next-move", "horizon"])
def test_kept_rows_are_those_of_the_whole(size: int, stride: int, target: str) -> None:
    """Features, labels, blocks and signs ahead, wherever parts end; realised volatility within its rounding."""
    quotes = quotes_of_events()
    task = replace(training_panel.task(tables.meta_of(quotes.schema), Train(target=target, horizon=3)), block_s=60)  # type: ignore[arg-type]  # one of the two
    every = training_panel.read(MemoryReader(quotes), task)
    found = thinned_rows.read(Parts(quotes, size), replace(task, stride=stride))
    rows = np.flatnonzero(every.panel.slot % stride == 0)
    assert len(found.time) == len(rows) > 0
    for name in ROWS:
        one, other = getattr(found.panel, name), getattr(every.panel, name)[rows]
        if name == "log_vol":
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)
    np.testing.assert_array_equal(found.time, every.time[rows])
    np.testing.assert_array_equal(found.time_label, every.time_label[rows])
    assert found.ahead is not None
    assert every.ahead is not None
    np.testing.assert_array_equal(found.ahead, every.ahead[rows])
    assert found.panel.symbols == every.panel.symbols
    np.testing.assert_array_equal(found.panel.session, every.panel.session)
    borders = zip(every.panel.start[:-1], every.panel.start[1:], strict=True)
    counts = [(every.panel.slot[a:b] % stride == 0).sum() for a, b in borders]
    np.testing.assert_array_equal(np.diff(found.panel.start), counts)


def test_as_few_rows_as_are_asked_for() -> None:
    """One in k, the least that leaves no more; networks, and rows of a clock, keep all."""
    reader = MemoryReader(quotes_of_events())
    task = training_panel.task(reader.meta, Train())
    rows = reader.read().num_rows
    for most, stride in ((rows, 1), (rows - 1, 2), (1000, -(-rows // 1000))):
        assert thinned_rows.thinned(task, reader, Train(rows=most), ("logistic",)).stride == stride
    assert thinned_rows.thinned(task, reader, Train(rows=1000), ("logistic", "lstm")).stride == 1
    assert thinned_rows.thinned(replace(task, events=False), reader, Train(rows=1000), ("logistic",)).stride == 1


def test_a_run_on_one_row_in_three() -> None:
    """Its predictions are of those rows alone, its document says so, and so does the run."""
    found, ctx = train(quotes_of_events(), small(model="logistic", rows=2000))
    assert found["train/model.json"]["stride"] == 3
    assert set(tables.arrays(found["train/predictions.parquet"])["seq"] % 3) == {0}
    assert any("one in 3" in line for line in ctx.lines)
