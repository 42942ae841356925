"""Where the gross went, why there may be none, and what stopped a position."""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from hfm.config import Backtest
from hfm.report.panels.style import Ink
from tests.report.panels.shapes import by_name, drawn, lines, on_paper, run, stopped, words


def test_the_waterfall_adds_up() -> None:
    """Gross less each cost is net, and net is where the ledger ends."""
    _, caption = drawn("costs", "long")
    gross, *costs, net = [float(x) for x in re.findall(r"([+-]\d+\.\d+)%", caption.text)]
    assert gross + sum(costs) == pytest.approx(net, abs=0.03)
    strategy = run("long").strategy
    assert strategy is not None
    assert net == pytest.approx(100 * strategy.net[-1], abs=0.006)


def test_each_cost_hangs_where_the_one_before_it_ends() -> None:
    """Bars join; the last stands on zero and is as high as the level that is left."""
    figure, _ = drawn("costs", "long")
    bars = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    for before, after in itertools.pairwise(bars[:-1]):
        assert after.get_y() == pytest.approx(before.get_y() + before.get_height())
    assert bars[-1].get_y() == 0
    assert bars[-1].get_height() == pytest.approx(bars[-2].get_y() + bars[-2].get_height())


def test_where_the_users_trial_is_flat_the_familys_returns_stand_there() -> None:
    """A run without any trade says that; confidence shows where the threshold lies beside the forecasts."""
    _, caption = drawn("costs", "flat")
    assert caption.text.startswith("Nothing was traded")
    figure, caption = drawn("sensitivity", "flat")
    assert caption.title == "Why nothing was traded"
    marks = [line for label, line in lines(figure).items() if label.startswith("threshold")]
    assert float(np.asarray(marks[0].get_xdata())[0]) == pytest.approx(0.6)
    forecast = run("flat").forecast
    assert forecast is not None
    low, high = (float(x) / 100 for x in re.findall(r"(\d+\.\d+)%", caption.text)[:2])
    assert (low, high) == pytest.approx(forecast.p_range, abs=5e-5)  # the forecasts' own ends, not their bins'


def test_reasons_are_counted_the_largest_first_and_fired_limits_stand_out() -> None:
    """A limit is drawn in another colour than a session's end; every count stands beside its bar."""
    figure, caption = on_paper(by_name("limits"), stopped(session_end=12, daily_loss=340))
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["daily loss", "session end"]
    assert [patch.get_width() for patch in ax.patches] == [340, 12]
    fired, plain = (patch.get_facecolor() for patch in ax.patches)
    assert fired != plain
    assert Ink().red.lower() == "#d55e00"
    assert "340" in words(figure)
    assert "Fired: daily loss." in caption.text


def test_without_a_stop_it_says_so_and_names_the_limits_that_are_on() -> None:
    """Nothing fired and nothing is on; with a limit set, it is named."""
    _, caption = on_paper(by_name("limits"), stopped())
    assert caption.text == "Every position was what the policy wanted. No limit is on."
    whole = stopped(session_end=3)
    config = dataclasses.replace(whole.config, backtest=Backtest(max_gross=1.5, collar=0.01, sweep=20))
    _, caption = on_paper(by_name("limits"), dataclasses.replace(whole, config=config))
    assert "Limits that are on: max_gross, collar. None fired." in caption.text


def test_a_run_without_a_back_test_has_none() -> None:
    """The command is named instead."""
    _, caption = on_paper(by_name("limits"), run("bars"))
    assert "hfm backtest" in caption.text
