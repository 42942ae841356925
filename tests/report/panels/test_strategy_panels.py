"""Panels of the back-test."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hfm.report.page_tables import page_tables
from tests.report.panels.shapes import by_name, drawn, lines, on_paper, parts, run, words


def test_the_equity_panel_says_what_the_ledger_earned() -> None:
    """Its words carry the net return and the drawdown of the lines that it draws."""
    figure, caption = drawn("equity", "long")
    strategy = run("long").strategy
    assert strategy is not None
    assert f"net {strategy.net[-1]:+.2%}" in caption.text
    assert f"{-strategy.drawdown.min():.2%}" in caption.text
    net = next(line for label, line in lines(figure).items() if label.startswith("net "))
    assert np.asarray(net.get_ydata())[-1] == pytest.approx(strategy.net[-1])


def test_the_matched_hold_stands_beside_the_full_one() -> None:
    """Both end where the evidence says, and have names that tell them apart."""
    figure, _ = drawn("equity", "long")
    strategy = run("long").strategy
    assert strategy is not None
    for word, line in (("buy and hold", strategy.hold_full), ("matched hold", strategy.hold)):
        drawn_line = next(each for label, each in lines(figure).items() if label.startswith(word))
        assert np.asarray(drawn_line.get_ydata())[-1] == pytest.approx(line[-1])


def test_fills_that_nobody_can_have_are_watermarked() -> None:
    """LOOK-AHEAD across the equity where the trial filled at its signal's own close, and nowhere else."""
    strategy = run("short").strategy
    assert strategy is not None
    document = dataclasses.replace(strategy.document, lookahead=True)
    cheat = dataclasses.replace(run("short"), strategy=dataclasses.replace(strategy, document=document))
    assert "LOOK-AHEAD FILLS" in words(on_paper(by_name("equity"), cheat)[0])
    assert "LOOK-AHEAD" not in words(drawn("equity", "short")[0])


def test_without_a_matched_hold_none_is_drawn_or_named() -> None:
    """A back-test of before it was written down."""
    whole = run("long")
    assert whole.strategy is not None
    old = dataclasses.replace(
        whole, strategy=dataclasses.replace(whole.strategy, hold=np.full_like(whole.strategy.hold, np.nan))
    )
    figure, caption = on_paper(by_name("equity"), old)
    assert not [label for label in lines(figure) if label.startswith("matched")]
    assert "nan" not in (caption.text + caption.alt).lower()
    assert "buy and hold" in caption.text


def test_one_session_has_no_error_bar() -> None:
    """And no count of intervals above zero; the table of trials shows none either."""
    _, caption = drawn("thresholds", "one day")
    assert "on one session: none has an error bar" in caption.text
    assert "above zero" not in caption.text + caption.alt
    (table,) = [grid for grid in page_tables(run("one day")) if grid.title == "Trials"]
    assert table.rows
    assert not any("±" in cell for row in table.rows for cell in row)
    (table,) = [grid for grid in page_tables(run("long")) if grid.title == "Trials"]
    assert all("±" in row[-2] for row in table.rows)


def test_every_trial_is_shown_with_its_trips_the_busiest_first() -> None:
    """Eleven trials; the label holds the number of round trips, which falls from left to right."""
    figure, caption = drawn("thresholds", "long")
    labels = [label.get_text().split("\n") for label in figure.axes[0].get_xticklabels()]
    trips = [int(count.replace(",", "")) for _, count in labels]
    assert len(labels) == 11
    assert trips == sorted(trips, reverse=True)
    assert "11 trials on the same data" in caption.text


def test_cost_and_delay_begin_at_the_run_itself() -> None:
    """Net at one time the cost and at delay 0 is the same number; at no cost it is the gross."""
    figure, caption = drawn("sensitivity", "long")
    strategy = run("long").strategy
    assert strategy is not None
    left, right = parts(figure)[1:3]
    curve = left.lines[1]
    at = dict(zip(np.asarray(curve.get_xdata(), float), np.asarray(curve.get_ydata(), float), strict=True))
    late = lines(figure)["net"]
    assert at[1.0] == pytest.approx(float(np.asarray(late.get_ydata(), float)[0]), abs=1e-9)
    assert f"Without any cost the trial returns {at[0.0]:+.2%}" in caption.text
    assert right.get_xlabel() == "delay, rows"
