"""Hand-made runs for the report's tests: every table of a run, consistent with one another, in a few milliseconds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.tables import MemoryReader
from tests.report import strategy
from tests.report.grid import SLOTS, Rows, Shape

MODELS = ("constant", "har", "logistic", "lstm", "persistence")


def make(shape: Shape | None = None, **changes: Any) -> dict[str, MemoryReader]:  # Any: the fields of Shape
    """The artifacts of one run, as a stage is given them."""
    shape = shape or Shape(**changes)
    rows = Rows(shape)
    meta = tables.TableMeta(
        source="synthetic" if shape.synthetic else "file",
        synthetic=shape.synthetic,
        calendar="XNYS",
        tz="America/New_York",
        interval_s=300,
        slots_per_session=SLOTS,
        slots_per_year=19_470,
        sessions_per_year=251.4,
        symbols=tuple(shape.symbols),
        notes={shape.symbols[0]: ["times were starts"]},
        quality=dict.fromkeys(shape.symbols, shape.quality),
        warnings=tuple(shape.warnings) or None,
    )
    out: dict[str, Any] = {"fetch/bars.parquet": _bars(rows, shape, meta)}
    if "simulate" in shape.stages:
        signal = "planted" if shape.planted else "none"
        meta = replace(meta, fidelity="bars", recipe="calibrated", signal=signal, rho=0.2)
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
        out["simulate/facts.json"] = _text({"schema_version": 1, "facts": {"spread_ticks": fact}})
    test = rows.day >= min(12, shape.sessions - 1)
    if "train" in shape.stages:
        models = ("constant", "persistence", "har", "logistic", "lstm")
        meta = replace(meta, model="lstm", models=models, horizon=1, features="default")
        out |= _train(rows, shape, test, meta)
    if "backtest" in shape.stages:
        out |= strategy.backtest(rows, shape, test, meta)
    return {path: MemoryReader(content) for path, content in out.items()}


def _text(document: dict[str, Any]) -> bytes:  # Any: JSON values
    return json.dumps(document, sort_keys=True).encode()


def _bars(r: Rows, shape: Shape, meta: tables.TableMeta) -> pa.Table:  # Any: JSON values
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


def _quotes(r: Rows, meta: tables.TableMeta) -> pa.Table:  # Any: JSON values
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


def _oracle(r: Rows, meta: tables.TableMeta) -> pa.Table:  # Any: JSON values
    columns = r.key(p_up=0.5, p_up_latent=0.5, log_spread_mean=np.log(r.spread), log_spread_sd=0.3, signal=0.0)
    return tables.build(tables.ORACLE, columns, meta, "planted" if meta.signal == "planted" else "simulated")


def _train(r: Rows, shape: Shape, test: np.ndarray, meta: tables.TableMeta) -> dict[str, pa.Table]:  # Any: JSON values
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


def _scores(n: int, meta: tables.TableMeta) -> pa.Table:  # Any: JSON values
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
            "floor_label": "har",
        },
        meta,
    )


def _history(rng: np.random.Generator, meta: tables.TableMeta) -> pa.Table:  # Any: JSON values
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
