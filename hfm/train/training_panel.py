"""From the quotes table to the panel that models see: features by the causal step, labels, borders, a hash.

The grid of the quotes decides what the options leave open (`task`): rows that are events of an order book are forecast
up to the next move of the mid and split into blocks of clock time; all others up to a fixed row, by whole sessions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hfm import tables
from hfm.config import Train
from hfm.errors import DataError
from hfm.features import batch
from hfm.features.bar_features import LOOKBACK
from hfm.instants import SECOND_NS
from hfm.ledger.units import tick_sizes
from hfm.models.linear.floors import NEEDED
from hfm.models.linear.ridge import Mask
from hfm.plugins import Float, Int, Panel
from hfm.stale_rows import extent
from hfm.tables import Array, Reader, TableMeta
from hfm.tables.records import Records
from hfm.train.labels import AHEAD, Labels, ahead, labels, masked, next_move, realised

EXTRA = ("symbol", "session", "seq", "time", "mid_close", "spread_bps")
MARKS = "flags"
"""Read for the stale rows alone: no model sees it, and the digest covers it only where it has some."""


BOOK = ("imbalance", "micro")
"""Features that bars do not have."""
TABLE = 1440
"""Most clock slots of a session that have each an entry in a time-of-day table; of more there is but a level."""


@dataclass(frozen=True)
class ForecastTask:
    """What is forecast from what.

    events: each row is a time stamp of an order book. block_s: None: by sessions. stride: of a session's rows those are
    fitted and scored whose number it divides (see thinned_rows).
    """

    features: str = "default"
    target: Literal["horizon", "next-move"] = "horizon"
    horizon: int = 1
    block_s: int | None = None
    events: bool = False
    stride: int = 1


@dataclass(frozen=True)
class TrainingRows:
    """A panel and what predictions need beside it. time, time_label: [n] ns UTC; digest: SHA-256 of what was read.

    ahead: of event rows [n, len(AHEAD)] whether the mid is higher (1) or lower (0) so many rows later, NaN: the same,
    or another session; else None.
    """

    panel: Panel
    time: Int
    time_label: Int
    digest: str
    ahead: Float | None = None
    stale: Mask | None = None
    """[n] whether the row, or its label's row, has prices that a vendor seems to have filled forward (hfm.stale_rows):
    the panel has no label of it, so that nothing is fitted to it. None where no row is."""
    unmasked: Labels | None = None
    """The labels with those of the stale rows; None where no row is stale."""


def task(meta: TableMeta, options: Train) -> ForecastTask:
    """What the options ask for, `auto` and `default` as the grid of the quotes has it."""
    events = meta.every == "event"
    target: Literal["horizon", "next-move"] = "horizon"
    if options.target == "next-move" or (options.target == "auto" and events):
        target = "next-move"
    by_block = options.split == "blocks" or (options.split == "auto" and events)
    return ForecastTask(
        "events" if events and options.features == "default" else options.features, target,
        options.horizon if target == "horizon" else 1, options.block_s if by_block else None, events,
    )  # fmt: skip


def feature_names(group: str) -> tuple[str, ...]:
    """The features of a group, then those that only the floors read."""
    own = batch.GROUPS[group]
    return (*own, *(n for n in NEEDED if n not in own))


def sessions(quotes: Reader) -> int:
    """How many sessions the quotes table holds."""
    days = [np.unique(tables.arrays(group)["session"]) for group in quotes.groups(["session"])]
    return len(np.unique(np.concatenate(days))) if days else 0


def check(rows: TrainingRows) -> None:
    """Raise DataError for a feature that no row has: nothing could be fitted."""
    never = np.flatnonzero(~np.isfinite(rows.panel.x).any(axis=0))
    if len(never) and len(rows.panel.slot):
        raise DataError(
            f"no row has the feature {rows.panel.names[never[0]]}",
            why="only a replayed order book knows it" if rows.panel.names[never[0]] in BOOK else
            f"a feature looks back {LOOKBACK} rows, and there are {len(rows.panel.slot)}",
            hint="--set train.features=default",
        )  # fmt: skip


def blocks(quotes: Reader, block_s: int) -> tuple[int, int]:
    """(blocks of clock time with a row in them, rows) of the quotes table."""
    found, rows = np.zeros(0, np.int64), 0
    for part in quotes.parts(["time"]):
        found = np.union1d(found, tables.arrays(part, ["time"])["time"] // (block_s * SECOND_NS))
        rows += part.num_rows
    return len(found), rows


def read(quotes: Reader, wanted: ForecastTask) -> TrainingRows:
    """The panel of a quotes table of at least one row, streamed by row group."""
    meta = quotes.meta
    names = feature_names(wanted.features)
    columns = tuple(dict.fromkeys((*EXTRA, *batch.inputs(names))))
    states: dict[str, Records] = {}
    digest = hashlib.sha256()
    parts: list[dict[str, Array]] = []
    for table in quotes.groups((*columns, MARKS)):
        data = tables.arrays(table, (*columns, MARKS))
        for name in columns:
            digest.update(name.encode() + (_words(data[name]) if name == "symbol" else data[name].tobytes()))
        for symbol in np.unique(data["symbol"]):
            if str(symbol) not in states:
                states[str(symbol)] = batch.state_new(meta.slots_per_session, meta.interval_s, names)
        parts.append({name: data[name] for name in (*EXTRA, MARKS)} | {"x": batch.compute(data, states, names)})
    data = {name: np.concatenate([p[name] for p in parts]) for name in (*EXTRA, MARKS, "x")}
    if (data[MARKS] & tables.FLAG_STALE).any():
        digest.update(MARKS.encode() + data[MARKS].tobytes())
    return _assemble(data, wanted, meta, digest.hexdigest())


def _assemble(data: dict[str, Array], wanted: ForecastTask, meta: TableMeta, digest: str) -> TrainingRows:
    session, words, seq, mid = data["session"], data["symbol"], data["seq"].astype(np.int64), data["mid_close"]
    change = np.flatnonzero((session[1:] != session[:-1]) | (words[1:] != words[:-1])) + 1
    start = np.concatenate([[0], change, [len(seq)]])
    symbols, symbol = np.unique(words[start[:-1]].astype(str), return_inverse=True)
    x, names = np.ascontiguousarray(data["x"]), feature_names(wanted.features)
    label_row = next_move(mid, start) if wanted.target == "next-move" else ahead(seq, start, wanted.horizon)
    levels = np.column_stack([np.log(data["spread_bps"]), x[:, names.index("gk_1")]])
    every = made = labels(mid, levels, data["time"], label_row)
    stale = _stale(data[MARKS], start, label_row)
    if stale is not None:
        made = masked(every, stale)
    block, known = (None, None) if wanted.block_s is None else _blocks(data["time"], label_row, wanted.block_s)
    slots, days = meta.slots_per_session, session[start[:-1]].astype("datetime64[D]").astype(np.int64)
    tick = None  # of each row's symbol
    if wanted.events:
        tick = np.repeat(np.array(tick_sizes(meta, symbols.tolist()))[symbol], np.diff(start))
    panel = Panel(
        x=x, names=names, own=len(batch.GROUPS[wanted.features]), slot=seq, spread_bps=data["spread_bps"],
        up=made.up, ret_bps=made.ret_bps, log_spread=made.log_spread,
        log_vol=made.log_vol if tick is None else realised(mid, start, label_row, 1e3 * tick / mid),
        start=start, symbol=symbol.astype(np.int64), session=days,
        symbols=tuple(str(s) for s in symbols), slots=1 if wanted.events or slots > TABLE else slots,
        horizon=wanted.horizon, block=block, known=known,
    )  # fmt: skip
    signs = [labels(mid, levels, data["time"], ahead(seq, start, h)).up for h in AHEAD] if wanted.events else None
    ahead_of = None if signs is None else np.column_stack(signs)
    return TrainingRows(panel, data["time"], made.time, digest, ahead_of, stale, None if stale is None else every)


def _stale(flags: Int, start: Int, label_row: Int) -> Mask | None:
    """[n] of TrainingRows.stale; label_row: [n] the label's row, -1 where there is none. None where no row is."""
    rare = flags & tables.FLAG_STALE > 0
    if not rare.any():
        return None
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    rows = extent(flags & tables.FLAG_UNMOVED > 0, rare, owner)
    return rows | (rows[np.maximum(label_row, 0)] & (label_row >= 0))


def _blocks(time: Int, label_row: Int, block_s: int) -> tuple[Int, Int]:
    """([n] number of each row's block among those with rows, [n] of its label's row's, -1: none)."""
    block = np.unique(time // (block_s * SECOND_NS), return_inverse=True)[1].astype(np.int64)
    return block, np.where(label_row >= 0, block[label_row], -1)


def _words(words: Array) -> bytes:
    return "\n".join(words.tolist()).encode()
