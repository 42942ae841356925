"""What kept a position from being what the policy wanted."""

from __future__ import annotations

import dataclasses

from hfm.config import Backtest
from hfm.report.panels.style import Ink
from tests.report.panels.shapes import by_name, on_paper, run, stopped, words


def test_reasons_are_counted_the_largest_first_and_fired_limits_stand_out() -> None:
    """A limit is drawn in another colour than a session's end; every count stands beside its bar."""
    figure, told = on_paper(by_name("limits"), stopped(session_end=12, daily_loss=340))
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["daily loss", "session end"]
    assert [patch.get_width() for patch in ax.patches] == [340, 12]
    fired, plain = (patch.get_facecolor() for patch in ax.patches)
    assert fired != plain
    assert Ink().red.lower() == "#d55e00"
    assert "340" in words(figure)
    assert "Fired: daily loss." in told.caption


def test_without_a_stop_it_says_so_and_names_the_limits_that_are_on() -> None:
    """Nothing fired and nothing is on; with a limit set, it is named."""
    _, told = on_paper(by_name("limits"), stopped())
    assert told.caption == "Every position was what the policy wanted. No limit is on."
    whole = stopped(session_end=3)
    config = dataclasses.replace(whole.config, backtest=Backtest(max_gross=1.5, collar=0.01, sweep=20))
    _, told = on_paper(by_name("limits"), dataclasses.replace(whole, config=config))
    assert "Limits that are on: max_gross, collar. None fired." in told.caption


def test_a_run_without_a_back_test_has_none() -> None:
    """The command is named instead."""
    _, told = on_paper(by_name("limits"), run("bars"))
    assert "hfm backtest" in told.caption
