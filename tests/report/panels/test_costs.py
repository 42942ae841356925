"""Where the gross went, and why there may be none."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from tests.report.panels.shapes import drawn, lines, run


def test_the_waterfall_adds_up() -> None:
    """Gross less each cost is net, and net is where the ledger ends."""
    _, told = drawn("costs", "long")
    gross, *costs, net = [float(x) for x in re.findall(r"([+-]\d+\.\d+)%", told.caption)]
    assert gross + sum(costs) == pytest.approx(net, abs=0.03)
    money = run("long").money
    assert money is not None
    assert net == pytest.approx(100 * money.net[-1], abs=0.006)


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
    _, told = drawn("costs", "flat")
    assert told.caption.startswith("Nothing was traded")
    figure, told = drawn("sensitivity", "flat")
    assert told.title == "Why nothing was traded"
    marks = [line for label, line in lines(figure).items() if label.startswith("threshold")]
    assert float(np.asarray(marks[0].get_xdata())[0]) == pytest.approx(0.6)
    cast = run("flat").forecast
    assert cast is not None
    low, high = (float(x) / 100 for x in re.findall(r"(\d+\.\d+)%", told.caption)[:2])
    assert (low, high) == pytest.approx(cast.reach, abs=5e-5)  # the forecasts' own ends, not their bins'
