"""How every panel looks: dashes, digits, dates, clocks, and a matplotlib that is left as it was."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from hfm.report.panels.style import Ink, Percent, clock_axis, date_axis, default_style, limit_ticks
from tests.report.panels.shapes import drawn, parts


def test_lines_are_told_apart_without_colour() -> None:
    """Within each panel of several lines no two named lines share dashes and marker."""
    for name in ("equity", "loss", "diurnal", "flow", "spread_series"):
        figure, _ = drawn(name, "long")
        for ax in parts(figure):
            named = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
            looks = [(str(line.get_linestyle()), str(line.get_marker()), str(line._dash_pattern)) for line in named]
            assert len(looks) == len(set(looks)), name


def brightness(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    line = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * line[0] + 0.7152 * line[1] + 0.0722 * line[2]


def test_text_can_be_read_on_the_paper_and_gain_and_loss_differ_in_lightness() -> None:
    """Contrast of 4.5 and more for words; the colours of up and down bars differ where hue cannot be seen."""
    ink = Ink()
    for colour in (ink.text, ink.muted):
        assert (brightness(ink.paper) + 0.05) / (brightness(colour) + 0.05) >= 4.5
    assert abs(brightness(ink.blue) - brightness(ink.orange)) > 0.2


def test_ticks_of_percent_have_the_digits_that_they_need() -> None:
    """Steps of 2.5 % show one digit, steps of 10 % none, steps of .02 % two."""
    ticks = Percent()
    assert ticks.format_ticks([-0.05, -0.025, 0.0, 0.025]) == ["−5.0%", "−2.5%", "0.0%", "2.5%"]
    assert ticks.format_ticks([0.0, 0.1, 0.2]) == ["0%", "10%", "20%"]
    assert ticks.format_ticks([0.0, 0.0002]) == ["0.00%", "0.02%"]
    assert ticks(-0.5) == "−50%"


@pytest.mark.parametrize(("hours", "first"), [((9.5, 15.9), "10:30"), ((0.0, 24.0), "00:00"), ((9.5, 9.6), "09:30")])
def test_hours_read_as_a_clock(hours: tuple[float, float], first: str) -> None:
    """Ticks at round times, within the day that is shown."""
    ax = Figure().add_axes((0, 0, 1, 1))
    clock_axis(ax, np.linspace(*hours, 20))
    form = ax.xaxis.get_major_formatter()
    assert form(float(ax.get_xticks()[0]), 0) in (first, "12:00", "10:00")
    assert all(form(float(tick), 0)[2] == ":" for tick in ax.get_xticks())


def test_sessions_are_dates_and_months_where_there_are_years_of_them() -> None:
    """Month and day within a year, year and month beyond; at most six."""
    short, long = (Figure().add_axes((0, 0, 1, 1)) for _ in range(2))
    date_axis(short, np.arange(20_000, 20_030))
    date_axis(long, np.arange(20_000, 20_800))
    assert short.get_xticklabels()[0].get_text() == "10-04"
    assert long.get_xticklabels()[0].get_text() == "2024-10"
    assert len(short.get_xticks()) == 6


def test_the_house_leaves_matplotlib_as_it_was() -> None:
    """Settings inside are the library's own, and the user's are back afterwards."""
    with mpl.rc_context({"font.size": 31.0}):
        with default_style():
            assert mpl.rcParams["font.size"] != 31.0
            assert mpl.rcParams["svg.hashsalt"] == "hfm"
        assert mpl.rcParams["font.size"] == 31.0


def test_few_ticks_are_few() -> None:
    """At most so many steps on either axis."""
    ax = Figure().add_axes((0, 0, 1, 1))
    ax.plot([0, 1000], [0, 1])
    limit_ticks(ax, x=3, y=2)
    assert len(ax.get_xticks()) <= 5
    assert len(ax.get_yticks()) <= 4
