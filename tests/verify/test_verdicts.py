"""Markets are judged as runs are, and the share of wrong verdicts carries its exact interval."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hfm.config import Layer, load
from hfm.report import verdict
from hfm.verify import nulls, verdicts
from hfm.verify.in_memory_run import InMemoryRun, synthetic
from hfm.verify.nulls import KINDS, Roll
from hfm.verify.verdicts import Case, exact


def test_the_exact_interval_of_no_hit_in_two_hundred() -> None:
    """1 - .025^(1/200) by hand."""
    low, high = exact(0, 200)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 200))


@pytest.mark.parametrize(("hits", "passed"), [(0, True), (11, True), (12, False)])
def test_twelve_of_a_thousand_are_too_many(monkeypatch: pytest.MonkeyPatch, hits: int, passed: bool) -> None:
    """The upper end of the exact interval of 12 in 1,000 is above 2 %; single kinds are shown and judge nothing."""
    labels = [(verdicts.SUPPORTED, "no edge found")] * hits + [("no edge found",) * 2] * (500 - hits)
    monkeypatch.setattr(verdicts, "each", lambda cases, workers, tell: iter(labels))
    rows = verdicts.null(1000, "logistic", KINDS, None, 1, lambda _: None)
    assert len(rows) == len(KINDS) * len(verdicts.COSTS) + 1
    assert rows[-1].passed is passed
    assert all(row.passed for row in rows[:-1])
    assert sum(row.got for row in rows[:-1]) == rows[-1].got == hits


def test_one_bounced_market_with_an_edge_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is allowed, and the table says where it was."""
    labels = [("no edge found", verdicts.SUPPORTED), *[("no edge found",) * 2] * 99]
    monkeypatch.setattr(verdicts, "each", lambda cases, workers, tell: iter(labels))
    rows = verdicts.bounce(200, "logistic", 1, lambda _: None)
    assert [row.passed for row in rows] == [row.got == 0 for row in rows]
    assert not rows[-1].passed


@pytest.mark.slow
def test_a_strong_planted_edge_is_supported_and_nothing_is_not() -> None:
    """One market each; the counts are the soak's."""
    assert verdicts.labels(Case(1, "logistic", rho=0.2)) == (verdicts.SUPPORTED,)
    assert verdicts.SUPPORTED not in verdicts.labels(Case(1, "logistic"))


@pytest.mark.slow
@pytest.mark.parametrize("roll", [Roll(4.0, 0.5, True), Roll(5.0, 0.95, False), Roll(3.0, 0.85, True)])
def test_bounce_is_no_edge_with_costs_and_without(roll: Roll) -> None:
    """Trades around a random walk, which the model foretells: not supported, and without costs the reason is named."""
    trained = nulls.market("bounced", 11, {"train": {"model": "logistic"}}, roll=roll).through("simulate", "train")
    for name, costs in verdicts.COSTS.items():
        made = InMemoryRun(dataclasses.replace(trained.config, backtest=costs), trained.artifacts).through("backtest")
        found = verdict.judge(made.table("backtest/trials.parquet"))
        assert found.label == "no edge found"
        if found.numbers.document()["p"] <= found.numbers.document()["level"]:
            assert any("consistent with bid-ask bounce" in reason for reason in found.reasons), name


def of_file(path: Path) -> verdict.Verdict:
    """The verdict on a file of real bars, with the linear model."""
    settings = {"fetch": {"symbols": ("SPY",), "source": "file", "path": str(path)}, "train": {"model": "logistic"}}
    market = InMemoryRun(load([Layer("test", settings)]), {}).through("fetch", "simulate", "train", "backtest")
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
def test_a_thousand_verdicts_on_null_markets(real: Path) -> None:
    """Of five makes, with costs and without: the upper end of the exact interval is at most 2 %."""
    bars = real / "bars" / "spy_5m_2024-03_2025-04.parquet"
    assert verdicts.null(1000, "logistic", KINDS, bars, 2, print)[-1].passed


@pytest.mark.soak
def test_two_hundred_verdicts_on_bounced_markets() -> None:
    """None is called an edge."""
    assert all(row.passed for row in verdicts.bounce(200, "logistic", 2, print))


@pytest.mark.soak
def test_fifty_planted_markets_of_each_strength() -> None:
    """At least nine in ten at rho .1, 49 of 50 at .2."""
    assert all(row.passed for row in verdicts.power(50, "logistic", 2, print))
