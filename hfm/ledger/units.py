"""What prices and positions are multiples of, by symbol and market: tick sizes and the lot size."""

from __future__ import annotations

from collections.abc import Sequence

from hfm.config import Backtest
from hfm.errors import DataError
from hfm.tables import TableMeta

LOTS = {"24/7": 1e-8}
"""Smallest part of a unit that markets of a calendar trade: a coin has eight decimals. Elsewhere whole units."""


def tick_sizes(meta: TableMeta, symbols: Sequence[str]) -> list[float]:
    """The tick of each symbol, as a quotes table's meta has it: its own, else the one of all.

    Parameters
    ----------
    meta
        Of the quotes.
    symbols
        [S].

    Returns
    -------
    list[float]
        [S] currency.

    Raises
    ------
    DataError
        For a symbol without a tick.
    """
    ticks = meta.ticks or {}
    sizes = [float(ticks.get(symbol, meta.tick)) for symbol in symbols]
    for symbol, size in zip(symbols, sizes, strict=True):
        if not size > 0.0:
            raise DataError(f"the quotes do not say the tick of {symbol}", hint="hfm simulate")
    return sizes


def lot_size(settings: Backtest, calendar: str) -> float:
    """Units of which every position is a multiple: backtest.lot, else by the market (1 where it is not known)."""
    return settings.lot if settings.lot is not None else LOTS.get(calendar, 1.0)


def unit_name(calendar: str) -> str:
    """What a unit of a market's symbols is called: shares where stocks trade."""
    return "units" if calendar in ("24/7", "24/5") else "shares"


def amount(size: float) -> str:
    """A number of units: whole as it is, else with up to eight decimals."""
    return f"{size:.0f}" if size == round(size) else f"{size:.8f}".rstrip("0")
