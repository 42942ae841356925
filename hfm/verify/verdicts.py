"""How often the verdict is wrong: on markets without an edge, and on markets with one that is planted.

Each market is simulated, learnt, traded and judged as a run is; only the disk is missing. Every verdict is that of a
first look at a first configuration, the least that a user can have spent.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from scipy import stats

from hfm.artifacts import BARS, TRIALS
from hfm.config import Backtest
from hfm.verify import nulls
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import InMemoryRun, synthetic
from hfm.verify.nulls import KINDS, Kind, Roll

POWER_SESSIONS = 250
"""Sessions of a planted market; 200 of them are out of sample."""
LEVEL = 0.02
"""Largest upper end of the exact 95 % interval of the share of markets without an edge in which one is supported."""
POWER = {0.1: 0.9, 0.2: 0.98}
"""Strength of the planted signal -> least share of markets in which it is found."""
CASH = 10_000.0
"""The account that trades. So small that impact is nothing, which is the harder test of a market without an edge; at
1,000,000 impact alone is .5 bp a side, and the edge at rho .1, .6 bp a row, is not there after costs."""
COSTS = {
    "default": Backtest(cash=CASH),
    "zero": Backtest(cash=CASH, fee_bps=0.0, spread_share=0.0, impact=0.0, borrow=0.0),
}
"""Settings of the back-test under which every market without an edge is judged."""
SUPPORTED = "edge supported"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """One market. rho: of a planted signal, None in a market without an edge. bars: a file of real bars."""

    seed: int
    model: str
    kind: Kind = "walk"
    rho: float | None = None
    roll: Roll | None = None
    bars: str | None = None

    @property
    def costs(self) -> tuple[str, ...]:
        """Names of the settings under which it is judged."""
        return tuple(COSTS) if self.rho is None else ("default",)


def labels(case: Case) -> tuple[str, ...]:
    """The verdicts on one market, one for each of the case's costs."""
    from hfm.report.verdict import judge

    trained = _market(case).through("simulate", "train")
    out = []
    for name in case.costs:
        config = dataclasses.replace(trained.config, backtest=COSTS[name])
        traded = InMemoryRun(config, trained.artifacts).through("backtest")
        out.append(judge(traded.table(TRIALS)).label)
    return tuple(out)


def _settings(case: Case) -> dict[str, dict[str, object]]:
    planted: dict[str, object] = {} if case.rho is None else {"signal": "planted", "rho": case.rho}
    return {"simulate": planted, "train": {"model": case.model}}


def _market(case: Case) -> InMemoryRun:
    if case.rho is not None:
        return synthetic(POWER_SESSIONS, 10_000 + case.seed, _settings(case))
    return nulls.market(case.kind, 10_000 + case.seed, _settings(case), _real(case.bars), case.roll)


@functools.cache
def _real(path: str | None) -> pa.Table | None:
    """Bars of the first symbol of a file, as fetch reads it; None without one."""
    if path is None:
        return None
    from hfm.config import Layer, load

    fetch: dict[str, object] = {"symbols": ("SPY",), "source": "file", "path": path}
    return InMemoryRun(load([Layer("verify", {"fetch": fetch})]), {}).through("fetch").table(BARS)


def each(cases: Sequence[Case], workers: int, tell: Tell) -> Iterator[tuple[str, ...]]:
    """The verdicts on all markets, on several processes.

    Parameters
    ----------
    cases
        The markets.
    workers
        Processes.
    tell
        Hears of each market.

    Yields
    ------
    tuple[str, ...]
        One a market, in order: see `labels`.
    """
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, got in enumerate(pool.map(labels, cases), 1):
            tell(f"{done} of {len(cases)} markets: {', '.join(got)}")
            yield got


def null(runs: int, model: str, kinds: Sequence[Kind], bars: Path | None, workers: int, tell: Tell) -> list[Row]:
    """How often an edge is supported in markets without one, in all and by kind and costs.

    Parameters
    ----------
    runs
        Verdicts in all, shared equally between kinds and costs.
    model
        That is trained.
    kinds
        Makes of markets.
    bars
        A file of real bars whose sessions `flipped` and `bootstrapped` draw; None: those of the synthetic source.
    workers, tell
        Processes, and what hears of each market.

    Returns
    -------
    list[Row]
        By kind and costs, and one in all, which alone can fail.
    """
    count = max(1, round(runs / len(kinds) / len(COSTS)))
    path = None if bars is None else str(bars)
    cases = [Case(seed, model, kind, bars=path) for kind in kinds for seed in range(count)]
    found: Counter[tuple[str, str]] = Counter()
    for case, got in zip(cases, each(cases, workers, tell), strict=True):
        found.update((case.kind, name) for name, label in zip(case.costs, got, strict=True) if label == SUPPORTED)
    rows = [_row(f"{kind}, {name} costs", found[kind, name], count, model) for kind in kinds for name in COSTS]
    total = sum(found.values())
    return [*rows, _row("of all kinds, zero and default costs", total, len(cases) * len(COSTS), model, judged=True)]


def _row(what: str, hits: int, n: int, model: str, *, judged: bool = False) -> Row:
    """The share of verdicts that support an edge. Only a count that is `judged` can fail: single kinds are too few."""
    low, high = exact(hits, n)
    most = next((k for k in range(n) if exact(k + 1, n)[1] > LEVEL), n) if judged else n
    words = f"95 % interval {low:.2%} to {high:.2%}" + (f", at most {LEVEL:.0%}" if judged else "")
    return Row(f"edges supported in {n:,} markets without one, {what} ({model})", words, hits, 0, most)


def bounce(runs: int, model: str, workers: int, tell: Tell) -> list[Row]:
    """How often an edge is supported in prices of trades that bounce around a random walk: never, at any cost.

    Parameters
    ----------
    runs
        Verdicts in all, over the grid of half-spread, persistence of sides, joined opens and interval.
    model
        That is trained.
    workers, tell
        Processes, and what hears of each market.

    Returns
    -------
    list[Row]
        By interval and opens, and one in all.
    """
    places = nulls.grid()
    count = max(1, round(runs / len(COSTS)))
    cases = [Case(i, model, "bounced", roll=places[i % len(places)]) for i in range(count)]
    found: Counter[str] = Counter()
    n: Counter[str] = Counter()
    for case, got in zip(cases, each(cases, workers, tell), strict=True):
        assert case.roll is not None
        name = f"{case.roll.interval} bars, {'joined' if case.roll.joined else 'own'} opens"
        n[name] += len(got)
        found[name] += sum(label == SUPPORTED for label in got)
    rows = [
        Row(f"edges supported in {n[name]:,} bounced markets: {name} ({model})",
            "0; 95 % interval {:.2%} to {:.2%}".format(*exact(found[name], n[name])), found[name], 0, 0)
        for name in sorted(n)
    ]  # fmt: skip
    total, hits = sum(n.values()), sum(found.values())
    words = "0; 95 % interval {:.2%} to {:.2%}".format(*exact(hits, total))
    return [*rows, Row(f"edges supported in {total:,} bounced markets in all ({model})", words, hits, 0, 0)]


def few_nulls() -> list[Row]:
    """A few markets of each make without an edge, at default and zero costs: `--null` and `--bounce` judge many."""
    cases = [Case(700 + k, "logistic", kind) for kind in KINDS for k in range(3)]
    got = [label for case in cases for label in labels(case)]
    hits = sum(label == SUPPORTED for label in got)
    words = "0; --null 1000 --kinds all judges a thousand"
    return [Row(f"edges supported in {len(got)} verdicts on markets without one, of all makes", words, hits, 0, 0)]


def power(markets: int, model: str, workers: int, tell: Tell) -> list[Row]:
    """How often the edge is found in markets with a planted one.

    Parameters
    ----------
    markets
        How many of each strength.
    model
        That is trained.
    workers, tell
        Processes, and what hears of each market.

    Returns
    -------
    list[Row]
        One a strength.
    """
    rows = []
    for rho, least in POWER.items():
        cases = [Case(i, model, rho=rho) for i in range(markets)]
        got = sum(name == SUPPORTED for (name,) in each(cases, workers, tell))
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
