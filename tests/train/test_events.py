"""Training in event time, end to end on an invented order book: what it makes, what it knows, what it must not know."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.errors import DataError
from hfm.stage import Context
from tests.orderbook import queue_race, replayed
from tests.train.market import small
from tests.train.test_stage import digest, train


@cache
def quotes(count: int = 4000, sessions: int = 1) -> pa.Table:
    """Event rows of an hour and a half a session."""
    days = ("2012-06-21", "2012-06-22", "2012-06-25")[:sessions]
    return replayed(*(queue_race(count, seed, 5400.0, day) for seed, day in enumerate(days)))


@pytest.fixture(scope="module")
def done() -> tuple[dict[str, Any], Context]:
    """One session, with a small network."""
    return train(quotes(), small(epochs=2, seeds=1))


def score(found: dict[str, Any], model: str, task: str, metric: str) -> tuple[float, float]:
    """(value, se) of all folds."""
    data = tables.arrays(found["train/scores.parquet"])
    here = (data["model"] == model) & (data["task"] == task) & (data["metric"] == metric) & (data["fold"] == -1)
    return float(data["value"][here][0]), float(data["se"][here][0])


def test_one_session_of_events_is_trained_on_and_its_second_half_is_tested(
    done: tuple[dict[str, Any], Context],
) -> None:
    """All artifacts; each row of the test blocks once for each model; the document says what was chosen."""
    found, ctx = done
    data = tables.arrays(found["train/predictions.parquet"])
    rows = tables.arrays(quotes())
    tested = np.isin(rows["seq"], data["seq"])
    assert 0.4 < tested.mean() < 0.5
    assert np.diff(np.flatnonzero(tested)).max() == 1
    assert len(data["seq"]) == 5 * tested.sum()
    document = found["train/model.json"]
    assert document["target"] == "next-move"
    assert document["features"]["group"] == "events"
    assert document["block_s"] == 300
    meta = tables.header(found["train/predictions.parquet"].schema)["meta"]
    assert (meta["every"], meta["target"], meta["features"]) == ("event", "next-move", "events")
    assert any("over 1 / 10 / 100 events" in line for line in ctx.lines)
    assert ctx.figures["test_blocks"] == len(np.unique(data["time"] // (300 * 10**9)))


def test_the_queue_that_will_empty_first_is_found(done: tuple[dict[str, Any], Context]) -> None:
    """The imbalance of the queues is read: far above one half, and so is the sign over one and ten events."""
    for task in ("direction", "direction_1", "direction_10"):
        value, se = score(done[0], "logistic", task, "accuracy")
        assert value - 3 * se > 0.5, task


def test_labels_are_the_next_move_and_known_at_that_row(done: tuple[dict[str, Any], Context]) -> None:
    """From the quotes alone, by a loop."""
    data, rows = tables.arrays(done[0]["train/predictions.parquet"]), tables.arrays(quotes())
    mine = data["model"] == "har"
    for i in np.flatnonzero(mine)[::97]:
        t = int(np.flatnonzero(rows["seq"] == data["seq"][i])[0])
        later = np.flatnonzero(rows["mid_close"][t:] != rows["mid_close"][t])
        if not len(later):
            assert data["y_up"][i] < 0 or data["time_label"][i] < 0
            continue
        at = t + int(later[0])
        assert data["y_up"][i] == (rows["mid_close"][at] > rows["mid_close"][t])
        assert data["time_label"][i] == rows["time"][at]
        assert data["y_spread_bps"][i] == pytest.approx(rows["spread_bps"][at])


def test_what_comes_after_a_row_changes_no_prediction_up_to_it(done: tuple[dict[str, Any], Context]) -> None:
    """Future poison inside the session: every earlier prediction is the same bits, the folds before it too."""
    table = quotes()
    cut = int(table.num_rows * 0.8)
    dirty = table
    for field in table.schema:
        if pa.types.is_float64(field.type) and field.name not in ("split_ratio", "cash_dividend"):
            values = tables.column_array(table.column(field.name)).copy()
            values[cut:] = np.abs(values[cut:]) * 1.5 + 0.01
            dirty = dirty.set_column(dirty.schema.get_field_index(field.name), field, pa.array(values))
    clean = tables.arrays(done[0]["train/predictions.parquet"])
    other = tables.arrays(train(dirty, small(epochs=2, seeds=1))[0]["train/predictions.parquet"])
    before = clean["seq"] < tables.arrays(table)["seq"][cut]
    assert 0 < before.mean() < 1
    for name in ("p_up", "p_raw", "conf_rank", "ret_sd_bps", "spread_q10", "spread_q50", "spread_q90", "p_widen"):
        np.testing.assert_array_equal(clean[name][before], other[name][before])
    assert (clean["p_up"][~before] != other["p_up"][~before]).any()


def test_several_sessions_are_split_by_the_same_rule() -> None:
    """Three sessions: blocks counted through; every session's table is whole, sorted, and without a double."""
    found, _ = train(quotes(2000, 3), small(model="logistic"))
    data = tables.arrays(found["train/predictions.parquet"])
    assert set(np.unique(data["session"])) == set(np.unique(tables.arrays(quotes(2000, 3))["session"])[1:])
    assert tables.first_disorder(found["train/predictions.parquet"], tables.PREDICTIONS.order) is None


def test_too_short_a_session_is_refused_with_the_minimum() -> None:
    """Ten rows: exit 4."""
    with pytest.raises(DataError, match=r"10 rows in \d blocks of clock time are too few.*1,000 rows in 12 blocks"):
        train(replayed(queue_race(10)), small())


def test_a_fixed_number_of_events_can_be_the_target() -> None:
    """--set train.target=horizon --set train.horizon=10."""
    found, _ = train(quotes(), small(model="logistic", target="horizon", horizon=10))
    data = tables.arrays(found["train/predictions.parquet"])
    assert set(data["horizon"]) == {10}
    assert found["train/model.json"]["target"] == "horizon"
    assert (data["y_ret_bps"][data["y_up"] < 0] == 0).any()


def test_the_same_run_twice_gives_the_same_bytes() -> None:
    """Determinism in event time."""
    one, two = (digest(train(quotes(2000), small(epochs=1, seeds=1))[0]) for _ in range(2))
    assert one == two
