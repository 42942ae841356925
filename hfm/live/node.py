"""The state of the path, one row at a time: features, network, policy, ledger of every symbol.

Legend: S symbols. A session's model is chosen before its first row (`place`); what earlier sessions say of a symbol is
settled at its first row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hfm import tables
from hfm.config import Backtest
from hfm.errors import UsageError
from hfm.features import batch
from hfm.ledger import prior_volume
from hfm.ledger.account import params_new, state_new
from hfm.ledger.records import LEDGER_RESULT, LEDGER_ROW, ROUND_TRIP
from hfm.ledger.units import lot_size, tick_sizes
from hfm.live import row_step
from hfm.live.onnx_session import Whole
from hfm.models import inference as models
from hfm.models.checkpoint import Checkpoint
from hfm.plugins import Float, Signals
from hfm.policies.choice import choose
from hfm.policies.policy_step import KINDS
from hfm.tables import Reader, TableMeta


@dataclass(frozen=True)
class Market:
    """What the quotes say of themselves. symbols: sorted by spelling; ticks: currency, of each; slots: of a full
    session."""

    symbols: tuple[str, ...]
    slots: int
    interval_s: float
    slots_year: float
    ticks: tuple[float, ...]
    calendar: str
    tz: str

    @staticmethod
    def of(meta: TableMeta) -> Market:
        """The market of a quotes table's meta."""
        symbols = tuple(sorted(meta.symbols))
        return Market(
            symbols, meta.slots_per_session, float(meta.interval_s),
            float(meta.slots_per_year), tuple(tick_sizes(meta, symbols)), meta.calendar, meta.tz,
        )  # fmt: skip


class Engine:
    """Feeds rows (vectors of live.step) to the kernel and keeps its state."""

    def __init__(self, checkpoint: Checkpoint, settings: Backtest, market: Market, whole: Whole | None = None) -> None:
        """whole: the graphs of a model that has no step."""
        count = len(market.symbols)
        self.checkpoint, self.settings, self.market, self.whole = checkpoint, settings, market, whole
        self.model = settings.model or str(checkpoint.document["model"])
        self.choice = choose(settings.threshold)
        self.out, self._row = np.zeros(row_step.OUT), np.zeros(row_step.ROW)
        self.fold = ""
        self._names = tuple(checkpoint.document["features"]["names"])
        self._maker = batch.maker(self._names)
        self._run = row_step.run_events if len(self._maker.ROW) == row_step.EVENTS else row_step.run
        self._rule = self._rule_new()
        horizon = int(checkpoint.document["horizon"])
        lot = lot_size(settings, market.calendar)
        self._params = params_new(settings, count, market.ticks, market.slots_year / horizon, lot)
        self._plans: list[row_step.Plan] = []
        self._folds: dict[str, list[row_step.Plan]] = {}
        self._calls: dict[str, list[Callable[[], None]]] = {}
        """Of each fit and symbol the whole path of the row in self._row."""
        self.place("final")
        state = self.features_new()
        network = models.state_new(self._plans[0].model)
        self._sizes = count, state.size, network.size, len(self._maker.NAMES)
        size = row_step.sizes(*self._sizes, self._plans[0])
        self._flat = np.zeros(row_step.length(size))
        room = np.zeros(1, LEDGER_ROW), np.zeros(2, ROUND_TRIP), np.zeros(1, LEDGER_RESULT)
        self._desk = row_step.Desk(*state_new(settings.cash, count), self._params, *room)
        self.memory, self._scratch = row_step.parts(self._flat, size, self._desk)
        self.memory.features[:], self.memory.network[:] = state, network
        self.memory.day[:] = 0.0, 0.0, -1.0
        self._trails = [prior_volume.Trail() for _ in range(count)]
        self._close, self._split, self._day = [math.nan] * count, [1.0] * count, [-1] * count
        self._volume = [0.0] * count
        """Of the session under way, as its rows add up."""
        self._fused = self.choice.kind in KINDS
        self.result = self._desk.result
        """[1] what the ledger made of the row last taken."""

    def _rule_new(self) -> Float:
        s = self.settings
        out = np.zeros(row_step.RULE)
        level = self.choice.level
        out[row_step.KIND] = KINDS.get(self.choice.kind, 0.0)
        out[row_step.LEVEL] = getattr(self.choice.policy, "level", 0.0) if level is None else level
        out[row_step.WORTH] = s.cash * s.size / len(self.market.symbols)
        out[row_step.SIDE_FEE], out[row_step.SHARE], out[row_step.IMPACT] = s.fee_bps, s.spread_share, s.impact
        return out

    def place(self, fold: str) -> None:
        """Use the fit `fold` (final, fold3) from the next row on. Raises UsageError for a model without steps."""
        if fold == self.fold:
            return
        if fold not in self._folds:
            place = np.array([self._maker.NAMES.index(name) for name in self._names])
            try:
                fits = [self._fit(fold, symbol) for symbol in self.market.symbols]
            except KeyError as e:
                raise UsageError(
                    f"the model {self.model!r} has no step", why=f"its checkpoint holds no {e.args[0]}",
                    hint="--set backtest.model=logistic",
                ) from None  # fmt: skip
            self._folds[fold] = [row_step.Plan(m, final, place, self._rule, self._params) for m, final in fits]
        if self.whole is not None:
            self.whole.place(fold, self.checkpoint.part(fold, self.model))
        self._plans, self.fold = self._folds[fold], fold

    def _fit(self, fold: str, symbol: str) -> tuple[models.Model, Float]:
        """(model, finish) of a fit and a symbol; of a model with a graph its floors."""
        if self.whole is None:
            return self.checkpoint.steps(fold, symbol, self.model)
        arrays, known = self.checkpoint.part(fold, self.model), list(self.checkpoint.document["symbols"])
        return models.pack(arrays, known.index(symbol) if symbol in known else -1), arrays["finish"]

    def number(self, symbol: str) -> int:
        """Place of a symbol among the market's; -1: it has none."""
        try:
            return self.market.symbols.index(symbol)
        except ValueError:
            return -1

    # ------------------------------------------------------------------------------------------------------ rows
    def feed(self, symbol: int, rows: Float) -> None:
        """Rows [n, ROW] of one session that only features and history see."""
        self._note(symbol, rows[0])
        nothing, none = np.empty(0, np.int64), np.empty((len(rows), 0))
        whole = np.ascontiguousarray(rows[:, : len(self._maker.ROW)])
        self._maker.loop(self.memory.features[symbol], whole, nothing, self._scratch.every, none)
        for volume in prior_volume.counted(rows[:, row_step.V_VOLUME]).tolist():
            self._volume[symbol] += volume
        good = rows[:, row_step.V_MID_CLOSE]
        good = good[(good > 0) & (good < np.inf)]
        if len(good):
            self._close[symbol] = float(good[-1])

    def take(self, symbol: int, row: Float, trade: bool = True) -> Float:
        """The results [OUT] of one row, overwritten by the next; trade: whether it reaches the ledger."""
        if row.item(row_step.V_SESSION) != self._day[symbol]:
            self._note(symbol, row)
        out = self.out
        if trade and self._fused and self.whole is None:
            self._row[:] = row
            self._call()[symbol]()
        else:
            plan = self._plans[symbol]
            own = row[: len(self._maker.ROW)]
            self._maker.step(self.memory.features[symbol], own, self._scratch.every)
            row_step.see(self.memory, plan, self._scratch, symbol, row, out)
            if self.whole is not None:
                self._correct(self.whole, symbol, row)
            if trade:
                seen = Signals(
                    *(out[i : i + 1] for i in (row_step.R_P_UP, row_step.R_RANK, row_step.R_SD, row_step.R_COST))
                )
                out[row_step.R_SIGNAL] = self.choice.policy.propose(seen)[0]
                row_step.act(self.memory, plan, self._scratch, symbol, row, out)
        volume, close = row.item(row_step.V_VOLUME), row.item(row_step.V_MID_CLOSE)
        if 0.0 < volume < math.inf:
            self._volume[symbol] += volume
        if 0.0 < close < math.inf:
            self._close[symbol] = close
        return out

    def _call(self) -> list[Callable[[], None]]:
        """step.run with the fit in use, by symbol: its arguments are looked at once, since that takes a fifth of it."""
        found = self._calls.get(self.fold)
        if found is None:
            given = [self._given(symbol) for symbol in range(len(self._plans))]
            found = self._calls[self.fold] = [partial(self._run.like(*args), *args) for args in given]
        return found

    def _given(self, symbol: int) -> tuple[Any, ...]:  # Any: arrays of three dtypes, and a number
        """The arguments of step.run with the fit in use."""
        plan = self._plans[symbol]
        sizes = row_step.sizes(*self._sizes, plan)
        return self._flat, row_step.numbers(plan), plan.model.weights, sizes, symbol, self._row, self.out, *self._desk

    def _correct(self, whole: Whole, symbol: int, row: Float) -> None:
        """What the floors said of the row becomes what the networks say of it."""
        plan, x, head = self._plans[symbol], self._scratch.x, np.empty(5)
        models.row(self.memory.network[symbol], x, plan.model, head)
        whole.say(symbol, x, plan.model, head)
        models.finish_row(head, row[row_step.V_SPREAD], plan.final, self.out[:8])

    def _note(self, symbol: int, row: Float) -> None:
        """A session's first row: end the session before it."""
        day = int(row[row_step.V_SESSION])
        if day == self._day[symbol]:
            return
        if self.whole is not None:
            self.whole.open(symbol)
        trail = self._trails[symbol]
        if self._day[symbol] >= 0:
            trail.add(self._volume[symbol], self._close[symbol], self._split[symbol])
        self._volume[symbol], self._close[symbol] = 0.0, math.nan
        self._split[symbol], self._day[symbol] = float(row[row_step.V_SPLIT]), day
        self.memory.day[symbol, row_step.D_SIGMA], self.memory.day[symbol, row_step.D_ADV] = trail.figures()

    def features_new(self) -> Float:
        """The features' state of a symbol of which no row was seen."""
        return batch.state_new(self.market.slots, self.market.interval_s, self._names)

    def inputs(self, quotes: Reader) -> Float:
        """[n, F + 2] what the model reads of each of the first symbol's rows: features, slot, quoted spread in bps."""
        columns = tables.arrays(quotes.read([*batch.inputs(self._names)]))
        mine = columns["symbol"] == self.market.symbols[0]
        data = batch.row_matrix({name: values[mine] for name, values in columns.items()}, self._maker.ROW)
        return self.read(self.features_new(), data)

    def read(self, state: Float, rows: Float) -> Float:
        """[n, F + 2] what the model reads of rows [n, ROW or the features' own columns]; state of features advances."""
        picks = np.array([self._maker.NAMES.index(name) for name in self._names])
        x = np.empty((len(rows), len(picks) + 2))
        made = np.empty((len(rows), len(picks)))
        whole = np.ascontiguousarray(rows[:, : len(self._maker.ROW)])
        self._maker.loop(state, whole, picks, np.empty(len(self._maker.NAMES)), made)
        x[:, :-2], x[:, -2], x[:, -1] = made, rows[:, row_step.V_SEQ], rows[:, row_step.V_SPREAD]
        return x

    def carry(self, symbol: int, x: Float) -> None:
        """A symbol's network stands where the fit in use has it after rows x [n, F + 2] of the session under way."""
        state, model, head = self.memory.network[symbol], self._plans[symbol].model, np.empty(5)
        state[:] = 0.0
        for row in x:
            models.row(state, row, model, head)

    def rest(self, symbol: int, row: Float) -> None:
        """Take a row of which nothing may be said: features, network, history and ledger advance, without a signal."""
        self.take(symbol, row, trade=False)
        self.out[:] = np.nan
        self.out[row_step.R_SIGNAL] = 0.0
        row_step.act(self.memory, self._plans[symbol], self._scratch, symbol, row, self.out)

    # ------------------------------------------------------------------------------------------------ save, load
    def save(self) -> dict[str, Any]:  # Any: arrays of two dtypes
        """All state as arrays by name."""
        out: dict[str, Any] = {f"memory/{name}": value.copy() for name, value in self._state().items()}
        out["trails"] = np.stack([t.save() for t in self._trails])
        out["marks"] = np.array([self._close, self._split, self._day, self._volume], np.float64)
        return out | (self.whole.save() if self.whole is not None else {})

    def _state(self) -> dict[str, Float]:
        """The arrays of the memory by name, views; the ledger's field by field, so that any file can hold them."""
        fields = {
            f"ledger/{part}/{name}": records[name]
            for part, records in self.memory.ledger._asdict().items()
            for name in records.dtype.names
        }
        memory = self.memory._asdict()
        return {name: memory[name] for name in ("features", "network", "day")} | fields

    def load(self, saved: Mapping[str, Any], fold: str) -> None:
        """Become what was saved, with the fit that was in use."""
        self.place(fold)
        for name, value in self._state().items():
            value[...] = saved[f"memory/{name}"]
        for trail, array in zip(self._trails, saved["trails"], strict=True):
            trail.load(array)
        if self.whole is not None:
            self.whole.load(saved)
        self._close, self._split, self._day, self._volume = saved["marks"].tolist()
