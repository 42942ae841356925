"""The spread that is charged around observed bars: never less than what the symbol's earlier bars show.

Axes: N cases (a session, or a sample), E estimators (estimators.NAMES, the names of the columns). Spreads are effective
ones (what a trade there and back pays), in bp; squared ones in bp^2.

An estimate is *shown* where it is above 0 at 1 % over the family of estimators (Bonferroni, one-sided, errors clustered
by session; by ALONE errors from the rows where sessions are few) and its preconditions hold. Charged is the upper
one-sided 95 % limit of the estimator that rules (Abdi-Ranaldo and EDGE where ranges can be trusted, else Roll) and of
each estimate that is shown, whichever is highest. A mid that reverts by itself looks to autocovariances like a spread,
and like a wide one if it takes its time: where ranges are trusted and do not confirm them, autocovariances rule only at
ALONE standard errors. What cannot be told from that is a spread whose side persists from bar to bar (.95; .85 with a
half-spread below some 5 bp in 250 sessions of five-minute bars).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.simulate.spread import estimators
from hfm.simulate.spread.estimators import NAMES, PERSISTENCE, SHARPNESS, by_name
from hfm.simulate.spread.moment_pool import CLUSTERED, MomentPool, pool, sums

UNKNOWN_BPS = 10.0
"""Charged where nothing can be estimated: the original recipe's base spread, some fifty times that of SPY."""
ONE_SIDED_95, FAMILY_1 = 1.6449, 2.9822  # normal quantiles at .05, and at .01 over seven estimators
ALONE = 6.0
"""Standard errors: five-minute mids of 63 stocks and funds reverted by up to 4.8."""
ALLOWANCE_BPS = 1.0
"""What mids revert by themselves looks to autocovariances, and their changing volatility to Corwin-Schultz, like a
spread up to this wide on the most liquid names: a claim is not contradicted by less."""
_NO_ALLOWANCE = ("abdi_ranaldo", "edge")
"""Estimators that neither of these misleads."""
MARGIN, MARGIN_ROWS = 1.08, 4.0
"""What is charged over an upper limit: sides that persist into the next bar take 4 % off Roll's spread (.95 from trade
to trade, thirty trades a bar), weights 3 % at 78 rows a session and 24 % at 13 (MARGIN_ROWS over the rows)."""


@dataclass(frozen=True)
class Ruling:
    """What is charged in N cases. upper [N]: bp, NaN where nothing can be estimated; by [N]: the estimator that ruled;
    shown [N, E]; against [N]: bp below which a claim is contradicted, 0 where nothing is shown; highest [N, E]: each
    estimator's upper limit in bp (below 0: of a squared spread below 0).
    """

    upper: Float
    by: Int
    shown: Bool
    against: Float
    highest: Float


@dataclass(frozen=True)
class SpreadEstimate:
    """A symbol's effective spread from a whole sample.

    squared_bps2, se: squared round-trip spread (4 c^2, may be below 0) and its error, of the estimator that ruled; NaN
    where none could. upper_half_spread_bps: half of what the sample would have charged, NaN likewise. table: by
    estimator its squared_bps2, se, upper_bps, trusted and shown. joined: share of opens equal to the close before.
    """

    squared_bps2: float
    se: float
    upper_half_spread_bps: float
    ruled_by: str
    sessions: int
    joined: float
    table: Mapping[str, Mapping[str, float | bool | None]]


def rule(p: MomentPool) -> Ruling:
    """Which estimator rules, and what is charged.

    Parameters
    ----------
    p
        Of N cases.

    Returns
    -------
    Ruling
        [N] in bp; `upper` is NaN where nothing can be estimated.
    """
    # upper limits, and lower ones by which an estimate is shown: Bonferroni over the family, or ALONE errors
    few = (p.sessions < CLUSTERED)[:, None]
    high, low = _limit(p, ONE_SIDED_95), np.where(few, _limit(p, -ALONE), _limit(p, -FAMILY_1))
    trust = by_name(p.trusted)
    ranges = trust["abdi_ranaldo"]
    shown = _shown(p, low, high)
    # asked are those that rule by themselves, and those that are shown
    asked = shown.copy()
    by_name(asked)["abdi_ranaldo"] |= ranges
    by_name(asked)["edge"] |= trust["edge"]
    by_name(asked)["roll"] |= trust["roll"] & (~ranges | few[:, 0])
    # charged is the highest of their upper limits, with the margin of MARGIN
    candidates = np.where(asked, np.maximum(_widened(p, high), 0.0), -1.0)
    by = candidates.argmax(axis=1)
    upper = np.take_along_axis(candidates, by[:, None], axis=1)[:, 0]
    upper *= np.maximum(MARGIN, 1.0 + MARGIN_ROWS * p.sessions / np.maximum(p.rows, 1.0))
    allowance = np.array([0.0 if name in _NO_ALLOWANCE else ALLOWANCE_BPS for name in NAMES])
    against = np.where(shown, np.maximum(low - allowance, 0.0), 0.0).max(axis=1)
    return Ruling(np.where(upper >= 0, upper, np.nan), by, shown, against, high)


def _shown(p: MomentPool, low: Float, high: Float) -> Bool:
    """The estimates that show a spread; of the sums of autocovariances, the one alone that fits best.

    Corwin-Schultz shows nothing that lies above all that Roll, Abdi-Ranaldo and EDGE allow: where volatility changes
    from bar to bar, or the spread is wide beside it, it is too large.

    Returns
    -------
    Bool
        [N, E].
    """
    shown = p.trusted & (low > 0)
    show, trust, most = by_name(shown), by_name(p.trusted), by_name(high)
    # autocovariances: where ranges are trusted, those alone that ranges confirm, or that stand by ALONE errors
    agree = show["abdi_ranaldo"] | show["edge"]
    covariances = estimators.columns(PERSISTENCE)
    alone, at_least = _limit(p, -ALONE)[:, covariances], _limit(p, -ONE_SIDED_95)
    confirmed = agree[:, None] & (at_least[:, covariances] <= most["abdi_ranaldo"][:, None])
    shown[:, covariances] &= ~trust["abdi_ranaldo"][:, None] | (alone > 0) | confirmed
    # Corwin-Schultz: not above all that the others allow
    others = np.max([np.where(trust[name], most[name], -np.inf) for name in ("roll", "abdi_ranaldo", "edge")], axis=0)
    show["corwin_schultz"] &= by_name(at_least)["corwin_schultz"] <= others
    # of the autocovariances that are left, the one whose estimate is largest beside its error
    sharpness = [SHARPNESS[name] for name in PERSISTENCE]
    fit = np.where(shown[:, covariances], p.square[:, covariances] * sharpness, -np.inf)
    shown[:, covariances] &= fit == fit.max(axis=1, keepdims=True)
    return shown


def _widened(p: MomentPool, high: Float) -> Float:
    """The upper limits, Abdi-Ranaldo's for ranges that hold one side alone, up to Roll's own limit.

    Where sides persist through most of a bar, or highs and lows are made of opens and closes, its squared spread is
    half of the true one and less: three times it is allowed for. Roll's spread is not touched by that, and its upper
    limit bounds the allowance.

    Returns
    -------
    Float
        [N, E] bp.
    """
    out = high.copy()
    ar, roll = by_name(high)["abdi_ranaldo"], by_name(high)["roll"]
    triple = np.sqrt(np.maximum(2.0 * by_name(p.square)["abdi_ranaldo"] + ar * np.abs(ar), 0.0))
    by_name(out)["abdi_ranaldo"] = np.maximum(ar, np.minimum(triple, np.where(roll >= ar, roll, np.inf)))
    return out


def _limit(p: MomentPool, z: Float | float) -> Float:
    """[N, E]: one-sided limit of the spread in bp, signed as its square.

    z: a normal quantile, [N, 1] or one number. The quantile of Student's t is the first two terms of its expansion in
    1 / df (Abramowitz and Stegun 1964, 26.7.5).

    Returns
    -------
    Float
        [N, E] bp; NaN where there is no estimate.
    """
    quantile = z + (z**3 + z) / (4.0 * p.df) + (5 * z**5 + 16 * z**3 + 3 * z) / (96.0 * p.df**2)
    square = p.square + quantile * p.se
    out = np.asarray(np.sign(square) * np.sqrt(np.abs(square)))
    # Corwin-Schultz estimates the spread itself, and so does its error
    cs = by_name(p.square)["corwin_schultz"]
    steps = by_name(quantile)["corwin_schultz"] * by_name(p.se)["corwin_schultz"]
    by_name(out)["corwin_schultz"] = np.sign(cs) * np.sqrt(np.abs(cs)) + steps
    return out


def estimate(total: Float) -> SpreadEstimate:
    """The estimate from a whole sample.

    Parameters
    ----------
    total
        [7 E + 5] `sums`, summed over its sessions.

    Returns
    -------
    SpreadEstimate
        NaN and "none" where nothing can be estimated.
    """
    p = pool(total[None, :])
    r = rule(p)
    known = bool(np.isfinite(r.upper[0]))
    by = int(r.by[0])
    return SpreadEstimate(
        float(p.square[0, by]) if known else float("nan"),
        float(p.se[0, by]) if known else float("nan"),
        0.5 * float(r.upper[0]),
        NAMES[by] if known else "none",
        int(p.sessions[0]),
        float(p.joined[0]),
        {
            name: {
                "squared_bps2": _number(p.square[0, e]), "se": _number(p.se[0, e]),
                "upper_bps": _number(max(r.highest[0, e], 0.0)), "trusted": bool(p.trusted[0, e]),
                "shown": bool(r.shown[0, e]),
            }
            for e, name in enumerate(NAMES)
        },
    )  # fmt: skip


def _number(x: float) -> float | None:
    return float(f"{x:.6g}") if np.isfinite(x) else None


def of_bars(open_: Float, high: Float, low: Float, close: Float, volume: Float) -> SpreadEstimate:
    """The estimate from one symbol's sessions of bars.

    Parameters
    ----------
    open_, high, low, close
        [S, T] prices, NaN in holes.
    volume
        [S, T] shares, NaN in holes.

    Returns
    -------
    SpreadEstimate
        Of all S sessions together.
    """
    return estimate(sums(estimators.moments(open_, high, low, close, volume)).sum(axis=0))
