"""What a person is told: figures with floors and intervals, what little trading means, what costs and delay do."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.backtest import performance
from hfm.config import Backtest
from hfm.tables.json_document import from_json
from hfm.tables.metrics_document import Metric, Metrics
from tests.backtest import market


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"value": 0.1234, "lo": 0.1, "hi": 0.15, "floor": 0.05, "floor_label": "cash", "unit": "fraction"},
         "x 12.34 % [10.00 %, 15.00 %], cash 5.00 %"),
        ({"value": 1234.5, "unit": "bps"}, "x 1,234.500 bps"),
        ({"value": float("inf"), "unit": "-"}, "x infinite"),
        ({"value": None, "note": "no trade", "unit": "-"}, "x: not defined (no trade)"),
        ({"value": 2.0, "note": "few", "unit": "a year"}, "x 2.000 (few)"),
    ],
)  # fmt: skip
def test_a_figure_is_spelt_with_all_that_belongs_to_it(entry: dict[str, object], text: str) -> None:
    """Value, unit, interval, floor, note; an undefined one with its reason."""
    assert performance.metric_text(from_json(Metric, {"label": "x", **entry})) == text


@pytest.mark.parametrize(
    ("lo", "hi", "more", "ends"),
    [(0.6, 1.0, {}, "it pays for its trading"), (-0.2, 0.4, {}, "it does not pay for its trading"),
     (0.4, 1.2, {}, "whether it pays for its trading cannot be told (95 % 0.40 to 1.20 bp)"),
     (0.5, 1.1, {}, "whether it pays for its trading cannot be told (95 % 0.50 to 1.10 bp)"),
     (None, None, {}, "whether it pays for its trading cannot be told (too few sessions for an interval)"),
     (0.6, 1.0, {"sessions": 1}, "it pays for its trading, in this one session alone"),
     (-0.2, 0.4, {"sessions": 3}, "it does not pay for its trading, in these 3 sessions alone"),
     (0.6, 1.0, {"fill": "next-mid"}, "it would pay for its trading, could it be had at these prices"),
     (-0.2, 0.4, {"fill": "close"}, "it does not pay for its trading")],
)  # fmt: skip
def test_that_it_pays_is_only_said_where_its_error_leaves_no_doubt(
    lo: float | None, hi: float | None, more: dict[str, object], ends: str
) -> None:
    """More before costs than costs, and an interval that holds both, is no news; nor are fills that nobody gets."""
    value = (lo + hi) / 2 if lo is not None and hi is not None else 0.8
    edge = {"value": value, "lo": lo, "hi": hi, "floor": 0.5, "note": "too few sessions for an interval"}
    hits = {"value": 0.5374, "lo": 0.52, "hi": 0.555, "floor": 0.512, "floor_label": "base rate"}
    found = from_json(Metrics, {
        "metrics": {"break_even_cost_bps": edge, "accuracy_traded": hits}, "costs": {"spread": 9.0}, "notional": 1e6,
        "trial": {"fill": more.get("fill", "cross")}, "span": {"sessions": more.get("sessions", 200)},
    })  # fmt: skip
    (sentence,) = performance._edge_and_cost(found)
    assert sentence.startswith(
        "being right in 53.7 % of the rows with a signal (95 % 52.0 to 55.5, base rate 51.2) earns "
        f"{value:.2f} bp a side before costs of 0.50 bp ("
    )
    assert sentence.endswith(f"): {ends}")


def test_what_limits_hold_back_is_not_blamed_on_the_threshold() -> None:
    """No advice to lower it: nothing would be filled then either."""
    quoted = market.walk(["AAA"], 12, 20, seed=2)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, quoted.num_rows)
    made = market.predictions(quoted, {"lstm": p, "constant": 0.5})
    doc = market.run(quoted, made, threshold="0.55", max_spread_bps=1e-4)[0]["metrics"]
    said = " ".join(doc["messages"])
    assert "and none led to a round trip" in said
    assert "would trade more" not in said
    assert doc["trial"]["apart"] == ["max_spread_bps 0.0001"]
    assert "judge p0.55 filled at the next open, in one size and without limits: not with max_spread_bps" in said


def test_impact_that_cannot_be_charged_is_said() -> None:
    """The first session has none before it that says how much is traded a day."""
    one = market.walk(["AAA"], 1, 60, seed=2)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, one.num_rows)
    made = market.predictions(one, {"lstm": p, "constant": 0.5})
    said = {impact: market.run(one, made, threshold="0.55", impact=impact)[0]["metrics"]["messages"]
            for impact in (0.7, 0.0)}  # fmt: skip
    assert any(text.startswith("impact was not charged in 1 of 1 sessions traded") for text in said[0.7])
    assert not any("impact" in text for text in said[0.0])


def test_costs_scale_and_delays_are_of_the_users_own_trial() -> None:
    """At no cost the net return is the gross one (less borrow, plus dividends); each curve starts at the result."""
    quoted = market.walk(["AAA"], 12, 20, seed=2)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, quoted.num_rows)
    doc = market.run(quoted, market.predictions(quoted, {"lstm": p, "constant": 0.5}), threshold="0.55")[0]["metrics"]
    cost = {point["multiplier"]: point["net_return"] for point in doc["sensitivity"]["cost"]}
    assert cost[0.0] == pytest.approx(doc["metrics"]["return_gross"]["value"], abs=1e-9)
    assert cost[1.0] == pytest.approx(doc["metrics"]["return_net"]["value"])
    assert sorted(cost.values(), reverse=True) == [cost[m] for m in sorted(cost)]
    assert [point["lag"] for point in doc["sensitivity"]["delay"]] == [0, 1, 2, 3]
    assert doc["sensitivity"]["delay"][0]["net_return"] == pytest.approx(cost[1.0])


def test_a_threshold_that_few_rows_pass_names_the_quantiles_that_more_do() -> None:
    """With the largest P either way and how many rows each would trade; silent where enough trades."""
    quoted = market.walk(["AAA"], 12, 20, seed=2)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.03, quoted.num_rows)
    p[[30, 70]] = 0.61
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5})
    text = " ".join(market.run(quoted, predicted, threshold="0.6")[0]["metrics"]["messages"])
    assert "threshold 0.6: 2 of 240 rows give a signal (0.83%)" in text
    assert "the largest P(up) is 0.6100" in text
    assert "these would trade more: --threshold q97.5 (" in text
    assert "rows give a signal" not in " ".join(
        market.run(quoted, predicted, threshold="q60")[0]["metrics"]["messages"]
    )


def test_the_settings_of_the_trial_stand_beside_its_figures() -> None:
    """All of them, so that a result can be made again."""
    quoted = market.walk(["AAA"], 4, 10, seed=2)
    doc = market.run(quoted, market.predictions(quoted, {"lstm": 0.7, "constant": 0.5}), fee_bps=0.2)[0]["metrics"]
    assert set(doc["trial"]) >= (set(Backtest.__dataclass_fields__) - {"sweep"}) | {"name", "policy", "level"}
    assert doc["trial"]["fee_bps"] == 0.2
    assert doc["span"]["sessions"] == 4


def test_an_account_that_lost_all_it_had_is_said_to_be_ruined() -> None:
    """A fee of a fiftieth a side on each of hundreds of rows; and not a word of it at the usual one."""
    quoted = market.walk(["AAA"], 2, 120, seed=2)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, quoted.num_rows)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5})
    dear = market.run(quoted, predicted, threshold="0.55", fee_bps=200.0)[0]["metrics"]
    assert dear["metrics"]["return_net"]["value"] < -1
    assert dear["messages"][0].startswith("RUIN: ")
    assert "RUIN" not in " ".join(market.run(quoted, predicted, threshold="0.55")[0]["metrics"]["messages"])
