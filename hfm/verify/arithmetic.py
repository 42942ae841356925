"""Sums that must come out: a Sharpe ratio that is known, a ledger that adds up."""

from __future__ import annotations

import math

import numpy as np

from hfm.artifacts import LEDGER
from hfm.backtest.metrics import YEAR, sharpe
from hfm.policies.multiple_testing import sharpe_hurdle
from hfm.report.statistics import overfitting
from hfm.tables import arrays
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import InMemoryRun
from hfm.verify.planted_edge import market

TRUTH = 1.5
SESSIONS, SLOTS = 504, 78


def sharpe_series() -> np.ndarray:
    """5-minute returns [SESSIONS, SLOTS] whose session returns have a yearly Sharpe ratio of exactly 1.5."""
    noise = np.random.default_rng(41).standard_normal((SESSIONS, SLOTS))
    daily = noise.sum(1)
    daily = (daily - daily.mean()) / daily.std(ddof=1)
    target = 0.01 * (daily + TRUTH / math.sqrt(YEAR))
    shift = (target - 0.001 * noise.sum(1)) / SLOTS
    return np.asarray(noise * 0.001 + shift[:, None])


def known_sharpe() -> list[Row]:
    """The ratio that the back-test prints first, from session returns, to three places."""
    got = sharpe(sharpe_series().sum(1), YEAR)
    assert got is not None
    return [Row("Sharpe ratio of a 5-minute series with a known one", f"{TRUTH:.3f}", got, TRUTH - 5e-4, TRUTH + 5e-4)]


def traded() -> InMemoryRun:
    """A planted market carried through the back-test, with trades to account for."""
    return market(80, 0.2, 42).through("train", "backtest")


def ledger() -> list[Row]:
    """Equity = cash + position x mark at every row; gross less costs is net; nets add up to the change of equity."""
    run = traded()
    names = [
        "equity",
        "cash",
        "position",
        "mark",
        "gross_pnl",
        "net_pnl",
        "spread_cost",
        "fee",
        "impact",
        "borrow",
        "dividend",
    ]
    x = arrays(run.table(LEDGER), names)
    start = run.config.backtest.cash
    held = np.abs(x["equity"] - x["cash"] - x["position"] * x["mark"]).max()
    costs = x["spread_cost"] + x["fee"] + x["impact"] + x["borrow"] - x["dividend"]
    net = np.abs(x["gross_pnl"] - costs - x["net_pnl"]).max()
    total = np.abs(np.cumsum(x["net_pnl"]) + start - x["equity"]).max()
    rows = [("equity less cash less position x mark", held), ("gross less costs less net", net),
            ("sum of net less change of equity", total)]  # fmt: skip
    return [
        Row(f"ledger: largest |{name}| over starting cash", "0", float(value / start), 0.0, 1e-9)
        for name, value in rows
    ]


def deflated_hurdle() -> list[Row]:
    """The yearly Sharpe ratio that the best of 50 worthless trials is expected to show on 85 sessions is 3.9."""
    return [
        Row("Sharpe hurdle of 50 trials on 85 sessions", "3.9", math.sqrt(YEAR) * sharpe_hurdle(50, 85), 3.85, 3.95)
    ]


def overfitting_of_noise() -> list[Row]:
    """The probability of back-test overfitting of markets that are all noise is one half."""
    rng = np.random.default_rng(43)
    got = float(np.mean([overfitting(rng.standard_normal((160, 20)), 8) for _ in range(100)]))
    return [Row("probability of overfitting, mean of 100 noise markets", "0.5", got, 0.44, 0.56)]
