"""What is told: every figure with its floor."""

from __future__ import annotations

import numpy as np

from hfm.stage import Context
from hfm.train import score_floors, scoring, training_summary
from tests.train.test_scoring import sample, stale_sample


def test_figures_and_table_name_every_model_and_its_floors() -> None:
    """Headline numbers beside base rate, rule and HAR; silent models show a dash, or no line."""
    truth, said = sample()
    nothing = scoring.ModelForecast(np.full(len(truth.up), np.nan), said.p_widen, said.heads * np.nan)
    models = {"constant": said, "rule": nothing, "har": said, "lstm": said}
    scores = scoring.score(truth, models)
    floor = score_floors.floors(scores, ("constant", "rule", "har"), truth, models)
    ctx = Context("train")
    training_summary.summarise(scores, floor, truth, models, "lstm", ctx)
    for key in ("direction_accuracy", "direction_base_rate", "direction_se", "spread_accuracy", "spread_rule",
                "volatility_r2", "volatility_r2_har", "smallest_edge", "oracle_share"):  # fmt: skip
        assert isinstance(ctx.figures[key], float), key
    assert ctx.figures["volatility_gain_over_har"] == [0.0, 0.0]
    for task, metrics in (("direction", ("accuracy", "AUC", "log-loss", "ECE")), ("volatility", ("R2", "MAE", "HAR")),
                          ("spread", ("widens", "R2", "MAE", "pinball", "over HAR [95 %]"))):  # fmt: skip
        at = next(i for i, line in enumerate(ctx.lines) if line.startswith(f"out of sample: {task}"))
        assert all(word in ctx.lines[at] for word in metrics)
        table = ctx.lines[at + 1 : at + 5]
        assert len({len(line) for line in ctx.lines[at : at + 4]}) == 1
        assert any(line.startswith("lstm *") for line in table)
    rule = next(line for line in ctx.lines if line.startswith("rule"))
    assert "-" in rule


def told(share: float) -> Context:
    """What is told where a share of the rows is stale."""
    truth, models = stale_sample(share)
    ctx = Context("train")
    scores = scoring.score(truth, models)
    training_summary.summarise(scores, score_floors.floors(scores, ("har",), truth, models), truth, models, "m", ctx)
    return ctx


def test_scores_without_and_with_stale_rows_stand_side_by_side_and_many_are_a_warning() -> None:
    """Both figures in the table; above 5 % of the rows a warning says how many, in how many sessions."""
    many, few = told(0.3), told(0.04)
    head = next(line for line in many.lines if line.startswith("out of sample: volatility"))
    assert "R2, all rows (se)" in head
    row = next(line for line in many.lines[many.lines.index(head) :] if line.startswith("m *"))
    r2, every = (float(row.split()[i]) for i in (2, -5))
    assert r2 < 0.6 < 0.85 < every
    text = "30.0 % of the test rows, in 30 of 60 sessions, have or forecast a price that seems to be filled forward"
    assert any(text in w for w in many.warnings)
    assert not few.warnings
    assert any("4.0 % of the test rows" in line for line in few.lines)
    assert many.figures["stale_share"] == 0.3


def test_the_floor_of_the_direction_is_named() -> None:
    """Its value, and whose it is."""
    truth, said = sample()
    ctx = Context("train")
    scores = scoring.score(truth, {"lstm": said})
    training_summary.summarise(
        scores, score_floors.floors(scores, (), truth, {"lstm": said}), truth, {"lstm": said}, "lstm", ctx
    )
    assert ctx.figures["direction_floor_label"] == score_floors.LARGER
    assert ctx.figures["direction_floor"] == max(truth.up.mean(), 1 - truth.up.mean())
    assert any("the floor" in line and f"({score_floors.LARGER})" in line for line in ctx.lines)
