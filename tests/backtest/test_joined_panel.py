"""The join: every prediction on its own quote, or an error that names the row."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import cast

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest.joined_panel import JoinedPanel, panels, prefetch
from hfm.errors import DataError, UsageError
from tests.backtest import market

SYMBOLS = ["AAA", "BBB"]


def joined(quoted: pa.Table, predicted: pa.Table, model: str = "lstm") -> list[JoinedPanel]:
    return list(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), model, SYMBOLS))


class Grouped(tables.MemoryReader):
    """A reader whose groups are of `sessions` sessions each."""

    def __init__(self, content: pa.Table, sessions: int) -> None:
        super().__init__(content)
        self._table_, self._sessions = content, sessions

    def groups(self, columns=None, only=None):  # type: ignore[no-untyped-def]
        borders = tables.blocks(self._table_, ("session",))
        cuts = sorted({*borders[:: self._sessions].tolist(), int(borders[-1])})
        for a, b in itertools.pairwise(cuts):
            yield from tables.MemoryReader(self._table_.slice(a, b - a)).groups(columns, only)


@pytest.fixture(scope="module")
def quoted() -> pa.Table:
    return market.walk(SYMBOLS, 4, 6)


def test_each_row_gets_its_own_models_prediction(quoted: pa.Table) -> None:
    """Values by key, NaN where there is none, the constant model beside."""
    n = quoted.num_rows
    p = np.linspace(0.1, 0.9, n)
    keep = np.arange(n) >= 24
    (panel,) = joined(quoted, market.predictions(quoted, {"lstm": p, "constant": 0.53, "har": 0.5}, keep))
    np.testing.assert_array_equal(panel.forecasts["p_up"], np.where(keep, p, np.nan))
    np.testing.assert_array_equal(panel.predicted, keep)
    np.testing.assert_array_equal(panel.floor_p, np.where(keep, 0.53, np.nan))
    assert np.isnan(panel.y_up[keep]).sum() == 4  # the last row of each session and symbol has no label
    assert panel.borders.tolist() == [0, 6, 12, 18, 24, 30, 36, 42, 48]


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 1), (1, 3), (2, 3), (4, 1)])
def test_row_groups_may_lie_anywhere(quoted: pa.Table, a: int, b: int) -> None:
    """The same rows, however quotes and predictions are cut into groups."""
    p = np.linspace(0.1, 0.9, quoted.num_rows)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5}, np.arange(quoted.num_rows) >= 12)
    whole = joined(quoted, predicted)[0]
    parts = list(panels(Grouped(quoted, a), Grouped(predicted, b), "lstm", SYMBOLS))
    for name in ("seq", "time", "y_up", "floor_p", "predicted"):
        np.testing.assert_array_equal(np.concatenate([getattr(x, name) for x in parts]), getattr(whole, name))
    np.testing.assert_array_equal(np.concatenate([x.forecasts["p_up"] for x in parts]), whole.forecasts["p_up"])


def test_a_prediction_without_its_quote_is_named(quoted: pa.Table) -> None:
    """A missing row in the middle, by symbol, session and seq."""
    predicted = market.predictions(quoted, {"lstm": 0.6})
    gone = quoted.filter(pa.array(np.arange(quoted.num_rows) != 20))
    with pytest.raises(DataError, match="BBB 2024-03-05 seq 2 has no row in the quotes") as error:
        joined(gone, predicted)
    assert error.value.hint == "hfm train"


def test_a_session_after_the_last_quote_is_named(quoted: pa.Table) -> None:
    """Predictions of another span."""
    with pytest.raises(DataError, match="AAA 2024-03-07 seq 0"):
        joined(quoted.slice(0, 36), market.predictions(quoted, {"lstm": 0.6}))


def test_a_session_before_the_first_quote_is_named(quoted: pa.Table) -> None:
    """The other end."""
    with pytest.raises(DataError, match="AAA 2024-03-04 seq 0"):
        joined(quoted.slice(12), market.predictions(quoted, {"lstm": 0.6}))


def test_a_symbol_without_quotes_is_named(quoted: pa.Table) -> None:
    """A symbol that the run does not have."""
    other = market.walk(["AAA", "ZZZ"], 4, 6)
    with pytest.raises(DataError, match="ZZZ 2024-03-04 seq 0"):
        joined(quoted, market.predictions(other, {"lstm": 0.6}))


def test_a_prediction_at_another_time_is_named(quoted: pa.Table) -> None:
    """Shifted rows look wonderful in a back-test."""
    predicted = market.predictions(quoted, {"lstm": 0.6})
    time = tables.column_array(predicted.column("time")).copy()
    time[7] += 300 * 10**9
    shifted = predicted.set_column(
        3, predicted.schema.field("time"), pa.array(time).cast(predicted.schema.field("time").type)
    )
    with pytest.raises(DataError, match="BBB 2024-03-04 seq 1 is timed"):
        joined(quoted, shifted)


def test_a_model_without_predictions_is_a_usage_error(quoted: pa.Table) -> None:
    """With the nearest name."""
    with pytest.raises(UsageError, match="'lsmt'") as error:
        joined(quoted, market.predictions(quoted, {"lstm": 0.6, "har": 0.5}), "lsmt")
    assert "--model lstm" in error.value.hint


def test_picking_sessions_keeps_the_blocks(quoted: pa.Table) -> None:
    """Whole sessions, borders counted anew."""
    (panel,) = joined(quoted, market.predictions(quoted, {"lstm": 0.6}))
    keep = panel.session > panel.session[0]
    part = panel.select(keep)
    assert part.borders.tolist() == [0, 6, 12, 18, 24, 30, 36]
    assert part.key.num_rows == len(part.seq) == 36
    np.testing.assert_array_equal(part.quotes["mid_open"], panel.quotes["mid_open"][keep])


def test_panels_ahead_come_in_order_and_an_error_where_it_was() -> None:
    """What was read before it is worked on first."""
    whole = market.walk(SYMBOLS, 3, 4)
    panel = joined(whole, market.predictions(whole, {"lstm": 0.6}))[0]

    def found() -> Iterator[JoinedPanel]:
        yield from (panel, panel)
        raise DataError("broken", hint="mend it")

    seen = 0
    with pytest.raises(DataError, match="broken"):
        for each in prefetch(found()):
            assert each is panel
            seen += 1
    assert seen == 2


def test_panels_ahead_that_are_left_leave_no_thread() -> None:
    """A stage that fails in the middle does not wait for what it will not read."""
    before = threading.active_count()
    coming = prefetch(iter([cast(JoinedPanel, k) for k in range(3)]))
    assert next(coming) == 0
    assert threading.active_count() > before
    coming.close()  # type: ignore[attr-defined]  # a generator
    assert threading.active_count() == before
