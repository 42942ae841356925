"""Writes bars as vendors, spreadsheets and libraries do: one function, whose choices are the dialects."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather as pf

CHOICES: dict[str, tuple[str, ...]] = {
    "delimiter": (",", ";", "\t", "|"),
    "decimal": (".", ","),
    "thousands": ("", "other", "'", " "),
    "header": (
        "plain",
        "capitals",
        "short",
        "brackets",
        "numbered",
        "none",
        "unnamed",
        "fewer",
        "reset",
        "levels",
        "tickers",
    ),
    "preamble": ("", "url", "sep", "comment", "words", "blank", "padded"),
    "footer": ("", "words", "commas", "comment", "blank", "padded"),
    "encoding": ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"),
    "newline": ("\n", "\r\n", "\r"),
    "layout": ("one", "column", "slashes", "folder", "parts", "index"),
    "trailing": ("", "rows", "all"),
    "container": ("csv", "gz", "bz2", "zst", "zip", "txt"),
    "volume": ("real", "unknown", "absent", "beside", "fraction"),
}
"""Choice -> its values; the first is the plainest."""
NAMES = {
    "plain": ["timestamp", "open", "high", "low", "close", "volume", "symbol"],
    "capitals": ["Datetime", "Open", "High", "Low", "Close", "Volume", "Ticker"],
    "short": ["t", "o", "h", "l", "c", "v", "sym"],
    "brackets": ["<DATETIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>", "<TICKER>"],
    "numbered": ["timestamp", "1. open", "2. high", "3. low", "4. close", "5. volume", "symbol"],
}
ROLES = ("timestamp", "open", "high", "low", "close", "volume", "symbol")


def write(bars: Mapping[str, pd.DataFrame], folder: Path, **choices: str) -> tuple[Path, dict[str, Any]]:
    """(path, settings of fetch) of the bars of each symbol, written by `choices` (see CHOICES; the rest is plain).

    bars: symbol -> columns timestamp (with a zone), open, high, low, close, volume. Where the layout has no place for
    the name, one symbol is written and asked for.
    """
    chosen = {name: values[0] for name, values in CHOICES.items()} | choices
    settings: dict[str, Any] = {"source": "file"}
    if chosen["volume"] == "absent":
        settings["no_volume"] = True
    many = {"column", "slashes", "index", "folder"}
    wide = chosen["header"] in ("reset", "levels", "tickers")
    one = not wide and chosen["layout"] not in many
    name = next(iter(bars))
    if wide:
        path = _save(folder / "bars", _wide(bars, chosen), chosen)
    elif chosen["layout"] in ("folder", "parts"):
        path = folder / "bars"
        path.mkdir()
        for symbol, frame in bars.items() if chosen["layout"] == "folder" else [(name, bars[name])]:
            cut = len(frame) // 2
            pieces = [frame] if chosen["layout"] == "folder" else [frame[: cut + 3], frame[cut - 3 :]]
            for k, piece in enumerate(pieces):
                stem = f"{symbol}_5min" if chosen["layout"] == "folder" else f"{symbol}_2026-0{k + 1}"
                _save(path / stem, _long({symbol: piece}, chosen, False), chosen)
    else:
        shown = {name: bars[name]} if one else dict(bars)
        path = _save(folder / "bars", _long(shown, chosen, not one), chosen)
    if one:
        settings["symbols"] = (name,)
    return path, {"path": str(path), **settings}


def shown(bars: Mapping[str, pd.DataFrame], **choices: str) -> list[str]:
    """The symbols that `write` writes by these choices."""
    many = choices.get("layout", "one") in ("column", "slashes", "index", "folder")
    wide = choices.get("header", "plain") in ("reset", "levels", "tickers")
    return list(bars) if many or wide else [next(iter(bars))]


def _number(value: float, chosen: Mapping[str, str], whole: bool) -> str:
    """A number with its marks."""
    mark = chosen["decimal"]
    other = {"other": "." if mark == "," else ",", "": ""}.get(chosen["thousands"], chosen["thousands"])
    text = f"{value:,.0f}" if whole else f"{value:,.10f}".rstrip("0").rstrip(".")
    return text.replace(",", "\0").replace(".", mark).replace("\0", other)


def _cells(symbol: str, frame: pd.DataFrame, chosen: Mapping[str, str]) -> list[list[str]]:
    rows = []
    for row in frame.itertuples(index=False):
        volume = float(row.volume)
        word = {"unknown": "-1", "beside": "0"}.get(
            chosen["volume"], _number(volume, chosen, chosen["volume"] != "fraction")
        )
        prices = [_number(float(getattr(row, role)), chosen, False) for role in ROLES[1:5]]
        time = row.timestamp if isinstance(row.timestamp, str) else row.timestamp.isoformat(sep=" ")
        rows.append([time, *prices, word, symbol])
    return rows


def _long(bars: Mapping[str, pd.DataFrame], chosen: Mapping[str, str], symbols: bool) -> list[list[str]]:
    """A header (or none) and a row a bar."""
    header = chosen["header"]
    names = list(NAMES.get(header, NAMES["plain"]))
    rows = [row for symbol, frame in bars.items() for row in _cells(symbol, frame, chosen)]
    keep = [k for k in range(7) if (symbols or k < 6) and not (chosen["volume"] == "absent" and k == 5)]
    table = [[row[k] for k in keep] for row in rows]
    top = [names[k] for k in keep]
    if header == "unnamed":
        top[0] = ""
    if header == "fewer":
        top = top[1:]
    if chosen["volume"] == "beside":
        top.append("Tick Volume")
        real = [f"{v:.0f}" for frame in bars.values() for v in frame.volume]
        table = [[*row, volume] for row, volume in zip(table, real, strict=True)]
    if chosen["layout"] == "index":
        table = [[str(k), *row] for k, row in enumerate(table)]
        top = ["", *top] if header != "fewer" else top
    return table if header == "none" else [top, *table]


def _wide(bars: Mapping[str, pd.DataFrame], chosen: Mapping[str, str]) -> list[list[str]]:
    """A symbol a column, as yfinance: two or three lines of header."""
    cells = {symbol: _cells(symbol, frame, chosen) for symbol, frame in bars.items()}
    last = 5 if chosen["volume"] == "absent" else 6
    pairs = [(field, symbol) for field in range(1, last) for symbol in bars]
    fields = [NAMES["capitals"][field] for field, _ in pairs]
    symbols = [symbol for _, symbol in pairs]
    table = [
        [next(iter(cells.values()))[k][0], *(cells[symbol][k][field] for field, symbol in pairs)]
        for k in range(len(next(iter(cells.values()))))
    ]
    if chosen["header"] == "reset":
        return [["Datetime", *fields], ["", *symbols], *table]
    first, second = ["Price", *fields], ["Ticker", *symbols]
    lines = [first, second] if chosen["header"] == "levels" else [second, first]
    return [*lines, ["Datetime"] + [""] * len(pairs), *table]


def _text(table: Sequence[Sequence[str]], chosen: Mapping[str, str]) -> str:
    """The table in its dialect, with what stands before and behind it."""
    delimiter, width = chosen["delimiter"], len(table[-1])
    before = {
        "url": ["https://www.example.com"], "sep": [f"sep={delimiter}"], "comment": ["# bars of a vendor", "#"],
        "words": ["Bars", "Intraday prices of a market"], "blank": [""],
        "padded": ["Bars of a market" + delimiter * (width - 1)],
    }.get(chosen["preamble"], [])  # fmt: skip
    behind = {
        "words": ["Data provided by Example"], "commas": [f"Source: Example{delimiter} all rights reserved"],
        "comment": ["# the end"], "blank": ["", "   "],
        "padded": [delimiter * (width - 1), f"The end{delimiter * (width - 1)}"],
    }.get(chosen["footer"], [])  # fmt: skip
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=delimiter, lineterminator="\n")
    for k, row in enumerate(table):
        extra = chosen["trailing"] == "all" or (chosen["trailing"] == "rows" and (k > 0 or chosen["header"] == "none"))
        writer.writerow([*row, ""] if extra else row)
    return "\n".join([*before, sink.getvalue().rstrip("\n"), *behind, ""]).replace("\n", chosen["newline"])


def _save(path: Path, table: Sequence[Sequence[str]], chosen: Mapping[str, str]) -> Path:
    data = _text(table, chosen).encode(chosen["encoding"])
    kind = chosen["container"]
    path = path.with_name(path.name + {"csv": ".csv", "txt": ".txt", "zip": ".zip"}.get(kind, f".csv.{kind}"))
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bars.csv", data)
        return path
    if kind == "zst":
        data = pa.Codec("zstd").compress(data, asbytes=True)
    path.write_bytes({"gz": gzip.compress, "bz2": bz2.compress}.get(kind, bytes)(data))
    return path


def columns(bars: Mapping[str, pd.DataFrame], path: Path) -> Path:
    """The bars in the columns of a file of Parquet (any name) or Feather (.feather), with a symbol."""
    table = pd.concat([frame.assign(symbol=symbol) for symbol, frame in bars.items()], ignore_index=True)
    if path.suffix == ".feather":
        pf.write_feather(pa.Table.from_pandas(table), str(path))
    else:
        table.to_parquet(path)
    return path
