"""Panels of the market and its data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.report.panels.shapes import by_name, drawn, lines, on_paper, run


def test_time_of_day_curves_are_multiples_of_their_own_mean() -> None:
    """Each line averages to one."""
    figure, _ = drawn("diurnal", "long")
    found = lines(figure)
    assert set(found) == {"spread", "volume", "volatility"}
    for line in found.values():
        assert np.nanmean(np.asarray(line.get_ydata(), float)) == pytest.approx(1.0)


def test_order_flow_stands_against_the_same_and_the_next_return() -> None:
    """The legend's R2 are the evidence's; the next bar's is near nothing in a random walk."""
    figure, caption = drawn("flow", "long")
    market = run("long").market
    assert market.same_bar is not None
    assert market.next_bar is not None
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]  # type: ignore[union-attr]  # there is one
    assert labels == [f"same bar, R² {market.same_bar.r2:.3f}", f"next bar, R² {market.next_bar.r2:.3f}"]
    assert market.next_bar.r2 < 0.01 < market.same_bar.r2
    assert f"R² {market.same_bar.r2:.2f}" in caption.text


def test_the_heat_map_has_a_cell_for_every_slot_and_counts_the_empty_ones() -> None:
    """Sessions by slots; thinned where there are very many."""
    figure, caption = drawn("heat", "long")
    assert figure.axes[0].images[0].get_array().shape == (90, 78)  # type: ignore[union-attr]  # it has one
    assert "0 slots are empty" in caption.text
    market = run("long").market
    many = dataclasses.replace(run("long"), market=dataclasses.replace(market, move_ST=np.tile(market.move_ST, (6, 1))))
    figure, _ = on_paper(by_name("heat"), many)
    assert len(figure.axes[0].images[0].get_array()) == 180  # type: ignore[arg-type]  # every third of 540


def test_missing_bars_and_short_days_are_marked_and_told_apart() -> None:
    """A session that lacks bars is red; a half day that has them all is not missing any."""
    market = run("short").market
    there, due = market.bars_S.copy(), market.due_S.copy()
    there[3] -= 8
    there[5] = due[5] = 42
    odd = dataclasses.replace(run("short"), market=dataclasses.replace(market, bars_S=there, due_S=due))
    figure, caption = on_paper(by_name("quality"), odd)
    found = lines(figure)
    assert list(found["bars missing"].get_xdata()) == [3]
    assert list(found["short day"].get_xdata()) == [5]
    assert "14 of 15 sessions have every bar" in caption.text
    assert "8 bars are missing" in caption.text
