"""Prices in whole units of a small scale: read by it where the format is certain, refused where nothing tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from hfm.arrays import Float
from hfm.errors import DataError
from hfm.fetch.files.header import plain
from hfm.fetch.files.roles import PRICES

DATABENTO = frozenset({"rtype", "publisherid"})
"""Columns of every record that Databento writes; its whole prices are in units of 1e-9."""
NANO, UNDEFINED = 1e9, 9.2e18
"""Units of Databento's price in one of currency; and the number from which it means that there is no price."""
HUGE, LARGE, SOME, STEP = 1e8, 1e5, 2e4, 100
"""Whole prices from HUGE on are refused; from LARGE on, and all multiples of STEP, they are warned of, and from SOME on
as cents."""


def scale_prices(
    values: dict[str, Float],
    columns: Mapping[str, pa.ChunkedArray],
    names: Sequence[str],
    unit: float | None,
    path: Path,
) -> tuple[dict[str, Float], tuple[str, ...], tuple[str, ...]]:
    """Values with prices in currency; notes of it; and warnings.

    Parameters
    ----------
    values : role -> float64 [n] as they stand.
    columns : role -> the cells [n].
    names : of all columns of the file.
    unit : currency of one unit, where the user gave it.
    path : for messages.

    Returns
    -------
    dict of str to float64 [n], tuple of str, tuple of str
        Cells without a value stay NaN; Databento's undefined price becomes NaN.

    Raises
    ------
    DataError
        For whole prices that are too large to be prices as they stand.
    """
    if unit is not None:
        return _divide_prices(values, 1 / unit), (f"prices are in units of {unit:g}",) if unit != 1 else (), ()
    if not all(_is_whole(values[role][:100]) for role in PRICES) or not all(_is_whole(values[role]) for role in PRICES):
        return values, (), ()
    typical = float(np.nanmedian(values["close"])) if np.isfinite(values["close"]).any() else 0.0
    if {plain(name) for name in names} >= DATABENTO and all(_is_integer_text(columns[role]) for role in PRICES):
        return _divide_prices(values, NANO), ("prices are Databento's whole numbers, in units of 1e-9",), ()
    if typical >= HUGE:
        raise DataError(
            f"{path}: all prices are whole numbers, about {typical:,.0f}: they look like units of a small scale",
            why="Databento writes units of 1e-9, others of 1e-8 or 1e-4; a unit of 1 takes prices as they stand",
            hint=", or ".join(f"--set fetch.price_unit={u}" for u in dict.fromkeys((_cents(values), "1e-9", "1"))),
        )
    cents = _cents(values) if typical >= SOME and np.isfinite(typical) else ""
    if (cents == "1e-2" and (np.fmod(values["close"], 5) != 0).any()) or (cents == "1e-3" and typical >= LARGE):
        text = f"all prices are whole numbers (about {typical:,.0f}); where they are cents or parts of them"
        return values, (), (f"{text}: --set fetch.price_unit={cents}",)
    if typical >= LARGE and all((np.fmod(values[role][np.isfinite(values[role])], STEP) == 0).all() for role in PRICES):
        text = (
            f"all prices are whole multiples of {STEP} (about {typical:,.0f}); where they are in units of a small scale"
        )
        return values, (), (f"{text}: --set fetch.price_unit={cents}",)
    return values, (), ()


def _cents(values: Mapping[str, Float]) -> str:
    """The unit in which all prices are whole cents, and some are no whole tenths: of 470030000 it is 1e-6."""
    prices = np.concatenate([values[role] for role in PRICES])
    prices = prices[np.isfinite(prices) & (prices < UNDEFINED)]
    common = int(np.gcd.reduce(np.abs(prices).astype(np.int64)))
    zeros = len(str(common)) - len(str(common).rstrip("0"))
    return f"1e-{zeros + 2}"


def _divide_prices(values: dict[str, Float], by: float) -> dict[str, Float]:
    """Prices over `by`: a quotient is rounded once, a product with 1e-9 twice."""
    by = round(by) if by >= 1 and abs(by - round(by)) < 1e-6 * by else by
    return {
        role: np.where(column < UNDEFINED, column, np.nan) / by if role in PRICES else column
        for role, column in values.items()
    }


def _is_whole(column: Float) -> bool:
    """Whether all numbers of a column are whole."""
    found = column[np.isfinite(column)]
    return bool((np.rint(found) == found).all())


def _is_integer_text(column: pa.ChunkedArray) -> bool:
    """Whether a column's cells are written without decimals."""
    if pa.types.is_integer(column.type):
        return True
    if not pa.types.is_string(column.type):
        return False
    return all(str(cell or "0").strip().isdigit() for cell in column.slice(0, 1000).to_pylist())
