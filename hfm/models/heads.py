"""The five heads of a forecast, their units, and the one rule by which a network corrects those of a floor.

Heads are columns of a float64 matrix [n, 5], NaN in masked rows and for heads that a model does not have:

| column  | what a forecaster says of a row, `horizon` rows ahead  |
|---------|--------------------------------------------------------|
| LOGIT   | logit of P(the mid moves up, given that it moves)      |
| LOG_VOL | log volatility, in log bps                             |
| LOW     | .1 quantile of the log quoted spread, in log bps       |
| MEDIAN  | its median                                             |
| HIGH    | its .9 quantile                                        |

A network gives five corrections of a row [5]: to the logit; to the log volatility and to the median of the log spread,
in units of the floor's residuals; and the logs of the factors by which the spread's lower and upper widths grow. A gate
of 0 leaves the floor as it is, one of 1 takes the whole correction. The rule is stated three times, once for each form
in which its inputs come: `corrected_row` before the labels' scale (kernels, and the ONNX graph through its `py_func`),
`corrected` in heads (networks that only torch or ONNX Runtime runs), `mix` between heads without and with the network.
tests/models/test_heads.py holds them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from hfm.arrays import Float, Float32
from hfm.kernels.jit import kernel
from hfm.tables.records import columns_dtype
from hfm.tables.schema import columns

if TYPE_CHECKING:
    from hfm.plugins import Arrays

T = TypeVar("T")
HEADS = ("logit", "log_vol", "log_q10", "log_q50", "log_q90")
"""Names of the columns."""
LOGIT, LOG_VOL, LOW, MEDIAN, HIGH = range(len(HEADS))
"""Their places, for this file alone: every other one has them by name, from `columns_of`, `of_row` and `correction`."""
CORRECTIONS = ("logit", "log_vol", "median", "lower_width", "upper_width")
"""Names of a network's corrections, in the order in which it gives them."""
OUTPUTS = len(CORRECTIONS)
"""Numbers that a network gives of a row."""
TO_LOGIT, TO_LOG_VOL, TO_MEDIAN, TO_LOWER, TO_UPPER = range(len(CORRECTIONS))
QUANTILES = (0.1, 0.5, 0.9)
"""Levels of LOW, MEDIAN and HIGH."""
Z_HIGH = 1.2815515655446004
"""The standard normal's .9 quantile."""
TASKS = ("direction", "volatility", "spread")
"""What gates and ensemble weights are chosen for, one each."""
DIRECTION, VOLATILITY, SPREAD = range(len(TASKS))
TASK_OF_HEAD = (DIRECTION, VOLATILITY, SPREAD, SPREAD, SPREAD)
"""The task of each head."""

HEAD_PARAMETERS = columns_dtype(
    columns("""
volatility_centre f8 log  mean of the log volatility's labels of the symbol
volatility_sd     f8 log  their standard deviation
spread_centre     f8 log  mean of the log spread's labels of the symbol
spread_sd         f8 log  their standard deviation
low               f8 sd   .1 quantile of the floor's residuals of the log spread
median            f8 sd   their median
high              f8 sd   their .9 quantile
volatility_unit   f8 sd   standard deviation of the floor's residuals of the log volatility
spread_unit       f8 sd   the same of the log spread
direction_gate    f8 -    share of the network's correction to the direction
volatility_gate   f8 -    share of that to the volatility
spread_gate       f8 -    share of that to the spread
tree_share        f8 -    share of the boosted trees in the floor's logit, 0 without trees
""")
)
"""What turns a floor's sums and a network's corrections of a row into heads. `sd`: in labels' standard deviations."""


class Heads(NamedTuple, Generic[T]):
    """Heads by name: of one row numbers, or nodes of a graph; of rows their columns."""

    logit: T
    log_vol: T
    low: T
    median: T
    high: T

    @property
    def quantiles(self) -> list[T]:
        """Those of the log spread, in the order of QUANTILES."""
        return [self.low, self.median, self.high]


class Corrections(NamedTuple, Generic[T]):
    """A network's corrections by name: of one row numbers, of rows their columns."""

    logit: T
    log_vol: T
    median: T
    lower_width: T
    upper_width: T


def columns_of(heads: Float) -> Heads[Float]:
    """The columns of heads by name.

    Parameters
    ----------
    heads : float64 [n, 5] or [n, 5, M]
        HEADS, of one model or of M.

    Returns
    -------
    Heads
        Views [n] or [n, M]: what is written into them stands in `heads`.
    """
    return Heads(*np.moveaxis(heads, 1, 0))


@kernel
def of_row(head: Float) -> Heads[float]:
    """The heads of one row by name.

    Parameters
    ----------
    head : float64 [5]
        HEADS.

    Returns
    -------
    Heads
        Numbers. Inlined: it costs what the indices would.
    """
    return Heads(head[LOGIT], head[LOG_VOL], head[LOW], head[MEDIAN], head[HIGH])


@kernel
def fill_row(values: Heads[float], out: Float) -> None:
    """Write the heads of one row.

    Parameters
    ----------
    values : Heads
        Numbers.
    out : float64 [5]
        Filled with HEADS.
    """
    out[LOGIT], out[LOG_VOL] = values.logit, values.log_vol
    out[LOW], out[MEDIAN], out[HIGH] = values.low, values.median, values.high


@kernel
def correction(rows: Float32, r: int) -> Corrections[float]:
    """The corrections of one row by name.

    Parameters
    ----------
    rows : float32 [R, 5]
        CORRECTIONS.
    r : int
        Which row.

    Returns
    -------
    Corrections
        Numbers, float32. Inlined, and no view is made.
    """
    return Corrections(rows[r, TO_LOGIT], rows[r, TO_LOG_VOL], rows[r, TO_MEDIAN], rows[r, TO_LOWER], rows[r, TO_UPPER])


@kernel
def fill_correction(values: Corrections[float], r: int, out: Float32) -> None:
    """Write the corrections of one row, or their gradient.

    Parameters
    ----------
    values : Corrections
        Numbers.
    r : int
        Which row.
    out : float32 [R, 5]
        Filled in row r.
    """
    out[r, TO_LOGIT], out[r, TO_LOG_VOL], out[r, TO_MEDIAN] = values.logit, values.log_vol, values.median
    out[r, TO_LOWER], out[r, TO_UPPER] = values.lower_width, values.upper_width


@kernel
def corrected_row(logit, volatility, spread, delta, p):  # type: ignore[no-untyped-def]  # floats, or nodes of a graph
    """The five heads of a row from a floor's sums and a network's corrections.

    Parameters
    ----------
    logit : float
        The floor's.
    volatility, spread : float
        The floor's, in standard deviations of the symbol's labels around their mean.
    delta : array [5]
        CORRECTIONS; zeros without a network.
    p : HEAD_PARAMETERS
        Of the symbol.

    Returns
    -------
    Heads
        Of what `logit` is: floats or nodes.
    """
    centre = spread + p.median + p.spread_gate * p.spread_unit * delta[TO_MEDIAN]
    low = centre - (p.median - p.low) * np.exp(p.spread_gate * delta[TO_LOWER])
    high = centre + (p.high - p.median) * np.exp(p.spread_gate * delta[TO_UPPER])
    return Heads(
        logit + p.direction_gate * delta[TO_LOGIT],
        p.volatility_centre
        + p.volatility_sd * (volatility + p.volatility_gate * p.volatility_unit * delta[TO_LOG_VOL]),
        p.spread_centre + p.spread_sd * low,
        p.spread_centre + p.spread_sd * centre,
        p.spread_centre + p.spread_sd * high,
    )


def corrected(floor: Float, delta: Float, arrays: Arrays, label_sd: Float) -> Float:
    """A floor's heads with the gates' shares of a network's corrections.

    Parameters
    ----------
    floor : float64 [n, 5]
        HEADS of the floor; NaN stays NaN.
    delta : float64 [n, 5]
        CORRECTIONS.
    arrays : arrays by name
        `unit` [2]: standard deviations of the floor's residuals of volatility and spread, in those of the labels.
        `gates` [3]: the shares of TASKS; all 1 where it is missing.
    label_sd : float64 [n, 2]
        Standard deviations of the row's symbol's labels, of volatility and spread.

    Returns
    -------
    float64 [n, 5]
        HEADS; with gates of 0 the floor's, bit for bit.
    """
    gates, (volatility_unit, spread_unit) = arrays.get("gates", np.ones(len(TASKS))), arrays["unit"]
    out = floor.copy()
    out[:, LOGIT] += gates[DIRECTION] * delta[:, TO_LOGIT]
    out[:, LOG_VOL] += gates[VOLATILITY] * volatility_unit * delta[:, TO_LOG_VOL] * label_sd[:, 0]
    shift = gates[SPREAD] * spread_unit * delta[:, TO_MEDIAN] * label_sd[:, 1]
    lower, upper = floor[:, MEDIAN] - floor[:, LOW], floor[:, HIGH] - floor[:, MEDIAN]
    out[:, LOW:] += shift[:, None]
    out[:, LOW] -= lower * np.expm1(gates[SPREAD] * delta[:, TO_LOWER])
    out[:, HIGH] += upper * np.expm1(gates[SPREAD] * delta[:, TO_UPPER])
    out[:, LOW] = np.minimum(out[:, LOW], out[:, MEDIAN])
    out[:, HIGH] = np.maximum(out[:, HIGH], out[:, MEDIAN])
    return out


def mix(floor: Float, heads: Float, gates: Float) -> Float:
    """Heads with shares of the step from the floor's to the network's.

    Parameters
    ----------
    floor : float64 [n, 5]
        HEADS without the network (gates of 0).
    heads : float64 [n, 5]
        HEADS with all of it (gates of 1).
    gates : float64 [3]
        The shares of TASKS.

    Returns
    -------
    float64 [n, 5]
        HEADS; the spread's widths go geometrically from one to the other, as in `corrected_row`.
    """
    out = floor.copy()
    for head in (LOGIT, LOG_VOL, MEDIAN):
        out[:, head] += gates[TASK_OF_HEAD[head]] * (heads[:, head] - floor[:, head])
    for head, sign in ((LOW, -1.0), (HIGH, 1.0)):
        base, full = np.abs(floor[:, head] - floor[:, MEDIAN]), np.abs(heads[:, head] - heads[:, MEDIAN])
        ratio = np.where(base > 0, full / np.where(base > 0, base, 1.0), 1.0)
        out[:, head] = out[:, MEDIAN] + sign * base * ratio ** gates[SPREAD]
    return out


def blend(heads: Float, weights: Float) -> Float:
    """Weighted means of several members' heads.

    Parameters
    ----------
    heads : float64 [n, 5, M]
        HEADS of M members.
    weights : float64 [3, M]
        Of each member in each of TASKS.

    Returns
    -------
    float64 [n, 5]
        HEADS.
    """
    out = np.zeros(heads.shape[:2])
    for k in range(heads.shape[2]):
        out += weights[TASK_OF_HEAD, k] * heads[:, :, k]
    return out
