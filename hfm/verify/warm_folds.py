"""A fold whose networks begin from the fold before knows nothing later (`train.warm_start`)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from hfm.artifacts import BARS, MODEL, PREDICTIONS, WEIGHTS
from hfm.models import checkpoint, inference
from hfm.plugins import Arrays
from hfm.tables import column_array
from hfm.train import folds
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import InMemoryRun, synthetic
from hfm.verify.lookahead import compare
from hfm.verify.lookahead.compare import Difference

SESSIONS, SEED = 24, 35
"""Three folds and the final fit."""
SETTINGS: dict[str, dict[str, object]] = {
    "fetch": {"interval": "15m"}, "simulate": {"signal": "planted", "rho": 0.5},
    "train": {"model": "lstm", "seeds": 2, "hidden": 8, "layers": 1, "epochs": 6, "batch": 4, "lr": 0.003},
}  # fmt: skip
"""Small networks, which learn enough of a strong signal for the next fold to begin from them."""
PRICES = {"open": "open", "high": "low", "low": "high", "close": "close"}
"""Column of bars that are turned over -> the column that it is made of."""


@dataclass
class Poisonings:
    """What was found of all poisoned markets together.

    standing: forecasts before the poison. kept, moved: whether each fit is the same that could not see it, is another
    that could; by the fit's and an array's name. answered: whether forecasts of each poisoned test part are others.
    """

    standing: list[Difference] = field(default_factory=list)
    kept: list[Difference] = field(default_factory=list)
    moved: list[bool] = field(default_factory=list)
    answered: list[bool] = field(default_factory=list)


def turned(bars: pa.Table, row: int) -> pa.Table:
    """Bars whose moves from a row on are twice as large the other way, and their volume three times as large.

    Parameters
    ----------
    bars
        [n] of one symbol.
    row
        The first that changes; 1 or more.

    Returns
    -------
    pa.Table
        [n]; still bars, high being the highest.
    """
    later = np.arange(bars.num_rows) >= row
    level = float(column_array(bars["close"])[row - 1])
    found = {name: level * (level / column_array(bars[of])) ** 2 for name, of in PRICES.items()}
    for name, values in (*found.items(), ("volume", 3.0 * column_array(bars["volume"]))):
        at = bars.schema.get_field_index(name)
        known = np.where(later, values, column_array(bars[name]))
        bars = bars.set_column(at, bars.schema.field(at), pa.array(known))
    return bars


def warm_start() -> list[Row]:
    """Later sessions turned over from where a fold's validation part ends, and from its last test session on.

    Of each fold in turn. In every bit stand its fit, those before it and the forecasts before the poison; what could
    see the poison moves. Without `train.warm_start` each later fit is another: there is a beginning to be wrong in.

    Returns
    -------
    list[Row]
        Forecasts and fits that stand, forecasts and fits that move, fits that hang on the fold before.
    """
    base = synthetic(SESSIONS, SEED, SETTINGS)
    clean, found = base.through("simulate", "train"), Poisonings()
    for fold in folds.plan(SESSIONS):
        for session in (fold.test.first, fold.test.end - 1):
            compare_poisoned(base, clean, fold.number, session, found)
    anew = replace(base.config, train=replace(base.config.train, warm_start=False))
    return [*_rows(found), _hanging(fits(clean), fits(InMemoryRun(anew, base.artifacts).through("simulate", "train")))]


def compare_poisoned(base: InMemoryRun, clean: InMemoryRun, fold: int, session: int, found: Poisonings) -> None:
    """Train with the sessions from one on turned over, and compare with `clean`.

    Parameters
    ----------
    base
        After fetch.
    clean
        The same after train.
    fold
        The number of the one in whose test part the session lies.
    session
        Counted from the first of the data.
    found
        Is added to.
    """
    bars = base.table(BARS)
    day = column_array(bars["session"])
    row = int((day == np.unique(day)[session]).argmax())
    other = base.replaced(bars=turned(bars, row)).through("simulate", "train")
    written, again = clean.table(PREDICTIONS), other.table(PREDICTIONS)
    at = int(compare.times(bars)[row])
    found.standing.append(compare.difference(written, again, at, inference.FORECAST_COLUMNS))
    found.answered.append(_of_fold(written, fold) != _of_fold(again, fold))
    for number, (one, two) in enumerate(zip(fits(clean).values(), fits(other).values(), strict=True)):
        networks_first = sorted(one, key=lambda key: (not key.startswith("seed"), key))
        wrong = [key for key in networks_first if not np.array_equal(one[key], two[key], equal_nan=True)]
        if number <= fold:
            found.kept.append(Difference(1, int(not wrong), wrong[0] if wrong else "", f"fold {number}"))
        else:
            found.moved.append(bool(wrong))


def fits(run: InMemoryRun) -> dict[str, Arrays]:
    """The arrays of the trained model by fit: the folds in turn, then the final one."""
    weights = run.artifacts[WEIGHTS]
    assert isinstance(weights, bytes)
    stored = checkpoint.load(weights, run.document(MODEL))
    places = [*(f"fold{fold.number}" for fold in folds.plan(SESSIONS)), "final"]
    return {place: stored.part(place) for place in places}


def _of_fold(predictions: pa.Table, number: int) -> bytes:
    """The bits of the trained model's direction in one fold's test part."""
    ours = column_array(predictions["fold"]) == number
    ours &= column_array(predictions["model"]) == "lstm"
    return bytes(column_array(predictions["p_up"])[ours].tobytes())


def _rows(found: Poisonings) -> list[Row]:
    """The rows of the table about poisoned markets."""
    out = []
    for what, parts in (("forecasts", found.standing), ("fits", found.kept)):
        sum_of = compare.total(parts)
        text = f"warm-started {what} that ignore poisoned later sessions"
        if sum_of.same < sum_of.rows:
            text = f"{text}: {sum_of.column} of {sum_of.place} does not"
        out.append(Row(text, f"{sum_of.rows} of {sum_of.rows}", sum_of.same, sum_of.rows, sum_of.rows))
    moving = {"test parts whose forecasts move as they are poisoned": found.answered,
              "fits that move with poisoned sessions among their own": found.moved}  # fmt: skip
    for what, flags in moving.items():
        n = len(flags)
        out.append(Row(f"warm-started {what}", f"{n} of {n}", sum(flags), n, n))
    return out


def _hanging(warm: Mapping[str, Arrays], anew: Mapping[str, Arrays]) -> Row:
    """The row of the table that networks of every fit after the first would be others without a warm start."""
    count = len(warm) - 1
    hang = [
        any(not np.array_equal(warm[place][key], anew[place][key]) for key in warm[place] if key.startswith("seed"))
        for place in itertools.islice(warm, 1, None)
    ]
    return Row("later fits whose networks hang on the fold before", f"{count} of {count}", sum(hang), count, count)
