"""summary.json as a document: what it holds of which run."""

from __future__ import annotations

import dataclasses
import json
import math

from hfm.report import wording
from hfm.report.summary import finite, summary, summary_json
from hfm.tables.json_document import to_json
from tests.report.builder import make
from tests.report.panels.shapes import bridged, run


def test_the_back_test_stands_in_it_as_it_wrote_itself() -> None:
    """metrics.json is part of the summary, word for word; the headline is part of that."""
    document = summary_json(summary(run("short")))
    assert document["backtest"] == finite(json.loads(make()["backtest/metrics.json"].data()))
    assert set(document["headline"]) == set(wording.HEADLINE)
    assert all(document["headline"][key] == document["backtest"]["metrics"][key] for key in wording.HEADLINE)
    json.dumps(document, allow_nan=False)


def test_a_stage_that_has_not_run_is_null() -> None:
    """Bars alone: their own entry, and no other."""
    document = summary_json(summary(run("bars")))
    assert (document["simulate"], document["train"], document["backtest"], document["headline"]) == (None,) * 3 + ({},)
    assert document["verdict"]["numbers"] == {"sessions": 0, "trials": 30}
    assert document["fetch"]["rows"] > 0
    assert document["verification"] is None
    assert len(document["missing"]) == 10


def test_the_waterfall_is_there_only_of_a_run_of_the_original_recipe() -> None:
    """Steps with their metrics and commands; elsewhere no key."""
    assert "bridge" not in to_json(summary(run("short")))
    steps = to_json(summary(bridged()))["bridge"]
    assert steps[0]["step"] == "in_sample"
    assert steps[0]["command"] == "hfm backtest in_sample"
    assert math.isnan(steps[5]["metrics"]["sharpe"])
    assert summary_json(summary(bridged()))["bridge"][5]["metrics"]["sharpe"] is None


def test_what_is_not_finite_is_null_however_deep() -> None:
    """NaN and infinity in lists of dicts of tuples; all else stays."""
    assert finite({"a": [(math.nan, 1), {"b": math.inf}], "c": "x", "d": None, "e": 0.5}) == {
        "a": [[None, 1], {"b": None}], "c": "x", "d": None, "e": 0.5,
    }  # fmt: skip


def test_scores_are_written_with_all_their_fields() -> None:
    """One object a score of the table, pooled over folds."""
    found = summary(run("short"))
    assert found.train is not None
    written = to_json(found)["train"]["scores"]
    assert [set(each) for each in written] == [
        {f.name for f in dataclasses.fields(found.train.scores[0])} - {"absent", "extra"}
    ] * len(found.train.scores)
