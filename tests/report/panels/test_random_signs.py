"""Ours against luck, and the spread of session returns."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.report.panels.shapes import drawn, lines, run


def test_the_density_of_luck_has_an_area_of_one_and_ours_stands_at_its_t() -> None:
    """The curve is a density; the two marks are the verdict's own numbers."""
    figure, caption = drawn("null", "long")
    numbers = run("long").verdict.numbers.document()
    ax = figure.axes[0]
    curve = ax.lines[0]
    x, y = np.asarray(curve.get_xdata(), float), np.asarray(curve.get_ydata(), float)
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.02)
    marks = [float(c.get_segments()[0][0][0]) for c in ax.collections if hasattr(c, "get_segments")]
    assert numbers["t"] == pytest.approx(marks[-1])
    assert numbers["t_needed"] == pytest.approx(marks[-2])
    assert f"ours is {numbers['t']:.2f}" in caption.text


def test_too_few_sessions_are_not_tested_and_it_says_so() -> None:
    """Fifteen of sixty: the trials' t on a bell curve, and no verdict on luck."""
    _, caption = drawn("null", "short")
    assert "3 of 60 sessions" in caption.text
    assert "no verdict on luck" in caption.text


def test_the_histogram_holds_every_session_that_moved() -> None:
    """Heights sum to the sessions with a return; the mean in words is the mean of all."""
    figure, caption = drawn("histogram", "long")
    strategy = run("long").strategy
    assert strategy is not None
    heights = sum(patch.get_height() for patch in figure.axes[0].patches)
    assert heights == np.count_nonzero(strategy.session_net)
    mean = float(re.findall(r"mean ([+-][\d.]+) bp", caption.text)[0])
    assert mean == pytest.approx(1e4 * strategy.session_net.mean(), abs=0.006)


def test_a_run_without_a_trade_has_no_histogram() -> None:
    """All sessions are flat, and there are no bars."""
    figure, caption = drawn("histogram", "flat")
    assert not figure.axes[0].patches
    assert "sessions are flat: nothing was traded" in caption.text
    assert not lines(figure)
