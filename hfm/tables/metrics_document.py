"""backtest/metrics.json: every figure of a back-test with its unit, n, interval, floor and formula.

Returns are fractions of the starting capital (0.01 is 1 %), money is currency, spreads and costs a side are bp.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from hfm.tables.json_document import Json, JsonDocument, from_json


class Interval(NamedTuple):
    """A 95 % interval, in the unit of its metric; None, None where there is none."""

    lo: float | None
    hi: float | None


class MetricFloor(NamedTuple):
    """What a metric is compared with, in its unit, and what that is; None where there is nothing to compare with."""

    value: float | None
    label: str


NO_INTERVAL = Interval(None, None)
NO_FLOOR = MetricFloor(None, "")


@dataclass(frozen=True)
class Metric(JsonDocument):
    """One metric.

    Attributes
    ----------
    label : its name for a person.
    value : in `unit`; None where it is not defined, and `note` then says why.
    unit : "fraction" (0.01 is 1 %), "a year", "bps", "sessions", "count", "currency", "x capital" or "-".
    n : observations that it is of.
    lo, hi : 95 % interval; None without one.
    floor, floor_label : what it is compared with; None without.
    formula : a key of hfm.backtest.metrics.FORMULAS.
    note : why there is no value or no interval, or what belongs beside the value.
    """

    label: str | None
    value: float | None
    unit: str | None
    n: int | None
    lo: float | None
    hi: float | None
    floor: float | None
    floor_label: str | None
    formula: str | None
    note: str | None


def metric(
    label: str, value: float | None, formula: str, *, unit: str = "fraction", n: int = 0,
    interval: Interval = NO_INTERVAL, floor: MetricFloor = NO_FLOOR, note: str = "",
) -> Metric:  # fmt: skip
    """A metric of its parts; an empty note, or an empty label of a floor, is null in the JSON.

    Parameters
    ----------
    label, value, formula, unit, n, note : see Metric.
    interval : 95 %, in `unit`.
    floor : what it is compared with, in `unit`.

    Returns
    -------
    The metric as it stands in metrics.json.
    """
    return Metric(
        label, value, unit, n, interval.lo, interval.hi, floor.value, floor.label or None, formula, note or None
    )


@dataclass(frozen=True)
class TrialSettings(JsonDocument):
    """The user's own trial. `extra` holds the other settings of the back-test by their names in the configuration.

    Attributes
    ----------
    name : as in the trials table.
    policy, level : its kind, and its threshold if it has one.
    model : whose predictions it trades.
    threshold, fill, hold_overnight, cash : settings of the back-test; cash is currency.
    apart : settings under which the family is not compared: "fill cross".
    """

    name: str
    policy: str
    level: float | None
    model: str
    threshold: str
    fill: str
    hold_overnight: bool
    cash: float
    apart: tuple[str, ...]


@dataclass(frozen=True)
class BacktestSpan(JsonDocument):
    """First and last out-of-sample session (ISO dates), sessions, rows, and rows with a prediction."""

    first: str
    last: str
    sessions: int
    rows: int
    predicted: int


@dataclass(frozen=True)
class CostTotals(JsonDocument):
    """Totals over all sessions, currency: gross - spread - fee - impact - borrow + dividend = net."""

    gross: float = 0.0
    spread: float = 0.0
    fee: float = 0.0
    impact: float = 0.0
    borrow: float = 0.0
    dividend: float = 0.0
    net: float = 0.0


@dataclass(frozen=True)
class CostPoint(JsonDocument):
    """The net return with spread, fee and impact multiplied, the trades being what they were."""

    multiplier: float
    net_return: float


@dataclass(frozen=True)
class DelayPoint(JsonDocument):
    """The returns with every signal acted on `lag` rows later."""

    lag: int
    gross_return: float
    net_return: float


@dataclass(frozen=True)
class Sensitivity(JsonDocument):
    """What hangs on the assumed cost, and on the speed of acting; the delays begin with lag 0."""

    cost: tuple[CostPoint, ...]
    delay: tuple[DelayPoint, ...]


@dataclass(frozen=True)
class TrialPoint(JsonDocument):
    """One trial of the family: rows with a proposal, round trips, and its returns.

    kind: "p", "quantile" or the name of a policy; level: its threshold, None where it has none.
    """

    trial: str
    kind: str
    level: float | None
    rows: int
    trips: int
    gross_return: float
    net_return: float


@dataclass(frozen=True)
class SweepPoint(JsonDocument):
    """One threshold of a sweep: its level, round trips ended, net return."""

    level: float
    trips: int
    net_return: float


@dataclass(frozen=True)
class LargestProbability(JsonDocument):
    """The largest P(up) and the largest P(down) of all predictions."""

    up: float
    down: float


@dataclass(frozen=True)
class BounceFloor(JsonDocument):
    """The bounce floor, where closes are prices of trades, and what is left of the user's gross return beside it.

    Attributes
    ----------
    reversal_net, reversal_gross : returns of the rule that calls the opposite of the last return.
    reversal_accuracy : share of labelled rows that it calls right; None where it calls none.
    half_spread_bps : the largest half-spread that the bars show, over symbols.
    spread : by symbol, what its bars show.
    kept_extreme, kept_late, kept_charged : share of the gross return that is left where every fill is at the worse
        extreme of its row, one row late, and at the half-spread that the bars show; None where no gross return was
        earned.
    """

    reversal_net: float
    reversal_gross: float
    reversal_accuracy: float | None
    half_spread_bps: float
    spread: dict[str, Json]
    kept_extreme: float | None
    kept_late: float | None
    kept_charged: float | None


@dataclass(frozen=True)
class Metrics(JsonDocument):
    """The whole of metrics.json.

    Attributes
    ----------
    schema_version : 1.
    model : whose predictions were traded.
    trial : the user's own.
    lookahead : whether fills knew the future.
    symbols : the run's, sorted.
    span : sessions and rows.
    metrics : id -> metric.
    matched : [sessions] exposure-matched hold, fractions of capital.
    costs : where the gross went.
    notional : traded, currency.
    sensitivity : by cost and by delay.
    thresholds : the family's trials.
    largest_p : how sure the model ever is.
    reasons : rows by reason why the position was not what the policy wanted.
    messages : sentences that belong beside the figures.
    bounce : where closes are prices of trades.
    sweep : where one was asked for.
    """

    schema_version: int
    model: str
    trial: TrialSettings
    lookahead: bool
    symbols: tuple[str, ...]
    span: BacktestSpan
    metrics: dict[str, Metric]
    matched: tuple[float, ...]
    costs: CostTotals
    notional: float
    sensitivity: Sensitivity
    thresholds: tuple[TrialPoint, ...]
    largest_p: LargestProbability
    reasons: dict[str, int]
    messages: tuple[str, ...]
    bounce: BounceFloor | None = None
    sweep: tuple[SweepPoint, ...] | None = None


def read_metrics(data: bytes) -> Metrics:
    """The metrics of the text of a metrics.json, whichever version wrote it."""
    return from_json(Metrics, json.loads(data))
