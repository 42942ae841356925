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
from hfm.ledger import accounting as ledger
from hfm.ledger import layout as at
from hfm.ledger.expected_cost import impact_bps, round_trip_bps
from hfm.models import inference as models
from hfm.models.packed_model import PackedModel
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
"""The first 8 are models.inference.FORECAST; then the expected round trip (bps) and what the policy proposes."""
LEDGER = 10
"""From here on the ledger's columns (ledger.layout.O_...)."""
OUT = LEDGER + 20

KIND, LEVEL, WORTH, SIDE_FEE, SHARE, IMPACT = 0, 1, 2, 3, 4, 5
RULE = 6
"""Policy code and level; currency of a full position; fee a side in bp; effective share of the spread; Y."""
D_SIGMA, D_ADV, D_SESSION = 0, 1, 2
DAY = 3
"""Of a symbol: daily volatility and volume of earlier sessions; session of the last row."""
FULL, SEEN, FED = 2, 1, 0
"""How far a row goes: to the ledger, to the forecast, to the features alone."""


class Memory(NamedTuple):
    """All state, changed in place. features [S, .], network [S, .], ledger [HEAD + BLOCK x S], day [S, DAY]."""

    features: Float2
    network: Float2
    ledger: Float
    day: Float2


class Plan(NamedTuple):
    """What does not change with a row, of one symbol and one fit. picks: features that the model reads."""

    model: PackedModel
    final: Float
    picks: Int
    rule: Float
    params: Float


class Scratch(NamedTuple):
    """Room to work in: every feature, the model's input, the forecast [1], the ledger's row and trips."""

    every: Float
    x: Float
    forecast: Records
    row: Float
    trips: Float2


@kernel
def put_forecast(forecast: np.record, out: Float) -> None:
    """out[:8]: the columns of a forecast."""
    out[0], out[1], out[2], out[3] = forecast.p_up, forecast.p_raw, forecast.conf_rank, forecast.ret_sd_bps
    out[4], out[5], out[6] = forecast.spread_q10, forecast.spread_q50, forecast.spread_q90
    out[7] = forecast.p_widen


@kernel
def see(memory: Memory, plan: Plan, scratch: Scratch, symbol: int, row: Float, out: Float) -> None:
    """out[:9]: the forecast and expected round trip of a row whose features stand in scratch.every.

    The network's state advances.
    """
    day, rule = memory.day[symbol], plan.rule
    if day[D_SESSION] != row[V_SESSION]:
        day[D_SESSION] = row[V_SESSION]
        memory.network[symbol][:] = 0.0
    n = plan.picks.shape[0]
    for j in range(n):
        scratch.x[j] = scratch.every[plan.picks[j]]
    final = models.calibration(plan.final)
    forecast = scratch.forecast[0]
    models.step(memory.network[symbol], scratch.x, int(row[V_SEQ]), row[V_SPREAD], plan.model, final, forecast)
    put_forecast(forecast, out)
    push = impact_bps(rule[WORTH], row[V_MID_CLOSE], day[D_ADV], day[D_SIGMA], rule[IMPACT])
    bid, ask, mid = row[V_BID_CLOSE], row[V_ASK_CLOSE], row[V_MID_CLOSE]
    out[R_COST] = round_trip_bps(bid, ask, mid, rule[SHARE], rule[SIDE_FEE] + push)


@kernel
def act(memory: Memory, plan: Plan, scratch: Scratch, symbol: int, row: Float, out: Float) -> None:
    """out[LEDGER:]: the ledger's columns of a row whose forecast and signal stand in `out`; the ledger advances."""
    r, day = scratch.row, memory.day[symbol]
    r[at.R_SYMBOL], r[at.R_SESSION], r[at.R_SEQ] = symbol, row[V_SESSION], row[V_SEQ]
    r[at.R_OPEN_NS], r[at.R_CLOSE_NS], r[at.R_LAST] = row[V_OPEN_NS], row[V_CLOSE_NS], row[V_LAST]
    r[at.R_MID_OPEN], r[at.R_MID_CLOSE] = row[V_MID_OPEN], row[V_MID_CLOSE]
    r[at.R_BID_OPEN], r[at.R_ASK_OPEN] = row[V_BID_OPEN], row[V_ASK_OPEN]
    r[at.R_BID_CLOSE], r[at.R_ASK_CLOSE] = row[V_BID_CLOSE], row[V_ASK_CLOSE]
    r[at.R_HIGH], r[at.R_LOW], r[at.R_VOLUME] = row[V_HIGH], row[V_LOW], row[V_VOLUME]
    r[at.R_DIVIDEND], r[at.R_SPLIT] = row[V_DIVIDEND], row[V_SPLIT]
    r[at.R_DEPTH_BID], r[at.R_DEPTH_ASK], r[at.R_SIGNED] = row[V_DEPTH_BID], row[V_DEPTH_ASK], row[V_SIGNED]
    r[at.R_SIGMA_DAY], r[at.R_ADV] = day[D_SIGMA], day[D_ADV]
    r[at.R_SIGNAL], r[at.R_P_UP], r[at.R_RET_SD], r[at.R_COST] = out[R_SIGNAL], out[R_P_UP], out[R_SD], out[R_COST]
    ledger.step(memory.ledger, plan.params, r, out[LEDGER:], scratch.trips)


@kernel
def step(memory: Memory, plan: Plan, scratch: Scratch, symbol: int, row: Float, out: Float) -> None:
    """`see`, the built-in policy of plan.rule, `act`: the path of a row from its features on. out [OUT]."""
    see(memory, plan, scratch, symbol, row, out)
    rule = plan.rule
    out[R_SIGNAL] = propose(rule[KIND], rule[LEVEL], out[R_P_UP], out[R_RANK], out[R_SD], out[R_COST])
    act(memory, plan, scratch, symbol, row, out)


# ------------------------------------------------------------------------------------------------ the path in one call
# Python hands a kernel an array in .1 us, and a tuple of tuples of arrays in 4: so all of them lie in three.
Z_SYMBOLS, Z_FEATURES, Z_NETWORK, Z_LEDGER, Z_EVERY = 0, 1, 2, 3, 4
Z_X, Z_FINAL, Z_PICKS = 5, 6, 7
"""Sizes: symbols, one symbol's state of features and network, the ledger's state, all features, the model's input, its
finish; then the picks."""


def sizes(symbols: int, state: tuple[int, int, int, int], plan: Plan) -> Int:
    """The sizes of a plan's arrays and of state = (features, network, ledger) and how many features there are."""
    head = [symbols, *state, plan.picks.size, plan.final.size]
    return np.array([*head, *plan.picks.tolist()], np.int64)


def numbers(plan: Plan) -> Float:
    """The finish, rule and ledger's parameters of a plan in a row."""
    return np.concatenate([plan.final, plan.rule, plan.params])


def length(size: Int) -> int:
    """Of the array in which state and scratch lie."""
    rows = size[Z_FEATURES] + size[Z_NETWORK] + DAY
    return int(size[Z_SYMBOLS] * rows + size[Z_LEDGER] + size[Z_EVERY] + size[Z_X] + at.ROW + 2 * at.TRADE)


def parts(flat: Float, size: Int, forecast: Records) -> tuple[Memory, Scratch]:
    """State and scratch as views of `flat` [length], with a `forecast` [1]."""
    count = size[Z_SYMBOLS]
    a = count * size[Z_FEATURES]
    b = a + count * size[Z_NETWORK]
    c = b + size[Z_LEDGER]
    d = c + count * DAY
    e = d + size[Z_EVERY]
    f = e + size[Z_X]
    g = f + at.ROW
    memory = Memory(
        flat[:a].reshape(count, size[Z_FEATURES]), flat[a:b].reshape(count, size[Z_NETWORK]), flat[b:c],
        flat[c:d].reshape(count, DAY),
    )  # fmt: skip
    return memory, Scratch(flat[d:e], flat[e:f], forecast, flat[f:g], flat[g : g + 2 * at.TRADE].reshape(2, at.TRADE))


_parts = kernel(parts)


@kernel
def _plan(model: PackedModel, plan: Float, size: Int) -> Plan:
    """A plan from its model, numbers and sizes."""
    b = size[Z_FINAL]
    return Plan(model, plan[:b], size[Z_PICKS:], plan[b : b + RULE], plan[b + RULE :])


@kernel
def run(
    flat: Float, forecast: Records, plan: Float, model: PackedModel, size: Int, symbol: int, row: Float, out: Float
) -> None:
    """The whole path of a bar, its arguments in few arrays: see parts, numbers and sizes."""
    memory, scratch = _parts(flat, size, forecast)
    features.step(memory.features[symbol], row[:FEATURES], scratch.every)
    step(memory, _plan(model, plan, size), scratch, symbol, row, out)


@kernel
def run_events(
    flat: Float, forecast: Records, plan: Float, model: PackedModel, size: Int, symbol: int, row: Float, out: Float
) -> None:
    """The same of an event row; a kernel of its own, since its features take long to compile."""
    memory, scratch = _parts(flat, size, forecast)
    event_features.step(memory.features[symbol], row[:EVENTS], scratch.every)
    step(memory, _plan(model, plan, size), scratch, symbol, row, out)
