"""The state of the path, one row at a time: features, network, policy, ledger of every symbol.

Legend: S symbols, F features of the model. A session's fit is chosen before its first row (`use`); the volume and
volatility of earlier sessions are worked out at its first row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from hfm import tables
from hfm.arrays import Array, Float
from hfm.config import Backtest
from hfm.errors import UsageError
from hfm.features import bar_features, batch
from hfm.ledger import prior_volume
from hfm.ledger.account import params_new, state_new
from hfm.ledger.ledger_records import LEDGER_ROW, ROUND_TRIP
from hfm.ledger.units import lot_size, tick_sizes
from hfm.live import row_step
from hfm.live.onnx_session import OnnxNetwork
from hfm.live.quote_rows import CODEC
from hfm.live.row_step import ALL, FORECAST_ONLY, LEDGER_ONLY, RESULTS
from hfm.models import inference as models
from hfm.models.checkpoint import Checkpoint
from hfm.models.packed_model import PackedModel, pack
from hfm.plugins import Signals
from hfm.policies.choice import choose
from hfm.policies.one_symbol import KINDS, OneSymbol
from hfm.tables import Reader, TableMeta
from hfm.tables.records import QUOTE, Records, Values, blank, fill


@dataclass(frozen=True)
class MarketSpec:
    """The metadata of the quotes. symbols: sorted by spelling; ticks: currency, of each; slots: of a full session."""

    symbols: tuple[str, ...]
    slots: int
    interval_s: float
    slots_year: float
    ticks: tuple[float, ...]
    calendar: str
    tz: str

    @staticmethod
    def of(meta: TableMeta) -> MarketSpec:
        """The market of a quotes table's meta."""
        symbols = tuple(sorted(meta.symbols))
        return MarketSpec(
            symbols, meta.slots_per_session, float(meta.interval_s),
            float(meta.slots_per_year), tuple(tick_sizes(meta, symbols)), meta.calendar, meta.tz,
        )  # fmt: skip


class SymbolFit(NamedTuple):
    """A fit of one symbol: its model, and its calibration as a checkpoint has it."""

    model: PackedModel
    finish: Float


class Node:
    """Takes rows (values of QUOTE) through the kernel and keeps its state."""

    def __init__(
        self, checkpoint: Checkpoint, settings: Backtest, market: MarketSpec, onnx: OnnxNetwork | None = None
    ) -> None:
        """onnx: the graphs of a model that has no step. Raises UsageError for a policy that is asked by instants."""
        count = len(market.symbols)
        self.checkpoint, self.settings, self.market, self.onnx = checkpoint, settings, market, onnx
        self.model = settings.model or str(checkpoint.document["model"])
        self.choice = choose(settings.threshold)
        if not isinstance(self.choice.allocator, OneSymbol):
            raise UsageError(
                f"policy {self.choice.name} chooses all symbols together, and a stream answers row by row",
                hint="hfm backtest --threshold 0.6, or hfm backtest --threshold q90",
            )
        self._policy = self.choice.allocator
        self.numbers = {symbol: number for number, symbol in enumerate(market.symbols)}
        self.fit = ""
        self._names = tuple(checkpoint.document["features"]["names"])
        self._module = batch.step_module(self._names)
        self._run = row_step.run if self._module is bar_features else row_step.run_events
        self._picks = np.array([self._module.NAMES.index(name) for name in self._names])
        self._rule = self._rule_new()
        horizon = int(checkpoint.document["horizon"])
        lot = lot_size(settings, market.calendar)
        self._ledger_params = params_new(settings, count, market.ticks, market.slots_year / horizon, lot)
        self._fits: dict[str, list[SymbolFit]] = {}
        self._calls: dict[str, list[Callable[[int], None]]] = {}
        """Of each fit and symbol the path of the row in memory."""
        self.use("final")
        self.memory = row_step.packed(self._memory_new(count))
        self._row, self._result = (self.memory.views[name].view(np.uint8).data for name in ("row", "result"))
        self._trails = [prior_volume.Trail() for _ in range(count)]
        self._close, self._split, self._day = [math.nan] * count, [1.0] * count, [-1] * count
        self._volume = [0.0] * count
        """Of the session under way, as its rows add up."""
        self._fused = self.choice.kind in KINDS and onnx is None

    def _rule_new(self) -> Records:
        s, rule = self.settings, np.zeros(1, row_step.RULE)
        level = self.choice.level
        rule["kind"] = KINDS.get(self.choice.kind, 0.0)
        rule["level"] = getattr(self.choice.plugin, "level", 0.0) if level is None else level
        rule["worth"] = s.cash * s.size / len(self.market.symbols)
        rule["fee_bps"], rule["spread_share"], rule["impact"] = s.fee_bps, s.spread_share, s.impact
        return rule

    def _memory_new(self, count: int) -> dict[str, Array]:
        """The parts row_step.MEMORY before the first row."""
        day, ledger = np.zeros(count, row_step.DAY), state_new(self.settings.cash, count)
        day["session"] = -1
        return {
            "row": blank(1, QUOTE), "result": np.zeros(1, row_step.RESULT),
            "features": np.concatenate([self.features_new()] * count),
            "network": np.stack([models.state_new(self._fits["final"][0].model)] * count),
            "book": ledger.book, "positions": ledger.symbol, "orders": ledger.order, "day": day,
            "every": np.zeros(1, self._module.FEATURES), "x": np.zeros(len(self._names)),
            "ledger_row": np.zeros(1, LEDGER_ROW), "trips": np.zeros(2, ROUND_TRIP),
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------------------ the fit
    def use(self, fit: str) -> None:
        """Use a fit (final, fold3) from the next row on. Raises UsageError for a model without steps."""
        if fit == self.fit:
            return
        if fit not in self._fits:
            try:
                self._fits[fit] = [self._symbol_fit(fit, symbol) for symbol in self.market.symbols]
            except KeyError as e:
                raise UsageError(
                    f"the model {self.model!r} has no step", why=f"its checkpoint holds no {e.args[0]}",
                    hint="--set backtest.model=logistic",
                ) from None  # fmt: skip
        if self.onnx is not None:
            self.onnx.use(fit, self.checkpoint.part(fit, self.model))
        self.fit = fit

    def _symbol_fit(self, fit: str, symbol: str) -> SymbolFit:
        """The model and calibration of a symbol; of a model with a graph its floors."""
        if self.onnx is None:
            return SymbolFit(*self.checkpoint.steps(fit, symbol, self.model))
        arrays, known = self.checkpoint.part(fit, self.model), list(self.checkpoint.document["symbols"])
        return SymbolFit(pack(arrays, known.index(symbol) if symbol in known else -1), arrays["finish"])

    def _call(self, symbol: int) -> Callable[[int], None]:
        """The kernel with the fit in use; its arguments are looked at once, since that takes a fifth of its time."""
        found = self._calls.get(self.fit)
        if found is None:
            found = self._calls[self.fit] = [self._bound(fit) for fit in self._fits[self.fit]]
        return found[symbol]

    def _bound(self, fit: SymbolFit) -> Callable[[int], None]:
        parts = row_step.packed({
            "spans": np.zeros(1, row_step.SPANS), "constants": fit.model.constants,
            "feature_weights": fit.model.features, "slots": fit.model.slots, "nodes": fit.model.nodes,
            "roots": fit.model.roots, "finish": fit.finish, "picks": self._picks, "rule": self._rule,
            "ledger_params": self._ledger_params,
        })  # fmt: skip
        for each in (self.memory, parts):
            row_step.write_spans(parts.views["spans"], each)
        given = self.memory.data, parts.data, fit.model.weights
        return partial(self._run.like(*given, ALL), *given)

    # ------------------------------------------------------------------------------------------------------ rows
    def feed(self, rows: Records) -> None:
        """Let features and history, and nothing else, see a symbol's rows [n] of one session."""
        first = next(CODEC.all(rows[:1]))
        self._begin_session(first)
        symbol = first.symbol
        states, every = self.memory.views["features"][symbol : symbol + 1], self.memory.views["every"]
        self._module.loop(states, rows, np.empty(0, np.int64), every, np.empty((len(rows), 0)))
        for volume in prior_volume.counted(rows["volume"]).tolist():
            self._volume[symbol] += volume
        good = rows["mid_close"]
        good = good[(good > 0) & (good < np.inf)]
        if len(good):
            self._close[symbol] = float(good[-1])

    def take(self, row: Values, trade: bool = True) -> None:
        """Take one row of QUOTE; `result` then says what it came to. trade: whether it reaches the ledger."""
        symbol = row.symbol
        if row.session != self._day[symbol]:
            self._begin_session(row)
        CODEC.write(self._row, row)
        call = self._call(symbol)
        if self._fused:
            call(ALL if trade else FORECAST_ONLY)
        else:
            call(FORECAST_ONLY)
            if self.onnx is not None:
                self._correct(self.onnx, row)
            if trade:
                self.memory.views["result"]["proposal"] = self._proposal()
                call(LEDGER_ONLY)
        volume, close = row.volume, row.mid_close
        if 0.0 < volume < math.inf:
            self._volume[symbol] += volume
        if 0.0 < close < math.inf:
            self._close[symbol] = close

    @property
    def result(self) -> Values:
        """What the last row came to: values of row_step.RESULT."""
        return RESULTS.read(self._result)

    def _proposal(self) -> float:
        """What the policy proposes for the row, whose forecast stands in the result."""
        result = self.result
        values = (result.p_up, result.conf_rank, result.ret_sd_bps, result.cost_bps)
        return float(self._policy.weights(Signals(*(np.array([value]) for value in values)))[0])

    def _correct(self, onnx: OnnxNetwork, row: Values) -> None:
        """What the floors forecast becomes what the networks forecast."""
        fit, x, head = self._fits[self.fit][row.symbol], self.memory.views["x"], np.empty(5)
        models.row(self.memory.views["network"][row.symbol], x, row.seq, fit.model, head)
        head = onnx.corrected(row.symbol, x, fit.model, head)
        result = self.memory.views["result"]
        models.finish_row(head, row.spread_bps, models.calibration.py_func(fit.finish), result["forecast"][0])

    def _begin_session(self, row: Values) -> None:
        """A session's first row: end the session before it."""
        symbol, day = row.symbol, row.session
        if day == self._day[symbol]:
            return
        if self.onnx is not None:
            self.onnx.open(symbol)
        trail = self._trails[symbol]
        if self._day[symbol] >= 0:
            trail.add(self._volume[symbol], self._close[symbol], self._split[symbol])
        self._volume[symbol], self._close[symbol] = 0.0, math.nan
        self._split[symbol], self._day[symbol] = row.split_ratio, day
        days = self.memory.views["day"]
        days["sigma_day"][symbol], days["adv"][symbol] = trail.figures()

    def features_new(self) -> Records:
        """The features' state of a symbol of which no row was seen."""
        return batch.state_new(self.market.slots, self.market.interval_s, self._names)

    def all_inputs(self, quotes: Reader) -> Float:
        """[n, F + 2] what the model reads of each of the first symbol's rows: features, slot, quoted spread in bps."""
        columns = tables.arrays(quotes.read([*batch.inputs(self._names)]))
        first = columns.pop("symbol") == self.market.symbols[0]
        rows = blank(int(first.sum()), QUOTE)
        fill(rows, {name: values[first] for name, values in columns.items()})
        return self.model_inputs(self.features_new(), rows)

    def model_inputs(self, states: Records, rows: Records) -> Float:
        """What the model reads of a symbol's rows.

        Parameters
        ----------
        states : records [1]
            Of `features_new`; changed in place.
        rows : records [n] of QUOTE
            In time order.

        Returns
        -------
        float64 [n, F + 2]
            The features, the slot and the quoted spread in bps; NaN where a feature is not known.
        """
        x = np.empty((len(rows), len(self._names) + 2))
        features = np.empty((len(rows), len(self._names)))
        self._module.loop(states, rows, self._picks, np.zeros(1, self._module.FEATURES), features)
        x[:, :-2], x[:, -2], x[:, -1] = features, rows["seq"], rows["spread_bps"]
        return x

    def carry(self, symbol: int, x: Float) -> None:
        """Put a symbol's network where the fit in use has it after the rows of the session under way.

        Parameters
        ----------
        symbol : int
            Its number.
        x : float64 [n, F + 2]
            Those rows by `model_inputs`, in order from the session's first.
        """
        state, model, head = self.memory.views["network"][symbol], self._fits[self.fit][symbol].model, np.empty(5)
        state[:] = 0.0
        for row in x:
            models.row(state, row[:-2], int(row[-2]), model, head)

    def abstain(self, row: Values) -> None:
        """Take a row that nothing may answer: features, network, history and ledger advance, without a signal."""
        self.take(row, trade=False)
        result = self.memory.views["result"]
        result["forecast"], result["cost_bps"], result["proposal"] = np.nan, np.nan, 0.0
        self._call(row.symbol)(LEDGER_ONLY)

    # ------------------------------------------------------------------------------------------------ save, load
    def save(self) -> dict[str, Array]:
        """All state as arrays by name; records as bytes."""
        views = self.memory.views
        out: dict[str, Array] = {f"memory/{name}": views[name].view(np.uint8).copy() for name in row_step.STATE}
        out["trails"] = np.stack([t.save() for t in self._trails])
        out["marks"] = np.array([self._close, self._split, self._day, self._volume], np.float64)
        return out | (self.onnx.save() if self.onnx is not None else {})

    def load(self, saved: Mapping[str, Array], fit: str) -> None:
        """Become what was saved.

        Parameters
        ----------
        saved : mapping of str to array
            By `save`.
        fit : str
            Name of the fit that was in use.
        """
        self.use(fit)
        for name in row_step.STATE:
            self.memory.views[name].view(np.uint8)[...] = saved[f"memory/{name}"]
        for trail, array in zip(self._trails, saved["trails"], strict=True):
            trail.load(array)
        if self.onnx is not None:
            self.onnx.load(saved)
        self._close, self._split, self._day, self._volume = saved["marks"].tolist()
