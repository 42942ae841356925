"""Features of whole row groups: the loop over the step, one state a symbol."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np

from hfm.arrays import Float
from hfm.features import bar_features, event_features
from hfm.tables import Array
from hfm.tables.records import QUOTE, Records, blank, fill

INPUTS: tuple[str, ...] = ("symbol", *bar_features.INPUTS)
"""Quotes columns that `compute` reads."""

_BARS = tuple(
    n for n in bar_features.NAMES if n not in ("volatility", "volatility_nights", "spread", "imbalance", "micro")
)
GROUPS: dict[str, tuple[str, ...]] = {
    "default": _BARS,
    "seed": ("volume_ratio", "momentum", "volatility", "ofi", "spread", "volatility_nights"),
    "book": (*_BARS, "imbalance", "micro"),
    "events": (
        "imbalance", "micro", "momentum", "ret_sigma", "surprise", "flow_surprise", "log_spread", "spread_12",
        "spread_78", "rv_12", "rv_78", *event_features.EVENT_NAMES,
    ),
}  # fmt: skip
"""Feature lists by name. `seed`: the four of the original recipe, the spread itself, and the volatility with nights in
it, both in bps: the label asks whether the spread falls, and in that recipe it falls where it stands above 10 bp + 2 x
volatility, a rule linear in these two. `default`: all that bars can give; the two in bps it has as logarithms. `book`:
and what only an order book knows."""

SIGNED: tuple[str, ...] = (
    "momentum",
    "ofi",
    "ofi_sigma",
    "flow",
    "ret_sigma",
    "gap",
    "surprise",
    "flow_surprise",
    "imbalance",
    "micro",
    "touch", "move", "move_size", "sign_last", "sign", "sign_10", "sign_78",
    "ret_1", "ret_3", "ret_10", "ret_30", "ret_78",
    "ofi_1", "ofi_3", "ofi_10", "ofi_30", "ofi_78",
    "flow_1", "flow_3", "flow_10", "flow_30", "flow_78",
)  # fmt: skip
"""Features that change sign when prices are mirrored (log prices and flows negated); the others stay as they
are. Without a drift P(up) of the mirrored market is 1 - P(up), so that a linear model of direction has no use
for the rest."""

_CHUNK = 2048
"""Rows that are made records at a time: half a megabyte, which stays in the cache of a core (bench row `features`)."""


def step_module(names: Sequence[str]) -> ModuleType:
    """The module whose `step` makes these features: `bar_features`, or `event_features` where one is of events."""
    return bar_features if set(names) <= set(bar_features.NAMES) else event_features


def inputs(names: Sequence[str]) -> tuple[str, ...]:
    """Quotes columns that `compute` reads for these features; INPUTS for those that bars have."""
    return ("symbol", *step_module(names).INPUTS)


def state_new(slots_per_session: int, interval_s: float, names: Sequence[str] = ()) -> Records:
    """The state of a symbol of which no row was seen.

    Parameters
    ----------
    slots_per_session : int
        Slots of a full day.
    interval_s : float
        Seconds a row: see `bar_features.state_new`.
    names : sequence of str
        The features; by default those that bars have.

    Returns
    -------
    records [1]
        Of STATE of `step_module(names)`.
    """
    state: Records = step_module(names).state_new(slots_per_session, interval_s)
    return state


def compute(columns: Mapping[str, Array], states: Mapping[str, Records], names: Sequence[str]) -> Float:
    """The features of quotes rows.

    Parameters
    ----------
    columns : mapping of str to array [n]
        At least those of `inputs`, as `tables.arrays` gives them; rows ordered by (session, symbol, seq). Further
        quotes columns are handed to the step as well.
    states : mapping of str to records [1]
        Symbol -> state, with an entry (`state_new` for these features) for every symbol that occurs. Updated in place,
        so that the next group goes on from here.
    names : sequence of str
        The features, k of them.

    Returns
    -------
    float64 [n, k]
        NaN in rows whose ring of LOOKBACK rows is not full, and where a feature's input is NaN.

    Raises
    ------
    KeyError
        For an unknown feature, or a column of `inputs` that is missing.
    ValueError
        For a state that is not of these features: the kernel would write beyond its end.
    """
    module = step_module(names)
    place = {name: j for j, name in enumerate(module.NAMES)}
    picks = np.array([place[name] for name in names], dtype=np.int64)
    if wrong := [symbol for symbol, state in states.items() if state.dtype != module.STATE]:
        raise ValueError(f"the state of {wrong[0]} is not one of these features: state_new(..., names)")
    if missing := [name for name in module.INPUTS if name not in columns]:
        raise KeyError(missing[0])
    symbols = columns["symbol"]
    data = {name: column for name, column in columns.items() if name != "symbol"}
    n = len(symbols)
    out, room, every = np.empty((n, len(picks))), blank(min(n, _CHUNK), QUOTE), np.zeros(1, module.FEATURES)
    changes = (np.flatnonzero(symbols[1:] != symbols[:-1]) + 1).tolist()
    for start, end in itertools.pairwise(sorted({*range(0, n, _CHUNK), *changes, n})):
        first = start % _CHUNK
        if first == 0:
            size = min(_CHUNK, n - start)
            fill(room[:size], {name: column[start : start + size] for name, column in data.items()})
        rows = room[first : first + end - start]
        module.loop(states[str(symbols[start])], rows, picks, every, out[start:end])
    return out
