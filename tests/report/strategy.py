"""The back-test of a hand-made run: a family of trials that trade at random, held for one row each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import tables
from tests.report.grid import SLOTS, Rows, Shape

CASH = 1_000_000.0
FAMILY = ("q0.5", "q0.6", "q0.7", "q0.8", "q0.9", "q0.95", "q0.975", "p0.52", "p0.55", "cost", "p0.6")
SHARE = dict(zip(FAMILY, (0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.025, 0.3, 0.1, 0.04, 0.02), strict=True))


def _signals(r: Rows, shape: Shape, test: np.ndarray, share: float) -> np.ndarray:
    """Signal of each test row: the given share of rows trades, for one row each."""
    rng = np.random.default_rng([shape.seed, round(share * 1000)])
    signal = np.where(rng.random(r.n) < share, np.sign(rng.standard_normal(r.n)), 0.0)
    signal[~test | r.last] = 0.0
    if shape.trades == "none":
        signal[:] = 0.0
    if shape.trades == "one":
        signal[:] = 0.0
        signal[np.flatnonzero(test)[10]] = float(share == SHARE["p0.6"])
    return signal


def _bounce(shape: Shape, net: np.ndarray, gross: np.ndarray, rows: int) -> dict[str, np.ndarray]:
    """The columns against bid-ask bounce: of observed bars an edge that outlives a delay, of invented ones none."""
    if shape.synthetic:
        return dict.fromkeys(("late_return", "late_exposure", "free_return", "free_turnover"), np.full(rows, np.nan))
    return {
        "late_return": 0.9 * net,
        "late_exposure": np.zeros(rows),
        "free_return": gross,
        "free_turnover": np.ones(rows),
    }


def backtest(r: Rows, shape: Shape, test: np.ndarray, meta: tables.TableMeta) -> dict[str, Any]:  # Any: JSON values
    """Trials, ledger, trades and metrics of the rows in `test`."""
    user = "p0.6"
    rows = {name: _signals(r, shape, test, SHARE[name]) for name in FAMILY}
    half = r.spread / 2e4 * 0.75
    held = {name: np.append(0.0, signal[:-1]) / len(shape.symbols) for name, signal in rows.items()}
    gross = {name: held[name] * (r.move + shape.edge * held[name]) * 1e-4 for name in FAMILY}
    cost = {name: 2 * np.abs(held[name]) * (half + 0.05e-4) for name in FAMILY}
    hold = np.log(r.close / r.open)
    block = (r.day * len(shape.symbols) + (np.arange(r.n) // SLOTS) % len(shape.symbols))[test]
    block -= block.min()
    firsts = np.flatnonzero(test & (r.seq == SLOTS - 1))
    total = lambda a: np.bincount(block, a[test])  # noqa: E731
    k = len(FAMILY)
    order = sorted(FAMILY)
    grid = lambda source: np.array([total(source[name]) for name in order]).T.ravel()  # noqa: E731
    net = {name: gross[name] - cost[name] for name in FAMILY}
    trips = {name: (held[name] != 0).astype(float) for name in FAMILY}
    trials = tables.build(
        tables.TRIALS,
        {
            "symbol": np.repeat(r.symbol[firsts], k),
            "session": np.repeat(r.session[firsts], k),
            "seq": SLOTS - 1,
            "time": np.repeat(r.time[firsts], k),
            "trial": np.tile(np.array(order, object), len(firsts)),
            "user": np.tile(np.array(order) == user, len(firsts)),
            "net_return": grid(net),
            "gross_return": grid(gross),
            "exposure": grid({name: held[name] / SLOTS for name in FAMILY}),
            "hold_return": np.repeat(total(hold), k),
            "trips": grid(trips).astype(np.int64),
            **_bounce(shape, grid(net), grid(gross), len(firsts) * k),
        },
        meta,
    )
    pick = {"held": held[user], "gross": gross[user], "cost": cost[user], "net": net[user], "half": half}
    return {
        "backtest/trials.parquet": trials,
        "backtest/ledger.parquet": _ledger(r, test, pick, user, meta),
        "backtest/trades.parquet": _trades(r, test, pick, user, meta),
        "backtest/metrics.json": json.dumps(_metrics(r, shape, test, pick, user), sort_keys=True).encode(),
    }


def _ledger(
    r: Rows, test: np.ndarray, pick: dict[str, np.ndarray], trial: str, meta: tables.TableMeta
) -> pa.Table:  # Any: JSON
    equity = CASH * (1 + np.cumsum(pick["net"]))[test]
    cut = lambda a: a[test]  # noqa: E731
    columns = {name: cut(np.asarray(value)) for name, value in r.key().items()}
    return tables.build(
        tables.LEDGER,
        columns
        | {
            "model": "lstm",
            "trial": trial,
            "signal": cut(np.append(pick["held"][1:], 0.0)).astype(np.int8),
            "target": 0.0,
            "reason": np.where(cut(r.last) & (cut(pick["held"]) != 0), 2, 0),
            "qty_open": 0.0,
            "px_open": np.nan,
            "mid_at_open": cut(r.open),
            "qty_close": 0.0,
            "px_close": np.nan,
            "mid_at_close": cut(r.close),
            "spread_cost": CASH * cut(pick["cost"]) * 0.8,
            "fee": CASH * cut(pick["cost"]) * 0.2,
            "impact": 0.0,
            "borrow": 0.0,
            "dividend": 0.0,
            "gross_pnl": CASH * cut(pick["gross"]),
            "net_pnl": CASH * cut(pick["net"]),
            "cash": equity,
            "position": 0.0,
            "mark": cut(r.close),
            "equity": equity,
        },
        meta,
    )


def _trades(
    r: Rows, test: np.ndarray, pick: dict[str, np.ndarray], trial: str, meta: tables.TableMeta
) -> pa.Table:  # Any: JSON
    at = np.flatnonzero(test & (pick["held"] != 0))
    if not at.size:
        return tables.empty(tables.TRADES, meta)
    columns = {name: np.asarray(value)[at] for name, value in r.key().items()}
    return tables.build(
        tables.TRADES,
        columns
        | {
            "trade": np.arange(at.size),
            "model": "lstm",
            "trial": trial,
            "exit_session": r.session[at],
            "exit_time": r.time[at],
            "side": np.sign(pick["held"][at]).astype(np.int8),
            "qty": 2000.0,
            "entry_price": r.open[at],
            "exit_price": r.close[at],
            "gross": CASH * pick["gross"][at],
            "spread_cost": CASH * pick["cost"][at] * 0.8,
            "fee": CASH * pick["cost"][at] * 0.2,
            "impact": 0.0,
            "borrow": 0.0,
            "dividend": 0.0,
            "net": CASH * pick["net"][at],
            "bars": 1,
            "reason": 32,
        },
        meta,
    )


def _metric(label: str, value: float | None, unit: str, n: int, **more: Any) -> dict[str, Any]:  # Any: JSON values
    base = {
        "label": label,
        "value": value,
        "unit": unit,
        "n": n,
        "lo": None,
        "hi": None,
        "floor": None,
        "floor_label": "",
        "formula": label.lower().replace(" ", "_"),
        "note": "",
    }
    return base | more


def _metrics(
    r: Rows, shape: Shape, test: np.ndarray, pick: dict[str, np.ndarray], trial: str
) -> dict[str, Any]:  # Any: JSON
    days, n = len(np.unique(r.day[test])), int(test.sum())
    net, gross, cost = (float(pick[name][test].sum()) for name in ("net", "gross", "cost"))
    trips = int((pick["held"][test] != 0).sum())
    daily = np.bincount(r.day[test], pick["net"][test])[r.day[test].min() :]
    sharpe = float(daily.mean() / daily.std() * np.sqrt(252)) if daily.std() > 0 else None
    equity = 1 + np.append(0.0, np.cumsum(pick["net"][test]))
    fall = float((equity / np.maximum.accumulate(equity) - 1).min())
    hold = float(np.log(r.close[-1] / r.open[test][0]))
    none = "no variance: nothing was traded" if sharpe is None else ""
    metrics = {
        "accuracy_direction": _metric(
            "Direction accuracy", 0.511, "share", n, lo=0.49, hi=0.53, floor=0.512, floor_label="base rate"
        ),
        "accuracy_spread": _metric(
            "Spread accuracy", 0.67, "share", n, lo=0.65, hi=0.69, floor=0.66, floor_label="one-line rule"
        ),
        "return_net": _metric(
            "Net return", net, "fraction", days, lo=net - 0.01, hi=net + 0.01, floor=hold, floor_label="buy and hold"
        ),
        "return_gross": _metric("Gross return", gross, "fraction", days),
        "return_hold": _metric("Buy and hold", hold, "fraction", days),
        "return_hold_matched": _metric("Exposure-matched hold", 0.0, "fraction", days),
        "sharpe": _metric(
            "Sharpe ratio", sharpe, "1/year", days, lo=-4.0, hi=4.0, floor=0.0, floor_label="no skill", note=none
        ),
        "max_drawdown": _metric("Maximum drawdown", fall, "fraction", n, note="" if fall < 0 else none),
        "break_even_cost_bps": _metric(
            "Break-even cost a side",
            gross / (2 * trips) * 1e4 if trips else None,
            "bps",
            trips,
            floor=0.15,
            floor_label="assumed cost",
            note="" if trips else "no trade",
        ),
        "trips": _metric("Round trips", float(trips), "count", days),
        "accuracy_traded": _metric(
            "Accuracy on traded bars", 0.5 if trips else None, "share", trips, note="" if trips else "no trade"
        ),
    }
    matched = np.zeros(days)
    for symbol in shape.symbols:
        mine = test & (r.symbol == symbol)
        day = r.day[mine] - r.day[test].min()
        matched += pick["held"][mine].mean() * np.bincount(day, np.log(r.close / r.open)[mine], days)
    return {
        "schema_version": 1,
        "matched": matched.tolist(),
        "model": "lstm",
        "symbols": list(shape.symbols),
        "trial": {"name": trial, "policy": "threshold", "threshold": "0.6", "fill": "next-open", "fee_bps": 0.05},
        "span": {"first": str(r.session[test][0]), "last": str(r.session[-1]), "sessions": days, "rows": n},
        "metrics": metrics,
        "costs": {
            "gross": CASH * gross,
            "spread": CASH * cost * 0.8,
            "fee": CASH * cost * 0.2,
            "impact": 0.0,
            "borrow": 0.0,
            "net": CASH * net,
        },
        "sensitivity": {
            "cost": [{"multiplier": m, "net_return": gross - m * cost} for m in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)],
            "delay": [
                {"lag": d, "gross_return": gross / (d + 1), "net_return": gross / (d + 1) - cost} for d in range(4)
            ],
        },
        "thresholds": [],
        "largest_p": {"up": 0.5712, "down": 0.5604},
        "messages": [] if trips else ["Nothing was traded."],
    }
