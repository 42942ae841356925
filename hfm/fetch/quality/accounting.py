"""What is kept of a symbol's raw bars, what is rejected and why, and what is missing. Nothing is filled.

Order: rows after the horizon (the forming bar), rows outside the sessions, off-grid stamps, empty rows,
broken prices and volumes, disorder of open, high, low and close, duplicates (the newest valid one is kept),
prices on another level (hfm.fetch.quality.level_shifts), jumps of closes, then opens, wicks and border closes that one bar alone has
(hfm.fetch.quality.outliers). A rejected row is counted by reason and listed; rows outside the sessions and empty ones are
counted as such.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm import stale_rows as stale
from hfm.fetch.quality import bad_prints, level_shifts, outliers, scales
from hfm.fetch.quality.bad_prints import NEAR, NOBODY, Peers
from hfm.fetch.quality.level_shifts import Shift
from hfm.fetch.quality.scales import Priced
from hfm.fetch.sessions import Bool, Int, Sessions
from hfm.plugins import RawBars

Float = npt.NDArray[np.float64]
JUMP = 10.0
"""MAD-sigmas of a move that is looked at."""
TRAIL = 20
"""Sessions whose returns give the sigma."""
ROUNDING = 1e-6
"""Relative disorder that float32 vendors show; wider disorder is a broken bar."""
LISTED = 50
"""Rejected rows that are listed one by one."""
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Grid:
    """Clean bars of one symbol in order, arrays of one length. `index`: position in the sessions."""

    index: Int
    seq: Int
    time: Int
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float

    def pick(self, keep: Bool | Int) -> Grid:
        """Some of the bars."""
        if keep.dtype == bool and keep.all():
            return self
        return Grid(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


@dataclass
class Quality:
    """The account of one symbol; counts of rows unless said otherwise."""

    raw: int = 0
    future: int = 0
    """After the horizon: a forming bar, or later than --as-of."""
    outside: int = 0
    """Outside the regular sessions."""
    empty: int = 0
    """All four prices missing: the same as no row."""
    duplicates: int = 0
    conflicts: int = 0
    """Duplicates that disagree."""
    widened: int = 0
    """High or low moved by float32 rounding (at most 1e-6) to enclose open and close."""
    rejected: dict[str, int] = field(default_factory=dict)
    """Reason -> rows: off_grid, price, volume, disorder, level, jump, open, wick."""
    rows: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON values
    """The first rejected rows, whole."""
    excursions: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON values
    """Stretches on another level: first, last, bars, and the factor to the prices around them."""
    shifts: list[Shift] = field(default_factory=list)
    """Where prices are on another level from there on (rows of the grid): judged by hfm.fetch.quality.splits."""
    jumps: list[str] = field(default_factory=list)
    """Of these, what a user should know of those that were kept."""
    adjusted: list[str] = field(default_factory=list)
    """Adjustments of prices that were asked for, a sentence each."""
    doubtful: list[str] = field(default_factory=list)
    """Bars that hold a price far from those beside it and are kept: the first LISTED."""
    moves: int = 0
    """Moves of more than 10 MAD-sigma that stayed, or that came back and were real: news, kept."""
    filled: int = 0
    """Prices that stood still where the symbol's own bars say that they move: filled by the vendor, it seems."""
    filled_sessions: dict[str, int] = field(default_factory=dict)
    """Sessions with such -> bars, the worst LISTED."""
    standing: list[str] = field(default_factory=list)
    """Runs of one price in the first sessions, which have no look-back for `filled`: the first LISTED."""
    zero_volume: int = 0
    expected: int = 0
    """Bars due in the sessions present."""
    present: int = 0
    sessions: int = 0
    lost_sessions: list[str] = field(default_factory=list)
    thin_sessions: dict[str, int] = field(default_factory=dict)
    """Sessions with less than half their bars -> bars present."""
    first: str = ""
    last: str = ""
    stale: int = 0
    """Bars due since the last one."""

    @property
    def gap(self) -> float:
        """Share of bars missing inside the sessions present."""
        return 1 - self.present / self.expected if self.expected else 1.0

    @property
    def refused(self) -> int:
        """Rows rejected, for any reason."""
        return sum(self.rejected.values())

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """All of it, for the metadata."""
        shifts = [{**shift._asdict(), "unit": _number(shift.unit)} for shift in self.shifts]
        return {**self.__dict__, "shifts": shifts, "gap": round(self.gap, 6)}

    def reject(self, reason: str, raw: RawBars, rows: Int) -> None:
        """Count rows of `raw` as rejected, and list the first of them."""
        if rows.size:
            self.rejected[reason] = self.rejected.get(reason, 0) + int(rows.size)
            for row in rows[: LISTED - len(self.rows)]:
                bar = {name: _number(getattr(raw, name)[row]) for name in (*PRICES, "volume")}
                self.rows.append({"time": _stamp(raw.time[row]), "reason": reason, **bar})


def clean(raw: RawBars, sessions: Sessions, until: int, others: Peers = NOBODY) -> tuple[Grid, Quality]:
    """The bars of `raw` that end by `until` (ns UTC) on the grid, in order, and the account of what was dropped.

    others: when other symbols moved, a witness of moves that come back.
    """
    quality = Quality(raw=len(raw.time))
    index, seq, inside, on = sessions.grid(raw.time)
    past = raw.time <= until
    quality.future = int((~past).sum())
    quality.outside = int((past & ~inside).sum())
    quality.reject("off_grid", raw, np.flatnonzero(past & inside & ~on))
    rows = np.flatnonzero(past & on)
    prices = np.stack([getattr(raw, name)[rows] for name in PRICES])
    blank = np.isnan(prices).all(0)
    quality.empty = int(blank.sum())
    broken = ~blank & ~(np.isfinite(prices) & (prices > 0)).all(0)
    volume = raw.volume[rows]
    unsized = ~blank & ~broken & ~(np.isfinite(volume) & (volume >= 0))
    quality.reject("price", raw, rows[broken])
    quality.reject("volume", raw, rows[unsized])
    rows = rows[~blank & ~broken & ~unsized]
    rows, raw = _order(raw, rows, quality)
    rows = _newest(raw, rows, index, seq, quality)
    grid = Grid(index[rows], seq[rows], *(getattr(raw, name)[rows] for name in ("time", *PRICES, "volume")))
    bars = scales.priced(grid.index, grid.seq, (grid.open, grid.high, grid.low, grid.close), grid.volume)
    keep = _level(grid, bars, sessions, others, quality)
    quality.reject("level", raw, rows[~keep])
    rows, grid, bars = rows[keep], grid.pick(keep), bars.pick(keep)
    spikes, moves = jumps(grid, others, bars.sigma)
    quality.reject("jump", raw, rows[spikes])
    quality.moves = int(moves.sum())
    rows, grid, bars = rows[~spikes], grid.pick(~spikes), bars.pick(~spikes)
    _follow(quality, ~spikes)
    left = np.ones(len(rows), bool)
    for reason, found in _alone(grid, bars, others, quality).items():
        quality.reject(reason, raw, rows[found & left])
        left &= ~found
    _follow(quality, left)
    grid = grid.pick(left)
    quality.zero_volume = int((grid.volume == 0).sum())
    _fillings(grid, sessions, quality)
    return grid, quality


def _level(grid: Grid, bars: Priced, sessions: Sessions, others: Peers, quality: Quality) -> Bool:
    """[n] bars on the level of those around them; stretches of others are listed, and shifts are noted."""
    keep = np.ones(len(grid.time), bool)
    if not len(grid.time):
        return keep
    found = level_shifts.find(bars, int(sessions.slots.max()))
    after = np.append(grid.time[1:], grid.time[-1])
    real = [
        one for one in found.excursions
        if not one.unit and bad_prints.together(int(grid.time[one.first]), int(after[one.last]), others) > 0
    ]  # fmt: skip
    wrong = [one for one in found.excursions if one not in real]
    for one in wrong:
        keep[one.first : one.last + 1] = False
    for one in wrong[:LISTED]:
        quality.excursions.append({
            "first": _stamp(grid.time[one.first]), "last": _stamp(grid.time[one.last]),
            "bars": one.last - one.first + 1, "factor": float(f"{one.factor:.6g}"),
        })  # fmt: skip
    quality.doubtful = [_stamp(grid.time[one.first]) for one in (*found.traded, *real)]
    quality.shifts = list(found.shifts)
    _follow(quality, keep)
    return keep


def _follow(quality: Quality, keep: Bool) -> None:
    """Let the shifts name the same bars after some have been dropped (the next bar where it was one of these)."""
    place = np.cumsum(keep) - 1
    quality.shifts = [s._replace(row=int(place[s.row]) + (not keep[s.row])) for s in quality.shifts]
    quality.shifts = [s for s in quality.shifts if s.row < np.count_nonzero(keep)]


def _alone(grid: Grid, bars: Priced, others: Peers, quality: Quality) -> dict[str, Bool]:
    """[n] by reason, bars with a price that stands alone and is wrong. Those that are kept are listed: they were traded
    as such a move is, or other symbols moved with them."""
    found = {"jump": outliers.borders(bars), "open": outliers.opens(bars), "wick": outliers.wicks(bars)}
    kept = np.zeros(len(grid.time), bool)
    for each in found.values():
        for row in np.flatnonzero(each.wrong).tolist():
            last = int(grid.time[min(row + 1, len(grid.time) - 1)])
            each.kept[row] |= bad_prints.together(int(grid.time[row]), last, others) > 0
        each.wrong[each.kept] = False
        kept |= each.kept
    times = {*quality.doubtful, *(_stamp(time) for time in grid.time[kept])}
    quality.doubtful = sorted(times)[:LISTED]
    return {reason: each.wrong for reason, each in found.items()}


def _fillings(grid: Grid, sessions: Sessions, quality: Quality) -> None:
    """Count the bars that stood still against all probability (hfm.stale_rows), and name their sessions."""
    if not len(grid.time):
        return
    days, row = np.unique(grid.index, return_inverse=True)
    slots = int(sessions.slots[days].max())
    cell = row * slots + grid.seq

    def matrix(values: Float) -> Float:
        out = np.full(len(days) * slots, np.nan)
        out[cell] = values
        return out.reshape(-1, slots)

    open_, high, low, close, volume = (matrix(getattr(grid, name)) for name in (*PRICES, "volume"))
    bars = stale.PriceRows(open_, high, low, close, volume, np.isfinite(open_))
    found, _ = stale.detect(stale.new_state(slots), bars)
    rows = stale.extent(found.unmoved.ravel()[cell], found.stale.ravel()[cell], row)
    quality.filled = int(rows.sum())
    runs = outliers.standing((grid.open, grid.high, grid.low, grid.close), grid.index)
    quality.standing = [
        f"{last - first + 1} from {_stamp(grid.time[first])} to {_stamp(grid.time[last])}"
        for first, last in runs if not rows[first : last + 1].any()
    ][:LISTED]  # fmt: skip
    counts = np.bincount(row[rows], minlength=len(days))
    worst = np.sort(np.argsort(-counts, kind="stable")[: min(LISTED, np.count_nonzero(counts))])
    quality.filled_sessions = {str(sessions.day[days[k]]): int(counts[k]) for k in worst}


def _order(raw: RawBars, rows: Int, quality: Quality) -> tuple[Int, RawBars]:
    """Rows whose high and low enclose open and close, and the bars with rounding repaired."""
    open_, high, low, close = (getattr(raw, name)[rows] for name in PRICES)
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    bad = (high < top * (1 - ROUNDING)) | (low > bottom * (1 + ROUNDING)) | (high < low)
    near = ~bad & ((high < top) | (low > bottom))
    quality.widened = int(near.sum())
    quality.reject("disorder", raw, rows[bad])
    if near.any():
        highs, lows = raw.high.copy(), raw.low.copy()
        highs[rows], lows[rows] = np.maximum(high, top), np.minimum(low, bottom)
        raw = RawBars(raw.time, raw.open, highs, lows, raw.close, raw.volume, raw.notes, raw.warnings)
    return rows[~bad], raw


def _newest(raw: RawBars, rows: Int, index: Int, seq: Int, quality: Quality) -> Int:
    """Rows in order of the grid; of several in one slot the one that came last.

    A quote (one price, no volume) gives way to a bar with volume, whichever came last.
    """
    bar = (raw.volume[rows] > 0) | (raw.high[rows] != raw.low[rows])
    rows = rows[np.lexsort((rows, bar, seq[rows], index[rows]))]
    same = (index[rows[1:]] == index[rows[:-1]]) & (seq[rows[1:]] == seq[rows[:-1]])
    older, newer = rows[:-1][same], rows[1:][same]
    quality.duplicates = int(same.sum())
    differ = [getattr(raw, name)[older] != getattr(raw, name)[newer] for name in (*PRICES, "volume")]
    quality.conflicts = int(np.logical_or.reduce(differ).sum())
    return rows[~np.append(same, False)] if rows.size else rows


def jumps(grid: Grid, others: Peers = NOBODY, sigma: Float | None = None) -> tuple[Bool, Bool]:
    """(spikes, moves) of bars in order: closes that leave by more than JUMP sigmas and return, or stay.

    Sigma: 1.4826 x the median absolute return of the TRAIL sessions before (the first session: its own), and
    at least that of the NEAR bars on either side, so that a wild hour is no row of errors. A spike needs the
    bars before and after it in the same session: nothing is said of a session's first and last bar. Moves
    that stay are news, and so are those that return where no second witness speaks against them (prints.verdict).
    sigma: where it is known already.
    """
    n = len(grid.time)
    spikes, moves = np.zeros(n, bool), np.zeros(n, bool)
    if n < 3:
        return spikes, moves
    step = np.diff(np.log(grid.close))
    step[grid.index[1:] != grid.index[:-1]] = np.nan
    into = np.append(np.nan, step)
    out = np.append(step, np.nan)
    sigma = trailing_sigma(grid.index, into) if sigma is None else sigma
    with np.errstate(invalid="ignore"):
        big = np.abs(into) > JUMP * sigma
        back = (np.minimum(np.abs(into), np.abs(out)) > JUMP * sigma) & (np.abs(into + out) < np.abs(into) / 2)
    bars = bad_prints.Closes(grid.time, grid.open, grid.close, grid.volume)
    for row in np.flatnonzero(back & (sigma > 0)):
        near = np.concatenate([into[max(row - NEAR, 0) : row], into[row + 2 : row + 2 + NEAR]])
        near = near[~np.isnan(near)]
        local = 1.4826 * float(np.median(np.abs(near))) if near.size else 0.0
        alone = min(abs(into[row]), abs(out[row])) > JUMP * local
        spikes[row] = alone and bad_prints.verdict(bars, int(row), others)
    after = np.append(False, spikes[:-1])
    moves[:] = big & (sigma > 0) & ~spikes & ~after
    return spikes, moves


def trailing_sigma(index: Int, change: Float) -> Float:
    """[n] 1.4826 x median |change| of the TRAIL sessions before each row's own; NaN where there is no return."""
    border = np.flatnonzero(np.append(True, index[1:] != index[:-1]))
    ends = np.append(border[1:], len(index))
    sigma = np.full(len(index), np.nan)
    for k, (start, end) in enumerate(zip(border, ends, strict=True)):
        low, high = (border[max(k - TRAIL, 0)], start) if k else (start, end)
        window = np.abs(change[low:high])
        window = window[~np.isnan(window)]
        if window.size:
            sigma[start:end] = 1.4826 * scales.median(window)
    return sigma


def account(grid: Grid, quality: Quality, sessions: Sessions, until: int) -> None:
    """Fill in what was due in `sessions` (the span asked for) by `until`, what is there and what is not."""
    due = sessions.due(until)
    have = np.bincount(grid.index, minlength=len(sessions))
    here = have > 0
    quality.expected, quality.present = int(due[here].sum()), int(have.sum())
    quality.sessions = int(here.sum())
    quality.lost_sessions = [str(day) for day in sessions.day[~here & (due > 0)]]
    thin = here & (have < due / 2)
    quality.thin_sessions = {str(d): int(h) for d, h in zip(sessions.day[thin], have[thin], strict=True)}
    if len(grid.time):
        quality.first, quality.last = _stamp(grid.time[0]), _stamp(grid.time[-1])
        quality.stale = int(due.sum() - sessions.due(int(grid.time[-1])).sum())


def _stamp(time: np.int64) -> str:
    return f"{np.datetime64(int(time), 'ns').astype('datetime64[s]')}Z"


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
