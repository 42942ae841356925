"""Markets are judged as runs are, and the share of wrong verdicts carries its exact interval."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfm.config import Layer, load
from hfm.report import verdict
from hfm.verify import verdicts
from hfm.verify.market import Market, synthetic
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


def of_file(path: Path) -> verdict.Verdict:
    """The verdict on a file of real bars, with the linear model."""
    settings = {"fetch": {"symbols": ("SPY",), "source": "file", "path": str(path)}, "train": {"model": "logistic"}}
    market = Market(load([Layer("test", settings)]), {}).through("fetch", "simulate", "train", "backtest")
    return verdict.judge(market.table("backtest/trials.parquet"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "label", "reason"), [
    ("spy_5m_30d.csv", "insufficient data", "15 out-of-sample sessions of at least 60"),
    ("spy_5m_2024-03_2025-04.parquet", "no edge found", "The smallest edge that this much data would show"),
])  # fmt: skip
def test_real_spy_has_no_edge_or_too_few_sessions(real: Path, name: str, label: str, reason: str) -> None:
    """Thirty sessions and a year; each reason is a sentence with its numbers."""
    found = of_file(real / "bars" / name)
    assert found.label == label
    assert any(reason in text for text in found.reasons)
    assert all(any(c.isdigit() for c in text) for text in found.reasons)


@pytest.mark.slow
@pytest.mark.parametrize(("simulate", "wanted"), [
    ({"signal": "planted", "rho": 0.2}, "edge supported"), ({}, "no edge found"),
])  # fmt: skip
def test_a_year_of_invented_bars_has_the_edge_that_was_planted_and_no_other(
    simulate: dict[str, object], wanted: str
) -> None:
    """250 sessions at the default capital: impact does not eat an edge of rho .2."""
    made = synthetic(250, 7, {"simulate": simulate, "train": {"model": "logistic"}})
    made = made.through("simulate", "train", "backtest")
    assert verdict.judge(made.table("backtest/trials.parquet")).label == wanted


@pytest.mark.soak
def test_two_hundred_null_markets() -> None:
    """At most four are called an edge."""
    (row,) = verdicts.null(200, "logistic", 2, print)
    assert row.passed


@pytest.mark.soak
def test_fifty_planted_markets_of_each_strength() -> None:
    """At least nine in ten at rho .1, 49 of 50 at .2."""
    assert all(row.passed for row in verdicts.power(50, "logistic", 2, print))
