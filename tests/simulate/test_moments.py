"""Sums a session: values, clustered errors, merging."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hfm.simulate.moments import Moments, Sums

RNG = np.random.default_rng(5)
DAYS = np.datetime64("2024-01-01") + np.arange(400)
A = RNG.normal(2.0, 1.0, 400)
B = 1.0 + RNG.random(400)


def ratio(s: Sums) -> float:
    """Sum of a over sum of b."""
    return s["a"] / s["b"]


def test_a_ratio_has_the_error_of_the_textbook() -> None:
    """Clustered by session: sqrt(n/(n-1) sum (a - R b)^2) / sum b."""
    moments = Moments()
    moments.add([(DAYS, {"a": A, "b": B})])
    value, error = moments.estimate(ratio)
    r = A.sum() / B.sum()
    assert value == pytest.approx(r)
    assert error == pytest.approx(math.sqrt(400 / 399 * np.sum((A - r * B) ** 2)) / B.sum(), rel=1e-6)


def test_groups_add_up_and_symbols_of_a_day_are_one_cluster() -> None:
    """Fed in two groups, or as two symbols with half of each sum, the answer is the same."""
    whole, parts, twins = Moments(), Moments(), Moments()
    whole.add([(DAYS, {"a": A, "b": B})])
    parts.add([(DAYS[:150], {"a": A[:150], "b": B[:150]})])
    parts.add([(DAYS[150:], {"a": A[150:], "b": B[150:]})])
    twins.add([(DAYS, {"a": 0.3 * A, "b": 0.3 * B}), (DAYS, {"a": 0.7 * A, "b": 0.7 * B})])
    for other in (parts, twins):
        assert other.sessions == 400
        assert other.estimate(ratio) == pytest.approx(whole.estimate(ratio), rel=1e-6)


def test_what_is_undefined_is_nan() -> None:
    """0/0 has no value; two sessions have no error."""
    moments = Moments()
    moments.add([(DAYS[:2], {"a": A[:2], "b": np.zeros(2)})])
    assert all(math.isnan(x) for x in moments.estimate(ratio))
    assert math.isnan(moments.estimate(lambda s: s["a"])[1])
