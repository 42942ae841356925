"""A warning where directions are called better than honest forecasts of bars call them."""

from __future__ import annotations

import math
from typing import NamedTuple

from hfm.proportion import wilson

ALL, TRADED = 0.525, 0.55
"""Direction accuracy over all rows, and over the rows with a signal, that bars do not give."""


class Hits(NamedTuple):
    """Rows called right, and all of them."""

    right: int
    rows: int


NONE = Hits(0, 0)


def warning(
    labelled: Hits, *, planted: bool, traded: Hits = NONE, bars: bool = True, reversal: float = math.nan
) -> str | None:
    """The warning that directions are called too well.

    Parameters
    ----------
    labelled : rows with a direction.
    planted : whether a signal was put into the market on purpose.
    traded : labelled rows with a signal.
    bars : whether rows are bars, of any interval; rows of an order book are foretold far better.
    reversal : accuracy of the rule that calls the opposite of the last return, NaN where not known.

    Returns
    -------
    A sentence; None where nothing is suspicious.
    """
    if planted or not bars:
        return None
    for hits, bound, which in ((labelled, ALL, "all rows"), (traded, TRADED, "the rows with a signal")):
        low = wilson(hits.right, hits.rows)[0]
        if hits.rows and low > bound:
            rule = "" if math.isnan(reversal) else f" (calling the opposite of the last return: {reversal:.1%} right)"
            return (
                f"Too good to be taken as it is: direction accuracy {hits.right / hits.rows:.2%} (95 % interval from "
                f"{low:.2%}) on {which}, where more than {bound:.1%} has not been seen honestly on bars. Either it is "
                f"bid-ask bounce{rule}, or something knows the future. Check it: hfm verify --run NAME"
            )
    return None
