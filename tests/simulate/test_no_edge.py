"""No false edge: in markets without a signal no rule earns its costs and no model ranks the next move."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from hfm import tables
from hfm.config import Config, Fetch, Simulate
from hfm.features import batch
from hfm.fetch import stage as fetch
from hfm.simulate import stage
from hfm.stage import Context
from hfm.tables import Array, MemoryReader

Float = npt.NDArray[np.float64]
SESSIONS, FEE = 60, 0.05e-4
SymbolState = dict[str, Array]


def market(seed: int) -> SymbolState:
    """Quotes of one invented market without a signal."""
    ctx = Context("fetch", seed=seed, as_of=datetime(2025, 6, 1, tzinfo=UTC))
    config = Config(
        fetch=Fetch(symbols=("SPY",), source="synthetic", sessions=SESSIONS, seed=seed), simulate=Simulate(seed=seed)
    )
    bars = pa.concat_tables([p for name, p in fetch.run({}, config, ctx) if name == "fetch/bars.parquet"])
    reader = MemoryReader(bars.unify_dictionaries().combine_chunks())
    made = stage.run({"fetch/bars.parquet": reader}, config, Context("simulate", seed=seed))
    return tables.arrays(pa.concat_tables([p for name, p in made if name == "simulate/quotes.parquet"]))


def inside(q: SymbolState) -> Float:
    """Each row's return, from the close before where that is the row before."""
    joined = np.concatenate(([False], (np.diff(q["seq"]) == 1) & (q["session"][1:] == q["session"][:-1])))
    return np.log(q["mid_close"] / np.where(joined, np.roll(q["mid_close"], 1), q["mid_open"]))


def taker(side: Callable[[SymbolState], Float]) -> Callable[[SymbolState], Float]:
    """Net return of each row of holding `side` from the next row's open to its close, a round trip a row."""

    def earn(q: SymbolState) -> Float:
        held = side(q)[:-1]
        held = np.where((np.diff(q["seq"]) == 1) & (q["session"][1:] == q["session"][:-1]), held, 0.0)
        gain = np.log(q["mid_close"] / q["mid_open"])[1:]
        paid = (
            0.75 * 0.5 * ((q["ask_open"] - q["bid_open"]) + (q["ask_close"] - q["bid_close"]))[1:] / q["mid_open"][1:]
        )
        return np.concatenate(([0.0], held * gain - np.abs(held) * (paid + 2 * FEE)))

    return earn


def maker(q: SymbolState) -> Float:
    """Quotes at the row's opening bid and ask; filled where the mid reaches them, marked at the row's close."""
    bought, sold = q["mid_low"] <= q["bid_open"], q["mid_high"] >= q["ask_open"]
    gain = bought * (q["mid_close"] - q["bid_open"]) + sold * (q["ask_open"] - q["mid_close"])
    return gain / q["mid_open"] - FEE * (bought.astype(float) + sold)


PROBES: dict[str, Callable[[SymbolState], Float]] = {
    "maker": maker,
    "trend": taker(lambda q: np.sign(inside(q))),
    "reversal": taker(lambda q: -np.sign(inside(q))),
    "flow": taker(lambda q: np.sign(q["ofi"])),
    "against flow": taker(lambda q: -np.sign(q["ofi"])),
}


def earns(q: SymbolState, probe: Callable[[SymbolState], Float]) -> bool:
    """Whether the 95 % interval of the mean daily net return lies above 0."""
    _, day = np.unique(q["session"], return_inverse=True)
    daily = np.bincount(day, probe(q))
    return bool(daily.mean() - 1.96 * daily.std(ddof=1) / math.sqrt(len(daily)) > 0)


def sample(q: SymbolState) -> tuple[Float, npt.NDArray[np.bool_]]:
    """Signed features and whether the next row rose, where both are known."""
    names = [name for name in batch.GROUPS["default"] if name in batch.SIGNED]
    x = batch.compute(q, {"SPY": batch.state_new(78, 300.0)}, names)
    follows = np.append((np.diff(q["seq"]) == 1) & (q["session"][1:] == q["session"][:-1]), False)
    up = np.append(q["mid_close"][1:] > q["mid_close"][:-1], False)
    known = np.isfinite(x).all(axis=1) & follows
    return x[known], up[known]


def trial(markets: int, first_seed: int) -> tuple[dict[str, int], list[float], list[int]]:
    """Probes that earn, by name; and of logistic models fitted on one market, the AUC on the next, with its rows."""
    found = dict.fromkeys(PROBES, 0)
    scores, rows = [], []
    last: tuple[Float, npt.NDArray[np.bool_]] | None = None
    for seed in range(first_seed, first_seed + markets):
        q = market(seed)
        for name, probe in PROBES.items():
            found[name] += earns(q, probe)
        x, up = sample(q)
        if last is not None:
            model = LogisticRegression(C=0.01).fit(*last)
            scores.append(float(roc_auc_score(up, model.predict_proba(x)[:, 1])))
            rows.append(len(up))
        last = (x, up)
    return found, scores, rows


def check(markets: int, first_seed: int) -> None:
    """At most one in twenty of each probe's markets earns; the mean AUC is a half within three errors."""
    found, scores, rows = trial(markets, first_seed)
    print(f"of {markets} markets: {found}; AUC {np.mean(scores):.4f} over {sum(rows)} rows")
    assert max(found.values()) <= markets // 20, found
    error = 1.0 / math.sqrt(12.0 * 0.25 * sum(rows))
    assert abs(np.average(scores, weights=rows) - 0.5) < 3.0 * error


@pytest.mark.slow
def test_in_40_markets_nothing_earns() -> None:
    """A fifth of the soak."""
    check(40, 5000)


@pytest.mark.soak
def test_in_200_markets_nothing_earns() -> None:
    """At most 10 of 200 intervals above 0 for each probe; AUC pooled over markets within three errors of a half."""
    check(200, 6000)
