"""Facts against their bands: what is judged, with which error, and what is worth a word."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hfm.simulate import fact_table
from hfm.simulate.fact_table import Band, Fact
from hfm.simulate.moments import Moments

DAYS = np.datetime64("2024-01-01") + np.arange(100)


def moments(values: Any) -> Moments:
    """A sum `a` a session, and their number `n`."""
    out = Moments()
    out.add([(DAYS[: len(values)], {"a": np.asarray(values, float), "n": np.ones(len(values))})])
    return out


MEAN = fact_table.ratio("a", "n")
NOISY = moments(np.tile([0.0, 2.0], 50))  # mean 1, error of the mean .1005


def row(band: Band | float | None, tolerance: float = 0.0, sums: Moments = NOISY) -> dict[str, Any]:
    """The fact of the mean."""
    found: dict[str, Any] = fact_table.table(sums, {"x": Fact("mean", MEAN, band, "simulated", tolerance)})["x"]
    return found


@pytest.mark.parametrize(("band", "inside"), [(Band(1.0, 2.0), True), (Band(0.0, 1.0), True), (Band(1.01, 2.0), False)])
def test_a_band_has_both_its_ends(band: Band, inside: bool) -> None:
    """Whatever the error: it is not asked unless the fact has a tolerance."""
    found = row(band)
    assert (found["pass"], found["band"]) == (inside, list(band))
    assert found["value"] == 1.0
    assert found["se"] == pytest.approx(1.0 / math.sqrt(99), rel=1e-4)


def test_a_tolerance_widens_the_band_by_errors() -> None:
    """Two of .1005 on each side."""
    assert row(Band(1.15, 2.0), 2.0)["pass"] is True
    assert row(Band(1.25, 2.0), 2.0)["pass"] is False
    assert row(Band(1.15, 2.0), 2.0)["band"] == pytest.approx([1.15 - 0.201008, 2.201008], abs=1e-5)


def test_one_value_is_a_band_of_its_error() -> None:
    """WIDTH errors to each side."""
    assert row(1.0 - 3.4 * 0.1005)["pass"] is True
    assert row(1.0 - 3.6 * 0.1005)["pass"] is False


@pytest.mark.parametrize("sums", [moments([1.0, 2.0]), moments([math.nan] * 5)])
def test_what_has_no_value_or_no_error_is_not_judged_by_it(sums: Moments) -> None:
    """Two sessions, or no value: no band of one value, no verdict."""
    found = row(1.0, sums=sums)
    assert found["pass"] is found["band"] is None


def test_a_fact_without_a_band_has_no_verdict() -> None:
    """Its value and error stand all the same."""
    found = row(None)
    assert (found["value"], found["band"], found["pass"]) == (1.0, None, None)


def test_a_word_is_said_of_what_misses_by_two_errors() -> None:
    """Not of a near miss, nor of what has no verdict; without an error any miss counts."""
    rows: dict[str, dict[str, Any]] = {
        "near": {"pass": False, "value": 1.1, "se": 0.1, "band": [0.0, 1.0]},
        "far": {"pass": False, "value": 1.3, "se": 0.1, "band": [0.0, 1.0]},
        "below": {"pass": False, "value": -0.3, "se": 0.1, "band": [0.0, 1.0]},
        "bare": {"pass": False, "value": 1.1, "se": None, "band": [0.0, 1.0]},
        "inside": {"pass": True, "value": 0.5, "se": 0.1, "band": [0.0, 1.0]},
        "open": {"pass": None, "value": 9.0, "se": 0.1, "band": None},
    }
    assert fact_table.outside(rows) == ["far", "below", "bare"]
