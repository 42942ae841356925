"""How often the verdict is wrong: on markets without an edge, and on markets with one that is planted.

Each market is simulated, learnt, traded and judged as a run is; only the disk is missing.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from scipy import stats

from hfm.verify.claims import Row
from hfm.verify.market import synthetic

NULL_SESSIONS, POWER_SESSIONS = 110, 250
"""110 leave 60 out of sample, 250 leave 200."""
LEVEL = 0.02
"""Largest share of null markets in which an edge may be supported."""
POWER = {0.1: 0.9, 0.2: 0.98}
"""Strength of the planted signal -> least share of markets in which it is found."""
CASH = 10_000.0
"""The account that trades. So small that impact is nothing, which is the harder test of a market without an edge; at
1,000,000 impact alone is .5 bp a side, and the edge at rho .1, .6 bp a row, is not there after costs."""
SUPPORTED = "edge supported"
MEASURED = (0, 200, "2026-11-22")
"""Edges supported, markets without one, date: what `hfm verify --null 200` said last."""


@dataclass(frozen=True)
class Case:
    """One market: rho is None where nothing is planted."""

    seed: int
    model: str
    rho: float | None = None


def label(case: Case) -> str:
    """The verdict on one market."""
    from hfm.report.verdict import judge

    simulate: dict[str, object] = {} if case.rho is None else {"signal": "planted", "rho": case.rho}
    sessions = NULL_SESSIONS if case.rho is None else POWER_SESSIONS
    settings: dict[str, dict[str, object]] = {
        "simulate": simulate, "train": {"model": case.model}, "backtest": {"cash": CASH},
    }  # fmt: skip
    market = synthetic(sessions, 10_000 + case.seed, settings)
    made = market.through("simulate", "train", "backtest")
    return judge(made.table("backtest/trials.parquet")).label


def labels(cases: list[Case], workers: int, tell: Callable[[str], None]) -> Iterator[str]:
    """The verdicts, in order, on several processes."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, got in enumerate(pool.map(label, cases), 1):
            tell(f"{done} of {len(cases)} markets: {got}")
            yield got


def null(markets: int, model: str, workers: int, tell: Callable[[str], None]) -> list[Row]:
    """The share of markets without an edge in which one is supported, at most LEVEL; its exact interval in words."""
    got = sum(name == SUPPORTED for name in labels([Case(i, model) for i in range(markets)], workers, tell))
    low, high = exact(got, markets)
    words = f"at most {LEVEL:.0%}; 95 % interval {low:.2%} to {high:.2%}"
    return [Row(f"edges supported in {markets} markets without one ({model})", words, got, 0, int(LEVEL * markets))]


def false_positives() -> list[Row]:
    """How often an edge was supported where there is none, as it was last measured; --null measures it again."""
    hits, markets, day = MEASURED
    low, high = exact(hits, markets)
    words = f"at most {LEVEL:.0%}; 95 % interval {low:.2%} to {high:.2%}"
    return [Row(f"edges supported in {markets} markets without one, measured {day}", words, hits, 0, LEVEL * markets)]


def power(markets: int, model: str, workers: int, tell: Callable[[str], None]) -> list[Row]:
    """The share of planted markets in which the edge is supported, for each strength."""
    rows = []
    for rho, least in POWER.items():
        cases = [Case(i, model, rho) for i in range(markets)]
        got = sum(name == SUPPORTED for name in labels(cases, workers, tell))
        low, high = exact(got, markets)
        words = f"at least {least:.0%}; 95 % interval {low:.1%} to {high:.1%}"
        rows.append(
            Row(f"edges found in {markets} markets with rho {rho} ({model})", words, got, least * markets, markets)
        )
    return rows


def exact(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Clopper and Pearson 1934, Biometrika 26(4), doi:10.1093/biomet/26.4.404)."""
    interval = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    return float(interval.low), float(interval.high)
