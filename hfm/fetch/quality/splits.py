"""Shifts of a symbol's prices: which are splits or changes of unit, which are news, and which are named.

What is refused waits for an adjustment (adjustments). Volume tells: of news, turnover and shares both surge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hfm.errors import DataError, typed
from hfm.fetch.quality.adjustments import KEEP, LOOK, parse_adjustments, ratio_text
from hfm.fetch.quality.bar_quality import BarQuality
from hfm.fetch.quality.grid_bars import GridBars
from hfm.fetch.quality.level_shifts import LEAP, Shift
from hfm.fetch.quality.scales import MAD
from hfm.fetch.sessions import Sessions

ASK = "To adjust it: --adjust"
SURGE, SMALL_SURGE, SMALL = 3.0, 1.6, 2.5
"""Times the usual turnover (price x volume) above which a shift is news; of ratios below SMALL, SMALL_SURGE."""
LONG = 5
"""Missing sessions after which prices may be elsewhere for good reasons."""
MIXED = 0.2
"""Share of bars on other levels above which none of them is right for certain."""
WHOLE = 0.03
"""How near, in logarithms, a ratio is to a whole number for that to be offered."""
SURE = 0.06
"""How near a common ratio is preferred to a rare one that is nearer: 10 to 9.5, and not to 9."""
CLOSE = 0.012
"""The same for small steps, where neighbours are a few hundredths apart."""
FRACTIONS = (21 / 20, 11 / 10, 6 / 5, 5 / 4, 4 / 3, 7 / 5, 3 / 2, 5 / 3, 7 / 4, 5 / 2, 7 / 2)
"""Splits, stock dividends and spin-offs that are no whole number."""
SMALL_STEP, SMALL_NIGHTS = 0.045, 8.0
"""A smaller shift between sessions is named beyond so much, and so many sigmas of the night, if volume stays usual."""
COPIED = 0.95
"""Share of a session's bars that are those of the session before from which on it is called a copy."""
DAYS = 6.0
"""Sigmas of so many sessions that they may be away then."""


@dataclass(frozen=True)
class JudgedShift:
    """A shift with what the volume says: turnover (price x volume) and shares, times the usual.

    refused: a split or a unit, or a leap that no volume explains. session: as it is typed.
    """

    shift: Shift
    session: str
    turnover: float
    shares: float
    refused: bool

    def sentence(self) -> str:
        """For a person."""
        ratio = self.shift.ratio
        times = f"{ratio:.3g} times" if ratio > 1 else f"1/{1 / ratio:.3g} of"
        traded = f", turnover {self.turnover:.2g} times the usual" if np.isfinite(self.turnover) else ""
        return f"from {self.session} on, prices are {times} those before{traded}"

    @property
    def adjustment(self) -> str:
        """The adjustment that would mend it."""
        return f"{self.session}={ratio_text(1.0 / likely_ratio(self.shift.ratio, self.shift.unit))}"


def likely_ratio(ratio: float, unit: float = np.nan, near: float = WHOLE) -> float:
    """The ratio that was meant by a measured one.

    `unit` where the measured one is as near as a night allows, else the whole number or the small fraction that it is
    near, or one over it; else the measured one to four digits.

    Parameters
    ----------
    ratio : measured, positive.
    unit : ratio of a unit or split that is near; NaN: none.
    near : how near, in logarithms.

    Returns
    -------
    float
    """
    if np.isfinite(unit) and abs(np.log(ratio / unit)) < SURE:
        return unit
    many = max(ratio, 1.0 / ratio)
    known = np.array([*FRACTIONS, max(2.0, float(round(many)))])
    best = float(known[np.abs(np.log(many / known)).argmin()])
    if abs(np.log(many / best)) < near:
        return best if ratio > 1 else 1.0 / best
    return unit if np.isfinite(unit) else float(f"{ratio:.4g}")


def judge_shifts(shifts: Sequence[Shift], grid: GridBars, sessions: Sessions) -> list[JudgedShift]:
    """Each shift with its session and whether it is refused.

    Parameters
    ----------
    shifts : rows of `grid`.
    grid : clean bars; `index` counts in `sessions`.
    sessions : of the span.

    Returns
    -------
    list of JudgedShift
        Those that a user should know.
    """
    out = []
    for shift in shifts:
        turnover, shares = _traded(shift, grid)
        session = str(sessions.day[grid.index[shift.row]])
        if shift.inside:
            start = int(grid.time[shift.row]) - sessions.interval
            session = f"{np.datetime64(start, 'ns').astype('datetime64[s]')}Z"
        out.append(JudgedShift(shift, session, turnover, shares, _refused(shift, min(turnover, shares), grid)))
    return [one for one in out if one.refused or np.isfinite(one.shift.unit) or _named(one)]


def _named(one: JudgedShift) -> bool:
    """Whether a shift that is not refused is large, or quiet: of news turnover and shares surge."""
    surge = min(one.turnover, one.shares)
    return bool(abs(np.log(one.shift.ratio)) > LEAP or not (np.isfinite(surge) and surge > SMALL_SURGE))


def _refused(shift: Shift, surge: float, grid: GridBars) -> bool:
    """Whether a shift is no news: of news, turnover and shares both surge. surge: the smaller of the two."""
    size, unit = abs(float(np.log(shift.ratio))), shift.unit
    if not np.isfinite(unit) and size <= LEAP:
        return False
    # after LONG missing sessions prices may be elsewhere: as far as so many sessions go
    missing = int(grid.index[shift.row] - grid.index[max(shift.row - 1, 0)]) - 1
    if missing > LONG and size < DAYS * _daily(grid) * np.sqrt(missing):
        return False
    # news surge; of a small ratio, and of one that is no split's, a smaller surge is enough
    small = np.isfinite(unit) and max(unit, 1.0 / unit) < SMALL
    most = SMALL_SURGE if small or not np.isfinite(unit) else SURGE
    return not (np.isfinite(surge) and surge > most)


def _daily(grid: GridBars) -> float:
    """Sigma of the returns from session to session, at least 2 %."""
    last = np.flatnonzero(np.append(grid.index[1:] != grid.index[:-1], True))
    moves = np.abs(np.diff(np.log(grid.close[last])))
    return max(MAD * float(np.median(moves)) if moves.size else 0.0, 0.02)


def _traded(shift: Shift, grid: GridBars) -> tuple[float, float]:
    """Turnover and shares in the session after a shift, times the usual; NaN where volume is not known."""
    # the usual is that of the same slots in the LOOK sessions before it, else of all bars before it
    at = np.arange(len(grid.index))
    first = grid.index[shift.row]
    after = (grid.index == first) & (at >= shift.row)
    before = (grid.index >= first - LOOK) & (at < shift.row) & np.isin(grid.seq, grid.seq[after])
    if not before.any():
        before = at < shift.row
    out = []
    for worth in (grid.close * grid.volume, grid.volume):
        usual = float(np.median(worth[before])) if before.any() else 0.0
        out.append(float(np.median(worth[after])) / usual if usual > 0 and worth[after].any() else float("nan"))
    return out[0], out[1]


def describe_shifts(
    symbol: str, quality: BarQuality, grid: GridBars, sessions: Sessions, texts: Sequence[str], symbols: Sequence[str]
) -> list[str]:
    """What a user should know of a symbol's shifts, a sentence each.

    Parameters
    ----------
    symbol : for messages.
    quality : its account, with the shifts.
    grid : its clean bars; `index` counts in `sessions`.
    sessions : of the span.
    texts : adjustments as they were typed.
    symbols : all symbols of the request.

    Returns
    -------
    list of str

    Raises
    ------
    DataError
        Where a shift must be settled first, or so many bars are on other levels that nobody can say which is right.
    """
    wrong, first = quality.rejected.get("level", 0), next(iter(quality.excursions), {})
    if wrong > MIXED * (wrong + len(grid.time)):
        raise DataError(
            f"{symbol}: {wrong} of {wrong + len(grid.time)} bars stand on another level than those around them",
            why=f"the first from {first['first']} on, {first['factor']:g} times as high",
            hint="export prices of one unit, adjusted for splits; no option mends this",
        )
    found = judge_shifts(quality.shifts, grid, sessions)
    keep, _ = parse_adjustments(texts)
    kept = None in keep or symbol in keep
    refused = [one for one in found if one.refused]
    if not kept:
        _check_settled(symbol, refused, texts, len(symbols) > 1)
    asked = ", kept as asked: returns and costs hang on it"
    sentences = [one.sentence() + (asked if one.refused else _doubt(one)) for one in found]
    return [
        *sentences,
        *small_steps(grid, sessions, {one.shift.row for one in found}),
        *copied_sessions(grid, sessions),
    ]


def small_steps(grid: GridBars, sessions: Sessions, known: set[int]) -> list[str]:
    """A sentence for each step between sessions that is too small to be refused and too large for the symbol's nights.

    Steps that turnover explains are left out.

    Parameters
    ----------
    grid : clean bars; `index` counts in `sessions`.
    sessions : of the span.
    known : rows (first bars of sessions) that are judged already.

    Returns
    -------
    list of str
    """
    rows = np.flatnonzero(grid.index[1:] != grid.index[:-1]) + 1
    before = grid.close[rows - 1]
    step, close = np.log(grid.open[rows] / before), np.log(grid.close[rows] / before)
    sigma = MAD * float(np.median(np.abs(step))) if rows.size else 0.0
    # how far the whole first bar is from the close before: the smaller of open and close, where both are on one side
    size = np.where(step * close > 0, np.minimum(np.abs(step), np.abs(close)), 0.0)
    near = grid.index[rows] - grid.index[rows - 1] <= LONG
    out = []
    for k in np.flatnonzero((size > max(SMALL_STEP, SMALL_NIGHTS * sigma)) & near):
        if int(rows[k]) in known:
            continue
        shift = Shift(int(rows[k]), float(np.exp(step[k])), np.nan, False)
        turnover, shares = _traded(shift, grid)
        if min(turnover, shares) <= SMALL_SURGE:
            session = str(sessions.day[grid.index[shift.row]])
            one = JudgedShift(shift, session, turnover, shares, False)
            out.append(one.sentence() + _doubt(one))
    return out


def _doubt(one: JudgedShift) -> str:
    """What a small shift that no turnover explains may be, and what adjusts it; nothing of other shifts."""
    if one.refused or np.isfinite(one.shift.unit) or abs(np.log(one.shift.ratio)) > LEAP:
        return ""
    asked = f"{one.session}={ratio_text(1.0 / likely_ratio(one.shift.ratio, near=CLOSE))}"
    return f": a small split, a spin-off, a dividend or another currency? {ASK} {asked}"


def copied_sessions(grid: GridBars, sessions: Sessions) -> list[str]:
    """A sentence for the sessions whose bars are those of the session before, to the last digit and the last share."""
    borders = np.flatnonzero(np.append(True, grid.index[1:] != grid.index[:-1]))
    count = np.diff(np.append(borders, len(grid.index)))
    found = []
    for k in np.flatnonzero(count[1:] == count[:-1]) + 1:
        start, middle, end = borders[k - 1], borders[k], borders[k] + count[k]
        if grid.close[start] != grid.close[middle] and grid.close[middle - 1] != grid.close[end - 1]:
            continue  # most sessions: neither their first closes nor their last are alike
        names = ("seq", "open", "high", "low", "close", "volume")
        alike = [getattr(grid, name)[start:middle] == getattr(grid, name)[middle:end] for name in names]
        if np.logical_and.reduce(alike).mean() >= COPIED and (grid.volume[middle:end] > 0).any():
            found.append(str(sessions.day[grid.index[middle]]))
    if not found:
        return []
    return [
        f"the bars of {', '.join(found[:5])} are those of the session before, volume included: copied by the vendor?"
    ]


def _options(texts: Sequence[str]) -> list[str]:
    return [word for text in texts for word in ("--adjust", text)]


def _check_settled(symbol: str, wrong: Sequence[JudgedShift], texts: Sequence[str], several: bool) -> None:
    """Raise DataError where a symbol has shifts that are refused, with the adjustments that settle them."""
    if not wrong:
        return
    name = f"{symbol}:" if several else ""
    asked = [f"{name}{one.adjustment}" for one in wrong[:10]]
    known = all(np.isfinite(one.shift.unit) for one in wrong)
    kind = "a split that is not adjusted, or another unit" if known else "no split is near, and no volume explains it"
    more = f" (and {len(wrong) - 1} more such)" if len(wrong) > 1 else ""
    raise DataError(
        f"{symbol}: {wrong[0].sentence()}{more}: {kind}",
        why="it would be traded as a return, and raise every cost that is estimated from prices",
        hint=f"{typed(*_options((*texts, *asked)))}, or {typed(*_options([name + KEEP]))}",
    )
