"""Instants: nanoseconds since 1970-01-01T00:00Z (ns UTC), and the texts and aware datetimes that they come from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: str) -> datetime:
    """The aware datetime of an ISO 8601 text; UTC where it names no zone.

    Returns
    -------
    datetime

    Raises
    ------
    ValueError
        For any other text. The caller names the option or the setting that held it: the exit code depends on that.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("not an ISO time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def instant_ns(moment: datetime) -> int:
    """ns UTC of an aware datetime, exact to its microsecond."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def instant_of(ns: int) -> datetime:
    """The aware datetime, in UTC, of ns UTC; parts of a microsecond are cut off."""
    return EPOCH + timedelta(microseconds=ns // 1000)


def midnight(day: str, zone: str) -> int:
    """ns UTC of the midnight that begins an ISO date in a zone (IANA name). Raises ValueError where it is no date."""
    return int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND_NS
