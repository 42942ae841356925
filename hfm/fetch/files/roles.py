"""Which column of a table is what, by its name; and which could be, where no name says it.

Roles: time (or date and clock), symbol (optional), open, high, low, close, volume. A role is found by name, whatever
its case and punctuation; where two columns could play it, the file is refused until `map` says which.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from hfm.errors import DataError
from hfm.fetch.files.header import plain

VALUES = ("open", "high", "low", "close", "volume")
PRICES = VALUES[:4]
NAMES: dict[str, tuple[str, ...]] = {
    "time": (
        "timestamp",
        "datetime",
        "unix",
        "unixtimestamp",
        "unixtime",
        "epoch",
        "time",
        "date",
        "ts",
        "t",
        "tsevent",
        "opentime",
        "opentimestamp",
        "starttime",
        "barstart",
        "windowstart",
        "bartime",
        "dateandtime",
        "dt",
        "closetime",
        "gmttime",
        "localtime",
        "dtyyyymmdd",
    ),
    "clock": ("time", "hour", "clock", "minute", "timeofday"),
    "symbol": (
        "symbol",
        "ticker",
        "sym",
        "instrument",
        "code",
        "actsymbol",
        "security",
        "contract",
        "tic",
        "pair",
        "ric",
        "tscode",
        "secid",
        "stockcode",
    ),
    "open": ("open", "o", "openprice", "first", "op"),
    "high": ("high", "h", "highprice", "max", "hi"),
    "low": ("low", "l", "lowprice", "min", "lo"),
    "close": ("close", "c", "closeprice", "last", "cl", "latest"),
    "volume": (
        "volume",
        "v",
        "vol",
        "totalvolume",
        "tradevolume",
        "sharevolume",
        "qty",
        "basevolume",
        "volumefrom",
    ),
}
"""Role -> names in order of preference, lower case without punctuation."""
DAYS = ("date", "dtyyyymmdd")
"""Times that a clock may stand beside."""


def roles_of(names: Sequence[str], mapping: Mapping[str, str], path: Path | None) -> dict[str, int]:
    """Role -> position of its column.

    Parameters
    ----------
    names : of the columns.
    mapping : role -> a column's name, or its position from 1, as the user gave it.
    path : for messages; None: no doubt is raised.

    Returns
    -------
    dict of str to int

    Raises
    ------
    DataError
        Where `mapping` names no column, or two columns could play one role.
    """
    known: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        known.setdefault(plain(name), []).append(k)
    roles = {role: _column_of(role, column, names, path) for role, column in mapping.items()}
    taken = set(roles.values())
    for role, words in NAMES.items():
        found = [k for word in words for k in known.get(word, []) if k not in taken]
        if role in roles or not found:
            continue
        if role == "clock":
            if "time" not in roles or plain(names[roles["time"]]) not in DAYS:
                continue
        elif role == "time" and {"date", "time"} <= set(known) and not {"timestamp", "datetime"} & set(known):
            epochs = [k for k in found if plain(names[k]) in ("unix", "unixtimestamp", "unixtime", "epoch")]
            found = epochs or [k for k in known["date"] if k not in taken] or found
        elif path is not None and role != "time" and plain(names[found[0]]) not in (role, plain(names[found[-1]])):
            raise DataError(
                f"{path}: columns {' and '.join(names[k] for k in found)} could each be the {role}",
                hint=map_option(role, names, found[0]),
            )
        roles[role] = found[0]
        taken.add(found[0])
    return roles


def _column_of(role: str, column: str, names: Sequence[str], path: Path | None) -> int:
    """The column that --map ROLE=COLUMN means. Raises DataError where there is none."""
    for k, name in enumerate(names):
        if name in (column, column.strip()):
            return k
    for k, name in enumerate(names):
        if plain(name) and plain(name) == plain(column):
            return k
    if column.isascii() and column.isdigit() and 1 <= int(column) <= len(names):
        return int(column) - 1
    close = difflib.get_close_matches(column, [name for name in names if name], 1)
    raise DataError(
        f"{path} has no column {column!r} (--map {role}={column})",
        why=f"its columns are {join_names(names)}",
        hint=map_option(role, names, list(names).index(close[0]))
        if close
        else f"take one of these names, or a position from 1 to {len(names)}",
    )


def join_names(names: Sequence[str]) -> str:
    """Names as a person reads them: an empty one as (no name)."""
    return ", ".join(name or "(no name)" for name in names)[:200]


def map_option(role: str, names: Sequence[str], k: int) -> str:
    """The option that says which column plays a role, as the shell takes it: by name, or by position.

    Parameters
    ----------
    role : time, open, ...
    names : of the columns.
    k : position of the column.

    Returns
    -------
    str
    """
    twice = sum(name == names[k] for name in names) > 1
    word = names[k] if names[k] and not twice and names[k].isprintable() else str(k + 1)
    return f"--map {shlex.quote(f'{role}={word}')}"
