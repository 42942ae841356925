"""From the quotes table to the panel that models see: features by the causal step, labels, borders, a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hfm import tables
from hfm.features import batch
from hfm.models.floors import NEEDED
from hfm.plugins import Float, Int, Panel
from hfm.tables import Array, Reader
from hfm.train.labels import labels

EXTRA = ("symbol", "session", "seq", "time", "mid_close", "spread_bps")


@dataclass(frozen=True)
class Rows:
    """A panel and what predictions need beside it. time, time_label: [n] ns UTC; digest: SHA-256 of what was read."""

    panel: Panel
    time: Int
    time_label: Int
    digest: str


def feature_names(group: str) -> tuple[str, ...]:
    """The features of a group, then those that only the floors read."""
    own = batch.GROUPS[group]
    return (*own, *(n for n in NEEDED if n not in own))


def sessions(quotes: Reader) -> int:
    """How many sessions the quotes table holds."""
    days = [np.unique(tables.arrays(group)["session"]) for group in quotes.groups(["session"])]
    return len(np.unique(np.concatenate(days))) if days else 0


def read(quotes: Reader, group: str, horizon: int) -> Rows:
    """The panel of a quotes table of at least one row, streamed by row group."""
    meta = quotes.meta
    names = feature_names(group)
    columns = tuple(dict.fromkeys((*EXTRA, *batch.INPUTS)))
    states: dict[str, Float] = {}
    digest = hashlib.sha256()
    parts: list[dict[str, Array]] = []
    for table in quotes.groups(columns):
        data = tables.arrays(table, columns)
        for name in columns:
            digest.update(name.encode() + (_words(data[name]) if name == "symbol" else data[name].tobytes()))
        for symbol in np.unique(data["symbol"]):
            states.setdefault(str(symbol), batch.state_new(int(meta["slots_per_session"]), meta["interval_s"]))
        parts.append({name: data[name] for name in EXTRA} | {"x": batch.compute(data, states, names)})
    data = {name: np.concatenate([p[name] for p in parts]) for name in (*EXTRA, "x")}
    return _assemble(data, names, len(batch.GROUPS[group]), int(meta["slots_per_session"]), horizon, digest.hexdigest())


def _assemble(data: dict[str, Array], names: Sequence[str], own: int, slots: int, horizon: int, digest: str) -> Rows:
    session, words, seq = data["session"], data["symbol"], data["seq"]
    change = np.flatnonzero((session[1:] != session[:-1]) | (words[1:] != words[:-1])) + 1
    start = np.concatenate([[0], change, [len(seq)]])
    symbols, symbol = np.unique(words[start[:-1]].astype(str), return_inverse=True)
    x = np.ascontiguousarray(data["x"])
    levels = np.column_stack([np.log(data["spread_bps"]), x[:, names.index("gk_1")]])
    made = labels(data["mid_close"], levels, data["time"], seq, start, horizon)
    days = session[start[:-1]].astype("datetime64[D]").astype(np.int64)
    panel = Panel(
        x=x, names=tuple(names), own=own, slot=seq.astype(np.int64), spread_bps=data["spread_bps"], up=made.up,
        ret_bps=made.ret_bps, log_spread=made.log_spread, log_vol=made.log_vol, start=start,
        symbol=symbol.astype(np.int64), session=days, symbols=tuple(str(s) for s in symbols), slots=slots,
        horizon=horizon,
    )  # fmt: skip
    return Rows(panel, data["time"], made.time, digest)


def _words(words: Array) -> bytes:
    return "\n".join(words.tolist()).encode()
