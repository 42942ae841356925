"""Columns that could play a role which no name gives them: for the one column of times, for hints and for warnings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Float
from hfm.fetch.files import header
from hfm.fetch.files.dialect import Delimited
from hfm.fetch.files.header import plain
from hfm.fetch.files.positions import MOST
from hfm.fetch.files.roles import map_option

SEEN = 200
"""Rows in which a column is looked at before all of it is."""


def is_times(column: pa.ChunkedArray) -> bool:
    """Whether all values of a column are instants: timestamps, text that looks like one, or numbers since 1970."""
    if pa.types.is_timestamp(column.type):
        return True
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)
    if not any(kind(column.type) for kind in kinds):
        return False
    words = pc.utf8_trim_whitespace(column.slice(0, SEEN).cast(pa.string()))
    return not column.null_count and bool(pc.all(pc.match_substring_regex(words, header.INSTANT)).as_py())


def candidates(role: str, roles: Mapping[str, int], table: Delimited) -> list[int]:
    """Columns without a role that could play one, the likeliest first.

    Parameters
    ----------
    role : time, volume or a price.
    roles : role -> column of those that are settled.
    table : the file's columns.

    Returns
    -------
    list of int
        Positions of columns.
    """
    used = set(roles.values())
    averages = ("vwap", "wap", "average", "avg", "mid")
    free = [k for k, name in enumerate(table.names) if k not in used and plain(name) not in averages]
    if role == "time":
        return [k for k in free if is_times(table.columns[k])]
    if role == "volume":
        return volume_candidates(table, roles)
    known = {r: _sample_numbers(table.columns[roles[r]]) for r in ("high", "low") if r in roles}
    if len(known) < 2 or known["high"] is None or known["low"] is None:
        return []
    out = []
    for k in free:
        column = _sample_numbers(table.columns[k])
        if column is not None and ((column >= known["low"]) & (column <= known["high"])).mean() > MOST:
            out.append(k)
    return out


def _sample_numbers(column: pa.ChunkedArray) -> Float | None:
    try:
        return np.asarray(column.slice(0, SEEN).cast(pa.float64()).to_numpy(), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def volume_candidates(table: Delimited, roles: Mapping[str, int]) -> list[int]:
    """Columns without a role whose name speaks of volume: those with a value above 0 first.

    Of two of which one is the other times the price (the worth of what was traded) the other comes first.

    Parameters
    ----------
    table : the file's columns.
    roles : role -> column of those that are settled.

    Returns
    -------
    list of int
        Positions of columns.
    """
    used = set(roles.values())
    found = [k for k, name in enumerate(table.names) if k not in used and "vol" in plain(name)]
    found = [k for k in found if not any(word in plain(table.names[k]) for word in ("volat", "ma", "avg", "mean"))]
    totals = {k: _total(table.columns[k]) for k in found}
    sums = {k: total for k, total in totals.items() if total is not None}
    close = _sample_numbers(table.columns[roles["close"]]) if "close" in roles else None
    price = float(np.nanmedian(close)) if close is not None and np.isfinite(close).any() else np.nan
    worth = {k for k, total in sums.items() for other in sums.values() if other and 0.7 < total / other / price < 1.4}
    worth = worth if not 0.7 < price < 1.4 else set()
    return sorted(sums, key=lambda k: (not sums[k], k in worth))


def _total(column: pa.ChunkedArray) -> float | None:
    """The sum of a column's values above 0; None where it holds words."""
    try:
        values = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return float(values[values > 0].sum())


def other_volume_warning(roles: Mapping[str, int], table: Delimited, volume: Float) -> list[str]:
    """A warning where the volume is 0 throughout and another column's is not.

    Parameters
    ----------
    roles : role -> column.
    table : the file's columns.
    volume : [n] shares; NaN is as 0.

    Returns
    -------
    list of str
        One sentence, or none.
    """
    if (volume > 0).any():
        return []
    found = [k for k in volume_candidates(table, roles) if _total(table.columns[k])]
    name = table.names[roles["volume"]]
    options = [(table.names[k], map_option("volume", table.names, k)) for k in found[:1]]
    return [f"column {name} is 0 in every row, {other} is not: {option} takes it" for other, option in options]
