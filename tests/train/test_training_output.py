"""The tables and the document, beyond what the stage's own test sees."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.models.inference import FORECAST, FORECAST_COLUMNS
from hfm.tables import MemoryReader
from hfm.train import fold_rows, folds, training_output
from hfm.train.score_floors import ScoreFloor
from hfm.train.scoring import ModelScore
from tests.train.market import market, rows


def test_the_oracle_is_joined_row_by_row_and_only_for_the_next_row() -> None:
    """A horizon of three rows has no oracle."""
    data, oracle = rows(signal="planted", rho=0.5), market(signal="planted", rho=0.5)[1]
    plan = [*folds.plan(21), folds.final(21)]
    found = training_output.truth(data, plan, MemoryReader(oracle))
    p = tables.column_array(oracle.column("p_up"))
    np.testing.assert_array_equal(found.oracle, p[fold_rows.place(data.panel, 15, 21)])
    assert found.oracle_spread is not None
    level = tables.column_array(oracle.column("log_spread_mean"))
    np.testing.assert_array_equal(found.oracle_spread, level[fold_rows.place(data.panel, 15, 21)])
    alone = training_output.truth(data, plan, None)
    assert np.isnan(alone.oracle).all()
    assert alone.oracle_spread is None
    assert sorted(set(found.fold)) == [0, 1]


def test_scores_are_sorted_by_task_metric_model_and_fold() -> None:
    """The table's own order, whatever the order of the list."""
    lines = [
        ModelScore("b", 0, "spread", "r2", 1.0, 0.1, 5),
        ModelScore("a", -1, "direction", "auc", 0.5, float("nan"), 5),
        ModelScore("a", 0, "spread", "r2", 2.0, 0.1, 5),
    ]
    table = training_output.scores(lines, [ScoreFloor(1.0, "x"), ScoreFloor(2.0, "y"), ScoreFloor(3.0, "")], {})
    tables.check(table, tables.SCORES)
    assert table.column("floor").to_pylist() == [2.0, 3.0, 1.0]
    assert table.column("floor_label").to_pylist() == ["y", "", "x"]


def forecast(n: int, value: float) -> tables.Array:
    """[n] of FORECAST, each field `value`."""
    out = np.empty(n, FORECAST)
    for name in FORECAST_COLUMNS:
        out[name] = value
    return out


@pytest.mark.parametrize("horizon", [1])
def test_predictions_keep_the_label_missing_where_it_is_not_known(horizon: int) -> None:
    """null, not 0, where the mid did not move or the row is the session's last."""
    data = rows()
    fold = folds.plan(21)[0]
    n = len(data.panel.of_sessions(*fold.test).slot)
    finished = {name: forecast(n, value) for name, value in (("b", 0.5), ("a", 0.4))}
    table = training_output.predictions(data, fold, finished, tables.TableMeta())
    tables.check(table, tables.PREDICTIONS)
    assert table.column("model").to_pylist()[:4] == ["a", "b", "a", "b"]
    known = np.isfinite(data.panel.of_sessions(*fold.test).up)
    assert table.column("y_up").null_count == 2 * (~known).sum() > 0
    assert table.column("time_label").null_count > 0
