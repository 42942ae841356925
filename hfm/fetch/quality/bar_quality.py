"""What is kept of a symbol's raw bars, what is rejected and why, and what is missing. Nothing is filled.

Order: rows after the horizon (the forming bar), rows outside the sessions, off-grid stamps, empty rows,
broken prices and volumes, disorder of open, high, low and close, duplicates (the newest valid one is kept),
prices on another level (level_shifts), jumps of closes, then opens, wicks and border closes that one bar alone has
(outliers). A rejected row is counted by reason and listed; rows outside the sessions and empty ones are counted so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hfm import stale_rows
from hfm.arrays import Bool, Float, Int
from hfm.fetch.quality import bad_prints, level_shifts, outliers, scales
from hfm.fetch.quality.bad_prints import NO_PEERS, PeerMoves
from hfm.fetch.quality.grid_bars import GridBars
from hfm.fetch.quality.level_shifts import Shift
from hfm.fetch.quality.scales import ScaledBars
from hfm.fetch.sessions import Sessions
from hfm.raw_data import RawBars

ROUNDING = 1e-6
"""Relative disorder that float32 vendors show; wider disorder is a broken bar."""
LISTED = 50
"""Rejected rows that are listed one by one."""
PRICES = ("open", "high", "low", "close")


@dataclass
class BarQuality:
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
        """Count rows as rejected, and list the first of them.

        Parameters
        ----------
        reason : for which they are.
        raw : the bars.
        rows : [k] positions in `raw`.
        """
        if rows.size:
            self.rejected[reason] = self.rejected.get(reason, 0) + int(rows.size)
            for row in rows[: LISTED - len(self.rows)]:
                bar = {name: _number(getattr(raw, name)[row]) for name in (*PRICES, "volume")}
                self.rows.append({"time": _iso(raw.time[row]), "reason": reason, **bar})


def clean(raw: RawBars, sessions: Sessions, until: int, peers: PeerMoves = NO_PEERS) -> tuple[GridBars, BarQuality]:
    """The usable bars of a symbol on the grid, in order, and the account of what was dropped.

    Parameters
    ----------
    raw : bars as the source has them, in any order; a NaN in a price or volume drops its bar.
    sessions : the sessions on whose grid they are put.
    until : ns UTC; bars that end later are counted as future.
    peers : when other symbols moved, a witness of moves that come back.

    Returns
    -------
    GridBars, BarQuality
    """
    # 1. rows by their time: after the horizon, outside the sessions, off the grid
    quality = BarQuality(raw=len(raw))
    index, seq, inside, on_grid = sessions.grid(raw.time)
    past = raw.time <= until
    quality.future = int((~past).sum())
    quality.outside = int((past & ~inside).sum())
    quality.reject("off_grid", raw, np.flatnonzero(past & inside & ~on_grid))
    # 2. rows by their own values, then one a slot
    rows = _valid(raw, np.flatnonzero(past & on_grid), quality)
    rows, raw = _enclosed(raw, rows, quality)
    rows = _newest(raw, rows, index, seq, quality)
    # 3. stretches on another level
    grid = GridBars.of(raw.take(rows), index[rows], seq[rows])
    bars = scales.measure(grid)
    keep = _on_level(grid, bars, sessions, peers, quality)
    quality.reject("level", raw, rows[~keep])
    rows, grid, bars = rows[keep], grid.take(keep), bars.take(keep)
    # 4. closes that leave and come back
    jumps = bad_prints.close_jumps(grid, bars.sigma, peers)
    quality.reject("jump", raw, rows[jumps.spikes])
    quality.moves = int(jumps.moves.sum())
    keep = ~jumps.spikes
    rows, grid, bars = rows[keep], grid.take(keep), bars.take(keep)
    _renumber_shifts(quality, keep)
    # 5. prices that one bar alone has
    keep = np.ones(len(rows), bool)
    for reason, wrong in _single_bars(grid, bars, peers, quality).items():
        quality.reject(reason, raw, rows[wrong & keep])
        keep &= ~wrong
    _renumber_shifts(quality, keep)
    grid = grid.take(keep)
    quality.zero_volume = int((grid.volume == 0).sum())
    _count_filled(grid, sessions, quality)
    return grid, quality


def _valid(raw: RawBars, rows: Int, quality: BarQuality) -> Int:
    """Of `rows`, those with four positive finite prices and a volume of 0 or more."""
    prices = np.stack([getattr(raw, name)[rows] for name in PRICES])
    blank = np.isnan(prices).all(0)
    quality.empty = int(blank.sum())
    broken = ~blank & ~(np.isfinite(prices) & (prices > 0)).all(0)
    volume = raw.volume[rows]
    unsized = ~blank & ~broken & ~(np.isfinite(volume) & (volume >= 0))
    quality.reject("price", raw, rows[broken])
    quality.reject("volume", raw, rows[unsized])
    valid: Int = rows[~blank & ~broken & ~unsized]
    return valid


def _on_level(grid: GridBars, bars: ScaledBars, sessions: Sessions, peers: PeerMoves, quality: BarQuality) -> Bool:
    """[n] bars on the level of those around them; stretches of others are listed, and shifts are noted."""
    keep = np.ones(len(grid), bool)
    if not len(grid):
        return keep
    changes = level_shifts.find_level_changes(bars, int(sessions.slots.max()))
    after = np.append(grid.time[1:], grid.time[-1])
    real = [
        one for one in changes.excursions
        if not one.unit and bad_prints.peer_vote(int(grid.time[one.first]), int(after[one.last]), peers) > 0
    ]  # fmt: skip
    wrong = [one for one in changes.excursions if one not in real]
    for one in wrong:
        keep[one.first : one.last + 1] = False
    for one in wrong[:LISTED]:
        quality.excursions.append({
            "first": _iso(grid.time[one.first]), "last": _iso(grid.time[one.last]),
            "bars": one.last - one.first + 1, "factor": float(f"{one.factor:.6g}"),
        })  # fmt: skip
    quality.doubtful = [_iso(grid.time[one.first]) for one in (*changes.traded, *real)]
    quality.shifts = list(changes.shifts)
    _renumber_shifts(quality, keep)
    return keep


def _renumber_shifts(quality: BarQuality, keep: Bool) -> None:
    """Let the shifts name the same bars after some have been dropped (the next bar where it was one of these)."""
    place = np.cumsum(keep) - 1
    quality.shifts = [s._replace(row=int(place[s.row]) + (not keep[s.row])) for s in quality.shifts]
    quality.shifts = [s for s in quality.shifts if s.row < np.count_nonzero(keep)]


def _single_bars(grid: GridBars, bars: ScaledBars, peers: PeerMoves, quality: BarQuality) -> dict[str, Bool]:
    """[n] by reason, bars with a price that stands alone and is wrong; those that are kept are listed."""
    by_reason = {
        "jump": outliers.find_closes(bars), "open": outliers.find_opens(bars), "wick": outliers.find_wicks(bars)
    }  # fmt: skip
    # kept are bars that were traded as such a move is, and those with which other symbols moved
    kept = np.zeros(len(grid), bool)
    for each in by_reason.values():
        for row in np.flatnonzero(each.wrong).tolist():
            last = int(grid.time[min(row + 1, len(grid) - 1)])
            each.kept[row] |= bad_prints.peer_vote(int(grid.time[row]), last, peers) > 0
        each.wrong[each.kept] = False
        kept |= each.kept
    times = {*quality.doubtful, *(_iso(time) for time in grid.time[kept])}
    quality.doubtful = sorted(times)[:LISTED]
    return {reason: each.wrong for reason, each in by_reason.items()}


def _count_filled(grid: GridBars, sessions: Sessions, quality: BarQuality) -> None:
    """Count the bars that stood still against all probability (hfm.stale_rows), and name their sessions."""
    if not len(grid):
        return
    days, row = np.unique(grid.index, return_inverse=True)
    slots = int(sessions.slots[days].max())
    cell = row * slots + grid.seq

    def matrix(values: Float) -> Float:
        """Values of the bars as sessions by slots.

        Parameters
        ----------
        values : [n], in the order of the grid.

        Returns
        -------
        [S, T]; NaN in holes.
        """
        out = np.full(len(days) * slots, np.nan)
        out[cell] = values
        return out.reshape(-1, slots)

    open_, high, low, close, volume = (matrix(getattr(grid, name)) for name in (*PRICES, "volume"))
    bars = stale_rows.PriceRows(open_, high, low, close, volume, np.isfinite(open_))
    found, _ = stale_rows.detect(stale_rows.new_state(slots), bars)
    rows = stale_rows.extent(found.unmoved.ravel()[cell], found.stale.ravel()[cell], row)
    quality.filled = int(rows.sum())
    quality.standing = [
        f"{run.last - run.first + 1} from {_iso(grid.time[run.first])} to {_iso(grid.time[run.last])}"
        for run in outliers.standing_prices(grid) if not rows[run.first : run.last + 1].any()
    ][:LISTED]  # fmt: skip
    counts = np.bincount(row[rows], minlength=len(days))
    worst = np.sort(np.argsort(-counts, kind="stable")[: min(LISTED, np.count_nonzero(counts))])
    quality.filled_sessions = {str(sessions.day[days[k]]): int(counts[k]) for k in worst}


def _enclosed(raw: RawBars, rows: Int, quality: BarQuality) -> tuple[Int, RawBars]:
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
        raw = replace(raw, high=highs, low=lows)
    return rows[~bad], raw


def _newest(raw: RawBars, rows: Int, index: Int, seq: Int, quality: BarQuality) -> Int:
    """Rows in order of the grid; of several in one slot the one that came last."""
    # a quote (one price, no volume) gives way to a bar with volume, whichever came last
    bar = (raw.volume[rows] > 0) | (raw.high[rows] != raw.low[rows])
    rows = rows[np.lexsort((rows, bar, seq[rows], index[rows]))]
    same = (index[rows[1:]] == index[rows[:-1]]) & (seq[rows[1:]] == seq[rows[:-1]])
    older, newer = rows[:-1][same], rows[1:][same]
    quality.duplicates = int(same.sum())
    differ = [getattr(raw, name)[older] != getattr(raw, name)[newer] for name in (*PRICES, "volume")]
    quality.conflicts = int(np.logical_or.reduce(differ).sum())
    return rows[~np.append(same, False)] if rows.size else rows


def count_missing(grid: GridBars, quality: BarQuality, sessions: Sessions, until: int) -> None:
    """Enter into `quality` what was due, what is present and what is missing.

    Parameters
    ----------
    grid : clean bars; `index` counts in `sessions`.
    quality : the account that is filled in.
    sessions : the sessions that were asked for.
    until : ns UTC up to which bars are due.
    """
    due = sessions.due(until)
    have = np.bincount(grid.index, minlength=len(sessions))
    present = have > 0
    quality.expected, quality.present = int(due[present].sum()), int(have.sum())
    quality.sessions = int(present.sum())
    quality.lost_sessions = [str(day) for day in sessions.day[~present & (due > 0)]]
    thin = present & (have < due / 2)
    quality.thin_sessions = {str(d): int(h) for d, h in zip(sessions.day[thin], have[thin], strict=True)}
    if len(grid):
        quality.first, quality.last = _iso(grid.time[0]), _iso(grid.time[-1])
        quality.stale = int(due.sum() - sessions.due(int(grid.time[-1])).sum())


def _iso(time: np.int64) -> str:
    return f"{np.datetime64(int(time), 'ns').astype('datetime64[s]')}Z"


def _number(value: float) -> float | None:
    """The value, None for NaN: JSON has none."""
    return float(value) if np.isfinite(value) else None
