"""Features of whole row groups: the loop over `step`, one state a symbol."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np
import numpy.typing as npt

from hfm.features import bar_features, event_features
from hfm.tables import Array

Float = npt.NDArray[np.float64]

INPUTS: tuple[str, ...] = ("symbol", *bar_features.ROW)
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
        "spread_78", "rv_12", "rv_78", *event_features.OWN,
    ),
}  # fmt: skip
"""Feature lists by name. `seed`: the mission's four, the spread itself, and the volatility with nights in it, both in
bps: the label asks whether the spread falls, and in that recipe it falls where it stands above 10 bp + 2 x volatility,
a rule linear in these two. `default`: all that bars can give; the two in bps it has as logarithms. `book`: and what
only an order book knows."""

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

_DAY_NS = 86_400 * 10**9


def maker(names: Sequence[str]) -> ModuleType:
    """What makes these features: `step`, or `events` where one of them is its own."""
    return bar_features if set(names) <= set(bar_features.NAMES) else event_features


def inputs(names: Sequence[str]) -> tuple[str, ...]:
    """Quotes columns that `compute` reads for these features; INPUTS for those that bars have."""
    return ("symbol", *maker(names).ROW)


def state_new(slots_per_session: int, interval_s: float, names: Sequence[str] = ()) -> Float:
    """The state of a symbol of which no row was seen, for these features: see step.state_new."""
    state: Float = maker(names).state_new(slots_per_session, interval_s)
    return state


def row_matrix(columns: Mapping[str, Array], names: Sequence[str] = bar_features.ROW) -> Float:
    """float64 [n, len(names)] of quotes columns as `tables.arrays` gives them; times from midnight UTC of the session
    on, in ns."""
    out = np.empty((len(columns["seq"]), len(names)))
    session = columns["session"].astype("datetime64[D]").astype(np.int64)
    for j, name in enumerate(names):
        data = columns[name]
        out[:, j] = (
            session if name == "session" else data - session * _DAY_NS if name in ("time", "time_open") else data
        )
    return out


def compute(columns: Mapping[str, Array], states: dict[str, Float], names: Sequence[str]) -> Float:
    """float64 [n, len(names)]: features of n quotes rows ordered by (session, symbol, seq).

    columns: those of `inputs`, as `tables.arrays` gives them. states: symbol -> state, with an entry
    (`state_new` for these features) for every symbol that occurs; updated in place, so that the next group goes on
    from here. Rows whose ring is not full are NaN. Raises KeyError for an unknown feature,
    ValueError for a state that is not of these features: the kernel would write beyond its end.
    """
    source = maker(names)
    place = {name: j for j, name in enumerate(source.NAMES)}
    picks = np.array([place[name] for name in names], dtype=np.int64)
    symbols = columns["symbol"]
    size = source.state_new(1, 1.0).size
    if wrong := [symbol for symbol, state in states.items() if state.size != size]:
        raise ValueError(f"the state of {wrong[0]} is not one of these features: state_new(..., names)")
    rows = row_matrix(columns, source.ROW)
    out = np.empty((len(rows), len(picks)))
    scratch = np.empty(len(source.NAMES))
    changes = np.flatnonzero(symbols[1:] != symbols[:-1]) + 1
    borders = [0, *changes.tolist(), len(rows)] if len(rows) else []
    for start, end in itertools.pairwise(borders):
        source.loop(states[str(symbols[start])], rows[start:end], picks, scratch, out[start:end])
    return out
