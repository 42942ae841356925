"""What the bars and the quotes say of the market: coverage, time of day, order flow.

Axes: S sessions, T clock slots of a full day. Returns and spreads in bp, volume in shares.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hfm import artifacts, tables
from hfm.report import resample
from hfm.report.statistics import Float, Int
from hfm.tables import TableMeta

OFI_BINS = 15


@dataclass(frozen=True)
class OrderFlowCurve:
    """Returns by order-flow imbalance: bin means of z (sd of OFI) and of the return with its standard error, in bp."""

    z: Float
    mean: Float
    se: Float
    r2: float
    rows: int


@dataclass(frozen=True)
class MarketData:
    """What is known of the market itself. meta is the bars table's own; slot_* are means over sessions [T]."""

    meta: TableMeta
    symbols: tuple[str, ...]
    sessions: Int
    """Days since 1970 [S]."""
    rows: int
    empty: float
    """Share of bars without volume."""
    bars_S: Int
    """Bars present in each session, all symbols together."""
    due_S: Int
    """Bars that the calendar has for them: a half day is short, not incomplete."""
    move_ST: Float
    """Mean |open to close| of each bar, over symbols, bp; NaN where there is no bar."""
    close_S: Float
    """First symbol's last close of each session."""
    clock: Float
    """Local time of each slot's start, hours [T]."""
    slot_volume: Float
    slot_move: Float
    slot_spread: Float | None = None
    spread_bps: float = float("nan")
    """Median quoted spread."""
    charged: dict[str, dict[str, Any]] = field(default_factory=dict)  # Any: JSON values
    """By symbol, the spread around observed bars: charged, claimed, and the bars' upper side."""
    same_bar: OrderFlowCurve | None = None
    next_bar: OrderFlowCurve | None = None

    @property
    def slots(self) -> int:
        """Slots of a full day."""
        return len(self.clock)

    @property
    def synthetic(self) -> bool:
        """Whether the bars were invented."""
        return bool(self.meta.synthetic)


def load(inputs: Mapping[str, tables.Reader]) -> MarketData:
    """The market from fetch/bars.parquet (or fetch/book.parquet) and, if there, simulate/quotes.parquet."""
    data, meta = _bars(inputs)
    sessions, day = np.unique(data["session"].astype("datetime64[D]").astype(np.int64), return_inverse=True)
    seq = data["seq"]
    slots = max(meta.slots_per_session, int(seq.max()) + 1 if seq.size else 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        move = np.abs(np.log(data["close"] / data["open"])) * 1e4
    cell = day * slots + seq
    move_ST = _mean(move, cell, len(sessions) * slots).reshape(len(sessions), slots)
    first = data["symbol"] == (data["symbol"][0] if seq.size else "")
    close = np.full(len(sessions), np.nan)
    close[day[first]] = data["close"][first]
    quotes = inputs.get(artifacts.QUOTES)
    return MarketData(
        meta, tuple(dict.fromkeys(data["symbol"])), sessions, len(seq),
        float((data["volume"] <= 0).mean()) if seq.size else 0.0,
        np.bincount(day, minlength=len(sessions)), _due(data, day, len(sessions), slots), move_ST, close,
        _clock(data["time"], seq, slots, meta), _mean(data["volume"], seq, slots), _mean(move, seq, slots),
        **(_quotes(quotes, slots) if quotes is not None else {}),
    )  # fmt: skip


def _bars(inputs: Mapping[str, tables.Reader]) -> tuple[dict[str, tables.Array], TableMeta]:
    """Bars and their meta; of an order book coarse ones."""
    bars = inputs.get(artifacts.BARS)
    if bars is None:
        return resample.bars(inputs[artifacts.BOOK])
    columns = ["symbol", "session", "seq", "time", "open", "close", "volume", "is_last"]
    return tables.arrays(bars.read(columns), columns), bars.meta


def _due(data: Mapping[str, tables.Array], day: Int, count: int, slots: int) -> Int:
    """Bars due in each session [count], all symbols: up to the calendar's last slot, where that bar is there."""
    last = np.full(count, -1, np.int64)
    ends = data["is_last"].astype(bool)
    np.maximum.at(last, day[ends], data["seq"][ends])
    width = np.array([np.unique(data["symbol"][day == d]).size for d in range(count)], np.int64)
    return np.asarray(np.where(last >= 0, last + 1, slots) * width, np.int64)


def _mean(value: Float, group: Int, count: int) -> Float:
    """Means [count] of finite values by group; NaN for an empty group."""
    good = np.isfinite(value)
    n = np.bincount(group[good], minlength=count)
    total = np.bincount(group[good], value[good], minlength=count)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan), np.float64)


def _clock(time: Int, seq: Int, slots: int, meta: TableMeta) -> Float:
    """Local start of each slot in hours, from the first bar's close."""
    width = float(meta.interval_s or 300) / 3600
    if not seq.size:
        return np.arange(slots, dtype=np.float64) * width
    local = datetime.fromtimestamp(int(time[0]) // 10**9, UTC).astimezone(ZoneInfo(meta.tz or "UTC"))
    start = local.hour + local.minute / 60 + local.second / 3600 - width * (int(seq[0]) + 1)
    return np.asarray(start + np.arange(slots) * width, np.float64)


def _quotes(quotes: tables.Reader, slots: int) -> dict[str, Any]:  # Any: fields of Market
    """The fields that come from the quotes, streamed by row group."""
    kept: dict[str, list[Float]] = {name: [] for name in ("seq", "spread", "same", "ahead", "z")}
    scale: dict[str, float] = {}
    columns = ["symbol", "session", "seq", "time", "mid_open", "mid_close", "ofi", "spread_bps"]
    events = quotes.meta.every == "event"
    for group in quotes.groups(columns):
        data = tables.arrays(group, columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            same = np.log(data["mid_close"] / data["mid_open"]) * 1e4
        ahead, z = np.full(len(same), np.nan), np.empty(len(same))
        for start, end in itertools.pairwise(tables.blocks(group)):
            joined = np.diff(data["seq"][start:end]) == 1
            ahead[start : end - 1][joined] = same[start + 1 : end][joined]
            symbol = str(data["symbol"][start])
            if symbol not in scale:  # one unit a symbol: its first session's
                scale[symbol] = float(np.nanstd(data["ofi"][start:end])) or 1.0
            z[start:end] = data["ofi"][start:end] / scale[symbol]
        if events:
            slot = resample.slots(data["time"], data["session"].astype("datetime64[D]").astype(np.int64))
            data["seq"] = np.minimum(slot, slots - 1)
        columns_of = {"seq": data["seq"], "spread": data["spread_bps"], "same": same, "ahead": ahead, "z": z}
        for name, value in columns_of.items():
            kept[name].append(value)
    rows = {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in kept.items()}
    if not rows["seq"].size:
        return {}
    return {
        "slot_spread": _mean(rows["spread"], rows["seq"].astype(np.int64), slots),
        "spread_bps": float(np.nanmedian(rows["spread"])),
        "charged": dict(quotes.meta.spread or {}),
        "same_bar": _flow(rows["z"], rows["same"]),
        "next_bar": _flow(rows["z"], rows["ahead"]),
    }


def _flow(z: Float, move: Float) -> OrderFlowCurve | None:
    """Bins of equal count of the return against OFI, rescaled to unit sd; None where either does not vary."""
    good = np.isfinite(z) & np.isfinite(move)
    z, move = z[good], move[good]
    if z.size < 4 * OFI_BINS or z.std() <= 0 or move.std() <= 0:
        return None
    z = z / z.std()
    parts = np.array_split(np.argsort(z, kind="stable"), OFI_BINS)
    return OrderFlowCurve(
        np.array([z[p].mean() for p in parts]), np.array([move[p].mean() for p in parts]),
        np.array([move[p].std(ddof=1) / np.sqrt(p.size) for p in parts]),
        float(np.corrcoef(z, move)[0, 1] ** 2), int(z.size),
    )  # fmt: skip
