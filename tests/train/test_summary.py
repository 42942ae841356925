"""What is told: every figure with its floor."""

from __future__ import annotations

import numpy as np

from hfm.stage import Context
from hfm.train import scoring, summary
from tests.train.test_scoring import sample


def test_figures_and_table_name_every_model_and_its_floors() -> None:
    """Headline numbers beside base rate, rule and HAR; silent models show a dash, or no line."""
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
    for task, metrics in (("direction", ("accuracy", "AUC", "log-loss", "ECE")), ("volatility", ("R2", "MAE", "HAR")),
                          ("spread", ("widens", "R2", "MAE", "pinball", "over HAR [95 %]"))):  # fmt: skip
        at = next(i for i, line in enumerate(ctx.lines) if line.startswith(f"out of sample: {task}"))
        assert all(word in ctx.lines[at] for word in metrics)
        table = ctx.lines[at + 1 : at + 5]
        assert len({len(line) for line in ctx.lines[at : at + 4]}) == 1
        assert any(line.startswith("lstm *") for line in table)
    rule = next(line for line in ctx.lines if line.startswith("rule"))
    assert "-" in rule
