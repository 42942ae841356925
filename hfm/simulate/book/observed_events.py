"""What a real book's rows say of each event: its kind, its side, the gap before it, and the best prices that it met.

Axes: n events of one group of the book table, without its first row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from hfm.arrays import Bool, Float, Int
from hfm.tables import arrays

KINDS = ("join", "improve", "cancel", "trade", "hidden", "deep_add", "deep_cancel")
JOIN, IMPROVE, CANCEL, TRADE, HIDDEN, DEEP_ADD, DEEP_CANCEL = range(7)
NO_GAP = 1e-12
"""Seconds that stand for none: two events of one stamp."""


@dataclass(frozen=True)
class ObservedEvents:
    """[n] events between two-sided states. time (ns UTC); kind, side (1 bid, -1 ask); gap: s since the event before.

    The state before: spread (ticks), hit_size and other_size (shares at the best of the event's side, and of the
    other); size (shares); away (ticks: of an improvement past the best, of a deep order behind it); retreat (ticks that
    the best fell, 0: it stayed) and next_size (shares at the new best); use: rows that count, whose row before is the
    event before.
    """

    time: Int
    kind: Int
    side: Int
    gap: Float
    spread: Float
    hit_size: Float
    other_size: Float
    size: Float
    away: Float
    retreat: Float
    next_size: Float
    use: Bool


def concat(parts: Sequence[ObservedEvents]) -> ObservedEvents:
    """The events of all parts, one after the other."""
    return ObservedEvents(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(ObservedEvents)))


def read_events(group: pa.Table, tick: float) -> ObservedEvents:
    """The events of one group of the book table."""
    c = arrays(group, ("time", "side", "price", "size", "bid_px_1", "bid_sz_1", "ask_px_1", "ask_sz_1"))
    event = group.column("event").unify_dictionaries().combine_chunks()
    words, code = event.dictionary.to_pylist(), event.indices.to_numpy()[1:]

    def is_one(*wanted: str) -> Bool:
        chosen: Bool = np.array([word in wanted for word in words], np.bool_)[code]
        return chosen

    side, price, size = c["side"][1:].astype(np.int64), c["price"][1:], c["size"][1:]
    buys = side > 0
    best = np.where(buys, c["bid_px_1"][:-1], c["ask_px_1"][:-1])
    after = np.where(buys, c["bid_px_1"][1:], c["ask_px_1"][1:])
    left = np.where(buys, c["bid_sz_1"][1:], c["ask_sz_1"][1:])
    bid, ask = c["bid_sz_1"][:-1], c["ask_sz_1"][:-1]
    with np.errstate(invalid="ignore"):
        past = np.rint((price - best) / tick * side)
        fell = np.rint((best - after) / tick * side)
        spread = np.rint((c["ask_px_1"][:-1] - c["bid_px_1"][:-1]) / tick)
    new, gone = is_one("add"), is_one("reduce", "delete")
    kind = np.full(len(code), -1)
    for k, rule in (
        (JOIN, new & (past == 0)), (IMPROVE, new & (past > 0)), (DEEP_ADD, new & (past < 0)),
        (CANCEL, gone & (past == 0)), (DEEP_CANCEL, gone & (past < 0)), (TRADE, is_one("execute")),
        (HIDDEN, is_one("execute_hidden")),
    ):  # fmt: skip
        kind[rule] = k
    fine = np.isfinite(spread) & (spread > 0) & np.isfinite(after) & (kind >= 0) & (side != 0)
    return ObservedEvents(
        c["time"][1:], kind, side, np.maximum(np.diff(c["time"]) * 1e-9, NO_GAP), np.nan_to_num(spread),
        np.where(buys, bid, ask), np.where(buys, ask, bid), size, np.nan_to_num(np.abs(past)),
        np.nan_to_num(np.maximum(fell, 0)), left, fine,
    )  # fmt: skip
