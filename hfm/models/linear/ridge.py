"""The floors' arithmetic: scalers by symbol, ridge regression with a time-of-day table, ridge logistic regression.

Legend: n rows, F features, S symbols, K slots of a session. All in float64, by normal equations and Newton steps, so
that a golden value holds to 1e-9 on any processor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hfm.models.inference import CLIP
from hfm.plugins import Arrays, Float, Int, Panel

Mask = npt.NDArray[np.bool_]

HARMONICS = 4
"""Sine and cosine pairs of the smooth part of the time-of-day curve."""
SLOT_PENALTY = 20.0
"""Ridge on a slot's own departure from the smooth curve, in rows: with 20 rows a slot it is half believed."""


class LabelScale(NamedTuple):
    """Means and standard deviations of the labels, of the log volatility and the log spread, in log bps: the columns of
    `floor/label`.
    """

    volatility_centre: Float
    volatility_sd: Float
    spread_centre: Float
    spread_sd: Float


def rows_of(panel: Panel) -> Int:
    """[n] index of each row's symbol."""
    return np.repeat(panel.symbol, np.diff(panel.start))


def label_scale(arrays: Arrays, panel: Panel) -> LabelScale:
    """The labels' scale of each row's symbol, [n] each; arrays: of a floor."""
    return LabelScale(*arrays["floor/label"][rows_of(panel)].T)


def known(panel: Panel) -> Mask:
    """[n] whether all features of the row are known."""
    return np.asarray(np.isfinite(panel.x).all(axis=1))


def scaler(values: Float, symbol: Int, count: int) -> tuple[Float, Float]:
    """Mean and inverse standard deviation of each column, by symbol and pooled.

    Parameters
    ----------
    values : float64 [n, F]
        A row with a NaN is left out.
    symbol : int64 [n]
        Number of each row's symbol.
    count : int
        S.

    Returns
    -------
    centre, factor : float64 [S+1, F]
        The last row is all symbols pooled. A column that does not vary has factor 0; a symbol with fewer than two rows
        has the pooled ones.
    """
    centre = np.zeros((count + 1, values.shape[1]))
    factor = np.zeros_like(centre)
    good = np.isfinite(values).all(axis=1)
    for s in (count, *range(count)):
        if s < count == 1:
            centre[s], factor[s] = centre[count], factor[count]  # all rows are of this symbol
            continue
        part = values[good if s == count else good & (symbol == s)]
        if len(part) < 2:
            centre[s], factor[s] = centre[count], factor[count]
            continue
        centre[s] = part.mean(axis=0)
        sd = part.std(axis=0)
        varies = sd > 1e-9 * np.maximum(np.abs(centre[s]), 1e-6)
        factor[s, varies] = 1.0 / sd[varies]
    return centre, factor


def standardise(x: Float, symbol: Int, centre: Float, factor: Float) -> Float:
    """Features in units of their symbol's scaler.

    Parameters
    ----------
    x : float64 [n, F]
        Raw features; NaN stays NaN.
    symbol : int64 [n]
        Number of each row's symbol.
    centre, factor : float64 [S+1, F]
        Of `scaler`.

    Returns
    -------
    float64 [n, F]
        Cut at +-CLIP.
    """
    z: Float = np.clip((x - centre[symbol]) * factor[symbol], -CLIP, CLIP)
    return z


def ridge(z: Float, slot: Int, y: Float, slots: int, penalty: float = 0.01) -> tuple[Float, Float]:
    """Least squares with ridge of y ~ z @ w + table[slot].

    Parameters
    ----------
    z : float64 [n, F]
        Standardised features, complete rows.
    slot : int64 [n]
        Clock slots; one beyond the last counts as the last.
    y : float64 [n]
        Labels, without NaN.
    slots : int
        K; a table of one slot is a level.
    penalty : float
        On w, in rows.

    Returns
    -------
    w : float64 [F]
        Weights.
    table : float64 [K]
        A level, HARMONICS of the time of day and each slot's own departure (SLOT_PENALTY).
    """
    curve, slot = _curve(slots), np.minimum(slot, slots - 1)
    # The slots' own columns are one-hot, so that their products with the others are sums by slot, and what has a column
    # of the curve is a sum over slots: no design matrix of n rows is made (bench `walk-forward`, 1,208 sessions).
    count = np.bincount(slot, minlength=slots).astype(float)
    by_slot = np.column_stack([np.bincount(slot, column, slots) for column in (*z.T, y)])
    z_slot, y_slot = by_slot[:, :-1], by_slot[:, -1]
    z_curve, curve_slot = z_slot.T @ curve, curve.T * count
    gram = np.block([
        [z.T @ z, z_curve, z_slot.T],
        [z_curve.T, curve_slot @ curve, curve_slot],
        [z_slot, curve_slot.T, np.diag(count)],
    ])  # fmt: skip
    weight = np.concatenate(
        [np.full(z.shape[1], penalty), [1e-9], np.ones(curve.shape[1] - 1), np.full(slots, SLOT_PENALTY)]
    )
    # ridge regression by its normal equations: Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634
    beta = np.linalg.solve(gram + np.diag(weight), np.concatenate([z.T @ y, curve.T @ y_slot, y_slot]))
    at = z.shape[1]
    return beta[:at], curve @ beta[at : at + curve.shape[1]] + beta[at + curve.shape[1] :]


def _curve(slots: int) -> Float:
    """[K, 1 + 2 HARMONICS] a constant, then sines and cosines over the session (fewer where it has few slots)."""
    angle = 2 * np.pi * (np.arange(slots) + 0.5) / slots
    pairs = [f(k * angle) for k in range(1, min(HARMONICS, (slots - 1) // 2) + 1) for f in (np.sin, np.cos)]
    return np.column_stack([np.ones(slots), *pairs])


def logistic(z: Float, y: Float, penalties: tuple[float, ...]) -> tuple[Float, float]:
    """Logistic regression P(y = 1) = sigmoid(z @ w + b), with ridge on all but the intercept.

    The penalty is the one with the highest Laplace evidence (MacKay 1992, Neural Computation 4(3),
    doi:10.1162/neco.1992.4.3.448): no validation rows are spent on it.

    Parameters
    ----------
    z : float64 [n, F]
        Standardised features, complete rows.
    y : float64 [n]
        1 or 0. Of one class only: the intercept is its Laplace-smoothed log-odds, w = 0.
    penalties : tuple of float
        That are tried.

    Returns
    -------
    w : float64 [F+1]
        The intercept last.
    penalty : float
        The chosen one.
    """
    if len(y) == 0 or y.min() == y.max():
        return np.append(np.zeros(z.shape[1]), np.log((y.sum() + 1) / (len(y) - y.sum() + 1))), penalties[-1]
    best, chosen, w = -np.inf, penalties[-1], np.zeros(z.shape[1] + 1)
    design = np.column_stack([z, np.ones(len(z))])
    kept = w
    for penalty in sorted(penalties, reverse=True):
        w, evidence = _newton(design, y, penalty, w)
        if evidence > best:
            best, chosen, kept = evidence, penalty, w
    return kept, chosen


def _newton(design: Float, y: Float, penalty: float, w: Float) -> tuple[Float, float]:
    """(w, log evidence) at the optimum of the penalised log-likelihood, from the start w."""
    weight = np.append(np.full(design.shape[1] - 1, penalty), 1e-9)
    for _ in range(50):  # Newton's method, to the mode of the posterior
        p = sigmoid(design @ w)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(weight)
        step = np.linalg.solve(hessian, design.T @ (y - p) - weight * w)
        w = w + step
        if np.abs(step).max() < 1e-6:  # the next would be about its square
            break
    score = design @ w
    # Laplace's approximation of the log evidence: log likelihood and log prior at the mode, and half the log
    # determinants of the prior's precision and, with a minus, of the Hessian
    loglik = float(np.sum(y * score - np.logaddexp(0, score)))
    evidence = loglik - 0.5 * float(weight @ (w * w)) + 0.5 * (len(w) - 1) * np.log(penalty)
    return w, evidence - 0.5 * float(np.linalg.slogdet(hessian)[1])


def sigmoid(x: Float) -> Float:
    """1 / (1 + e^-x), without overflow.

    Parameters
    ----------
    x : float64 [..]
        NaN stays NaN.

    Returns
    -------
    float64 [..]
    """
    out: Float = 0.5 * (1 + np.tanh(0.5 * x))
    return out
