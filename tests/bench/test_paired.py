"""Scores in pairs: a run read back has the scores of its table, and a difference is that of its rows."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hfm import artifacts
from hfm.train.calibration import clustered
from tests.bench import paired
from tests.train.market import market, small
from tests.train.test_stage import train


@cache
def scores(seed: int) -> dict[str, object]:
    """The artifacts of a small training."""
    return train(market()[0], small(seed=seed, also=("har",)))[0]


def read_back(folder: Path, seed: int = 7) -> paired.TestedRows:
    """The test rows of such a run, through its files."""
    found = scores(seed)
    (folder / "train").mkdir(exist_ok=True)
    pq.write_table(found[artifacts.PREDICTIONS], folder / artifacts.PREDICTIONS)
    (folder / artifacts.MODEL).write_text(json.dumps(found[artifacts.MODEL]))
    return paired.read(folder)


def test_a_run_read_back_has_the_scores_of_its_table(tmp_path: Path) -> None:
    """All metrics that are compared, to 1e-9; nothing is better than itself."""
    rows = read_back(tmp_path)
    table = {(row["task"], row["metric"]): row["value"] for row in scores(7)[artifacts.SCORES].to_pylist()  # type: ignore[attr-defined]
             if row["model"] == "lstm" and row["fold"] == -1}  # fmt: skip
    found = list(paired.compare(rows, rows, "lstm"))
    assert {(s.task, s.metric) for s in found} == {
        ("direction", "accuracy"), ("direction", "log_loss"), ("direction", "ece"), ("spread", "gain_over_har"),
        ("spread", "r2"), ("spread", "pinball"), ("volatility", "gain_over_har"), ("volatility", "r2"),
    }  # fmt: skip
    for score in found:
        assert score.ours == score.peer == pytest.approx(table[score.task, score.metric], abs=1e-9)
        assert score.gain == score.low == score.high == 0


def test_a_gain_is_the_difference_of_the_scores_and_above_zero_where_ours_is_better(tmp_path: Path) -> None:
    """Of two trainings of other seeds, and the other way round its negative; the interval lies around it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = read_back(tmp_path / "a", 7), read_back(tmp_path / "b", 8)
    there, back = (list(paired.compare(*pair, "lstm")) for pair in ((one, two), (two, one)))
    moved = 0
    for score, other in zip(there, back, strict=True):
        less = score.metric in ("log_loss", "ece", "pinball")
        assert score.gain == pytest.approx((score.peer - score.ours) if less else (score.ours - score.peer), abs=1e-12)
        assert (other.gain, other.low, other.high) == pytest.approx((-score.gain, -score.high, -score.low), abs=1e-12)
        assert score.low <= score.gain <= score.high
        moved += score.low < score.gain
    assert moved >= 4  # direction may be gated to the floor in both


def test_a_shift_by_a_known_error_is_found(tmp_path: Path) -> None:
    """A volatility that misses by a constant more has the R2 of one that much worse; the interval leaves 0 out."""
    rows = read_back(tmp_path)
    y, lstm = rows.truth.log_vol, rows.models["lstm"]
    known = np.isfinite(y) & np.isfinite(lstm.heads[:, 1])
    worse = lstm.heads.copy()
    worse[:, 1] = y + np.where(y > np.nanmean(y), 1, -1) * (np.abs(y - lstm.heads[:, 1]) + 0.2)
    other = dataclasses.replace(rows, models={**rows.models, "lstm": dataclasses.replace(lstm, heads=worse)})
    score = next(s for s in paired.compare(rows, other, "lstm") if (s.task, s.metric) == ("volatility", "r2"))
    added = ((y - worse[:, 1]) ** 2 - (y - lstm.heads[:, 1]) ** 2)[known]
    assert score.gain == pytest.approx(added.mean() / y[known].var())
    assert 0 < score.low < score.gain
    assert "better by +" in score.note()


def test_the_resampled_error_of_a_mean_is_the_clustered_one() -> None:
    """200 clusters whose rows move together: within a tenth."""
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(200), 10)
    values = np.repeat(rng.normal(size=200), 10) + rng.normal(size=2000)
    found = paired._resampled_error(lambda at: float(values[at].mean()), cluster)
    assert found == pytest.approx(clustered(values, cluster)[1], rel=0.1)
