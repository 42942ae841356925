"""The kernel: a row's features, forecast, signal and ledger in one call, by the steps that the batch loops over.

Python hands a kernel an array in .1 us, and a tuple of tuples of arrays in 4 (bench row `latency`). So all that changes
with a row lies in one buffer of bytes, all that does not in another, and the kernel cuts both into records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.arrays import Array, Float, Float32
from hfm.features import bar_features, event_features
from hfm.kernels.jit import kernel
from hfm.ledger.fills import Expectation, expected_bps
from hfm.ledger.ledger_records import (
    LEDGER_BOOK,
    LEDGER_RESULT,
    LEDGER_ROW,
    LEDGER_SYMBOL,
    PARAMS,
    ROUND_TRIP,
    LedgerState,
)
from hfm.models import inference as models
from hfm.models.inference import FORECAST
from hfm.models.packed_model import CONSTANTS, FEATURE_WEIGHTS, SLOT_LEVELS, PackedModel
from hfm.models.trees.tree_arrays import NODE
from hfm.orders import step as order_step
from hfm.orders.order_records import ORDER
from hfm.policies.one_symbol import row_weight
from hfm.tables.records import QUOTE, Codec, Records, columns_dtype, nested_dtype
from hfm.tables.schema import columns

Bytes = npt.NDArray[np.uint8]

RESULT = nested_dtype([("forecast", FORECAST), ("cost_bps", "f8"), ("proposal", "f8"), ("ledger", LEDGER_RESULT)])
"""What a row comes to: its forecast, the expected round trip in bps, what the policy proposes, the ledger's columns."""
RESULTS = Codec(RESULT)

RULE = columns_dtype(
    columns("""
kind         f8 -        code of the policy: policies.one_symbol.KINDS
level        f8 -        its threshold
worth        f8 currency of a full position
fee_bps      f8 bps      fee a side
spread_share f8 -        effective over quoted spread
impact       f8 -        Y of the square-root law
""")
)
"""The policy, and the costs that it expects."""
DAY = columns_dtype(
    columns("""
session   i8 days   session of the symbol's last row since 1970, -1: none yet
sigma_day f8 -      daily volatility of earlier sessions, 0: not known
adv       f8 shares average daily volume of earlier sessions, 0: not known
""")
)
"""Of a symbol, from the sessions before."""

ALL, FORECAST_ONLY, LEDGER_ONLY = 0, 1, 2
"""How much of the path `run` goes: all of it; up to the forecast; from the policy's proposal on."""

MEMORY = (
    "row", "result", "features", "network", "book", "positions", "orders", "day", "every", "x", "ledger_row", "trips",
)  # fmt: skip
"""Parts of the buffer that changes with a row: the row [1] of QUOTE and its result [1]; the state of the features [S],
the networks [S, .], the ledger: book [1], positions [S] and orders [S], and the days [S]; room for every
feature of a row, the model's input and the ledger's row and round trips."""
STATE = ("features", "network", "book", "positions", "orders", "day")
"""Of these what is remembered from row to row."""
FIT = (
    "spans", "constants", "feature_weights", "slots", "nodes", "roots", "finish", "picks", "rule", "ledger_params",
)  # fmt: skip
"""Parts of the buffer of one symbol's fit: where all parts lie; the model but for its weights, see PackedModel; its
calibration; the features that it reads; the policy; the ledger's parameters."""
SPAN = nested_dtype([("start", "i8"), ("stop", "i8")])
SPANS = nested_dtype([(name, SPAN) for name in (*MEMORY, *FIT)])
"""First byte of each part in its buffer, and the first behind it."""
_SPANS_BYTES = SPANS.itemsize
_LINE = 64
"""Parts begin with a line of the processor's cache, which is aligned for any record."""


class Parts(NamedTuple):
    """A buffer, and its parts as views by name."""

    data: Bytes
    views: dict[str, Array]


def packed(parts: Mapping[str, Array]) -> Parts:
    """One buffer that holds copies of arrays.

    Parameters
    ----------
    parts : mapping of str to array
        Of any dtype and shape.

    Returns
    -------
    Parts
        The views have the arrays' dtypes, shapes and values.
    """
    ends = np.cumsum([-(-part.nbytes // _LINE) * _LINE for part in parts.values()]).tolist()
    data = np.zeros(ends[-1], np.uint8)
    views = {}
    for start, (name, part) in zip([0, *ends[:-1]], parts.items(), strict=True):
        views[name] = data[start : start + part.nbytes].view(part.dtype).reshape(part.shape)
        views[name][...] = part
    return Parts(data, views)


def write_spans(spans: Records, parts: Parts) -> None:
    """Write where the parts of a buffer lie to spans [1] of SPANS."""
    origin = parts.data.ctypes.data
    for name, view in parts.views.items():
        start = view.ctypes.data - origin
        spans[name] = (start, start + view.nbytes)


@kernel
def _forecast(memory: Bytes, fit: Bytes, weights: Float32, spans: np.record, every: Float) -> None:
    """Write the forecast and the expected round trip of the row, whose features are `every`; the network advances."""
    # the parts of the buffers as records, cut out in place
    row = memory[spans.row.start : spans.row.stop].view(QUOTE)[0]
    result = memory[spans.result.start : spans.result.stop].view(RESULT)[0]
    days = memory[spans.day.start : spans.day.stop].view(DAY)
    networks = memory[spans.network.start : spans.network.stop].view(np.float64)
    x = memory[spans.x.start : spans.x.stop].view(np.float64)
    picks = fit[spans.picks.start : spans.picks.stop].view(np.int64)
    finish = fit[spans.finish.start : spans.finish.stop].view(np.float64)
    rule = fit[spans.rule.start : spans.rule.stop].view(RULE)[0]
    model = PackedModel(
        fit[spans.constants.start : spans.constants.stop].view(CONSTANTS),
        fit[spans.feature_weights.start : spans.feature_weights.stop].view(FEATURE_WEIGHTS),
        fit[spans.slots.start : spans.slots.stop].view(SLOT_LEVELS),
        fit[spans.nodes.start : spans.nodes.stop].view(NODE),
        fit[spans.roots.start : spans.roots.stop].view(np.int64),
        weights,
    )
    # 1. the symbol's network, which begins a session from nothing
    size = networks.shape[0] // days.shape[0]
    network = networks[row.symbol * size : (row.symbol + 1) * size]
    day = days[row.symbol]
    if day.session != row.session:
        day.session = row.session
        network[:] = 0.0
    # 2. the features that the model reads, and its step
    for j in range(picks.shape[0]):
        x[j] = every[picks[j]]
    models.step(network, x, row.seq, row.spread_bps, model, models.calibration(finish), result.forecast)
    # 3. what a round trip would cost, for the policy
    cost = Expectation(rule.worth, rule.fee_bps, rule.spread_share, rule.impact)
    result.cost_bps = expected_bps(cost, row.bid_close, row.ask_close, row.mid_close, day.adv, day.sigma_day)


@kernel
def _account(memory: Bytes, fit: Bytes, spans: np.record) -> None:
    """Write the ledger's columns of the row, whose forecast and proposal stand in the result; the ledger advances."""
    row = memory[spans.row.start : spans.row.stop].view(QUOTE)[0]
    result = memory[spans.result.start : spans.result.stop].view(RESULT)[0]
    day = memory[spans.day.start : spans.day.stop].view(DAY)[row.symbol]
    # 1. the ledger's row: the market's columns, what earlier sessions say, and what is proposed
    r = memory[spans.ledger_row.start : spans.ledger_row.stop].view(LEDGER_ROW)[0]
    r.symbol, r.session, r.seq, r.is_last = row.symbol, row.session, row.seq, row.is_last
    r.time_open, r.time = row.time_open, row.time
    r.mid_open, r.bid_open, r.ask_open = row.mid_open, row.bid_open, row.ask_open
    r.mid_close, r.bid_close, r.ask_close = row.mid_close, row.bid_close, row.ask_close
    r.trade_high, r.trade_low, r.volume = row.trade_high, row.trade_low, row.volume
    r.depth_bid, r.depth_ask, r.signed_volume = row.depth_bid, row.depth_ask, row.signed_volume
    r.cash_dividend, r.split_ratio = row.cash_dividend, row.split_ratio
    r.sigma_day, r.adv = day.sigma_day, day.adv
    r.p_up, r.ret_sd_bps = result.forecast.p_up, result.forecast.ret_sd_bps
    r.cost_bps, r.target = result.cost_bps, result.proposal
    # 2. the step that the back-test loops over, on the state in place
    state = LedgerState(
        memory[spans.book.start : spans.book.stop].view(LEDGER_BOOK),
        memory[spans.positions.start : spans.positions.stop].view(LEDGER_SYMBOL),
        memory[spans.orders.start : spans.orders.stop].view(ORDER),
    )
    params = fit[spans.ledger_params.start : spans.ledger_params.stop].view(PARAMS)
    trips = memory[spans.trips.start : spans.trips.stop].view(ROUND_TRIP)
    order_step.step(state, params, r, result.ledger, trips)


@kernel
def _go_on(memory: Bytes, fit: Bytes, weights: Float32, spans: np.record, every: Float, extent: int) -> None:
    """The path of a row from its features on, as far as `extent` says."""
    if extent != LEDGER_ONLY:
        _forecast(memory, fit, weights, spans, every)
    if extent == ALL:
        rule = fit[spans.rule.start : spans.rule.stop].view(RULE)[0]
        result = memory[spans.result.start : spans.result.stop].view(RESULT)[0]
        f = result.forecast
        result.proposal = row_weight(rule.kind, rule.level, f.p_up, f.conf_rank, f.ret_sd_bps, result.cost_bps)
    if extent != FORECAST_ONLY:
        _account(memory, fit, spans)


@kernel
def run(memory: Bytes, fit: Bytes, weights: Float32, extent: int) -> None:
    """Take the row that stands in the memory through the path.

    Parameters
    ----------
    memory : uint8 [.]
        The parts MEMORY; state and result are changed in place. Values that are not known are NaN.
    fit : uint8 [.]
        The parts FIT, of the row's symbol.
    weights : float32 [.]
        Of the networks: see PackedModel.
    extent : int
        ALL, FORECAST_ONLY or LEDGER_ONLY.
    """
    spans = fit[:_SPANS_BYTES].view(SPANS)[0]
    row = memory[spans.row.start : spans.row.stop].view(QUOTE)[0]
    # one place seen twice: the step writes fields, the model picks numbers
    place = memory[spans.every.start : spans.every.stop]
    every = place.view(np.float64)
    if extent != LEDGER_ONLY:
        states = memory[spans.features.start : spans.features.stop].view(bar_features.STATE)
        if not bar_features.step(states[row.symbol], row, place.view(bar_features.FEATURES)[0]):
            every[:] = np.nan
    _go_on(memory, fit, weights, spans, every, extent)


@kernel
def run_events(memory: Bytes, fit: Bytes, weights: Float32, extent: int) -> None:
    """As `run`, of an event row; a kernel of its own, since its features take long to compile.

    Parameters
    ----------
    memory : uint8 [.]
        The parts MEMORY; state and result are changed in place. Values that are not known are NaN.
    fit : uint8 [.]
        The parts FIT, of the row's symbol.
    weights : float32 [.]
        Of the networks: see PackedModel.
    extent : int
        ALL, FORECAST_ONLY or LEDGER_ONLY.
    """
    spans = fit[:_SPANS_BYTES].view(SPANS)[0]
    row = memory[spans.row.start : spans.row.stop].view(QUOTE)[0]
    place = memory[spans.every.start : spans.every.stop]
    every = place.view(np.float64)
    if extent != LEDGER_ONLY:
        states = memory[spans.features.start : spans.features.stop].view(event_features.STATE)
        if not event_features.step(states[row.symbol], row, place.view(event_features.FEATURES)[0]):
            every[:] = np.nan
    _go_on(memory, fit, weights, spans, every, extent)
