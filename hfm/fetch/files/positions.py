"""Roles of columns without names, by position: taken where the values prove them.

Known are a time (or a date and a clock), then open, high, low, close, then a volume, as FirstRate, HistData,
NinjaTrader and many others write them, with a symbol in front or not; and the twelve columns of Binance's klines.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hfm.arrays import Float
from hfm.errors import DataError
from hfm.fetch.files import header
from hfm.fetch.files.numerals import parse_numbers
from hfm.fetch.files.roles import PRICES

MOST = 0.99
"""Share of rows in which the high must be the largest price and the low the smallest."""
WIDE = 1.5
"""Times the usual low that the usual high is at most."""
KLINES = 12
"""Columns of Binance's klines: open time, four prices, volume, close time, and five more."""
FEWEST = 3
"""Rows below which values prove nothing."""


def find_positions(
    columns: Sequence[pa.ChunkedArray], path: Path, decimal: str, delimiter: str | None
) -> tuple[dict[str, int], bool]:
    """The columns of the roles, as far as values show them; and whether they are proved.

    Parameters
    ----------
    columns : [n] cells of each column.
    path : for messages.
    decimal : auto, point or comma.
    delimiter : of the text; None: the file is no text.

    Returns
    -------
    dict of str to int, bool
        Role -> position of its column.
    """
    words = [pc.utf8_trim_whitespace(column.cast(pa.string())) for column in columns]
    for first in (0, 1):
        if first == 1 and (len(words) < 2 or not _symbols(words[0])):
            break
        roles = _roles_from(words, first, path, decimal, delimiter)
        if roles is None:
            continue
        found, proved = roles
        return ({"symbol": 0, **found} if first else found), proved
    return {}, False


def _roles_from(
    words: Sequence[pa.ChunkedArray], first: int, path: Path, decimal: str, delimiter: str | None
) -> tuple[dict[str, int], bool] | None:
    """Roles where the time begins in column `first`; None where it does not."""
    if first >= len(words) or words[first].null_count:
        return None
    roles: dict[str, int] = {"time": first}
    if (
        _all(words[first], rf"^{header.DATE}$")
        and first + 1 < len(words)
        and _all(words[first + 1], rf"^{header.CLOCK}$")
    ):
        roles["clock"] = first + 1
    elif not _all(words[first], header.INSTANT):
        return None
    start = first + len(roles)
    if len(words) < start + 4:
        return None
    roles |= {role: start + k for k, role in enumerate(PRICES)}
    rest = list(range(start + 4, len(words)))
    named = [k for k in rest if _symbols(words[k])]
    if first == 0 and len(named) == 1:
        roles["symbol"], rest = named[0], [k for k in rest if k not in named]
    try:
        labels = {role: str(roles[role] + 1) for role in PRICES}
        values, _ = parse_numbers({role: words[roles[role]] for role in PRICES}, labels, path, decimal, delimiter)
    except DataError:
        return {"time": first}, False
    order = _order(values)
    volume = [k for k in rest if not _price(words[k], values)]
    if order is None:
        return {role: k for role, k in roles.items() if role not in PRICES}, False
    roles |= {role: start + k for role, k in zip(PRICES, order, strict=True)}
    if volume:
        roles["volume"] = next((k for k in volume if _positive(words[k])), volume[0])
    certain = len(rest) == 0 or (len(rest) == 1 and bool(volume)) or _klines(words, start, rest)
    return roles, certain and order == (0, 1, 2, 3)


def _order(values: dict[str, Float]) -> tuple[int, ...] | None:
    """Which of four columns are open, high, low and close: as they stand, else in the one order that is proved."""
    columns = list(values.values())
    orders = [order for order in itertools.permutations(range(4)) if _is_ohlc([columns[k] for k in order])]
    return orders[0] if len(orders) == 1 or (0, 1, 2, 3) in orders[:1] else None


def _is_ohlc(prices: Sequence[Float]) -> bool:
    """Whether four columns are open, high, low and close in this order."""
    o, h, low, c = prices
    rows = np.isfinite(np.stack([o, h, low, c])).all(0)
    o, h, low, c = o[rows], h[rows], low[rows], c[rows]
    # 1. the high is the largest and the low the smallest, in MOST rows
    if len(o) < FEWEST or not ((h >= np.maximum(o, c)) & (low <= np.minimum(o, c))).mean() >= MOST:
        return False
    # 2. they are not WIDE apart, as a volume is from a price
    if np.median(h) > WIDE * np.median(low):
        return False
    # 3. an open lies nearer to the close before than a close to the open before
    forward, backward = np.abs(o[1:] - c[:-1]), np.abs(c[1:] - o[:-1])
    return bool(h.sum() > low.sum() and np.median(forward) < np.median(backward))


def _price(words: pa.ChunkedArray, values: dict[str, Float]) -> bool:
    """Whether a column could be a price too, such as an average or an adjusted close: a steady share of the close."""
    try:
        column = np.asarray(words.cast(pa.float64()).to_numpy(), np.float64)
    except pa.ArrowInvalid:
        return False
    rows = np.isfinite(column)
    if not rows.any():
        return False
    if (np.rint(column[rows]) == column[rows]).all() and not (np.rint(values["close"]) == values["close"]).all():
        return False
    low, high = np.nanquantile(column[rows] / values["close"][rows], (0.1, 0.9))
    return bool(low > 0 and high < 1.5 * low and high < 2)


def _positive(words: pa.ChunkedArray) -> bool:
    """Whether a column has a digit above 0."""
    return bool(pc.any(pc.match_substring_regex(words, "[1-9]")).as_py())


def _klines(words: Sequence[pa.ChunkedArray], start: int, rest: Sequence[int]) -> bool:
    """Whether these are Binance's klines: the seventh column is the time of the close, just before the next open."""
    if len(words) != KLINES or start != 1:
        return False
    try:
        opens, closes = (words[k].cast(pa.int64()).to_numpy() for k in (0, rest[1]))
    except pa.ArrowInvalid:
        return False
    length = closes - opens + 1
    return bool((length == length[0]).all() and length[0] > 1)


def _symbols(words: pa.ChunkedArray) -> bool:
    """Whether a column's cells are names: a letter first, and no time."""
    return words.null_count == 0 and _all(words, r"^[A-Za-z^.$#][^,;]{0,31}$") and not _all(words, header.INSTANT)


def _all(words: pa.ChunkedArray, pattern: str) -> bool:
    """Whether a pattern matches all cells; the first tells it mostly."""
    if not pc.all(pc.match_substring_regex(words.slice(0, 20), pattern)).as_py():
        return False
    return bool(pc.all(pc.match_substring_regex(words, pattern)).as_py())
