"""Tables with another future, and where two tables first differ before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types

from hfm.tables import arrays, column_array
from hfm.verify.claims import Row

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Keys = dict[str, npt.NDArray[np.generic]]
"""symbol, session, seq, each [n]."""
KEY = ("symbol", "session", "seq")
FACTOR = 1.5
GONE, CHANGED, FALLING = "gone", "changed", "falling"
"""What is done to the rows after one."""
SLACK = 1e-6
"""Of forecasts: what rounding may make of the same row in a shorter batch."""


@dataclass(frozen=True)
class Difference:
    """Rows that were compared, rows that are the same, and the first that is not: its column and its key."""

    rows: int
    same: int
    column: str = ""
    place: str = ""


def times(table: pa.Table) -> npt.NDArray[np.int64]:
    """When each row is known.

    Parameters
    ----------
    table
        [n] with the column `time`.

    Returns
    -------
    npt.NDArray[np.int64]
        [n] ns UTC.
    """
    return np.asarray(column_array(table.column("time")).astype(np.int64))


def instant(table: pa.Table, share: float) -> int:
    """A time inside a session: four tenths of its way through.

    Parameters
    ----------
    table
        With the columns `session` and `time`.
    share
        Of the table's sessions, at which that session stands.

    Returns
    -------
    int
        ns UTC of a row, never the session's first where it has two.
    """
    day = column_array(table.column("session"))
    days = np.unique(day)
    inside = times(table)[day == days[min(int(share * len(days)), len(days) - 1)]]
    known = np.unique(inside)
    return int(known[min(max(int(0.4 * len(known)), 1), len(known) - 1)])


def cut(table: pa.Table, at: int) -> pa.Table:
    """The rows known before an instant.

    Parameters
    ----------
    table
        With the column `time`.
    at
        ns UTC.

    Returns
    -------
    pa.Table
        In the same order.
    """
    return table.filter(pa.array(times(table) < at))


def poisoned(table: pa.Table, at: int, factor: float = FACTOR) -> pa.Table:
    """A table whose numbers from an instant on are other ones; keys, times and flags stay.

    Parameters
    ----------
    table
        With the column `time`.
    at
        ns UTC; rows known then or later change.
    factor
        By which each of their floats is multiplied; NaN stays NaN.

    Returns
    -------
    pa.Table
        Of the same rows.
    """
    later = times(table) >= at
    for i, field in enumerate(table.schema):
        if pa.types.is_float64(field.type):
            values = column_array(table.column(i))
            table = table.set_column(i, field, pa.array(np.where(later, values * factor, values)))
    return table


def rows_before(table: pa.Table, at: int, names: Sequence[str]) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of the rows known before an instant.

    Parameters
    ----------
    table
        With KEY and `time`.
    at
        ns UTC.
    names
        Columns beside KEY.

    Returns
    -------
    dict[str, npt.NDArray[np.generic]]
        By name, KEY first.
    """
    return arrays(cut(table, at), tuple(dict.fromkeys((*KEY, *names))))


def difference(a: pa.Table, b: pa.Table, at: int, names: Sequence[str]) -> Difference:
    """Where two tables differ in the rows known before an instant; rows that only one of them has differ in their key.

    Parameters
    ----------
    a, b
        With KEY, `time` and `names`.
    at
        ns UTC.
    names
        Columns that are compared bit for bit, the first that differs being named; NaN is equal to NaN.

    Returns
    -------
    Difference
        All rows the same where there is none.
    """
    x, y = rows_before(a, at, names), rows_before(b, at, names)
    n, m = len(x["seq"]), len(y["seq"])
    if n != m or any((x[k] != y[k]).any() for k in KEY):
        short = min(n, m)
        wrong = np.zeros(short, bool)
        for k in KEY:
            wrong |= x[k][:short] != y[k][:short]
        row = int(wrong.argmax()) if wrong.any() else short
        return Difference(max(n, m), row, "seq", place(x if row < n else y, row))
    good = {name: _same(x[name], y[name]) for name in names}
    return first(good, x)


def first(good: dict[str, Bool], keys: dict[str, npt.NDArray[np.generic]]) -> Difference:
    """The first row that is not the same in every column.

    Parameters
    ----------
    good
        Column -> [n] whether it is the same.
    keys
        KEY, [n] each.

    Returns
    -------
    Difference
        Its column and place; both empty where all rows are the same.
    """
    n = len(keys["seq"])
    same_rows = np.ones(n, bool)
    for mask in good.values():
        same_rows &= mask
    if same_rows.all():
        return Difference(n, n)
    row = int((~same_rows).argmax())
    column = next(name for name, mask in good.items() if not mask[row])
    return Difference(n, int(same_rows.sum()), column, place(keys, row))


def _same(x: npt.NDArray[np.generic], y: npt.NDArray[np.generic]) -> Bool:
    """Bit for bit, NaN being equal to NaN."""
    both: Bool = np.asarray((x == y) | ((x != x) & (y != y)))
    return both


def near(x: Float, y: Float) -> Bool:
    """Whether two forecasts are the same up to SLACK.

    Parameters
    ----------
    x, y
        [n].

    Returns
    -------
    Bool
        [n]; NaN is the same as NaN alone.
    """
    same = _same(x, y)  # nearly always all there is to see, at a fifth of the time of isclose
    return same if same.all() else np.asarray(np.isclose(x, y, rtol=SLACK, atol=SLACK, equal_nan=True))


def place(keys: dict[str, npt.NDArray[np.generic]], row: int) -> str:
    """A row as a person names it."""
    day = np.datetime64(keys["session"][row], "D")
    return f"{keys['symbol'][row]} {day} row {keys['seq'][row]}"


def total(parts: Iterable[Difference]) -> Difference:
    """The rows of many comparisons together, and the first that is not the same in any of them."""
    rows = same = 0
    column = where = ""
    for part in parts:
        if part.same < part.rows and not where:
            column, where = part.column, part.place
        rows, same = rows + part.rows, same + part.same
    return Difference(rows, same, column, where)


def claim(stage: str, what: str, found: Difference, how: str, lead: str = "", cuts: int = 0) -> Row:
    """The row of the table that something stands with another future, or which column and row does not.

    Parameters
    ----------
    stage
        Its name.
    what
        What was compared: "quotes".
    found
        The comparison.
    how
        GONE, CHANGED or FALLING, or other words.
    lead
        Before the column that does not stand: "feature ".
    cuts
        At how many points the future was changed; 0: not said.

    Returns
    -------
    Row
        See `line`.
    """
    text = f"{stage}: {what} stand with what comes later {how}" + (f", at {cuts} cuts" if cuts else "")
    if found.same < found.rows:
        text = f"{stage}: {lead}{found.column} of {found.place} knows what comes later ({how}, it is another)"
    return line(text, found)


def line(text: str, found: Difference) -> Row:
    """The row of the table that says `text`: all rows are the same."""
    return Row(text, f"{found.rows} of {found.rows}", found.same, found.rows, found.rows, " rows")
