"""Where fresh bars meet archived ones: agreement, revisions, splits. Nothing archived is ever overwritten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from hfm.arrays import Int
from hfm.errors import DataError
from hfm.plugins import RawBars

AGREE = 1e-4
"""Relative difference of prices up to which two bars are the same (Yahoo sends float32)."""
STEADY, MOST = 1e-3, 0.9
"""Ratio of fresh to archived prices that is one number: within STEADY of its median in MOST of the bars."""
FEW = 10
"""Common bars below which nothing is said of a ratio."""
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class MergedBars:
    """The union of archived and fresh bars, and how they differ.

    Attributes
    ----------
    bars : the union, in order of time.
    added : what was not archived.
    common : number of bars in both.
    revised : [k] ns UTC, bars whose first-seen values were kept.
    ratio : that the archive was multiplied by; 1: not.
    """

    bars: RawBars
    added: RawBars
    common: int
    revised: Int
    ratio: float = 1.0


def scaled(bars: RawBars, ratio: float) -> RawBars:
    """Prices times `ratio`, volumes over it: what a split does to history."""
    prices = {name: getattr(bars, name) * ratio for name in PRICES}
    return replace(bars, **prices, volume=bars.volume / ratio)


def merge(old: RawBars, new: RawBars, symbol: str, rebase: bool) -> MergedBars:
    """The union of archived and fresh bars, in order of time.

    Bars in both must agree to AGREE in every price. A few that do not are revisions: the first-seen value stays. A
    constant ratio is a split: with `rebase` the archive is scaled to the new prices.

    Parameters
    ----------
    old : archived bars, each time once, no NaN.
    new : fresh bars, likewise.
    symbol : for messages.
    rebase : whether a split is followed.

    Returns
    -------
    MergedBars

    Raises
    ------
    DataError
        For a split without `rebase`, and where most of the overlap disagrees for no such reason.
    """
    _, i, j = np.intersect1d(old.time, new.time, assume_unique=True, return_indices=True)
    ratios = np.stack([getattr(new, name)[j] / getattr(old, name)[i] for name in PRICES])
    differ = (np.abs(ratios - 1) > AGREE).any(0)
    ratio = 1.0
    if len(i) >= FEW and differ.mean() > 0.5:
        ratio = float(np.median(ratios))
        steady = (np.abs(ratios / ratio - 1) < STEADY).all(0)
        if steady.mean() < MOST:
            raise DataError(
                f"{symbol}: {int(differ.sum())} of {len(i)} bars that are archived are different now",
                why="neither revisions of a few bars nor one ratio of a split: the archive is left as it is",
                hint="fetch again later; or move the symbol's folder under data/bars away",
            )
        if not rebase:
            raise DataError(
                f"{symbol}: prices of {len(i)} archived bars are now {ratio:.6g} times what they were",
                why=f"looks like a split of {_split(ratio)}: appending would put a jump into the archive; "
                f"--rebase multiplies it by {ratio:.6g}",
                hint="--rebase",
            )
        old = scaled(old, ratio)
        differ = ~steady
    fresh = np.setdiff1d(np.arange(len(new.time)), j)
    added = new.take(fresh)
    union = RawBars.concat([old, added])
    return MergedBars(union.take(np.argsort(union.time)), added, len(i), old.time[i[differ]], ratio)


def _split(ratio: float) -> str:
    """A price ratio as the split that it stands for: .5 is 2:1."""
    parts = Fraction(1 / ratio).limit_denominator(50)
    return f"{parts.numerator}:{parts.denominator}"
