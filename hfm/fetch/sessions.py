"""Trading sessions of a calendar, and the clock grid inside them. All instants int64 ns UTC.

A session of S seconds and bars of I seconds has ceil(S / I) slots; the last may be short (a half hour of an
hourly grid). A lunch break keeps its slots: they are holes that nobody expects bars in. `24/7` has sessions
of UTC days. exchange_calendars takes .8 s to import, so it is imported inside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hfm.arrays import Bool, Days, Int
from hfm.errors import ConfigError, DataError
from hfm.fetch.calendars import suggestion
from hfm.instants import DAY_NS, SECOND_NS

YEAR_DAYS = 365.2425


@dataclass(frozen=True)
class Sessions:
    """Consecutive sessions of one calendar, arrays [N], and the bar grid inside them.

    day: datetime64[D] in the exchange's zone. open, close, pause, resume: ns UTC; pause = resume = close
    where there is no break. interval: ns.
    """

    calendar: str
    tz: str
    interval: int
    day: Days
    open: Int
    close: Int
    pause: Int
    resume: Int

    def __len__(self) -> int:
        """Number of sessions, N."""
        return len(self.day)

    @property
    def slots(self) -> Int:
        """[N] slots of each session, a lunch break's included."""
        return -((self.open - self.close) // self.interval)

    @property
    def expected(self) -> Int:
        """[N] bars that a full session has."""
        held = -((self.pause - self.resume) // self.interval)
        out: Int = self.slots - held
        return out

    def pick(self, mask: Bool | slice) -> Sessions:
        """Some of the sessions.

        Parameters
        ----------
        mask : bool [N], or a slice.

        Returns
        -------
        Sessions
        """
        return Sessions(
            self.calendar,
            self.tz,
            self.interval,
            self.day[mask],
            self.open[mask],
            self.close[mask],
            self.pause[mask],
            self.resume[mask],
        )

    def holding(self, time: Int) -> tuple[Int, Bool]:
        """The session that each end stamp falls in, and whether one does (open < time <= close, no break).

        Parameters
        ----------
        time : [n] ns UTC.

        Returns
        -------
        int64 [n], bool [n]
            Position of the session, which means nothing where none is.
        """
        index = np.searchsorted(self.open, time, "left") - 1
        inside = index >= 0
        index = np.maximum(index, 0)
        inside &= time <= self.close[index]
        inside &= (time <= self.pause[index]) | (time > self.resume[index])
        return index, inside

    def ends(self, start: Int) -> Int:
        """End stamps of bars: one interval after their start, at the latest their part's close.

        That end is for the short bar of a grid that does not fill its part. A start off the grid within an interval of
        that close is no such bar and stays where it is, off the grid of end stamps too.

        Parameters
        ----------
        start : [n] ns UTC.

        Returns
        -------
        int64 [n]
            ns UTC.
        """
        index = np.maximum(np.searchsorted(self.open, start, "right") - 1, 0)
        end = start + self.interval
        for border in (self.pause[index], self.close[index]):
            over = np.flatnonzero((start < border) & (end > border) & (start >= self.open[index]))
            begun = (start[over] - self.open[index[over]]) % self.interval == 0
            end[over] = np.where(begun, border[over], start[over])
        return end

    def slot_end(self, index: Int, seq: Int) -> Int:
        """End stamps of slots.

        Parameters
        ----------
        index : [n] positions of sessions.
        seq : [n] slots in them, from 0.

        Returns
        -------
        int64 [n]
            ns UTC.
        """
        end = np.minimum(self.open[index] + (seq + 1) * self.interval, self.close[index])
        pause, resume = self.pause[index], self.resume[index]
        return np.where((end > pause) & (end - self.interval < pause) & (pause < resume), pause, end)

    def grid(self, time: Int) -> tuple[Int, Int, Bool, Bool]:
        """Where end stamps lie on the grid.

        Parameters
        ----------
        time : [n] ns UTC.

        Returns
        -------
        index, seq : int64 [n]
            Session and slot; they mean nothing outside the sessions.
        inside, on_grid : bool [n]
            Whether a stamp lies in a session, and on its grid.
        """
        index, inside = self.holding(time)
        seq = -((self.open[index] - time) // self.interval) - 1
        on = inside & (self.slot_end(index, seq) == time)
        return index, seq, inside, on

    def due(self, until: int) -> Int:
        """[N] bars that have ended by `until`, of those that each session has."""
        # slots that have ended, less those of the break among them
        done = np.clip((until - self.open) // self.interval, 0, self.slots)
        done = np.where(until >= self.close, self.slots, done)
        paused = -((self.pause - self.resume) // self.interval)
        before = -((self.open - self.pause) // self.interval)
        out: Int = done - np.clip(done - before, 0, paused)
        return out


def sessions(calendar: str, interval_s: int, first: str, last: str) -> Sessions:
    """All sessions of a calendar between two days.

    Parameters
    ----------
    calendar : a name of exchange_calendars, or 24/7.
    interval_s : bar length, seconds.
    first, last : ISO days, both included.

    Returns
    -------
    Sessions

    Raises
    ------
    ConfigError
        For a name that exchange_calendars does not have.
    DataError
        For days that it does not cover.
    """
    found = _years(calendar, first[:4], last[:4])
    part = found.pick((found.day >= np.datetime64(first)) & (found.day <= np.datetime64(last)))
    return replace(part, interval=interval_s * SECOND_NS)


@lru_cache(maxsize=32)
def _years(calendar: str, first: str, last: str) -> Sessions:
    """The sessions of whole years (building a calendar takes .1 s, whatever its length)."""
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        book = exchange_calendars.get_calendar(calendar, start=f"{first}-01-01", end=f"{last}-12-31")
    except InvalidCalendarName:
        known = exchange_calendars.get_calendar_names()
        found = suggestion(calendar, known)
        names = sorted(exchange_calendars.get_calendar_names(include_aliases=False))
        raise ConfigError(
            f"fetch.calendar is {calendar!r}: exchange_calendars has no such calendar",
            why=f"{found} has its sessions" if found else f"its names are {', '.join(names)}",
            hint=f"--set fetch.calendar={found}" if found else "take one of these names",
        ) from None
    except (ValueError, NotImplementedError) as e:  # a few of its calendars cannot be built for every span
        raise DataError(
            f"calendar {calendar} does not cover {first} to {last}",
            why=(str(e).splitlines() or ["exchange_calendars cannot build it"])[0][:200],
            hint="ask for later days, or choose another with --set fetch.calendar=...",
        ) from e
    table = book.schedule
    opens, closes = (table[name].to_numpy("datetime64[ns]").astype(np.int64) for name in ("open", "close"))
    pauses, resumes = (table[name].to_numpy("datetime64[ns]") for name in ("break_start", "break_end"))
    no_break = np.isnat(pauses)  # then pause = resume = close
    return Sessions(
        calendar,
        str(book.tz),
        SECOND_NS,
        table.index.to_numpy("datetime64[D]"),
        opens,
        closes,
        np.where(no_break, closes, pauses.astype(np.int64)),
        np.where(no_break, closes, resumes.astype(np.int64)),
    )


def span(calendar: str, interval_s: int, first: int, last: int) -> Sessions:
    """Sessions with at least one instant in a span.

    Parameters
    ----------
    calendar, interval_s : as in `sessions`.
    first, last : ns UTC, both included.

    Returns
    -------
    Sessions
    """
    low, high = (np.datetime64(t, "ns").astype("datetime64[D]") for t in (first - 2 * DAY_NS, last + 2 * DAY_NS))
    found = sessions(calendar, interval_s, str(low), str(high))
    return found.pick((found.close >= first) & (found.open <= last))


def recent(calendar: str, interval_s: int, until: int, days: int | None, count: int | None) -> Sessions:
    """The last sessions with a bar that ended by an instant, or those that opened in the days before it.

    Parameters
    ----------
    calendar, interval_s : as in `sessions`.
    until : ns UTC.
    days : calendar days back; not read where there is a count.
    count : number of sessions, or None.

    Returns
    -------
    Sessions
    """
    back = (days or 0) if count is None else int(count * 7 / 4) + 20
    found = span(calendar, interval_s, until - back * DAY_NS, until)
    found = found.pick(np.minimum(found.open + found.interval, found.close) <= until)
    if count is None:
        return found.pick(found.open >= until - back * DAY_NS)
    return found.pick(slice(max(len(found) - count, 0), None))


def yearly(calendar: str, interval_s: int, first: np.datetime64, last: np.datetime64) -> tuple[float, float, int]:
    """Slots a year, sessions a year, and slots of a full session: means over the whole calendar years touched.

    Half days and holidays count as they are: 19,392 to 19,548 five-minute slots for XNYS.

    Parameters
    ----------
    calendar, interval_s : as in `sessions`.
    first, last : dates.

    Returns
    -------
    float, float, int
    """
    years = range(int(str(first)[:4]), int(str(last)[:4]) + 1)
    found = sessions(calendar, interval_s, f"{years[0]}-01-01", f"{years[-1]}-12-31")
    return float(found.expected.sum()) / len(years), len(found) / len(years), int(found.slots.max(initial=0))
