"""The symbols that are asked for among those that a file has; and the command line that asks for one."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

from hfm.config import INTERVALS
from hfm.errors import DataError, UsageError
from hfm.fetch.files import filenames
from hfm.fetch.files.parts import FilePart
from hfm.plugins import BarRequest


def choose_parts(parts: list[FilePart], request: BarRequest) -> dict[str, list[FilePart] | DataError]:
    """The parts of each symbol asked for, else of each there is.

    Parameters
    ----------
    parts : all that the files hold.
    request : which symbols are asked for.

    Returns
    -------
    dict of str to list of FilePart, or DataError
        By symbol; an error for one that is not there.

    Raises
    ------
    UsageError
        Where the file names no symbol and not exactly one is asked for.
    """
    symbols, path = request.symbols, str(request.path)
    named: dict[str, list[FilePart]] = {}
    for part in parts:
        if part.symbol is not None:
            named.setdefault(part.symbol, []).append(part)
    bare = [part for part in parts if part.symbol is None]
    if bare:
        if len(symbols) != 1 or named:
            stem = filenames.symbol(Path(path))
            raise UsageError(
                f"{path} has no symbol column, and {len(symbols)} symbols are asked for",
                hint=fetch_command(request, stem if stem and re.fullmatch(r"[A-Z0-9^.=-]{1,10}", stem) else "NAME"),
            )
        return {symbols[0]: [_name_part(part, symbols[0]) for part in bare]}
    if not symbols:
        return {symbol: named[symbol] for symbol in sorted(named)}
    out: dict[str, list[FilePart] | DataError] = {}
    for symbol in symbols:
        name = _match(symbol, sorted(named))
        has = sorted(named)
        out[name or symbol] = (
            _parts_named(named, name)
            if name
            else DataError(
                f"{path} has no symbol {symbol}",
                why=f"it has {', '.join(has[:10])}{' ...' if len(has) > 10 else ''}",
                hint=fetch_command(request, has[0]),
            )
        )
    return out


def _name_part(part: FilePart, symbol: str) -> FilePart:
    """The part; with a warning where the name of its file is a symbol in capitals, and another one."""
    name = filenames.symbol(Path(part.path)) or ""
    unlike = not (_letters(name).startswith(_letters(symbol)) or _letters(symbol).startswith(_letters(name)))
    if not unlike or not re.fullmatch(r"[A-Z]{2,6}", name) or name not in filenames.stem(Path(part.path)):
        return part
    text = f"the file is called {Path(part.path).name}; its bars are taken as {symbol}'s, as asked"
    return replace(part, warnings=(*part.warnings, text))


def _parts_named(named: dict[str, list[FilePart]], name: str) -> list[FilePart]:
    """The parts of one name; with a warning where others are the same in capitals."""
    others = sorted(other for other in named if other != name and other.upper() == name.upper())
    if not others:
        return named[name]
    text = (
        f"the file also has rows of {', '.join(others)}, which are left out: they are another symbol by their letters"
    )
    return [replace(part, warnings=(*part.warnings, text)) for part in named[name]]


def _match(symbol: str, names: list[str]) -> str | None:
    """The name that a symbol means: itself, in other letters, or the only one with its letters and digits, or word."""
    if symbol in names:
        return symbol
    found = [name for name in names if name.upper() == symbol.upper()]
    if found:
        return found[0]
    found = [name for name in names if _letters(name) == _letters(symbol)]
    found = found or [name for name in names if _words(symbol) <= _words(name)]
    return found[0] if len(found) == 1 else None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.upper())


def _words(name: str) -> frozenset[str]:
    return frozenset(re.split("_+", name.upper()))


def fetch_command(request: BarRequest, symbol: str = "", path: str | None = None) -> str:
    """The command line of a request, as the shell takes it.

    Parameters
    ----------
    request : what it asks for, but for symbols and path.
    symbol : that it asks for; empty: all.
    path : None: the request's.

    Returns
    -------
    str
    """
    interval = next(name for name, seconds in INTERVALS.items() if seconds == request.interval_s)
    words = ["hfm", "fetch", *([symbol] if symbol else []), "--source", "file", "--path", path or str(request.path)]
    words += ["--interval", interval] if request.interval_s != INTERVALS["5m"] else []
    words += ["--set", f"fetch.calendar={request.calendar}"] if request.calendar != "XNYS" else []
    words += ["--tz", request.tz] if request.tz else []
    words += ["--label", request.label] if request.label != "auto" else []
    words += [word for role, column in (request.columns or {}).items() for word in ("--map", f"{role}={column}")]
    words += ["--no-volume"] if request.no_volume else []
    words += ["--set", f"fetch.decimal={request.decimal}"] if request.decimal != "auto" else []
    words += ["--set", f"fetch.price_unit={request.price_unit:g}"] if request.price_unit is not None else []
    words += ["--days", str(request.days)] if request.days is not None else []
    words += ["--sessions", str(request.sessions)] if request.sessions is not None else []
    words += [word for text in request.adjust for word in ("--adjust", text)]
    return shlex.join(words)
