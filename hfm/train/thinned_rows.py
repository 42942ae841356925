"""The rows of a day with more events than are worth fitting: features see every row, every k-th is kept.

Neighbours are almost the same row: those that wait for one move of the mid share its label. Rows come part by part, and
what is kept of a part beside its kept rows is those whose label is still to come. Networks, whose state goes from row
to row, see all rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hfm import plugins, tables
from hfm.config import Train
from hfm.features import batch
from hfm.instants import SECOND_NS
from hfm.ledger.units import tick_sizes
from hfm.plugins import Float, Int, Panel
from hfm.tables import Array, Reader, TableMeta
from hfm.tables.records import Records
from hfm.train import training_panel
from hfm.train.labels import AHEAD, NO_TIME, ahead, labels, next_move, realised
from hfm.train.training_panel import EXTRA, ForecastTask, TrainingRows

BLOCK_S = 300
"""Seconds of the blocks that rows are counted in where the task has none."""
HELD = ("mid", "time", "spread", "volatility", "seq")
"""Columns of rows that wait for their labels."""


def thinned(task: ForecastTask, quotes: Reader, options: Train, names: Sequence[str]) -> ForecastTask:
    """The task, of every k-th row where there are more than train.rows and no model goes from row to row.

    Parameters
    ----------
    task : ForecastTask
        Of all rows.
    quotes : Reader
        The quotes table.
    options : Train
        Of which `rows` is read.
    names : sequence of str
        The models.

    Returns
    -------
    ForecastTask
    """
    if not task.events or any(plugins.find("models", name).deep for name in names):
        return task
    _, rows = training_panel.blocks(quotes, task.block_s or BLOCK_S)
    return replace(task, stride=max(-(-rows // options.rows), 1))


def read(quotes: Reader, task: ForecastTask) -> TrainingRows:
    """The panel of a quotes table of at least one row.

    Parameters
    ----------
    quotes : Reader
        The quotes table.
    task : ForecastTask
        Its stride says which rows are kept: those whose number in the session it divides.

    Returns
    -------
    TrainingRows
    """
    if task.stride == 1:
        return training_panel.read(quotes, task)
    meta, names = quotes.meta, training_panel.feature_names(task.features)
    columns = tuple(dict.fromkeys((*EXTRA, *batch.inputs(names))))
    states: dict[str, Records] = {}
    digest, kept = hashlib.sha256(), _Kept(task, meta, names)
    for table in quotes.parts(columns):
        data = tables.arrays(table, columns)
        for name in columns:
            words = "\n".join(data[name].tolist()).encode() if name == "symbol" else data[name].tobytes()
            digest.update(name.encode() + words)
        for symbol in np.unique(data["symbol"]):
            if str(symbol) not in states:
                states[str(symbol)] = batch.state_new(meta.slots_per_session, meta.interval_s, names)
        kept.take(data, batch.compute(data, states, names))
    return kept.rows(digest.hexdigest())


@dataclass
class _Open:
    """The session at hand: HELD columns of rows that wait, and features of those of them that are kept."""

    symbol: str
    day: Int
    held: dict[str, Array]
    x: Float


@dataclass
class _Kept:
    """Kept rows by column, in pieces; how many each sequence has; and the blocks that any row lies in."""

    task: ForecastTask
    meta: TableMeta
    names: tuple[str, ...]
    pieces: dict[str, list[Array]] = field(default_factory=dict)
    sequences: list[tuple[str, Int]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    blocks: Int = field(default_factory=lambda: np.zeros(0, np.int64))
    open: _Open | None = None

    @property
    def block_ns(self) -> int:
        """Length of a block."""
        return (self.task.block_s or BLOCK_S) * SECOND_NS

    def take(self, data: Mapping[str, Array], x: Float) -> None:
        """Take the next rows of the table.

        Parameters
        ----------
        data : mapping of str to array [n]
            Quotes columns.
        x : float64 [n, F]
            Their features.
        """
        self.blocks = np.union1d(self.blocks, data["time"] // self.block_ns)
        columns = {
            "mid": data["mid_close"], "time": data["time"], "spread": data["spread_bps"],
            "volatility": x[:, self.names.index("gk_1")], "seq": data["seq"].astype(np.int64),
        }  # fmt: skip
        words, days = data["symbol"], data["session"]
        border = np.flatnonzero((days[1:] != days[:-1]) | (words[1:] != words[:-1])) + 1
        for start, end in zip([0, *border.tolist()], [*border.tolist(), len(words)], strict=True):
            part = {name: column[start:end] for name, column in columns.items()}
            own = x[start:end][part["seq"] % self.task.stride == 0]
            if self.open is not None and (self.open.symbol, self.open.day) == (str(words[start]), days[start]):
                held = {name: np.concatenate([self.open.held[name], part[name]]) for name in HELD}
                self.open = replace(self.open, held=held, x=np.concatenate([self.open.x, own]))
            else:
                self._settle(final=True)
                self.sequences.append((str(words[start]), days[start]))
                self.counts.append(0)
                self.open = _Open(str(words[start]), days[start], part, own)
            self._settle(final=False)

    def _settle(self, final: bool) -> None:
        """Take the kept rows whose labels are known, or if no row of the session follows, all."""
        if self.open is None:
            return
        held, n = self.open.held, len(self.open.held["seq"])
        at = np.flatnonzero(held["seq"] % self.task.stride == 0)
        border = np.array([0, n])
        moves = self.task.target == "next-move"
        label_row = next_move(held["mid"], border) if moves else ahead(held["seq"], border, self.task.horizon)
        done = len(at)
        if not final:  # up to the first row whose label may still come
            waits = (at + AHEAD[-1] >= n) | ((label_row[at] < 0) if moves else (at + self.task.horizon >= n))
            done = int(np.argmax(waits)) if waits.any() else done
        if done:
            self._add(held, at[:done], label_row, self.open.x[:done])
        rest = n if done == len(at) else int(at[done])
        self.open = replace(self.open, held={k: v[rest:] for k, v in held.items()}, x=self.open.x[done:])

    def _add(self, held: Mapping[str, Array], at: Int, label_row: Int, x: Float) -> None:
        """Rows `at` of a session, with their labels."""
        n = len(label_row)
        border, mid, time = np.array([0, n]), held["mid"], held["time"]
        levels = np.column_stack([np.log(held["spread"]), held["volatility"]])
        wanted = np.full(n, -1)
        wanted[at] = label_row[at]
        made = labels(mid, levels, time, wanted)
        assert self.open is not None
        tick = tick_sizes(self.meta, [self.open.symbol])[0]
        signs = []
        for rows in AHEAD:
            later = np.full(n, -1)
            later[at] = ahead(held["seq"], border, rows)[at]
            signs.append(labels(mid, levels, time, later).up[at])
        row = wanted[at]
        columns = {
            "x": x, "slot": held["seq"][at], "time": time[at], "spread_bps": held["spread"][at], "up": made.up[at],
            "ret_bps": made.ret_bps[at], "log_spread": made.log_spread[at], "time_label": made.time[at],
            "log_vol": realised(mid, border, wanted, 1e3 * tick / mid)[at], "ahead": np.column_stack(signs),
            "block": time[at] // self.block_ns, "known": np.where(row >= 0, time[row] // self.block_ns, NO_TIME),
        }  # fmt: skip
        for name, column in columns.items():
            self.pieces.setdefault(name, []).append(column)
        self.counts[-1] += len(at)

    def rows(self, digest: str) -> TrainingRows:
        """The panel of all rows taken."""
        self._settle(final=True)
        data = {}
        for name in list(self.pieces):
            data[name] = np.concatenate(self.pieces.pop(name))
        present = [k for k, count in enumerate(self.counts) if count]
        words = [self.sequences[k][0] for k in present]
        days = np.array([self.sequences[k][1] for k in present]).astype("datetime64[D]").astype(np.int64)
        symbols, symbol = np.unique(np.array(words), return_inverse=True)
        block = known = None
        if self.task.block_s is not None:
            block = np.searchsorted(self.blocks, data["block"])
            known = np.where(data["known"] == NO_TIME, -1, np.searchsorted(self.blocks, data["known"]))
        panel = Panel(
            x=data["x"], names=self.names, own=len(batch.GROUPS[self.task.features]), slot=data["slot"],
            spread_bps=data["spread_bps"], up=data["up"], ret_bps=data["ret_bps"], log_spread=data["log_spread"],
            log_vol=data["log_vol"], start=np.concatenate([[0], np.cumsum([self.counts[k] for k in present])]),
            symbol=symbol.astype(np.int64), session=days, symbols=tuple(str(s) for s in symbols), slots=1,
            horizon=self.task.horizon, block=block, known=known,
        )  # fmt: skip
        return TrainingRows(panel, data["time"], data["time_label"], digest, data["ahead"])
