"""Scores of out-of-sample forecasts, each with its floor and a standard error clustered by session.

Direction (y_up known): accuracy, AUC per fold then averaged, log-loss, ECE beside the ECE of a perfectly calibrated
forecaster. Spread: accuracy of P(widen), R2 and MAE of the median, pinball loss of the three quantiles, in logs.
Volatility: R2 and MAE of the log volatility. A floor is the best of the floor models on the same rows, and for an
accuracy also the rows' larger class. The gain in R2 over HAR is paired: the same rows, averaged by session. Rows with
prices that a vendor seems to have filled forward are left out, and scored with the others under names of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hfm.models.heads import QUANTILES, columns_of
from hfm.models.linear.ridge import Mask
from hfm.models.networks.losses import pinball
from hfm.plugins import Float, Int
from hfm.train.calibration import clustered
from hfm.train.labels import AHEAD
from hfm.train.measures import auc, calibration_error, oracle_share, r_squared

OVER = ("accuracy", "auc")
"""Metrics of the direction that also speak of the sign over so many rows: P(up) was not calibrated for it."""
HIGHER = frozenset({"accuracy", "auc", "r2", "oracle_share"})
"""Metrics of which more is better."""
ORACLE = "oracle"
"""The name under which the simulator's own forecast is scored: no bound around real bars, whose volatility models may
foresee better than it does."""
ALL_ROWS = "_all_rows"
"""Behind the name of a metric over all rows, the stale ones too."""
BEYOND = 0.05
"""Share of stale rows above which it stands beside the figures."""
GAIN, BESIDE = "gain_over_har", "har"
"""The paired gain of spread and volatility, and the floor that it is over."""


@dataclass(frozen=True)
class Truth:
    """[n] of the test rows: labels (NaN: masked), the row's own log spread, fold, cluster; oracle P(up) or NaN.

    cluster: the session, or the block of clock time. ahead: of event rows [n, len(AHEAD)],
    see TrainingRows; stale: too, None where no row is.
    oracle_spread: the simulator's own mean of log_spread, None where it has none.
    """

    up: Float
    log_spread: Float
    log_vol: Float
    own_spread: Float
    oracle: Float
    fold: Int
    cluster: Int
    ahead: Float | None = None
    oracle_spread: Float | None = None
    stale: Mask | None = None

    @property
    def fresh(self) -> Mask:
        """[n] rows that are scored."""
        return np.full(len(self.fold), True) if self.stale is None else ~self.stale

    def over(self, rows: int) -> Float:
        """[n] of event rows: the label `up` over so many rows, one of AHEAD."""
        assert self.ahead is not None
        up: Float = dict(zip(AHEAD, self.ahead.T, strict=True))[rows]
        return up

    def take(self, rows: Mask) -> Truth:
        """Some of the rows.

        Parameters
        ----------
        rows : bool [n]
            Which.

        Returns
        -------
        Truth
        """
        return Truth(**{name: value[rows] for name, value in vars(self).items() if value is not None})


@dataclass(frozen=True)
class ModelForecast:
    """[n] of one model. p_up, p_widen; heads: [n, 5] of models.heads.HEADS; NaN where it says nothing."""

    p_up: Float
    p_widen: Float
    heads: Float

    def take(self, rows: Mask) -> ModelForecast:
        """Some of the rows.

        Parameters
        ----------
        rows : bool [n]
            Which.

        Returns
        -------
        ModelForecast
        """
        return ModelForecast(self.p_up[rows], self.p_widen[rows], self.heads[rows])


@dataclass(frozen=True)
class ModelScore:
    """One row of the scores table but for its floor."""

    model: str
    fold: int
    task: str
    metric: str
    value: float
    se: float
    n: int


def direction(truth: Truth, forecast: ModelForecast) -> list[tuple[str, float, float, int]]:
    """(metric, value, se, n) of the direction over all rows of `truth`; AUC as the mean over its folds."""
    rows = np.isfinite(truth.up) & np.isfinite(forecast.p_up)
    p, y, at = forecast.p_up[rows], truth.up[rows], truth.cluster[rows]
    n = len(y)
    if n == 0:
        return []
    sure = np.clip(p, 1e-12, 1 - 1e-12)
    hit = np.where(p == 0.5, 0.5, (p > 0.5) == (y > 0.5)).astype(np.float64)
    out = [("accuracy", *clustered(hit, at), n),
           ("log_loss", *clustered(-np.where(y > 0.5, np.log(sure), np.log1p(-sure)), at), n),
           ("ece", calibration_error(p, y), float("nan"), n)]  # fmt: skip
    folds = [auc(p[f], y[f], at[f]) for f in (truth.fold[rows] == k for k in np.unique(truth.fold[rows]))]
    good = [(value, se, m) for value, se, m in folds if np.isfinite(value)]
    if good:
        weight = np.array([m for *_, m in good]) / sum(m for *_, m in good)
        value, se = np.array([g[0] for g in good]), np.array([g[1] for g in good])
        out.append(("auc", float(weight @ value), float(np.sqrt(np.sum((weight * se) ** 2))), n))
    share = oracle_share(p, truth.oracle[rows])
    return [*out, ("oracle_share", share, float("nan"), n)] if np.isfinite(share) else out


def spread(truth: Truth, forecast: ModelForecast) -> list[tuple[str, float, float, int]]:
    """(metric, value, se, n) of the spread; all but the accuracy on log spreads."""
    moved = np.isfinite(truth.log_spread) & (truth.log_spread != truth.own_spread) & np.isfinite(forecast.p_widen)
    out: list[tuple[str, float, float, int]] = []
    if moved.any():
        widened = truth.log_spread[moved] > truth.own_spread[moved]
        hit = (forecast.p_widen[moved] > 0.5) == widened
        out.append(("accuracy", *clustered(hit.astype(np.float64), truth.cluster[moved]), int(moved.sum())))
    heads = columns_of(forecast.heads)
    out += _level(truth.log_spread, heads.median, truth)
    quantiles = zip(heads.quantiles, QUANTILES, strict=True)
    loss = np.mean([pinball(truth.log_spread - quantile, level) for quantile, level in quantiles], axis=0)
    if np.isfinite(loss).any():
        out.append(("pinball", *clustered(loss, truth.cluster), int(np.isfinite(loss).sum())))
    return out


def volatility(truth: Truth, forecast: ModelForecast) -> list[tuple[str, float, float, int]]:
    """(metric, value, se, n) of the log volatility."""
    return _level(truth.log_vol, columns_of(forecast.heads).log_vol, truth)


def _level(y: Float, forecast: Float, truth: Truth) -> list[tuple[str, float, float, int]]:
    rows = np.isfinite(y) & np.isfinite(forecast)
    if rows.sum() < 2:
        return []
    error = y[rows] - forecast[rows]
    value, se = r_squared(error, y[rows], truth.cluster[rows])
    return [
        ("r2", value, se, int(rows.sum())),
        ("mae", *clustered(np.abs(error), truth.cluster[rows]), int(rows.sum())),
    ]


TASKS = {"direction": direction, "spread": spread, "volatility": volatility}


def score(truth: Truth, models: Mapping[str, ModelForecast]) -> list[ModelScore]:
    """All scores of all models, pooled (fold -1) and by fold, and of ORACLE what the simulator knows of the spread.

    Returns
    -------
    list of ModelScore
        Of rows that are not stale; where some are, the pooled metrics over all rows too, named <metric>_all_rows.
    """
    out = []
    for fold in (-1, *np.unique(truth.fold).tolist()):
        out += _scored(truth, models, fold, truth.fresh & ((truth.fold == fold) | (fold < 0)))
    if not truth.fresh.all():
        every = _scored(truth, models, -1, np.full(len(truth.fold), True))
        out += [replace(line, metric=line.metric + ALL_ROWS) for line in every]
    return out


def _scored(truth: Truth, models: Mapping[str, ModelForecast], fold: int, rows: Mask) -> list[ModelScore]:
    """The scores of all models over some rows, under the number of a fold."""
    part, out = truth.take(rows), []
    if part.oracle_spread is not None:
        out += [ModelScore(ORACLE, fold, "spread", *line) for line in _level(part.log_spread, part.oracle_spread, part)]
    for name, forecast in models.items():
        words = forecast.take(rows)
        for task, measure in TASKS.items():
            out += [ModelScore(name, fold, task, *line) for line in measure(part, words)]
        if BESIDE in models and name != BESIDE:
            out += [ModelScore(name, fold, *line) for line in _gains(part, words, models[BESIDE].take(rows))]
        out += [ModelScore(name, fold, *line) for line in _over(part, words)]
    return out


def _gains(truth: Truth, forecast: ModelForecast, floor: ModelForecast) -> list[tuple[str, str, float, float, int]]:
    """(task, GAIN, value, se, n) of the spread and the volatility."""
    made = [(task, GAIN, *gain(truth, forecast, floor, task)) for task in ("spread", "volatility")]
    return [line for line in made if np.isfinite(line[2])]


def _over(truth: Truth, forecast: ModelForecast) -> list[tuple[str, str, float, float, int]]:
    """(task, metric, value, se, n) of the direction against the sign over each of AHEAD rows; none of bars."""
    if truth.ahead is None:
        return []
    return [
        (f"direction_{rows}", *line)
        for rows in AHEAD
        for line in direction(replace(truth, up=truth.over(rows)), forecast) if line[0] in OVER
    ]  # fmt: skip


def gain(truth: Truth, forecast: ModelForecast, floor: ModelForecast, task: str) -> tuple[float, float, int]:
    """The R2 that a forecast has beyond a floor on the same rows, as a mean over sessions.

    A session's is the mean over its rows of the difference of squared errors, over the variance of all labels.

    Parameters
    ----------
    truth : Truth
        Of n rows.
    forecast, floor : ModelForecast
        Of the same rows; where either is NaN, neither is counted.
    task : str
        `volatility` or `spread`.

    Returns
    -------
    mean, error : float
        NaN where there is nothing to compare.
    rows : int
    """
    ours, theirs = columns_of(forecast.heads), columns_of(floor.heads)
    if task == "volatility":
        y, said, base = truth.log_vol, ours.log_vol, theirs.log_vol
    else:
        y, said, base = truth.log_spread, ours.median, theirs.median
    rows = np.isfinite(y) & np.isfinite(said) & np.isfinite(base)
    if rows.sum() < 2 or y[rows].var() == 0:
        return float("nan"), float("nan"), int(rows.sum())
    better = (y - base)[rows] ** 2 - (y - said)[rows] ** 2
    day = np.unique(truth.cluster[rows], return_inverse=True)[1]
    each = np.bincount(day, better) / np.bincount(day) / y[rows].var()
    return *clustered(each, np.arange(len(each))), int(rows.sum())


def smallest_edge(truth: Truth) -> float:
    """Accuracy beyond one half that the test rows could have shown: 5 % two-sided, power 80 %."""
    n = int(np.isfinite(truth.up[truth.fresh]).sum())
    return (1.959964 + 0.841621) * 0.5 / np.sqrt(n) if n else float("nan")


def joined(parts: Sequence[ModelForecast]) -> ModelForecast:
    """Forecasts of consecutive rows as one."""
    return ModelForecast(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ModelForecast.__dataclass_fields__)
    )
