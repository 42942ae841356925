"""metrics.json as a document, of this version and of earlier ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hfm.tables.json_document import from_json, to_json
from hfm.tables.metrics_document import Interval, Metric, MetricFloor, Metrics, metric, read_metrics
from tests.backtest import market
from tests.report.builder import make


def backtest() -> dict[str, object]:
    """metrics.json of a small back-test with a sweep."""
    quoted = market.walk(["AAA"], 12, 20, seed=2)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, quoted.num_rows)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5})
    out = market.run(quoted, predicted, threshold="0.55", sweep=5)[0]["metrics"]
    text: dict[str, object] = json.loads(json.dumps(out))
    return text


def test_a_back_test_is_read_as_it_was_written() -> None:
    """Every key has its field; nothing is lost, added or rounded."""
    written = backtest()
    found = read_metrics(json.dumps(written).encode())
    assert to_json(found) == written
    assert not found.absent
    assert not found.extra
    assert found.metrics["trips"].value == written["metrics"]["trips"]["value"]  # type: ignore[index]  # JSON
    assert found.sweep is not None
    assert len(found.sweep) == 5
    assert found.trial.extra["sizing"] == "fixed"
    assert found.costs.gross - found.costs.spread - found.costs.fee - found.costs.impact - found.costs.borrow + (
        found.costs.dividend
    ) == pytest.approx(found.costs.net)


@pytest.mark.parametrize("gone", ["matched", "bounce", "lookahead", "sensitivity", "thresholds", "reasons", "messages"])
def test_a_document_of_an_earlier_version_is_written_again_as_it_was(gone: str) -> None:
    """Those that are not there are empty, and are not made up."""
    old = {key: value for key, value in backtest().items() if key != gone}
    found = from_json(Metrics, old)
    assert to_json(found) == old
    assert not getattr(found, gone) or not to_json(getattr(found, gone))


def test_one_with_few_of_the_fields_too() -> None:
    """No trial settings, no dividends: an old one, written by hand."""
    old = json.loads(make()["backtest/metrics.json"].data())
    found = from_json(Metrics, old)
    assert to_json(found) == old
    assert (found.costs.dividend, found.trial.hold_overnight, found.lookahead) == (0.0, False, False)
    assert to_json(from_json(Metrics, {})) == {}


def test_a_metric_is_flat_with_null_for_what_it_lacks() -> None:
    """Interval and floor stand beside the value; empty words are null."""
    plain = to_json(metric("x", None, "count", note="no trade"))
    assert plain == {"label": "x", "value": None, "unit": "fraction", "n": 0, "lo": None, "hi": None, "floor": None,
                     "floor_label": None, "formula": "count", "note": "no trade"}  # fmt: skip
    full = metric("x", 1.0, "mean", n=3, interval=Interval(0.5, 1.5), floor=MetricFloor(0.0, "cash"))
    assert (full.lo, full.hi, full.floor, full.floor_label, full.note) == (0.5, 1.5, 0.0, "cash", None)
    assert from_json(Metric, to_json(full)) == full
