"""The waterfall from the original recipe's figures to honest ones."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from tests.report.bridged import STEPS
from tests.report.panels.shapes import bridged, by_name, on_paper, words


def test_every_bar_goes_from_the_step_before_to_its_own_sharpe_ratio() -> None:
    """Bars join end to start; a step in which nothing traded stands at 0 and says so."""
    figure, caption = on_paper(by_name("bridge"), bridged())
    bars = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    levels = [0.0 if sharpe != sharpe else sharpe for _, sharpe, *_ in STEPS]
    assert [bar.get_x() for bar in bars] == pytest.approx([0.0, *levels[:-1]])
    assert [bar.get_x() + bar.get_width() for bar in bars] == pytest.approx(levels)
    low, high = figure.axes[0].get_xlim()
    assert low < min(levels)
    assert high > max(levels)
    assert words(figure).count("no trade") == 2
    assert "+0.52%" in words(figure)
    assert "market hours +1.16" in caption.text


def test_it_says_whose_direction_the_recipe_calls() -> None:
    """Its accuracy is of the simulated spread's direction; the price's stands beside it with its floor."""
    _, caption = on_paper(by_name("bridge"), bridged())
    assert "51.9% (larger class 50.3%) is of its simulated spread's direction" in caption.text
    assert "price's direction this run calls 50.8% (floor 50.3%)" in caption.text
