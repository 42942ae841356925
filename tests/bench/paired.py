"""Two trainings of the same quotes beside each other: what the forecasts of one score above those of the other.

Both are read from what `hfm train` wrote, so that every difference is paired: the same rows, its error by session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hfm import artifacts, tables
from hfm.models.heads import QUANTILES, columns_of
from hfm.models.networks.losses import pinball
from hfm.plugins import Float, Int
from hfm.proportion import student_quantile
from hfm.train import paired_gains, scoring
from hfm.train.calibration import clustered
from hfm.train.measures import calibration_error
from hfm.train.scoring import ModelForecast, Truth

COLUMNS = ("session", "time", "fold", "model", "p_up", "p_raw", "ret_sd_bps", "spread_q10", "spread_q50", "spread_q90",
           "y_up", "y_spread_bps", "y_vol")  # fmt: skip
DRAWS, SEED = 500, 7
"""Of sessions, for the error of a difference of calibration errors, which is no mean over rows."""
GAIN = scoring.GAIN


@dataclass(frozen=True)
class TestedRows:
    """The test rows of a run: times [n], labels and clusters, and the forecasts by model.

    Heads are of rows whose prediction has them; P(widen) is not read, since the row's own spread is not in the table.
    """

    __test__ = False
    time: Int
    truth: Truth
    models: Mapping[str, ModelForecast]


@dataclass(frozen=True)
class PairedScore:
    """A metric in two runs. gain: of `ours` over `peer`, above 0 where ours is better; low, high: of its 95 % interval.

    ours, peer: as hfm.train.scoring has them; of log_loss, ece and pinball less is better.
    """

    task: str
    metric: str
    ours: float
    peer: float
    gain: float
    low: float
    high: float
    sessions: int

    def note(self) -> str:
        """For a person."""
        return (f"better by {self.gain:+.5f}, 95 % interval [{self.low:+.5f}, {self.high:+.5f}] "
                f"paired by {self.sessions} sessions")  # fmt: skip


def read(run: Path) -> TestedRows:
    """The test rows of the run in a folder, as its `train` stage left them."""
    table = tables.arrays(pq.read_table(run / artifacts.PREDICTIONS, columns=list(COLUMNS)))
    settled: dict[str, Any] = json.loads((run / artifacts.MODEL).read_bytes())["calibration"]  # Any: JSON
    names = table["model"].astype(str)
    models = {}
    for name in np.unique(names):
        rows = names == name
        part = {column: values[rows] for column, values in table.items()}
        sds = {fold: settled[f"fold{fold}"][str(name)]["ret_sd"] for fold in np.unique(part["fold"])}
        logit = np.log(part["p_raw"]) - np.log1p(-part["p_raw"])
        log_vol = np.log(part["ret_sd_bps"] / np.array([sds[fold] for fold in part["fold"]]))
        quantiles = [np.log(part[f"spread_{q}"]) for q in ("q10", "q50", "q90")]
        models[str(name)] = ModelForecast(part["p_up"], np.full(len(logit), np.nan),
                                          np.column_stack([logit, log_vol, *quantiles]))  # fmt: skip
    unknown = np.full(len(logit), np.nan)
    up = np.where(part["y_up"] < 0, np.nan, part["y_up"])  # -1 is a null
    truth = Truth(up, np.log(part["y_spread_bps"]), part["y_vol"], unknown, unknown, part["fold"],
                  part["session"].astype("datetime64[D]").astype(np.int64))  # fmt: skip
    return TestedRows(part["time"], truth, models)


def compare(ours: TestedRows, peer: TestedRows, model: str) -> Iterator[PairedScore]:
    """All metrics of one model in both.

    Parameters
    ----------
    ours, peer : TestedRows
        Of the same quotes.
    model : str
        Fitted in both; `har` too.

    Yields
    ------
    PairedScore
    """
    np.testing.assert_array_equal(ours.time, peer.time)
    truth, (one, two) = ours.truth, (rows.models[model] for rows in (ours, peer))
    values = [_values(rows.truth, rows.models[model], rows.models[scoring.BESIDE]) for rows in (ours, peer)]
    days = len(np.unique(truth.cluster))
    t = student_quantile(0.975, days - 1)
    for task, metric, gain, error in (*_direction(truth, one, two), *_levels(truth, one, two)):
        a, b = (value[task, metric] for value in values)
        yield PairedScore(task, metric, a, b, gain, gain - t * error, gain + t * error, days)


def _values(truth: Truth, forecast: ModelForecast, har: ModelForecast) -> dict[tuple[str, str], float]:
    """(task, metric) -> value of one run."""
    out = {(task, name): value for task, measure in scoring.TASKS.items()
           for name, value, *_ in measure(truth, forecast)}  # fmt: skip
    for task in ("spread", "volatility"):
        out[task, GAIN] = scoring.gain(truth, forecast, har, task)[0]
    return out


def _direction(truth: Truth, one: ModelForecast, two: ModelForecast) -> Iterator[tuple[str, str, float, float]]:
    """(task, metric, gain of one over two, its standard error) of P(up)."""
    (_, *accuracy), (_, *log_loss) = paired_gains.gains(truth, one, two)
    yield "direction", "accuracy", accuracy[0], accuracy[1]
    yield "direction", "log_loss", log_loss[0], log_loss[1]
    rows = np.isfinite(truth.up) & np.isfinite(one.p_up) & np.isfinite(two.p_up)
    y, forecasts = truth.up[rows], [f.p_up[rows] for f in (one, two)]

    def gain(at: Int) -> float:
        first, second = (calibration_error(p[at], y[at]) for p in forecasts)
        return second - first

    yield "direction", "ece", gain(np.arange(len(y))), _resampled_error(gain, truth.cluster[rows])


def _resampled_error(gain: Callable[[Int], float], cluster: Int) -> float:
    """The standard deviation of a statistic of rows over DRAWS draws of whole clusters with replacement."""
    order = np.argsort(cluster, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1)
    rng = np.random.default_rng(SEED)
    drawn = [gain(np.concatenate([parts[k] for k in rng.integers(0, len(parts), len(parts))])) for _ in range(DRAWS)]
    return float(np.std(drawn, ddof=1))


def _levels(truth: Truth, one: ModelForecast, two: ModelForecast) -> Iterator[tuple[str, str, float, float]]:
    """(task, metric, gain, its standard error) of spread and volatility."""
    ours, theirs = columns_of(one.heads), columns_of(two.heads)
    for task, y, said, other in (("spread", truth.log_spread, ours.median, theirs.median),
                                 ("volatility", truth.log_vol, ours.log_vol, theirs.log_vol)):  # fmt: skip
        gain, error, _ = scoring.gain(truth, one, two, task)
        yield task, GAIN, gain, error
        rows = np.isfinite(y) & np.isfinite(said) & np.isfinite(other)
        better = ((y - other)[rows] ** 2 - (y - said)[rows] ** 2) / y[rows].var()
        yield task, "r2", *clustered(better, truth.cluster[rows])
    losses = [_pinball(truth.log_spread, heads.quantiles) for heads in (ours, theirs)]
    yield "spread", "pinball", *clustered(losses[1] - losses[0], truth.cluster)


def _pinball(y: Float, quantiles: Sequence[Float]) -> Float:
    """[n] mean loss of the quantiles."""
    loss: Float = np.mean([pinball(y - q, level) for q, level in zip(quantiles, QUANTILES, strict=True)], axis=0)
    return loss
