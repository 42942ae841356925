"""Features of whole row groups: the loop over `step`, one state a symbol."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hfm.features import step
from hfm.tables import Array

Float = npt.NDArray[np.float64]

INPUTS: tuple[str, ...] = ("symbol", *step.ROW)
"""Quotes columns that `compute` reads."""

_BARS = tuple(n for n in step.NAMES if n not in ("volatility", "volatility_nights", "spread", "imbalance", "micro"))
GROUPS: dict[str, tuple[str, ...]] = {
    "default": _BARS,
    "seed": ("volume_ratio", "momentum", "volatility", "ofi", "spread", "volatility_nights"),
    "book": (*_BARS, "imbalance", "micro"),
}
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
)
"""Features that change sign when prices are mirrored (log prices and flows negated); the others stay as they
are. Without a drift P(up) of the mirrored market is 1 - P(up), so that a linear model of direction has no use
for the rest."""

state_new = step.state_new
"""The state of a symbol of which no row was seen."""


def row_matrix(columns: Mapping[str, Array]) -> Float:
    """float64 [n, len(step.ROW)] of quotes columns as `tables.arrays` gives them."""
    out = np.empty((len(columns["seq"]), len(step.ROW)))
    for j, name in enumerate(step.ROW):
        data = columns[name]
        out[:, j] = data.astype("datetime64[D]").astype(np.int64) if name == "session" else data
    return out


def compute(columns: Mapping[str, Array], states: dict[str, Float], names: Sequence[str]) -> Float:
    """float64 [n, len(names)]: features of n quotes rows ordered by (session, symbol, seq).

    columns: those of INPUTS, as `tables.arrays` gives them. states: symbol -> state, with an entry
    (`state_new`) for every symbol that occurs; updated in place, so that the next group goes on from here.
    Rows whose ring is not full are NaN. Raises KeyError for an unknown feature.
    """
    place = {name: j for j, name in enumerate(step.NAMES)}
    picks = np.array([place[name] for name in names], dtype=np.int64)
    rows = row_matrix(columns)
    out = np.empty((len(rows), len(picks)))
    scratch = np.empty(len(step.NAMES))
    symbols = columns["symbol"]
    changes = np.flatnonzero(symbols[1:] != symbols[:-1]) + 1
    borders = [0, *changes.tolist(), len(rows)] if len(rows) else []
    for start, end in itertools.pairwise(borders):
        step.loop(states[str(symbols[start])], rows[start:end], picks, scratch, out[start:end])
    return out
