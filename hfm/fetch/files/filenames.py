"""The symbol that a file's name says: `AAPL_5min.csv` is AAPL's, `SPY_2024-03.csv` and `SPY_2024-04.csv` are SPY's.

Dates, bar lengths, numbers of parts and words such as `sample` or `adjusted` are no part of a symbol. A name of
nothing else (`2024-03.csv`, `bars.csv`) says no symbol.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

SUFFIX = re.compile(
    r"(\.(csv|tsv|txt|dat|asc|gz|gzip|bz2|zst|xz|lz4|zip|parquet|parq|pq|snappy|feather|arrow|ftr))+$", re.IGNORECASE
)
TABLES = re.compile(
    r"\.((csv|tsv|txt)(\.(gz|bz2|zst|xz|lz4|zip))?|zip|parquet(\.(gz|gzip|snappy))?|parq|pq|feather|arrow)$",
    re.IGNORECASE,
)
"""Names of files that a folder is read for."""
DAY = r"(19|20)\d\d[-_.]?(0[1-9]|1[0-2])([-_.]?([0-2]\d|3[01]))?|([0-2]\d|3[01])[-_.](0[1-9]|1[0-2])[-_.](19|20)\d\d"
DATES = re.compile(
    rf"(?<![A-Za-z0-9])({DAY}|(19|20)\d\d([-_]?Q[1-4])?|Q[1-4])(T?\d{{4,6}}Z?)?(?![A-Za-z0-9])", re.IGNORECASE
)
LENGTH = re.compile(
    r"^(\d+ ?(s|sec|m|min|mins|minute|minutes|t|h|hr|hour|hours|d|day|w|wk)|[mhdst]\d{1,2}|minutes?|hour(ly)?|"
    r"daily|intraday|part\d*|chunk\d*|\(?\d{1,3}\)?)$",
    re.IGNORECASE,
)
EXTRA = re.compile(r"^DAT_(ASCII|MT|NT|MS)_|\(\d+\)$|(?<=[ _-])\d{1,2}_(M|H|D|Min|Hour)(?=_|$)", re.IGNORECASE)
"""HistData's prefix, the number of a second download, Dukascopy's bar length."""
WORDS = frozenset(
    [
        "full",
        "sample",
        "adjusted",
        "adj",
        "unadjusted",
        "adjsplit",
        "adjsplitdiv",
        "splitadj",
        "raw",
        "unadj",
        "nonadjusted",
        "nosplit",
        "splits",
        "dividends",
        "data",
        "bars",
        "bar",
        "ohlc",
        "ohlcv",
        "candles",
        "candle",
        "candlestick",
        "klines",
        "kline",
        "prices",
        "price",
        "stock",
        "stocks",
        "etf",
        "etfs",
        "export",
        "exported",
        "history",
        "hist",
        "historical",
        "download",
        "quotes",
        "trades",
        "utc",
        "gmt",
        "est",
        "edt",
        "rth",
        "eth",
        "ext",
        "extended",
        "continuous",
        "bid",
        "ask",
        "mid",
        "midpoint",
        "trade",
        "aggregates",
        "aggs",
        "file",
        "files",
        "test",
        "market",
        "marketdata",
        "backtest",
        "clean",
        "final",
        "copy",
        "new",
        "all",
        "out",
        "output",
        "generic",
        "ticks",
        "from",
        "to",
        "and",
        "merged",
        "combined",
        "table",
    ]
)
"""Words of a file's name that name no symbol."""
MARKETS = frozenset(
    ["amex", "arca", "bats", "binance", "binanceus", "bitfinex", "bitmex", "bitstamp", "bybit", "cboe", "cme",
     "coinbase", "comex", "gemini", "kraken", "kucoin", "nasdaq", "nymex", "nyse", "nysearca", "oanda", "okex", "okx"]
)  # fmt: skip
"""Markets whose name stands before the symbol in the files of TradingView and CryptoDataDownload."""


def stem(path: Path) -> str:
    """The name of a file without its endings."""
    return SUFFIX.sub("", path.name)


def symbol(path: Path) -> str | None:
    """The symbol that the name of a file says, in capitals; None where it says none."""
    bare = EXTRA.sub("", stem(path))
    dateless = DATES.sub("\0", bare)
    tokens = [token for token in re.split(r"([\0_ ,+]+|(?<=\w)-(?=\w)|(?<=\0)-|-(?=\0))", dateless) if token]
    kept = [not _separator(token) and not _noise(token) for token in tokens]
    if not any(kept):
        return None
    first, last = kept.index(True), len(kept) - 1 - kept[::-1].index(True)
    if tokens[first].lower() in MARKETS and tokens[first + 1 : first + 2] == ["_"] and True in kept[first + 1 :]:
        first = kept.index(True, first + 1)
    words = [t for t, keep in zip(tokens[first : last + 1], kept[first : last + 1], strict=True) if keep or _joint(t)]
    name = "".join(words).strip("-_ .,+")
    name = re.sub(r"([-_ ,+])[-_ ,+]+", r"\1", name)
    return name.upper() if name else None


def symbols(paths: Sequence[Path]) -> list[str | None]:
    """The symbol that the name of each file says. Where some names are dates alone and others words, all are whole."""
    found = [symbol(path) for path in paths]
    numbers = [stem(path) for path in paths]
    if all(re.fullmatch(r"\d{3,6}", number) for number in numbers) and any(not DATES.fullmatch(n) for n in numbers):
        return list(numbers)
    if any(name is not None for name in found) and any(name is None for name in found):
        return [name or stem(path).upper() for name, path in zip(found, paths, strict=True)]
    return found


def _separator(token: str) -> bool:
    return not token.strip("\0_ ,+-")


def _joint(token: str) -> bool:
    return _separator(token) and "\0" not in token


def _noise(token: str) -> bool:
    return token.lower().rstrip("0123456789") in WORDS or bool(LENGTH.match(token)) or not re.search(r"\w", token)
