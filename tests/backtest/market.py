"""Quotes and predictions built by hand or drawn from a seed, as the stages before would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.config import Backtest, Config
from hfm.stage import Context

DAY_NS = 86_400 * 10**9
OPEN_NS = 14 * 3600 * 10**9 + 1800 * 10**9
STEP_NS = 300 * 10**9
FIRST = np.datetime64("2024-03-04")


def meta(symbols: Sequence[str], slots: int) -> tables.TableMeta:
    return tables.TableMeta(
        symbols=tuple(sorted(symbols)), slots_per_session=slots, slots_per_year=19_500.0, sessions_per_year=252.0,
        tick=0.01, source="test", synthetic=True, calendar="XNYS", interval_s=300, fidelity="bars",
    )  # fmt: skip


def days(count: int) -> np.ndarray:
    """`count` business days."""
    return np.busday_offset(FIRST, np.arange(count))


def keys(symbols: Sequence[str], sessions: int, slots: int) -> dict[str, np.ndarray]:
    """The key columns of full sessions, in the tables' order."""
    names = sorted(symbols)
    shape = (sessions, len(names), slots)
    session = np.broadcast_to(days(sessions)[:, None, None], shape).reshape(-1)
    seq = np.broadcast_to(np.arange(slots), shape).reshape(-1)
    symbol = np.broadcast_to(np.array(names, dtype=object)[None, :, None], shape).reshape(-1)
    start = session.astype("datetime64[D]").astype(np.int64) * DAY_NS + OPEN_NS + seq * STEP_NS
    return {
        "symbol": symbol,
        "session": session,
        "seq": seq.astype(np.int64),
        "time": start + STEP_NS,
        "time_open": start,
    }


def quotes(
    key: dict[str, np.ndarray], mid_open: np.ndarray, mid_close: np.ndarray, half: Any = 0.05, **other: Any
) -> pa.Table:
    """A quotes table around mids; half: half the quoted spread in currency."""
    slots = int(key["seq"].max()) + 1
    columns: dict[str, Any] = {
        **key, "is_last": key["seq"] == slots - 1,
        "mid_open": mid_open, "mid_close": mid_close,
        "mid_high": np.maximum(mid_open, mid_close), "mid_low": np.minimum(mid_open, mid_close),
        "bid_open": mid_open - half, "ask_open": mid_open + half,
        "bid_close": mid_close - half, "ask_close": mid_close + half,
        "trade_open": mid_open, "trade_high": np.maximum(mid_open, mid_close) + half,
        "trade_low": np.minimum(mid_open, mid_close) - half, "trade_close": mid_close,
        "spread_bps": 2e4 * half / mid_close, "half_spread": half, "depth_bid": 100.0, "depth_ask": 100.0,
        "volume": 1e5, "signed_volume": 0.0, "ofi": 0.0, "trades": np.nan, "imbalance": 0.0, "micro_bps": 0.0,
        "sigma_bps": 5.0, "cash_dividend": 0.0, "split_ratio": 1.0, "flags": 0,
    } | other  # fmt: skip
    spread = np.broadcast_to(columns["spread_bps"], key["seq"].shape)
    columns["spread_bps"] = np.ascontiguousarray(spread)
    columns["half_spread"] = np.ascontiguousarray(np.broadcast_to(half, key["seq"].shape)).astype(float)
    return tables.build(tables.QUOTES, columns, meta(list(dict.fromkeys(key["symbol"])), slots))


def predictions(quoted: pa.Table, models: dict[str, Any], keep: np.ndarray | None = None) -> pa.Table:
    """Predictions of horizon 1. models: name -> P(up) [n], or a dict of columns; keep [n]: rows that have one."""
    q = tables.arrays(quoted)
    n = len(q["seq"])
    keep = np.ones(n, bool) if keep is None else keep
    same = (q["session"][1:] == q["session"][:-1]) & (q["symbol"][1:] == q["symbol"][:-1])
    same &= q["seq"][1:] == q["seq"][:-1] + 1
    ret, spread = np.full(n, np.nan), np.full(n, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        ret[:-1] = np.where(same, 1e4 * np.log(q["mid_close"][1:] / q["mid_close"][:-1]), np.nan)
    spread[:-1] = np.where(same, q["spread_bps"][1:], np.nan)
    up = pa.array(np.where(ret > 0, 1, 0).astype(np.int8), mask=~(np.nan_to_num(ret) != 0))
    parts = []
    for name in sorted(models):
        given = models[name] if isinstance(models[name], dict) else {"p_up": models[name]}
        p = np.broadcast_to(np.asarray(given["p_up"], float), (n,))
        rank = np.abs(p - 0.5)
        columns: dict[str, Any] = {
            **{k: q[k] for k in ("symbol", "session", "seq", "time")}, "model": name, "fold": 0, "horizon": 1,
            "time_label": None, "p_up": p, "p_raw": p, "conf_rank": np.argsort(np.argsort(rank, kind="stable")) / n,
            "ret_sd_bps": 10.0, "spread_q10": 1.0, "spread_q50": 2.0, "spread_q90": 3.0, "p_widen": 0.4,
            "y_up": up, "y_ret_bps": ret, "y_spread_bps": spread, "y_vol": 0.0,
        } | given  # fmt: skip
        columns = {k: np.ascontiguousarray(np.broadcast_to(v, (n,))) if isinstance(v, float | int | str) else v
                   for k, v in columns.items()}  # fmt: skip
        part = tables.build(tables.PREDICTIONS, columns).filter(pa.array(keep))
        parts.append(part)
    merged = pa.concat_tables(parts).unify_dictionaries()
    out = merged.take(pa.array(np.arange(merged.num_rows).reshape(len(parts), -1).T.reshape(-1)))
    names = list(dict.fromkeys(q["symbol"]))
    first = next(iter(models))
    head = replace(meta(names, int(q["seq"].max()) + 1), model=first, models=tuple(sorted(models)), horizon=1)
    return tables.build(tables.PREDICTIONS, {c: out.column(c) for c in out.column_names}, head)


def walk(symbols: Sequence[str], sessions: int, slots: int, seed: int = 1, sd: float = 5e-4) -> pa.Table:
    """Random-walk quotes; closes equal the next opens inside a session, with a gap overnight."""
    key = keys(symbols, sessions, slots)
    names = sorted(symbols)
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, sd, (sessions, len(names), slots + 1))
    level = np.log(100.0) + np.cumsum(steps.transpose(1, 0, 2).reshape(len(names), -1), axis=1)
    path = np.exp(level.reshape(len(names), sessions, slots + 1).transpose(1, 0, 2))
    opens, closes = path[:, :, :-1].reshape(-1), path[:, :, 1:].reshape(-1)
    half = np.exp(rng.normal(np.log(0.01), 0.3, len(opens)))
    return quotes(key, opens, closes, half, volume=np.round(np.exp(rng.normal(11, 0.5, len(opens)))))


def run(quoted: Any, predicted: Any, **settings: Any) -> tuple[dict[str, Any], Context]:
    """The backtest stage's artifacts by name (tables joined) and its context, from tables or readers."""
    from hfm.backtest.stage import run as stage

    ctx = Context("backtest")
    inputs = {
        name: tables.MemoryReader(given) if isinstance(given, pa.Table) else given
        for name, given in (("simulate/quotes.parquet", quoted), ("train/predictions.parquet", predicted))
    }
    out: dict[str, Any] = {}
    for name, payload in stage(inputs, Config(backtest=Backtest(**settings)), ctx):
        out.setdefault(name.removeprefix("backtest/").split(".")[0], []).append(payload)
    return {k: v[0] if isinstance(v[0], dict) else pa.concat_tables(v) for k, v in out.items()}, ctx
