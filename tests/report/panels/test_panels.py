"""Each panel on empty axes: it draws without a warning and says in words and numbers what it shows."""

from __future__ import annotations

import functools
import re
import warnings
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from hfm.config import Config, Report
from hfm.report import evidence
from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import PANELS, Panel
from hfm.report.panels.style import Ink, Percent, Told, house
from tests.report.builder import make

SHAPES: dict[str, dict[str, Any]] = {  # Any: the fields of Shape
    "long": {"sessions": 90},
    "short": {},
    "flat": {"trades": "none"},
    "constant": {"constant": True},
    "one day": {"sessions": 1},
    "bars": {"stages": ("fetch",)},
}


@functools.cache
def run(shape: str) -> Evidence:
    """The evidence of a shape."""
    return evidence.gather(make(**SHAPES[shape]), Config(report=Report(reps=200)), 30)


def drawn(panel: Panel, shape: str) -> tuple[Figure, Told]:
    """The panel on a figure of its own, every warning an error."""
    with house(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = Figure(figsize=(4.5, 3))
        return figure, panel.on(figure.add_axes((0.15, 0.15, 0.8, 0.8)), run(shape), Ink())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_a_panel_draws_whatever_the_run_and_says_so_in_sentences(panel: Panel, shape: str) -> None:
    """No run and no edge of the data makes a panel fail, warn, or fall silent; no NaN reaches its words."""
    _, told = drawn(panel, shape)
    assert told.caption.endswith(".")
    assert told.caption[0].isupper() or told.caption[0] in "|0123456789" or told.caption.startswith(("lstm", "gross"))
    assert len(told.alt) > 5
    assert not re.search(r"\bnan\b|\binf\b", f"{told.caption} {told.alt}")


def by_name(name: str) -> Panel:
    """The panel of that name."""
    return next(panel for panel in PANELS if panel.name == name)


def test_the_equity_panel_says_what_the_ledger_earned() -> None:
    """Its words carry the net return and the drawdown of the lines that it draws."""
    figure, told = drawn(by_name("equity"), "long")
    money = run("long").money
    assert money is not None
    assert f"net {money.net[-1]:+.2%}" in told.caption
    assert f"{-money.drawdown.min():.2%}" in told.caption
    lines = {line.get_label(): line for axes in figure.axes for child in axes.child_axes for line in child.lines}
    net = next(line for label, line in lines.items() if str(label).startswith("net "))
    assert np.asarray(net.get_ydata())[-1] == pytest.approx(money.net[-1])


def test_the_waterfall_adds_up() -> None:
    """Gross less each cost is net, and net is where the ledger ends."""
    _, told = drawn(by_name("costs"), "long")
    gross, *costs, net = [float(x) for x in re.findall(r"([+-]\d+\.\d+)%", told.caption)]
    assert gross + sum(costs) == pytest.approx(net, abs=0.03)
    money = run("long").money
    assert money is not None
    assert net == pytest.approx(100 * money.net[-1], abs=0.006)


def test_lines_are_told_apart_without_colour() -> None:
    """Within each panel of several lines no two named lines share dashes and marker."""
    for name in ("equity", "loss", "diurnal", "flow", "spread_series"):
        figure, _ = drawn(by_name(name), "long")
        axes = [a for ax in figure.axes for a in (ax, *ax.child_axes)]
        for ax in axes:
            named = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
            looks = [(str(line.get_linestyle()), str(line.get_marker()), str(line._dash_pattern)) for line in named]
            assert len(looks) == len(set(looks)), name


def test_ticks_of_percent_have_the_digits_that_they_need() -> None:
    """Steps of 2.5 % show one digit, steps of 10 % none, steps of .02 % two."""
    ticks = Percent()
    assert ticks.format_ticks([-0.05, -0.025, 0.0, 0.025]) == ["−5.0%", "−2.5%", "0.0%", "2.5%"]
    assert ticks.format_ticks([0.0, 0.1, 0.2]) == ["0%", "10%", "20%"]
    assert ticks.format_ticks([0.0, 0.0002]) == ["0.00%", "0.02%"]
