"""The tables of a fitted flow as facts.json and simulate.tables hold them: flat lists by name (made by fitted.fit).

What the engine takes of them: its record of laws, the pace of events, and how far from the best prices orders stand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hfm.errors import ConfigError
from hfm.simulate.book.book_state import LAW_SHAPES, LAWS, Pace, Record

SHAPES: dict[str, tuple[int, ...]] = {**LAW_SHAPES, "pace": (len(Pace._fields),)}
"""The tables of a fit, as facts.json and simulate.tables hold them: flat, in this order."""
SIZED = ("queue_edges", "join", "improve", "deep", "hidden", "next")
"""Tables in shares."""
SWING = 1.5
"""A bar's ln rate is at most this far from the mean one."""
AGAIN = "--calibrate-from RUN"


def pace(tables: Mapping[str, Sequence[float]]) -> Pace:
    """The rates and spreads of a fit."""
    return Pace(*tables["pace"])


def rate(tables: Mapping[str, Sequence[float]], volume: float) -> float:
    """Events a second of a bar that trades so many shares a second."""
    of = pace(tables)
    ln_rate = of.level + of.slope * math.log(max(volume, 1e-9))
    return math.exp(min(max(ln_rate, of.ln_rate - SWING), of.ln_rate + SWING))


def reach(tables: Mapping[str, Sequence[float]]) -> int:
    """Ticks from the opposite best within which orders stand: far beyond what the fit saw, in bounds."""
    far = max(max(tables[name]) for name in ("inside", "back", "add_at", "cancel_at"))
    return int(min(max(4.0 * far, 60.0), 2000.0))


def laws(tables: Mapping[str, Sequence[float]], unit: float) -> Record:
    """A fit as the engine holds it (book_state.LAWS). unit: shares of the engine's sizes."""
    out: Record = np.zeros(1, LAWS)[0]
    for name, shape in LAW_SHAPES.items():
        out[name] = np.reshape(np.asarray(tables[name], float) / (unit if name in SIZED else 1.0), shape)
    out["mean_spread"], out["widest_spread"] = pace(tables).mean_spread, pace(tables).widest_spread
    return out


def checked(tables: Mapping[str, Sequence[float]]) -> None:
    """See that tables are those of a fit.

    Parameters
    ----------
    tables
        By name, flat.

    Raises
    ------
    ConfigError
        For a name too many or too few, another length, what is no finite number, or one below 0 where none is.
    """
    for name, shape in SHAPES.items():
        many = math.prod(shape)
        if name not in tables:
            raise ConfigError(f"simulate.tables lacks {name!r}", hint=AGAIN)
        if len(tables[name]) != many or not np.isfinite(tables[name]).all():
            raise ConfigError(f"simulate.tables.{name} is not {many} finite numbers", hint=AGAIN)
        if name != "gaps" and name != "pace" and min(tables[name]) < 0:
            raise ConfigError(f"simulate.tables.{name} has a number below 0", hint=AGAIN)
    if unknown := sorted(set(tables) - set(SHAPES)):
        raise ConfigError(f"simulate.tables has no {unknown[0]!r}", why=f"it holds {', '.join(SHAPES)}", hint=AGAIN)
