"""The stylised facts of the book: values, errors clustered by session, bands."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hfm.simulate import fact_table
from hfm.simulate.book.book_sums import BINS, HORIZONS
from hfm.simulate.fact_table import TOLERANCE, Band, Fact, Statistic, correlation, ratio
from hfm.simulate.moments import Moments, Sums
from hfm.simulate.symbol_settings import SymbolSettings

OPENING = Band(0.9, 2.1)
"""Excess spread (over a tick) of the first 15 minutes over midday's, by the same ratio of Garman-Klass volatility, in
real books: 1.10 on a day of AMZN, 1.23 in SPY's curves of a year, 1.28 and 2.10 on two days of a NYSE stock (volatility
2.1, 3.2, 4.9 and 2.4 times midday's). The error of a day is .2 of it, hence .9. The spread itself is no constant: 1.33,
2.2, 3.6 and 4.5 times midday's."""
FEW = 30
"""Metaorders of a size below which its mean impact is not used."""


def explained(h: int) -> Statistic:
    """R2 of the return over h seconds on OFI."""
    return lambda s: correlation(f"ofi{h}")(s) ** 2


def lead(h: int) -> Statistic:
    """Partial correlation of OFI with the next return, given the return that it came with."""

    def statistic(s: Sums) -> float:
        own, following, ac = (correlation(f"{k}{h}")(s) for k in ("ofi", "next", "ac"))
        return (following - own * ac) / math.sqrt((1.0 - own * own) * (1.0 - ac * ac))

    return statistic


def variance_ratio(s: Sums) -> float:
    """Of returns over 5 minutes and a second, both over their forecast sd."""
    return (s["rr300"] / s["n300"]) / (s["rr1"] / s["n1"])


def excess_kurtosis(h: int) -> Statistic:
    """Of returns over h seconds, over their forecast sd."""
    return lambda s: s[f"r4{h}"] / s[f"n{h}"] / (s[f"rr{h}"] / s[f"n{h}"]) ** 2 - 3.0


def impact_exponent(s: Sums) -> float:
    """Slope of ln mean impact on ln mean size over metaorders' sizes, weighted by their numbers."""
    x, y, w = [], [], []
    for b in range(BINS):
        n, size, impact = (s[f"meta{b}.{k}"] for k in ("n", "size", "impact"))
        if n >= FEW and impact > 0:
            x.append(math.log(size / n))
            y.append(math.log(impact / n))
            w.append(n)
    if not x:
        return math.nan
    x_, y_, w_ = np.array(x), np.array(y), np.array(w)
    mean = (w_ * x_).sum() / w_.sum()
    return float((w_ * (x_ - mean) * y_).sum() / (w_ * (x_ - mean) ** 2).sum())


def opening_spread(s: Sums) -> float:
    """Spread of the first 15 minutes over midday's, by time."""
    return s["ticks.open"] / s["n.open"] / (s["ticks.mid"] / s["n.mid"])


def opening_excess(s: Sums) -> float:
    """The same of the spread less a tick, over the same of the bars' own volatility."""
    excess = (s["ticks.open"] / s["n.open"] - 1.0) / (s["ticks.mid"] / s["n.mid"] - 1.0)
    return excess / (s["vol.open"] / s["n.open"] / (s["vol.mid"] / s["n.mid"]))


def facts(setting: SymbolSettings, observed: bool) -> dict[str, Fact]:
    """The facts of the book by id.

    The spread's bands are SPY's, and where a session has no 300 s rows its facts are NaN. What is counted from returns
    is judged with its error, clustered by session: over a month of sessions that is .006 to .015 on the autocorrelation
    at 10 s, .05 on the variance ratio and .02 on the R2 over 5 minutes. A flow fitted to another book has no bands.

    Parameters
    ----------
    setting
        Of a symbol, or of several pooled.
    observed
        Whether the bars are real. Their kurtosis is then theirs, and their opening volatility, which the opening spread
        follows, is not the one that the band of the generated markets is for.

    Returns
    -------
    dict[str, Fact]
        Label, statistic and band of each.
    """
    stands = setting.charge is None or not setting.charge.contradicted.any()
    spy = setting.like_spy and stands and setting.simulate.spread_bps is None
    near: dict[int, Band | float] = {1: Band(-0.03, 0.03), 10: Band(-0.03, 0.03), 60: Band(-0.04, 0.04), 300: 0.0}
    rows: dict[str, tuple[str, Statistic, Band | float | None]] = {
        f"mid_ac_{h}s": (f"lag-1 autocorrelation of mid returns, {h} s", correlation(f"ac{h}"), near[h])
        for h in HORIZONS}  # fmt: skip
    judged_with_error = {"variance_ratio", "ofi_r2_10s", "ofi_r2_60s", "ofi_r2_300s", *rows}
    rows |= {
        "variance_ratio": ("variance of 5 minutes over 300 of a second", variance_ratio, Band(0.93, 1.07)),
        "ofi_r2_10s": ("R2 of r on OFI, 10 s", explained(10), Band(0.55, 0.75)),
        "ofi_r2_60s": ("R2 of r on OFI, 60 s", explained(60), None),
        "ofi_r2_300s": ("R2 of r on OFI, 5 minutes", explained(300), Band(0.45, 0.70)),
        "lead_ofi_300s": ("OFI beside its return, and the next return, 5 minutes", lead(300), 0.0),
        "lead_ofi_10s": ("the same over 10 s (inside a bar the path knows its end)", lead(10), None),
        "book_spread_ticks": ("mean spread in ticks, by time", ratio("ticks", "bars"), Band(1.0, 1.4) if spy else None),
        "book_spread_one": ("share of time at one tick", ratio("one", "bars"), Band(0.75, 1.0) if spy else None),
        "book_spread_open": ("spread, first 15 minutes over midday", opening_spread,
                             None if observed else Band(1.3, 3.0)),
        "book_spread_follows": ("excess spread, the same, over the same of volatility", opening_excess, OPENING),
        "sign_ac_1": ("autocorrelation of trade signs, lag 1", correlation("sign1"), Band(0.2, 0.6)),
        "sign_ac_10": ("autocorrelation of trade signs, lag 10", correlation("sign10"), Band(0.05, 0.25)),
        "kurtosis_mid": ("excess kurtosis of 5-minute mid returns over their sd", excess_kurtosis(300),
                         None if observed else Band(0.5, 6.0)),
        "impact_exponent": ("of metaorders' impact in their size", impact_exponent, Band(0.4, 0.65)),
    }  # fmt: skip
    own = not setting.simulate.tables
    return {
        name: Fact(label, statistic, band if own else None, "simulated", TOLERANCE * (name in judged_with_error))
        for name, (label, statistic, band) in rows.items()
    }


def document(moments: Moments, setting: SymbolSettings, observed: bool) -> dict[str, Any]:  # Any: JSON
    """Each fact's value, standard error and band, and whether it lies inside, as facts.json has them.

    Parameters
    ----------
    moments
        Sums of the sessions.
    setting, observed
        See `facts`.

    Returns
    -------
    dict[str, Any]
        By id.
    """
    return fact_table.table(moments, facts(setting, observed))
