"""Performance figures as pure functions of returns: ratios with their errors, drawdown, and what they would need.

r: returns a period as fractions, [n]. A ratio without variance, or of fewer than two periods, is None. FORMULAS names
what stands behind each id in metrics.json.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from hfm.arrays import Float

Z = NormalDist().inv_cdf(0.975)
"""Half-width of a 95 % interval in standard errors."""
BLOCK = 15 * 1024
"""Returns that are transformed at a time, so that the memory of many is that of few."""
YEAR = 252
"""Sessions a year of the session Sharpe ratio."""

FORMULAS = {
    "mean": "share of rows; standard error clustered by session, or by the block that predictions were split by "
    "(ratio estimator)",
    "return": "(equity at the end - cash) / cash; interval: growth times exp(+-z sd(log(1 + r)) sqrt(sessions)), r "
    "being session returns over session-start equity",
    "hold": "mid at the end / mid at the first open - 1, dividends and splits counted, symbols equally weighted",
    "hold.matched": "sum over sessions of (mean exposure over all sessions) x (first fillable open to last close; "
    "close to close where positions stay overnight)",
    "sharpe.session": "mean / sd x sqrt(sessions of the calendar's year) of session returns over session-start equity, "
    "flat sessions as 0; interval: Mertens (2002), as in Opdyke (2007), doi:10.1057/palgrave.jam.2250084",
    "sharpe.bar": "mean / sd x sqrt(bars a year by the calendar; of event rows, those of a session x sessions) of "
    "bar returns",
    "sharpe.bar.lo": "mean / sd x eta(q), q bars a year, autocorrelations up to one session: Lo (2002), "
    "doi:10.2469/faj.v58.n4.2453, eq. 20",
    "psr": "P(true Sharpe > 0): Bailey and Lopez de Prado (2012), doi:10.21314/JOR.2012.255",
    "sortino": "mean / sqrt(mean of min(r, 0)^2) x sqrt(bars a year) over all bars",
    "drawdown": "largest fall of equity from its running peak, at every row; of buy-and-hold the same",
    "cagr": "(equity at the end / cash)^(sessions a year / sessions) - 1",
    "calmar": "cagr / max drawdown",
    "wilson": "share of round trips with net > 0; Wilson (1927) interval, doi:10.1080/01621459.1927.10502953, at the "
    "effective number of trips under clustering by session, or by block: Dean and Pagano (2015), "
    "doi:10.1093/jssam/smv024",
    "profit.factor": "sum of net of winning round trips / that of losing ones",
    "payoff": "mean net of winning round trips / that of losing ones",
    "exposure": "mean over rows of |position x mark| / fixed capital",
    "turnover": "traded notional / fixed capital a session",
    "break.even": "gross P&L / traded notional, a side; ratio estimator clustered by session, or by block where a "
    "session is split into blocks",
    "count": "count",
    "shift": "circular shifts of the signal by a session and more: p = (1 + #) / (1 + B)",
    "shift.studentised": "the same, returns less their mean, sums over the root of their sum of squares: Janssen "
    "(1997), doi:10.1016/S0167-7152(97)00043-6",
    "pt": "Pesaran and Timmermann (2009), doi:10.1198/jasa.2009.0113, of two categories: t test of the covariance of "
    "forecast and outcome, summed by session, or by block",
    "power": "sessions n with mean / sd x sqrt(n) = z(.95), or z(.95) + z(.80) for 80 % power",
    "capacity": "capital at which the square-root impact takes what spread and fee leave of gross",
}  # fmt: skip


class Estimate(NamedTuple):
    """An estimate and its standard error in its unit; None for what is not defined."""

    value: float | None
    error: float | None


def sharpe(r: Float, periods: float) -> float | None:
    """The Sharpe ratio a year: mean(r) / sd(r) x sqrt(periods).

    Parameters
    ----------
    r : [n] returns a period, fractions, finite.
    periods : periods of a year.

    Returns
    -------
    The ratio, sd with n - 1; None without variance or below two returns.
    """
    if len(r) < 2:
        return None
    sd = float(r.std(ddof=1))
    if not sd > 1e-15 * max(float(np.abs(r).max()), 1e-300):
        return None
    return float(r.mean()) / sd * math.sqrt(periods)


def sharpe_error(r: Float) -> float:
    """Standard error of the Sharpe ratio a period under skew and fat tails (Mertens 2002).

    Parameters
    ----------
    r : [n] returns a period, n at least 2 and with variance.

    Returns
    -------
    The error of mean / sd, not annualised.
    """
    z = (r - r.mean()) / r.std()
    s = float(r.mean() / r.std(ddof=1))
    variance = 1.0 - float((z**3).mean()) * s + (float((z**4).mean()) - 1.0) / 4.0 * s * s
    return math.sqrt(max(variance, 0.0) / (len(r) - 1))


def psr(r: Float) -> float | None:
    """The probabilistic Sharpe ratio, P(true ratio > 0 | r): Phi(S / se(S)).

    Parameters
    ----------
    r : [n] returns a period.

    Returns
    -------
    A probability; None where sharpe is None.
    """
    s = sharpe(r, 1.0)
    if s is None:
        return None
    error = sharpe_error(r)
    return NormalDist().cdf(s / error) if error > 0 else float(s > 0)


def eta(rho: Float, q: float) -> float:
    """Lo's (2002, eq. 20) factor from the one-period to the q-period Sharpe ratio; sqrt(q) without autocorrelation.

    Parameters
    ----------
    rho : [L] autocorrelations at lags 1..L, beyond which they count as 0.
    q : periods.

    Returns
    -------
    The factor; NaN where the implied variance is not positive.
    """
    k = np.arange(1, min(len(rho), max(int(q) - 1, 0)) + 1)
    scale = q + 2.0 * float(((q - k) * rho[: len(k)]).sum())
    return q / math.sqrt(scale) if scale > 0 else math.nan


def autocorrelation(r: Float, lags: int) -> Float:
    """Sample autocorrelations of r at lags 1..lags.

    Products of a block of returns with those up to `lags` later, summed as spectra: a transform knows all lags at once.

    Parameters
    ----------
    r : [n] returns with variance.
    lags : most lags; at most n - 1 count.

    Returns
    -------
    [lags].
    """
    x = r - r.mean()
    lags = max(min(lags, len(r) - 1), 0)
    size = 1 << (min(BLOCK, len(x)) + lags - 1).bit_length()
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    for start in range(0, len(x), BLOCK):
        block, block_and_lags = (np.fft.rfft(x[start : start + n], size) for n in (BLOCK, BLOCK + lags))
        spectrum += np.conj(block) * block_and_lags
    sums: Float = np.fft.irfft(spectrum, size)[1 : lags + 1]
    return sums / float(x @ x)


def sharpe_lo(r: Float, q: float, lags: int) -> float | None:
    """The yearly Sharpe ratio, corrected for autocorrelation (Lo 2002).

    Parameters
    ----------
    r : [n] returns a period.
    q : periods of a year.
    lags : lags of the autocorrelation that count.

    Returns
    -------
    The ratio; None as for sharpe.
    """
    s = sharpe(r, 1.0)
    return None if s is None else s * eta(autocorrelation(r, lags), q)


def sortino(r: Float, periods: float) -> float | None:
    """The Sortino ratio a year: mean(r) / sqrt(mean(min(r, 0)^2)) x sqrt(periods).

    Parameters
    ----------
    r : [n] returns a period, finite.
    periods : periods of a year.

    Returns
    -------
    The ratio; None where nothing was ever lost.
    """
    down = math.sqrt(float((np.minimum(r, 0.0) ** 2).mean())) if len(r) else 0.0
    return float(r.mean()) / down * math.sqrt(periods) if down > 0 else None


@dataclass(frozen=True)
class Drawdown:
    """The largest fall from a peak: depth as a fraction, indices of peak, trough and recovery (None: not yet)."""

    depth: float
    peak: int
    trough: int
    recovered: int | None


def drawdown(equity: Float) -> Drawdown:
    """The maximum drawdown.

    Parameters
    ----------
    equity : [n] positive at its peaks, the starting capital first.

    Returns
    -------
    The largest fall from a running peak, the first of equal ones.
    """
    fall = np.maximum.accumulate(equity)
    np.divide(equity, fall, out=fall)
    np.subtract(1.0, fall, out=fall)
    trough = int(fall.argmax())
    peak = int(equity[: trough + 1].argmax())
    above = equity[trough:] >= equity[peak]
    first = int(above.argmax())
    return Drawdown(float(fall[trough]), peak, trough, trough + first if above[first] else None)


def ratio(top: Float, bottom: Float) -> Estimate:
    """sum(top) / sum(bottom) and its standard error, sessions being the independent units.

    The ratio estimator of Cochran (1977), Sampling Techniques, eq. 2.39.

    Parameters
    ----------
    top, bottom : [S] sums by session.

    Returns
    -------
    None, None where the bottom is 0; the error is None below two sessions.
    """
    total = float(bottom.sum())
    if total == 0:
        return Estimate(None, None)
    value = float(top.sum()) / total
    n = len(top)
    if n < 2:
        return Estimate(value, None)
    residual = top - value * bottom
    return Estimate(value, math.sqrt(float(residual @ residual) * n / (n - 1)) / abs(total))


def sessions_needed(r: Float, power: float | None = None) -> float | None:
    """Sessions after which a Sharpe ratio like this is just significant (one-sided .05).

    Parameters
    ----------
    r : [S] session returns.
    power : probability with which it is to be found significant; None: a half.

    Returns
    -------
    Sessions; None where the ratio is not above 0.
    """
    s = sharpe(r, 1.0)
    return None if s is None or s <= 0 else sessions_for(s, power)


def sessions_for(s: float, power: float | None = None) -> float:
    """The same for a Sharpe ratio a session s > 0."""
    z = NormalDist().inv_cdf(0.95) + (NormalDist().inv_cdf(power) if power else 0.0)
    return math.ceil((z / s) ** 2)
