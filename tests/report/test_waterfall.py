"""The bridge as the report reads and shows it."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any
from unittest import mock

from hfm.recipe.recipe_waterfall import STEPS as STEP_NAMES
from hfm.report import stage, svg, waterfall
from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import ReportPanel
from hfm.report.panels.style import Caption
from hfm.report.svg import RenderedPanel
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.report.bridged import STEPS, reader
from tests.report.builder import make
from tests.report.test_stage import CONFIG, Page


def test_steps_come_in_their_order_with_their_metrics_and_commands() -> None:
    """What was written is what is read; no artifact, no step."""
    steps = waterfall.load({"backtest/bridge.parquet": reader()})
    assert [s.name for s in steps] == [name for name, *_ in STEPS]
    assert set(STEP_NAMES) == {s.name for s in steps}
    assert steps[0].metrics["sharpe"] == 2.24
    assert math.isnan(steps[5].metrics["sharpe"])
    assert steps[2].command == "hfm backtest out_of_sample"
    assert waterfall.load({}) == ()


def page(inputs: dict[str, MemoryReader]) -> tuple[str, dict[str, Any]]:  # Any: JSON values
    """Page and summary, of whose figures only the bridge is drawn."""
    draw = svg.draw

    def mostly_blank(panel: ReportPanel, run: Evidence) -> RenderedPanel:
        if panel.name == "bridge":
            return draw(panel, run)
        return RenderedPanel(panel.name, panel.title, "<svg></svg>", Caption("a caption", "a text"))

    with mock.patch.object(svg, "draw", mostly_blank):
        made = dict(itertools.islice(stage.run(inputs, CONFIG, Context("report")), 2))
    return made[stage.PAGE].decode(), json.loads(json.dumps(made[stage.SUMMARY], allow_nan=False))


def test_the_page_shows_it_where_there_is_one_and_says_whose_accuracy_it_is() -> None:
    """Figure, table with commands, summary: only on a run of the original recipe."""
    inputs = make()
    text, summary = page(inputs | {"backtest/bridge.parquet": reader()})
    assert 'id="bridge"' in text
    assert "simulated spread&#39;s direction, not of the price&#39;s" in text
    assert all(f"hfm backtest {name}" in text for name, *_ in STEPS)
    assert text.count("no trade") >= 2
    assert summary["bridge"][5]["metrics"]["sharpe"] is None
    ids = [a["id"] for _, a in Page(text).tags if a.get("id")]
    assert len(ids) == len(set(ids))
    text, summary = page(inputs)
    assert 'id="bridge"' not in text
    assert "bridge" not in summary
