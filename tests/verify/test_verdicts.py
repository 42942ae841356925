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


def test_the_rate_on_record_is_at_most_what_is_promised_and_says_when_it_was_measured() -> None:
    """Hits, markets and day stand in the claim; its interval is that of the counts."""
    (row,) = verdicts.false_positives()
    assert row.passed
    assert verdicts.MEASURED[2] in row.claim
    assert row.got == verdicts.MEASURED[0]
    assert "1.83%" in row.expected


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


@pytest.mark.soak
def test_fifty_planted_markets_of_each_strength() -> None:
    """At least nine in ten at rho .1, 49 of 50 at .2."""
    assert all(row.passed for row in verdicts.power(50, "logistic", 2, print))
