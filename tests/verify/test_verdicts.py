"""Markets are judged as runs are, and the share of wrong verdicts carries its exact interval."""

from __future__ import annotations

import pytest

from hfm.verify import verdicts
from hfm.verify.verdicts import Case, exact, label


def test_the_exact_interval_of_no_hit_in_two_hundred() -> None:
    """1 - .025^(1/200) by hand."""
    low, high = exact(0, 200)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 200))


@pytest.mark.parametrize(("hits", "passed"), [(0, True), (4, True), (5, False)])
def test_five_of_two_hundred_are_too_many(monkeypatch: pytest.MonkeyPatch, hits: int, passed: bool) -> None:
    """At most four."""
    said = [verdicts.SUPPORTED] * hits + ["no edge found"] * (200 - hits)
    monkeypatch.setattr(verdicts, "labels", lambda cases, workers, tell: iter(said))
    (row,) = verdicts.null(200, "logistic", 1, lambda _: None)
    assert row.passed is passed


@pytest.mark.slow
def test_a_strong_planted_edge_is_supported_and_nothing_is_not() -> None:
    """One market each; the counts are the soak's."""
    assert label(Case(1, "logistic", 0.2)) == verdicts.SUPPORTED
    assert label(Case(1, "logistic")) != verdicts.SUPPORTED


@pytest.mark.soak
def test_two_hundred_null_markets() -> None:
    """At most four are called an edge."""
    (row,) = verdicts.null(200, "logistic", 2, print)
    assert row.passed
