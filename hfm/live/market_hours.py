"""Whether the market is open, by its calendar; exchange_calendars takes a second to import: it is imported inside."""

from __future__ import annotations

import numpy as np

DAY_NS = 86_400 * 10**9


def opened(calendar: str, now: int) -> int | None:
    """The instant at which trading under way at `now` began (ns UTC): the open, or the end of a break; None: closed."""
    if calendar == "24/7":
        return now // DAY_NS * DAY_NS
    import exchange_calendars

    first, last = (np.datetime64(now + days * DAY_NS, "ns").astype("datetime64[D]") for days in (-10, 10))
    table = exchange_calendars.get_calendar(calendar, start=str(first), end=str(last)).schedule
    opens, closes = (table[name].to_numpy("datetime64[ns]") for name in ("open", "close"))
    pauses, resumes = (table[name].to_numpy("datetime64[ns]") for name in ("break_start", "break_end"))
    instant = np.datetime64(now, "ns")
    for begin, end, pause, resume in zip(opens, closes, pauses, resumes, strict=True):
        if begin <= instant < end and not pause <= instant < resume:  # without a break both are NaT: never true
            return int((resume if resume <= instant else begin).astype(np.int64))
    return None
