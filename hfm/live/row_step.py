"""The kernel: a row's features, forecast, signal and ledger in one call, by the steps that the batch loops over.

A row is a float64 vector [ROW]: the quotes columns of features.step.ROW, then those that only the ledger reads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.features import bar_features as features
from hfm.features import event_features
from hfm.kernels.jit import kernel
from hfm.ledger.fills import Expectation, expected_bps
from hfm.ledger.records import LedgerState
from hfm.models import inference as models
from hfm.orders import step as order_step
from hfm.plugins import Float, Int
from hfm.policies.policy_step import propose
from hfm.tables.records import Records

Float2 = npt.NDArray[np.float64]

# ---------------------------------------------------------------------------------------------------- a row [ROW]
V_SESSION, V_SEQ, V_MID_OPEN, V_MID_CLOSE, V_SPREAD = 0, 1, 2, 5, 6
V_DEPTH_BID, V_DEPTH_ASK, V_VOLUME, V_SIGNED, V_DIVIDEND, V_SPLIT = 7, 8, 9, 10, 13, 14
FEATURES, EVENTS = 17, 19
"""How many of the columns are the features', and those of event rows'."""
V_OPEN_NS, V_CLOSE_NS, V_LAST = 17, 18, 19
"""Borders of the interval in ns since midnight UTC of the session's date; 1 on the session's last slot."""
V_BID_OPEN, V_ASK_OPEN, V_BID_CLOSE, V_ASK_CLOSE, V_HIGH, V_LOW = 20, 21, 22, 23, 24, 25
ROW = 26

# ------------------------------------------------------------------------------------------------- results [OUT]
R_P_UP, R_RANK, R_SD, R_COST, R_SIGNAL = 0, 2, 3, 8, 9
"""The first 8 are models.step.OUT; then the expected round trip (bps) and what the policy proposes."""
OUT = 10
DAY_NS = 86_400 * 10**9

KIND, LEVEL, WORTH, SIDE_FEE, SHARE, IMPACT = 0, 1, 2, 3, 4, 5
RULE = 6
"""Policy code and level; currency of a full position; fee a side in bp; effective share of the spread; Y."""
D_SIGMA, D_ADV, D_SESSION = 0, 1, 2
DAY = 3
"""Of a symbol: daily volatility and volume of earlier sessions; session of the last row."""
FULL, SEEN, FED = 2, 1, 0
"""How far a row goes: to the ledger, to the forecast, to the features alone."""


class Memory(NamedTuple):
    """All state, changed in place. features [S, .], network [S, .], ledger, day [S, DAY]."""

    features: Float2
    network: Float2
    ledger: LedgerState
    day: Float2


class Plan(NamedTuple):
    """What does not change with a row, of one symbol and one fit. picks: features that the model reads; params: of
    all symbols."""

    model: models.Model
    final: Float
    picks: Int
    rule: Float
    params: Records


class Scratch(NamedTuple):
    """Room to work in: every feature, the model's input, the ledger's row [1] and trips [2], and its result [1]."""

    every: Float
    x: Float
    row: Records
    trips: Records
    result: Records


@kernel
def see(memory: Memory, plan: Plan, scratch: Scratch, symbol: int, row: Float, out: Float) -> None:
    """out[:9]: the forecast (models.step.OUT) and expected round trip of a row whose features stand in scratch.every.

    The network's state advances.
    """
    day, rule = memory.day[symbol], plan.rule
    if day[D_SESSION] != row[V_SESSION]:
        day[D_SESSION] = row[V_SESSION]
        memory.network[symbol][:] = 0.0
    n = plan.picks.shape[0]
    for j in range(n):
        scratch.x[j] = scratch.every[plan.picks[j]]
    scratch.x[n], scratch.x[n + 1] = row[V_SEQ], row[V_SPREAD]
    models.step(memory.network[symbol], scratch.x, plan.model, plan.final, out[:8])
    bid, ask, mid = row[V_BID_CLOSE], row[V_ASK_CLOSE], row[V_MID_CLOSE]
    cost = Expectation(rule[WORTH], rule[SIDE_FEE], rule[SHARE], rule[IMPACT])
    out[R_COST] = expected_bps(cost, bid, ask, mid, day[D_ADV], day[D_SIGMA])


@kernel
def act(memory: Memory, plan: Plan, scratch: Scratch, symbol: int, row: Float, out: Float) -> None:
    """scratch.result: the ledger's of a row whose forecast and signal stand in `out`; the ledger advances."""
    r, day, midnight = scratch.row[0], memory.day[symbol], int(row[V_SESSION]) * DAY_NS
    r.symbol = symbol
    r.session = int(row[V_SESSION])
    r.seq = int(row[V_SEQ])
    r.time_open = midnight + int(row[V_OPEN_NS])
    r.time = midnight + int(row[V_CLOSE_NS])
    r.is_last = row[V_LAST] != 0.0
    r.mid_open, r.bid_open, r.ask_open = row[V_MID_OPEN], row[V_BID_OPEN], row[V_ASK_OPEN]
    r.mid_close, r.bid_close, r.ask_close = row[V_MID_CLOSE], row[V_BID_CLOSE], row[V_ASK_CLOSE]
    r.trade_high, r.trade_low, r.volume = row[V_HIGH], row[V_LOW], row[V_VOLUME]
    r.cash_dividend, r.split_ratio = row[V_DIVIDEND], row[V_SPLIT]
    r.depth_bid, r.depth_ask, r.signed_volume = row[V_DEPTH_BID], row[V_DEPTH_ASK], row[V_SIGNED]
    r.sigma_day, r.adv = day[D_SIGMA], day[D_ADV]
    r.target, r.p_up, r.ret_sd_bps, r.cost_bps = out[R_SIGNAL], out[R_P_UP], out[R_SD], out[R_COST]
    order_step.step(memory.ledger, plan.params, r, scratch.result[0], scratch.trips)


@kernel
def step(memory: Memory, plan: Plan, scratch: Scratch, symbol: int, row: Float, out: Float) -> None:
    """`see`, the built-in policy of plan.rule, `act`: the path of a row from its features on. out [OUT]."""
    see(memory, plan, scratch, symbol, row, out)
    rule = plan.rule
    out[R_SIGNAL] = propose(rule[KIND], rule[LEVEL], out[R_P_UP], out[R_RANK], out[R_SD], out[R_COST])
    act(memory, plan, scratch, symbol, row, out)


# ------------------------------------------------------------------------------------------------ the path in one call
# Python hands a kernel an array in .1 us, and a tuple of tuples of arrays in 4: so all of them lie in three.
Z_SYMBOLS, Z_FEATURES, Z_NETWORK, Z_EVERY = 0, 1, 2, 3
Z_X, Z_PARAMS, Z_FINAL, Z_SPEC, Z_PICKS = 4, 5, 6, 7, 13
"""Sizes: symbols, one symbol's state of features and network, all features, the model's input, its parameters and
finish; then the model's spec [6] and the picks."""


class Desk(NamedTuple):
    """The ledger's records of the path: state, parameters [S], and room for a row [1], trips [2] and a result [1]."""

    book: Records
    symbol: Records
    params: Records
    row: Records
    trips: Records
    result: Records


def sizes(symbols: int, features: int, network: int, names: int, plan: Plan) -> Int:
    """The sizes of a plan's arrays, of a symbol's state of features and network, and how many features there are."""
    head = [symbols, features, network, names, plan.picks.size + 2, plan.model.params.size, plan.final.size]
    return np.array([*head, *plan.model.spec.tolist(), *plan.picks.tolist()], np.int64)


def numbers(plan: Plan) -> Float:
    """All float64 of a plan in a row, without the ledger's parameters."""
    return np.concatenate([plan.model.params, plan.final, plan.rule])


def length(size: Int) -> int:
    """Of the array in which state and scratch lie, without the ledger's."""
    rows = size[Z_FEATURES] + size[Z_NETWORK] + DAY
    return int(size[Z_SYMBOLS] * rows + size[Z_EVERY] + size[Z_X])


def parts(flat: Float, size: Int, desk: Desk) -> tuple[Memory, Scratch]:
    """State and scratch as views of `flat` [length], with the ledger's."""
    count = size[Z_SYMBOLS]
    a = count * size[Z_FEATURES]
    b = a + count * size[Z_NETWORK]
    c = b + count * DAY
    d = c + size[Z_EVERY]
    memory = Memory(
        flat[:a].reshape(count, size[Z_FEATURES]), flat[a:b].reshape(count, size[Z_NETWORK]),
        LedgerState(desk.book, desk.symbol), flat[b:c].reshape(count, DAY),
    )  # fmt: skip
    return memory, Scratch(flat[c:d], flat[d : d + size[Z_X]], desk.row, desk.trips, desk.result)


_parts = kernel(parts)


@kernel
def _plan(plan: Float, weights: models.Float32, size: Int, params: Records) -> Plan:
    """A plan from its numbers, weights, sizes and the ledger's parameters."""
    a = size[Z_PARAMS]
    b = a + size[Z_FINAL]
    model = models.Model(size[Z_SPEC:Z_PICKS], plan[:a], weights)
    return Plan(model, plan[a:b], size[Z_PICKS:], plan[b:], params)


@kernel
def run(
    flat: Float, plan: Float, weights: models.Float32, size: Int, symbol: int, row: Float, out: Float, book: Records,
    symbols: Records, params: Records, rows: Records, trips: Records, results: Records,
) -> None:  # fmt: skip
    """The whole path of a bar, its arguments in few arrays: see parts, numbers, sizes and Desk."""
    memory, scratch = _parts(flat, size, Desk(book, symbols, params, rows, trips, results))
    features.step(memory.features[symbol], row[:FEATURES], scratch.every)
    step(memory, _plan(plan, weights, size, params), scratch, symbol, row, out)


@kernel
def run_events(
    flat: Float, plan: Float, weights: models.Float32, size: Int, symbol: int, row: Float, out: Float, book: Records,
    symbols: Records, params: Records, rows: Records, trips: Records, results: Records,
) -> None:  # fmt: skip
    """The same of an event row; a kernel of its own, since its features take long to compile."""
    memory, scratch = _parts(flat, size, Desk(book, symbols, params, rows, trips, results))
    event_features.step(memory.features[symbol], row[:EVENTS], scratch.every)
    step(memory, _plan(plan, weights, size, params), scratch, symbol, row, out)
