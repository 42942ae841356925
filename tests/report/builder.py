"""Hand-made runs for the report's tests: every table of a run, consistent with one another, in a few milliseconds.

Prices are a random walk with the day's usual shape; `edge` is the mean signed return (bp) that each trade earns.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.tables import MemoryReader

SLOTS, CASH = 78, 1_000_000.0
MODELS = ("constant", "har", "logistic", "lstm", "persistence")
FAMILY = ("q0.5", "q0.6", "q0.7", "q0.8", "q0.9", "q0.95", "q0.975", "p0.52", "p0.55", "cost", "p0.6")
SHARE = dict(zip(FAMILY, (0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.025, 0.3, 0.1, 0.04, 0.02), strict=True))


@dataclass(frozen=True)
class Shape:
    """What kind of run to make."""

    sessions: int = 15
    seed: int = 1
    edge: float = 0.0
    trades: Literal["usual", "none", "one"] = "usual"
    constant: bool = False
    synthetic: bool = True
    planted: bool = False
    accuracy: float = 0.51
    symbols: tuple[str, ...] = ("SPY",)
    stages: tuple[str, ...] = ("fetch", "simulate", "train", "backtest")
    quality: dict[str, Any] = field(default_factory=lambda: {"missing": 3, "duplicates": 0})  # Any: JSON values


class Rows:
    """The grid of a run and its market, arrays [n] in (session, symbol, seq) order."""

    def __init__(self, shape: Shape) -> None:
        rng = np.random.default_rng(shape.seed)
        days = np.busday_offset("2024-03-01", np.arange(shape.sessions), roll="forward")
        width = len(shape.symbols)
        self.n = shape.sessions * width * SLOTS
        self.day = np.repeat(np.arange(shape.sessions), width * SLOTS)
        self.seq = np.tile(np.arange(SLOTS), shape.sessions * width)
        self.symbol = np.tile(np.repeat(np.array(shape.symbols, object), SLOTS), shape.sessions)
        self.session = days[self.day]
        self.time = days.astype("datetime64[ns]")[self.day] + ((9 * 60 + 30 + 300) * 60 + (self.seq + 1) * 300) * 10**9
        curve = 0.7 + 1.6 * (np.linspace(-1, 0.75, SLOTS) ** 2)
        self.sigma = 6.0 * curve[self.seq] * np.exp(rng.normal(0, 0.3, self.n))
        move = np.zeros(self.n) if shape.constant else self.sigma * rng.standard_normal(self.n) * 1e-4
        self.close = 500 * np.exp(np.cumsum(move))
        self.open = np.append(500.0, self.close[:-1])
        self.volume = (
            np.zeros(self.n) if shape.constant else np.round(1e5 * curve[self.seq] * rng.gamma(4, 0.25, self.n))
        )
        self.spread = 0.25 * curve[self.seq] * np.exp(rng.normal(0, 0.3, self.n))
        self.move = move * 1e4
        self.ofi = 900 * (0.8 * self.move / 6 + 0.6 * rng.standard_normal(self.n))
        self.next = np.append(self.move[1:], 0.0)
        self.last = self.seq == SLOTS - 1
        self.rng = rng

    def key(self, **more: Any) -> dict[str, Any]:  # Any: arrays or scalars
        """The key columns, and more."""
        return {"symbol": self.symbol, "session": self.session, "seq": self.seq, "time": self.time, **more}


def make(shape: Shape | None = None, **changes: Any) -> dict[str, MemoryReader]:  # Any: the fields of Shape
    """The artifacts of one run, as a stage is given them."""
    shape = shape or Shape(**changes)
    rows = Rows(shape)
    meta = {
        "source": "synthetic" if shape.synthetic else "file",
        "synthetic": shape.synthetic,
        "calendar": "XNYS",
        "tz": "America/New_York",
        "interval_s": 300,
        "slots_per_session": SLOTS,
        "slots_per_year": 19_470,
        "sessions_per_year": 251.4,
        "symbols": list(shape.symbols),
        "notes": {shape.symbols[0]: ["times were starts"]},
        "quality": dict.fromkeys(shape.symbols, shape.quality),
    }
    out: dict[str, Any] = {"fetch/bars.parquet": _bars(rows, shape, meta)}
    if "simulate" in shape.stages:
        meta |= {
            "fidelity": "bars",
            "recipe": "calibrated",
            "signal": "planted" if shape.planted else "none",
            "rho": 0.2,
        }
        out["simulate/quotes.parquet"] = _quotes(rows, meta)
        out["simulate/oracle.parquet"] = _oracle(rows, meta)
        fact = {
            "label": "spread, ticks",
            "value": 1.15,
            "se": 0.01,
            "band": [1.0, 1.4],
            "pass": True,
            "of": "simulated",
        }
        out["simulate/facts.json"] = _json({"schema_version": 1, "facts": {"spread_ticks": fact}})
    test = rows.day >= min(12, shape.sessions - 1)
    if "train" in shape.stages:
        meta |= {
            "model": "lstm",
            "models": ["constant", "persistence", "har", "logistic", "lstm"],
            "horizon": 1,
            "features": ["volume_ratio", "momentum"],
        }
        out |= _train(rows, shape, test, meta)
    if "backtest" in shape.stages:
        out |= _backtest(rows, shape, test, meta)
    return {path: MemoryReader(content) for path, content in out.items()}


def _json(document: dict[str, Any]) -> bytes:  # Any: JSON values
    return json.dumps(document, sort_keys=True).encode()


def _bars(r: Rows, shape: Shape, meta: dict[str, Any]) -> pa.Table:  # Any: JSON values
    return tables.build(
        tables.BARS,
        r.key(
            open=r.open,
            high=np.maximum(r.open, r.close),
            low=np.minimum(r.open, r.close),
            close=r.close,
            volume=r.volume,
            is_last=r.last,
        ),
        meta,
        "simulated" if shape.synthetic else "observed",
    )


def _quotes(r: Rows, meta: dict[str, Any]) -> pa.Table:  # Any: JSON values
    half = r.spread * r.close / 2e4
    high, low = np.maximum(r.open, r.close), np.minimum(r.open, r.close)
    origin: dict[str, tables.Provenance] = dict.fromkeys(tables.QUOTES.names, "simulated")
    origin |= dict.fromkeys(["trade_open", "trade_high", "trade_low", "trade_close", "volume"], "observed")
    return tables.build(
        tables.QUOTES,
        r.key(
            time_open=r.time - np.timedelta64(300, "s"),
            is_last=r.last,
            mid_open=r.open,
            mid_high=high,
            mid_low=low,
            mid_close=r.close,
            bid_open=r.open - half,
            ask_open=r.open + half,
            bid_close=r.close - half,
            ask_close=r.close + half,
            trade_open=r.open,
            trade_high=high,
            trade_low=low,
            trade_close=r.close,
            spread_bps=r.spread,
            half_spread=half,
            depth_bid=1000.0,
            depth_ask=1000.0,
            volume=r.volume,
            signed_volume=r.ofi / 2,
            ofi=r.ofi,
            trades=np.nan,
            imbalance=np.nan,
            micro_bps=np.nan,
            sigma_bps=r.sigma,
            cash_dividend=0.0,
            split_ratio=1.0,
            flags=0,
        ),
        meta,
        origin,
    )


def _oracle(r: Rows, meta: dict[str, Any]) -> pa.Table:  # Any: JSON values
    columns = r.key(p_up=0.5, p_up_latent=0.5, log_spread_mean=np.log(r.spread), log_spread_sd=0.3, signal=0.0)
    return tables.build(tables.ORACLE, columns, meta, "planted" if meta["signal"] == "planted" else "simulated")


def _train(r: Rows, shape: Shape, test: np.ndarray, meta: dict[str, Any]) -> dict[str, pa.Table]:  # Any: JSON values
    rng, n, k = r.rng, int(test.sum()), len(MODELS)
    wide = lambda a: np.repeat(np.broadcast_to(a, r.n)[test], k)  # noqa: E731
    up = np.where(r.next == 0, -1, r.next > 0)[test]
    right = np.where(rng.random(n) < shape.accuracy, up > 0, up <= 0)
    p = np.full((n, k), 0.51)
    p[:, 2:4] = 0.5 + np.where(right, 1, -1)[:, None] * np.abs(rng.normal(0, 0.02, (n, 2)))
    middle = (r.spread * np.exp(rng.normal(0, 0.2, r.n)))[test]
    has = np.tile(np.array([False, True, True, True, False]), n)
    future = np.append(r.spread[1:], r.spread[-1])
    masked = wide(r.last)
    predictions = tables.build(
        tables.PREDICTIONS,
        {
            "symbol": wide(r.symbol),
            "session": wide(r.session),
            "seq": wide(r.seq),
            "time": wide(r.time),
            "model": np.tile(np.array(MODELS, object), n),
            "fold": wide(r.day // 3),
            "horizon": 1,
            "time_label": wide(r.time + np.timedelta64(300, "s")),
            "p_up": p.ravel(),
            "p_raw": p.ravel(),
            "conf_rank": rng.random(n * k),
            "ret_sd_bps": wide(r.sigma),
            "spread_q10": np.where(has, np.repeat(middle, k) * 0.68, np.nan),
            "spread_q50": np.where(has, np.repeat(middle, k), np.nan),
            "spread_q90": np.where(has, np.repeat(middle, k) * 1.47, np.nan),
            "p_widen": np.where(has, 0.5, np.nan),
            "y_up": pa.array(np.repeat(up, k), mask=masked | (np.repeat(up, k) < 0)).cast(pa.int8()),
            "y_ret_bps": np.where(masked, np.nan, wide(r.next)),
            "y_spread_bps": np.where(masked, np.nan, wide(future)),
            "y_vol": np.where(masked, np.nan, 0.0),
        },
        meta,
    )
    return {
        "train/predictions.parquet": predictions,
        "train/scores.parquet": _scores(n, meta),
        "train/history.parquet": _history(rng, meta),
    }


def _scores(n: int, meta: dict[str, Any]) -> pa.Table:  # Any: JSON values
    base = {"constant": 0.512, "persistence": 0.5, "har": 0.512, "logistic": 0.508, "lstm": 0.511}
    lines = [(m, "direction", "accuracy", v, 0.004, 0.512) for m, v in base.items()]
    lines += [(m, "direction", "log_loss", 0.6931, 0.0004, 0.6930) for m in base]
    lines += [(m, "direction", "ece", 0.014, np.nan, 0.012) for m in ("logistic", "lstm")]
    lines += [
        (m, "spread", "accuracy", v, 0.011, 0.66) for m, v in (("persistence", 0.5), ("har", 0.66), ("lstm", 0.67))
    ]
    lines += [(m, "volatility", "r2", v, 0.03, 0.62) for m, v in (("persistence", 0.44), ("har", 0.62), ("lstm", 0.63))]
    lines.sort(key=lambda line: (line[1], line[2], line[0]))
    model, task, metric, value, se, floor = zip(*lines, strict=True)
    return tables.build(
        tables.SCORES,
        {
            "model": np.array(model, object),
            "task": np.array(task, object),
            "metric": np.array(metric, object),
            "fold": -1,
            "value": np.array(value),
            "se": np.array(se),
            "n": n,
            "floor": np.array(floor),
        },
        meta,
    )


def _history(rng: np.random.Generator, meta: dict[str, Any]) -> pa.Table:  # Any: JSON values
    lines = []
    for fold in (-1, 0, 1):
        for seed in range(3):
            start, epochs = 0.95 + 0.02 * fold, 10 + 3 * seed
            for epoch in range(epochs):
                gain = 0.01 * (1 - np.exp(-epoch / 4)) - 0.0008 * epoch
                lines.append((fold, seed, epoch, "train", start - 2 * gain + rng.normal(0, 5e-4)))
                lines.append((fold, seed, epoch, "valid", start - gain + (rng.normal(0, 5e-4) if epoch else 0)))
    fold, seed, epoch, split, loss = zip(*lines, strict=True)
    return tables.build(
        tables.HISTORY,
        {
            "model": "lstm",
            "fold": np.array(fold),
            "seed": np.array(seed),
            "epoch": np.array(epoch),
            "split": np.array(split, object),
            "loss": np.array(loss),
            "lr": 2e-3,
        },
        meta,
    )


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


def _backtest(r: Rows, shape: Shape, test: np.ndarray, meta: dict[str, Any]) -> dict[str, Any]:  # Any: JSON values
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
        },
        meta,
    )
    pick = {"held": held[user], "gross": gross[user], "cost": cost[user], "net": net[user], "half": half}
    return {
        "backtest/trials.parquet": trials,
        "backtest/ledger.parquet": _ledger(r, test, pick, user, meta),
        "backtest/trades.parquet": _trades(r, test, pick, user, meta),
        "backtest/metrics.json": _json(_metrics(r, shape, test, pick, user)),
    }


def _ledger(
    r: Rows, test: np.ndarray, pick: dict[str, np.ndarray], trial: str, meta: dict[str, Any]
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
    r: Rows, test: np.ndarray, pick: dict[str, np.ndarray], trial: str, meta: dict[str, Any]
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
    return {
        "schema_version": 1,
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
