"""What is told: every figure with its floor."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.stage import Context
from hfm.train import scoring, summary
from tests.train.test_scoring import sample


def test_the_gain_over_a_floor_is_its_difference_of_r2() -> None:
    """With sessions of equal length it is the plain difference; its lower bound lies below it."""
    truth, said = sample()
    worse = scoring.Forecast(said.p_up, said.p_widen, said.heads + np.array([0, 0.5, 0, 0.5, 0]))
    for task, at, y in (("volatility", 1, truth.log_vol), ("spread", 3, truth.log_spread)):
        mean, low = summary.gain(truth, said, worse, task)
        r2 = [1 - np.mean((y - f.heads[:, at]) ** 2) / y.var() for f in (said, worse)]
        assert mean == pytest.approx(r2[0] - r2[1])
        assert 0 < low < mean


def test_figures_and_table_name_every_model_and_its_floors() -> None:
    """Headline numbers beside base rate, rule and HAR; silent models show a dash."""
    truth, said = sample()
    nothing = scoring.Forecast(np.full(len(truth.up), np.nan), said.p_widen, said.heads * np.nan)
    models = {"constant": said, "rule": nothing, "har": said, "lstm": said}
    scores = scoring.score(truth, models)
    floor = scoring.floors(scores, ("constant", "rule", "har"), truth, models)
    ctx = Context("train")
    summary.tell(scores, floor, truth, models, "lstm", ctx)
    for key in ("direction_accuracy", "direction_base_rate", "direction_se", "spread_accuracy", "spread_rule",
                "volatility_r2", "volatility_r2_har", "smallest_edge", "oracle_share"):  # fmt: skip
        assert isinstance(ctx.figures[key], float), key
    assert ctx.figures["volatility_gain_over_har"] == [0.0, 0.0]
    rule = next(line for line in ctx.lines if line.startswith("rule"))
    assert "-" in rule
    assert any(line.startswith("lstm *") for line in ctx.lines)
