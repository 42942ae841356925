"""A warning where directions are called better than honest forecasts of bars call them."""

from __future__ import annotations

import math

from hfm.report import statistics

ALL, TRADED = 0.525, 0.55
"""Direction accuracy over all rows, and over the rows with a signal, that bars do not give."""


def warning(
    right: int,
    n: int,
    *,
    planted: bool,
    traded: tuple[int, int] = (0, 0),
    bars: bool = True,
    reversal: float = math.nan,
) -> str | None:
    """The warning, else None.

    Parameters
    ----------
    right, n : labelled rows called right, and all of them.
    planted : whether a signal was put into the market on purpose.
    traded : rows with a signal called right, and all of them.
    bars : whether rows are bars, of any interval; rows of an order book are foretold far better.
    reversal : accuracy of the rule that calls the opposite of the last return, NaN where not known.
    """
    if planted or not bars:
        return None
    for (hits, rows), bound, which in (((right, n), ALL, "all rows"), (traded, TRADED, "the rows with a signal")):
        low = statistics.wilson(hits, rows)[0]
        if rows and low > bound:
            rule = "" if math.isnan(reversal) else f" (calling the opposite of the last return: {reversal:.1%} right)"
            return (
                f"Too good to be taken as it is: direction accuracy {hits / rows:.2%} (95 % interval from {low:.2%}) "
                f"on {which}, where more than {bound:.1%} has not been seen honestly on bars. Either it is bid-ask "
                f"bounce{rule}, or something knows the future. Check it: hfm verify --run NAME"
            )
    return None
