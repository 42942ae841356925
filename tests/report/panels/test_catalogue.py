"""All panels: each draws whatever the run and says in words what it shows; which of them a run has."""

from __future__ import annotations

import re

import pytest

from hfm.recipe.recipe_waterfall import PANEL as WATERFALL
from hfm.report.panels.catalogue import PANELS, ReportPanel, missing_stages, panels
from tests.report.panels.shapes import SHAPES, bridged, by_name, on_paper, run


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_a_panel_draws_whatever_the_run_and_says_so_in_sentences(panel: ReportPanel, shape: str) -> None:
    """No run and no edge of the data makes a panel fail, warn, or fall silent; no NaN reaches its words."""
    _, caption = on_paper(panel, run(shape))
    assert caption.text.endswith(".")
    assert caption.text[0].isupper() or caption.text[0] in "|0123456789" or caption.text.startswith(("lstm", "gross"))
    assert len(caption.alt) > 5
    assert not re.search(r"\bnan\b|\binf\b", f"{caption.text} {caption.alt}")


def test_a_stage_that_has_not_run_is_named_by_its_command() -> None:
    """Bars alone: nothing of training or the back-test can be drawn, and each such panel says what would make it."""
    assert missing_stages(run("bars")) == {"train", "backtest"}
    assert missing_stages(run("short")) == set()
    for panel in PANELS:
        _, caption = on_paper(panel, run("bars"))
        assert (f"hfm {panel.stage} has not been run" in caption.text) is (panel.stage in ("train", "backtest"))


def test_only_a_run_of_the_original_recipe_has_the_bridge() -> None:
    """It stands third, after equity and family; all other panels are there in the same order."""
    assert panels(run("short")) == PANELS
    assert panels(bridged())[2] is WATERFALL
    assert [panel for panel in panels(bridged()) if panel is not WATERFALL] == list(PANELS)


def test_names_are_unique_and_titles_say_something() -> None:
    """The page addresses figures by name."""
    assert len({panel.name for panel in PANELS}) == len(PANELS)
    assert all(len(panel.title) > 5 for panel in PANELS)
    assert by_name("bridge") is WATERFALL
