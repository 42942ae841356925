"""What the report reads from predictions, scores and histories."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from hfm import tables
from hfm.report import forecast_data
from hfm.tables import MemoryReader
from tests.report.builder import make


def history(losses: dict[tuple[int, int, str], list[float]]) -> MemoryReader:
    """A history of (fold, seed, split) -> losses by epoch."""
    rows = [
        (fold, seed, epoch, split, loss)
        for (fold, seed, split), line in losses.items()
        for epoch, loss in enumerate(line)
    ]
    fold, seed, epoch, split, loss = zip(*sorted(rows), strict=True)
    columns = {
        "model": "lstm",
        "fold": np.array(fold),
        "seed": np.array(seed),
        "epoch": np.array(epoch),
        "split": np.array(split, object),
        "loss": np.array(loss),
        "lr": 1e-3,
    }
    return MemoryReader(tables.build(tables.HISTORY, columns))


def test_the_default_models_rows_are_the_ones_that_are_read() -> None:
    """Hits, rows and sessions are those of the model that the table names as its default."""
    run = make(sessions=20, accuracy=1.0)
    found = forecast_data.load(run)
    assert found is not None
    assert found.model == "lstm"
    assert len(found.sessions) == 8
    assert found.rows == 8 * 78
    assert found.right == found.labelled == 8 * 77
    assert int(found.p_counts.sum()) == found.rows


def test_a_model_without_epochs_has_no_curves_of_another() -> None:
    """A logistic model's page shows no network's losses; an ensemble's shows those of its networks."""
    lines = history({(0, 0, "train"): [1.0, 0.9], (0, 0, "valid"): [2.0, 1.9]})
    assert forecast_data._curves(lines, "logistic") == ()
    assert len(forecast_data._curves(lines, "ensemble")) == 2


def test_curves_are_relative_to_each_networks_own_floor_and_end_while_half_still_train() -> None:
    """Two networks, of three and one epochs beyond the floor: the mean covers both, then stops at the half."""
    curves = forecast_data._curves(
        history(
            {
                (0, 0, "train"): [1.0, 0.9, 0.8, 0.7],
                (0, 0, "valid"): [2.0, 1.9, 1.95, 2.1],
                (0, 1, "train"): [1.5, 1.3],
                (0, 1, "valid"): [2.5, 2.3],
                (0, 2, "train"): [1.5, 1.4],
                (0, 2, "valid"): [2.5, 2.4],
            }
        ),
        "lstm",
    )
    assert [c.split for c in curves] == ["train", "valid"]
    assert curves[1].mean == pytest.approx([0.0, (-0.1 - 0.2 - 0.1) / 3])
    assert curves[1].each[0] == pytest.approx([0.0, -0.1, -0.05, 0.1])


def test_coverage_of_quantiles_is_a_count() -> None:
    """The share of realised spreads at or below each predicted quantile, with a clustered error."""
    run = make(sessions=30)
    found = forecast_data.load(run)
    assert found is not None
    assert found.bands is not None
    for (q, share, se), edge in zip(
        found.bands.coverage, (found.bands.low, found.bands.middle, found.bands.high), strict=True
    ):
        assert share == pytest.approx((found.bands.realised <= edge).mean()), q
        assert 0 < se < 0.1


def test_pooled_scores_alone_are_shown() -> None:
    """Rows of single folds stay in the table on disk."""
    run = make()
    scores = run["train/scores.parquet"].read()
    found = forecast_data.load(run)
    assert found is not None
    assert len(found.scores) == scores.num_rows
    assert forecast_data._scores(None) == ()


def test_the_model_that_was_traded_is_the_one_that_is_shown() -> None:
    """After a back-test of another model's predictions the panels and the leakage flag are about that one."""
    run = make(sessions=20)
    metrics = json.loads(run["backtest/metrics.json"].data()) | {"model": "har"}
    found = forecast_data.load(run | {"backtest/metrics.json": MemoryReader(json.dumps(metrics).encode())})
    assert found is not None
    assert found.model == "har"
    assert found.calibration is not None
    assert found.calibration.forecast == pytest.approx(0.51)


def test_rows_split_by_blocks_have_their_errors_clustered_by_them() -> None:
    """And the page says so: one session has no error by session."""
    run = make(sessions=1)
    by_session = forecast_data.load(run)
    reader = run["train/predictions.parquet"]
    table = reader.read()
    columns = {name: table[name] for name in table.column_names}
    run["train/predictions.parquet"] = MemoryReader(
        tables.build(tables.PREDICTIONS, columns, dataclasses.replace(reader.meta, block_s=1800))
    )
    by_block = forecast_data.load(run)
    assert by_session is not None
    assert by_session.bands is not None
    assert by_block is not None
    assert by_block.bands is not None
    assert (by_session.clustered, by_block.clustered) == ("clustered by session", "clustered by 1800 s of clock time")
    assert all(np.isnan(se) for _, _, se in by_session.bands.coverage)
    assert all(0 < se < 0.2 for _, _, se in by_block.bands.coverage)
