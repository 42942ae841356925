"""Effective spreads that bars of trades show: one session's signed moments of the squared spread, by seven estimators.

Axes: S sessions, T clock slots, E estimators (NAMES; by_name gives the columns their names). Prices are [S, T], NaN in
holes; squared spreads are in bp^2 of the round trip, so that 4 c^2 stands for a half-spread c. Every moment is unbiased
on its own assumptions and may be negative, so that means over sessions stay unbiased; on a random walk without a spread
the moments that are products of returns are symmetric about 0, whatever the volatility.

A row teaches nothing where its volume is 0, and where its prices all equal the close before (no trade moved it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.arrays import Bool, Float, Int
from hfm.simulate.day_curves import VOLATILITY_CURVE, day_curve
from hfm.simulate.spread import edge

NAMES = ("roll", "persistent_75", "persistent_85", "persistent_95", "corwin_schultz", "abdi_ranaldo", "edge")
LABELS = (
    "Roll", "Roll, sides that persist at .75", "Roll, sides that persist at .85", "Roll, sides that persist at .95",
    "Corwin-Schultz", "Abdi-Ranaldo", "EDGE",
)  # fmt: skip
PERSISTENCE = {"roll": 0.0, "persistent_75": 0.5, "persistent_85": 0.7, "persistent_95": 0.9}
"""Autocorrelation of the sides from close to close that each sum of autocovariances is matched to: 2 P(same) - 1."""
SHARPNESS = {"roll": 1.0, "persistent_75": 0.2887, "persistent_85": 0.1260, "persistent_95": 0.0220}
"""Error of Roll over that of each sum of autocovariances on a random walk: (1 - phi)^2 / sqrt(1 - phi^2)."""
LAGS = 12
BP2 = 1e8
"""bp^2 in one squared relative unit."""
_K = 3.0 - 2.0 * np.sqrt(2.0)  # Corwin and Schultz (2012), eq. 18


def by_name(matrix: npt.NDArray[np.generic]) -> npt.NDArray[np.void]:
    """The columns of a matrix under the names of their estimators.

    Parameters
    ----------
    matrix
        [..., E], of neighbouring columns in memory.

    Returns
    -------
    npt.NDArray[np.void]
        [...] with a field an estimator: a view, so what is written to a field stands in the matrix.
    """
    return matrix.view(np.dtype([(name, matrix.dtype) for name in NAMES]))[..., 0]


def columns(names: Iterable[str]) -> list[int]:
    """Where the columns of these estimators stand, to take several of them out of a matrix [..., E]."""
    return [NAMES.index(name) for name in names]


@dataclass(frozen=True)
class SessionMoments:
    """What S sessions show. square, weight, variance [S, E]: squared spread (bp^2), its weight in a pool (0 where there
    is none) and its sampling variance from the session's own rows; of Corwin-Schultz, square is the spread itself in bp
    (signed). shape [S, 4]: rows with a close before, those of them that open at it, closes, closes at an extreme.
    """

    square: Float
    weight: Float
    variance: Float
    shape: Float


def moments(open_: Float, high: Float, low: Float, close: Float, volume: Float) -> SessionMoments:
    """The moments of sessions of bars.

    Rows are weighted by the inverse of their variance, by the built-in curve and the session's mean squared range: that
    makes pooled estimates nearly as precise as generalised least squares. Where ranges are made of opens and closes
    alone, bounces widen them, and weigh themselves down: see spread_charge.MARGIN.

    Parameters
    ----------
    open_, high, low, close
        [S, T] prices, NaN in holes.
    volume
        [S, T] shares, NaN in holes; a row of none teaches nothing.

    Returns
    -------
    SessionMoments
        [S, E].
    """
    if close.shape[1] < 3:  # no autocovariance
        empty = np.zeros((len(close), len(NAMES)))
        return SessionMoments(empty, empty, empty, np.zeros((len(close), 4)))
    step = max(_BLOCK // close.shape[1], 1)
    prices = (open_, high, low, close, volume)
    blocks = [_moments(*(x[i : i + step] for x in prices)) for i in range(0, max(len(close), 1), step)]
    parts = zip(*((m.square, m.weight, m.variance, m.shape) for m in blocks), strict=True)
    return SessionMoments(*(np.concatenate(part) for part in parts))


_BLOCK = 8192
"""Rows taken at once: some twenty arrays of them stay in a second-level cache."""


def _moments(open_: Float, high: Float, low: Float, close: Float, volume: Float) -> SessionMoments:
    o, h, lo, c = (np.log(np.where(volume > 0, x, np.nan)) for x in (open_, high, low, close))
    # rows that no trade moved are holes
    still = np.zeros(c.shape, bool)
    still[:, 1:] = (h[:, 1:] == lo[:, 1:]) & (lo[:, 1:] == c[:, :-1])
    if still.any():
        o, h, lo, c = (np.where(still, np.nan, x) for x in (o, h, lo, c))
    returns = c[:, 1:] - c[:, :-1]
    known = np.isfinite(returns)
    r = np.where(known, returns, 0.0)
    precision = _precision(h - lo, r, known.sum(axis=1))
    usable = precision[:, 0] > 0
    square, weight, variance = (np.zeros((len(c), len(NAMES))) for _ in range(3))
    parts = _autocovariances(r, known, precision[:, 1:])
    parts |= {"corwin_schultz": _corwin_schultz(h, lo, precision), "abdi_ranaldo": _abdi_ranaldo(h, lo, c, precision)}
    parts["edge"] = _edge(o, h, lo, c, precision)
    for name, (value, mass, spread_of) in parts.items():
        good = np.isfinite(value) & (mass > 0) & usable
        by_name(square)[name] = np.where(good, value, 0.0)
        by_name(weight)[name] = np.where(good, mass, 0.0)
        by_name(variance)[name] = np.where(good, spread_of, 0.0)
    return SessionMoments(square, weight, variance, _shape(o, h, lo, c))


def _precision(range_: Float, r: Float, rows: Int) -> Float:
    """The inverse of each row's variance in bp^2, up to a factor.

    Returns
    -------
    Float
        [S, T]; 0 in sessions of fewer than three returns or of no move.
    """
    known = np.where(np.isfinite(range_), range_, 0.0)
    ranges: Float = np.vecdot(known, known)
    squares: Float = np.vecdot(r, r)
    scale = BP2 * np.where(ranges > 0, ranges, squares) / np.maximum(rows, 1)
    usable = (rows >= 3) & (scale > 0)
    level = np.where(usable, 1.0 / np.where(usable, scale, 1.0), 0.0)
    return np.asarray(level[:, None] * np.exp(-2.0 * day_curve(VOLATILITY_CURVE, range_.shape[1])))


Part = tuple[Float, Float, Float]
"""[S] each: value, mass of the rows behind it, variance of the value."""


def _autocovariances(r: Float, known: Bool, precision: Float) -> dict[str, Part]:
    """Roll (1984, doi:10.1111/j.1540-6261.1984.tb03897.x), s^2 = -4 cov(r_t, r_t-1), and its like for lasting sides.

    Sides with autocorrelation phi leave cov_k = -c^2 (1 - phi)^2 phi^(k-1): c^2 by least squares over LAGS lags, all
    equally precise on a random walk (sums of autocovariances as in the variance ratio of Lo and MacKinlay 1988,
    doi:10.1093/rfs/1.1.41, with the weights that such sides ask for). Sides that persist less than a sum is matched to
    make it too large, and its ratio to its error smaller. Returns are weighted by the inverse of their variance.

    Returns
    -------
    dict[str, Part]
        [S] bp^2, by the names of PERSISTENCE.
    """
    # cov_k, k = 1 ... LAGS: weighted means of r_t r_t-k (Roll's is k = 1)
    mass = known * precision
    x = r * precision
    lags = min(LAGS, r.shape[1] - 1)
    covariance, pairs = np.zeros((len(r), lags)), np.zeros((len(r), lags))
    for k in range(lags):
        pairs[:, k] = np.vecdot(mass[:, k + 1 :], mass[:, : -k - 1])
        covariance[:, k] = np.vecdot(x[:, k + 1 :], x[:, : -k - 1])
    valid = pairs > 0
    covariance = np.where(valid, BP2 * covariance / np.where(valid, pairs, 1.0), 0.0)
    # variance of each cov_k on a random walk: E[r_t^2 r_t-1^2] over the pairs, the same at every lag
    squares = x * x
    first = np.where(valid[:, 0], pairs[:, 0], 1.0)
    fourth = BP2**2 * np.vecdot(squares[:, 1:], squares[:, :-1]) / first**2
    out: dict[str, Part] = {}
    for name, phi in PERSISTENCE.items():
        # least squares of cov_k = -c^2 f_k, f_k = (1 - phi)^2 phi^(k-1): s^2 = 4 c^2 = -4 sum f_k cov_k / sum f_k^2
        form = valid * ((1.0 - phi) ** 2 * np.power(phi, np.arange(lags)))
        norm = np.vecdot(form, form)
        scale = -4.0 / np.where(norm > 0, norm, 1.0)
        out[name] = (scale * np.vecdot(form, covariance), pairs[:, 0], scale * scale * fourth * norm)
    return out


def _abdi_ranaldo(h: Float, lo: Float, c: Float, precision: Float) -> Part:
    """Abdi and Ranaldo (2017, doi:10.1093/rfs/hhx084), eq. 8: s^2 = 4 E[(c_t - eta_t)(c_t - eta_t+1)]."""
    middle = 0.5 * (h + lo)  # eta, the mid-range of logs
    x = 4.0 * BP2 * (c - middle)[:, :-1] * (c[:, :-1] - middle[:, 1:])
    return _mean(x, precision[:, 1:] ** 2)


def _corwin_schultz(h: Float, lo: Float, precision: Float) -> Part:
    """Corwin and Schultz (2012, doi:10.1111/j.1540-6261.2012.01729.x), eq. 14 and 18, of pairs of bars; signed."""
    one = (h - lo) ** 2
    beta = one[:, 1:] + one[:, :-1]  # the squared ranges of two bars, summed
    # gamma: the squared range of the two bars as one
    gamma = (np.maximum(h[:, 1:], h[:, :-1]) - np.minimum(lo[:, 1:], lo[:, :-1])) ** 2
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / _K - np.sqrt(gamma / _K)  # eq. 18
    # eq. 14: s = 2 (e^alpha - 1) / (1 + e^alpha), which is 2 tanh(alpha / 2)
    value, mass, spread_of = _mean(2e4 * np.tanh(0.5 * alpha), precision[:, 1:])
    return value, mass, 2.0 * spread_of  # pairs share a bar with the next


def _edge(o: Float, h: Float, lo: Float, c: Float, precision: Float) -> Part:
    """EDGE of each session; see edge.py."""
    value, spread_of, rows = edge.moments(o, h, lo, c)
    level = precision.mean(axis=1)
    return BP2 * value, rows * level * level, BP2 * BP2 * spread_of


def _mean(x: Float, precision: Float) -> Part:
    """Weighted mean over the slots, the rows' weight, and the variance of the mean; x [S, T - 1], NaN where unknown."""
    known = np.isfinite(x)
    x = np.where(known, x, 0.0)
    w = known * precision
    mass = w.sum(axis=1)
    value = np.vecdot(w, x) / np.where(mass > 0, mass, 1.0)
    rest = w * (x - value[:, None])
    return value, mass, np.vecdot(rest, rest) / np.where(mass > 0, mass, 1.0) ** 2


def _shape(o: Float, h: Float, lo: Float, c: Float) -> Float:
    """[S, 4]: see SessionMoments."""
    gap = o[:, 1:] - c[:, :-1]
    return np.stack(
        [
            np.isfinite(gap).sum(axis=1), (gap == 0).sum(axis=1), np.isfinite(c).sum(axis=1),
            ((c == h) | (c == lo)).sum(axis=1),
        ],
        axis=1,
    ).astype(float)  # fmt: skip
