"""Prices on another level than those around them: in another unit, before a split, or wrong by a factor.

The prices of n bars in order form a chain of 2 n logarithms: open, close, open, close, ... A link between two of them
is broken where it moves as no market does. Two broken links that undo each other enclose an excursion: its bars are
wrong, if they are few. A broken link that nothing undoes is a shift: a split, another unit from there on, or news.

`unit` is the nearest ratio that a split or a change of unit has. Shifts are judged in hfm.fetch.quality.splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hfm.arrays import Float
from hfm.fetch.quality import scales
from hfm.fetch.quality.scales import ScaledBars

LEAP = float(np.log(1.5))
"""A link that no trading makes inside a session, and few nights do."""
NIGHT, GAP = 0.28, 0.09
"""Between sessions, the smallest link that a split of 3 for 2 leaves on a bad night; and that is looked at where it is
beyond NIGHTS sigmas, as of a split of 11 for 10."""
STEP, SIGMAS, NIGHTS, SHORT = 0.05, 25.0, 8.0, 6
"""A smaller link also breaks the chain where it is beyond STEP and SIGMAS sigmas (NIGHTS of the night's), if it is
undone within SHORT bars."""
NEWEST = 2
"""Bars of a file's end that are wrong on another level by any factor, unless they were traded as such a move is."""
RETURN, DRIFT = 0.5, 0.25
"""Share of a link, at most so much, by which its return may miss it."""
RATIOS = (1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0, 1000.0, 1e4, 1e6)
"""Of splits, then of units (pence, thousandths); and their inverses."""
UNITS = (10.0, 100.0, 1000.0, 1e4, 1e6)
NEAR, NEAR_SHARE = 0.12, 0.15
"""How far, in logarithms and as a share, the first price after a split may be from its ratio."""


class Excursion(NamedTuple):
    """Bars first..last (positions) whose prices stand at `factor` times those around them."""

    first: int
    last: int
    factor: float

    @property
    def unit(self) -> bool:
        """Whether the factor is a unit's."""
        return bool(np.isfinite(nearest_ratio(self.factor, UNITS)))


class Shift(NamedTuple):
    """From the bar at `row` on prices stand at `ratio` times those before.

    unit: the nearest ratio of a split or a unit, NaN: none is near. inside: whether it lies within a session.
    """

    row: int
    ratio: float
    unit: float
    inside: bool


class LevelFindings(NamedTuple):
    """Excursions that are errors, those that were traded as such a move is, and shifts."""

    excursions: tuple[Excursion, ...]
    traded: tuple[Excursion, ...]
    shifts: tuple[Shift, ...]


def find_level_changes(bars: ScaledBars, slots: int) -> LevelFindings:
    """The excursions and shifts of one symbol's bars in order.

    Parameters
    ----------
    bars : [n] bars of one symbol, prices positive.
    slots : bars of a full session; a longer stretch on another level is no excursion.

    Returns
    -------
    LevelFindings
    """
    # 1. links of the chain that are broken: by their size alone, or (fine) beyond the symbol's own moves
    chain = np.stack((bars.open, bars.close), axis=1).ravel()
    link = np.diff(np.log(chain)) if len(chain) else np.empty(0)
    night = np.zeros(len(link), bool)
    night[1::2] = bars.session[1:] != bars.session[:-1]
    sigma = np.repeat(np.nan_to_num(bars.scale, nan=np.inf), 2)[1:]
    nights = np.repeat(np.nan_to_num(bars.night, nan=np.inf), 2)[1:]
    fine = (np.abs(link) > STEP) & (np.abs(link) > np.where(night, NIGHTS * nights, SIGMAS * sigma))
    broken = np.abs(link) > np.where(night, NIGHT, LEAP)
    # 2. a broken link that undoes an earlier one ends an excursion; what it encloses and is only fine is dropped
    wrong: list[Excursion] = []
    traded: list[Excursion] = []
    pending: list[int] = []
    for at in np.flatnonzero(broken | fine):
        start = next((k for k in reversed(pending) if _encloses(link, k, int(at), slots)), None)
        if start is None:
            pending.append(int(at))
            continue
        pending = [k for k in pending if k < start or (k > start and broken[k])]
        run = Excursion((start + 1) // 2, int(at) // 2, float(np.exp(link[start])))
        (wrong if _is_error(bars, run) else traded).append(run)
    # 3. what nothing undoes: at a file's ends wrong bars, else shifts
    shifts = [at for at in pending if broken[at]]
    found = _at_file_ends(bars, link, LevelFindings(tuple(wrong), tuple(traded), ()), shifts, slots)
    # 4. nights that are small for a shift and large for the symbol's nights: splits such as 11 for 10
    gaps = [at for at in pending if night[at] and not broken[at] and abs(link[at]) > GAP]
    small = [Shift((at + 1) // 2, float(np.exp(link[at])), float("nan"), False) for at in gaps]
    return found._replace(shifts=tuple(sorted((*found.shifts, *small))))


def _encloses(link: Float, first: int, last: int, slots: int) -> bool:
    """Whether the last link leads back to where the first began, soon enough for what lies between to be wrong."""
    size, count = abs(link[first]), last // 2 - (first + 1) // 2 + 1
    undone = abs(link[first] + link[last]) < min(RETURN * size, DRIFT)
    # within a session's bars; for less than LEAP within SHORT ones, but not within one: outliers, bad_prints judge that
    return bool(undone and (count <= slots if size > LEAP else (count <= SHORT and last - first > 2)))


def _is_error(bars: ScaledBars, run: Excursion) -> bool:
    """Whether bars that left and came back are errors: by their factor, else by what was traded."""
    short, size = run.last - run.first < SHORT, abs(float(np.log(run.factor)))
    if run.unit or (size > LEAP and short):  # whatever their volume
        return True
    return (size > LEAP or short) and not scales.is_traded(bars, run.first, run.last, size)


def _at_file_ends(
    bars: ScaledBars, link: Float, found: LevelFindings, shifts: Sequence[int], slots: int
) -> LevelFindings:
    """`found` with the shifts; those beyond which only a file's first or newest bars stand are excursions."""
    n, kept, excursions = len(bars.close), [], list(found.excursions)
    for at in shifts:
        row, ratio = (at + 1) // 2, float(np.exp(link[at]))
        if at == 0:  # an open with nothing before it, that its own bar contradicts
            excursions.append(Excursion(0, 0, 1.0 / ratio))
            continue
        # a newest close that its own open contradicts, untraded
        if at == len(link) - 1 and not scales.is_traded(bars, n - 1, n - 1, abs(float(link[at]))):
            excursions.append(Excursion(n - 1, n - 1, ratio))
            continue
        inside = bool(bars.session[row] == bars.session[row - 1])
        before, after = at // 2 + 1, n - row
        unit, few = bool(np.isfinite(nearest_ratio(ratio, UNITS))), min(before, after)
        # few bars before or after it, in another unit by any volume, else NEWEST ones that are untraded
        if inside and (unit or few <= NEWEST):
            rows = (row, n - 1) if after <= before else (0, before - 1)
            if not unit and scales.is_traded(bars, *rows, abs(float(link[at]))):
                kept.append(Shift(row, ratio, nearest_ratio(ratio, RATIOS), inside))
                continue
            if at == shifts[-1] and after < min(slots, n / 2):
                excursions.append(Excursion(row, n - 1, ratio))
                continue
            if at == shifts[0] and before < min(slots, n / 2):
                excursions.append(Excursion(0, before - 1, 1.0 / ratio))
                continue
        kept.append(Shift(row, ratio, nearest_ratio(ratio, RATIOS), inside))
    return found._replace(excursions=tuple(excursions), shifts=tuple(kept))


def nearest_ratio(ratio: float, known: Sequence[float]) -> float:
    """The one of `known`, or of their inverses, that a ratio is near; NaN where it is near none."""
    log, logs = float(np.log(ratio)), np.log(np.array(known))
    gap = np.abs(abs(log) - logs)
    best = int(gap.argmin())
    if gap[best] > min(NEAR, NEAR_SHARE * logs[best]):
        return float("nan")
    return float(known[best]) if log > 0 else 1.0 / float(known[best])
