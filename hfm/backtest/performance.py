"""metrics.json and the lines for a person: each figure with its unit, n, interval, floor and formula."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from hfm.backtest import bounce, metrics_table
from hfm.backtest.engine import LAGS, Engine, apart
from hfm.backtest.matched_hold import matched_hold
from hfm.backtest.metric_inputs import TRADED
from hfm.backtest.session_counts import MONEY
from hfm.backtest.sweep.thresholds import spell as spell_sweep
from hfm.backtest.totals import Totals
from hfm.ledger import reasons
from hfm.stage import Context
from hfm.tables import TableMeta
from hfm.tables.metrics_document import (
    BacktestSpan,
    CostPoint,
    CostTotals,
    DelayPoint,
    LargestProbability,
    Metric,
    Metrics,
    Sensitivity,
    TrialPoint,
    TrialSettings,
)

MULTIPLIERS = (0.0, 0.5, 1.0, 2.0, 4.0)
HEADLINES = ("accuracy_direction", "accuracy_spread", "return_net", "sharpe", "max_drawdown", "break_even_cost_bps")


def metrics_of(engine: Engine, totals: Totals, model: str, meta: TableMeta) -> Metrics:
    """metrics.json of a back-test; what is not defined is null, with the reason.

    Parameters
    ----------
    engine, totals : after the last panel.
    model : whose predictions were traded.
    meta : of the quotes.

    Returns
    -------
    The document, its messages included.
    """
    sums, settings = engine.session_sums, engine.settings
    days = sums.days()
    money: dict[str, Any] = {name: float(sums.get(name).sum()) for name in MONEY}  # Any: mypy tells keywords by type
    costs = CostTotals(**money)
    found = Metrics(
        schema_version=1,
        model=model,
        trial=_trial(engine, model),
        lookahead=settings.fill == "close",
        symbols=tuple(engine.symbols),
        span=BacktestSpan(
            str(np.datetime64(int(days[0]), "D")),
            str(np.datetime64(int(days[-1]), "D")),
            len(days),
            sums.rows,
            sums.predicted,
        ),
        metrics=metrics_table.metrics_table(engine, totals, meta),
        matched=tuple(matched_hold(sums, totals, settings).tolist()),
        costs=costs,
        notional=float(sums.get("notional").sum()),
        sensitivity=Sensitivity(_cost_curve(costs, settings.cash), _delays(totals, costs, settings.cash)),
        thresholds=_thresholds(engine, totals),
        largest_p=LargestProbability(*sums.largest),
        reasons={name: sums.reason_rows(bit) for bit, name in reasons.NAMES.items() if sums.reason_rows(bit)},
        messages=(),
        sweep=tuple(engine.sweep.points()) if engine.sweep is not None else None,
    )
    if engine.bounce is not None:
        found = dataclasses.replace(found, bounce=bounce.document(engine.bounce, found, settings.cash))
    return dataclasses.replace(found, messages=tuple(messages(engine, found)))


def _trial(engine: Engine, model: str) -> TrialSettings:
    """The user's trial with all settings of the back-test but the sweep's."""
    user, settings = engine.trials[engine.user], dataclasses.asdict(engine.settings)
    named = {name: settings.pop(name) for name in ("threshold", "fill", "hold_overnight", "cash")}
    rest = {name: value for name, value in settings.items() if name not in ("model", "sweep")}
    return TrialSettings(
        name=user.name, policy=user.kind, level=user.level, model=model, **named,
        apart=tuple(apart(engine.settings)), extra=rest,
    )  # fmt: skip


def _cost_curve(costs: CostTotals, cash: float) -> tuple[CostPoint, ...]:
    """Net return with spread, fee and impact multiplied, the trades being what they were."""
    scaled = costs.spread + costs.fee + costs.impact
    rest = costs.gross - costs.borrow + costs.dividend
    return tuple(CostPoint(m, (rest - m * scaled) / cash) for m in MULTIPLIERS)


def _delays(totals: Totals, costs: CostTotals, cash: float) -> tuple[DelayPoint, ...]:
    """Returns with the signals acted on `lag` rows later."""
    late = (DelayPoint(lag, s["gross"] / cash, s["net"] / cash) for lag, s in enumerate(totals.sums[-LAGS:], start=1))
    return (DelayPoint(0, costs.gross / cash, costs.net / cash), *late)


def _thresholds(engine: Engine, totals: Totals) -> tuple[TrialPoint, ...]:
    """The family's trials."""
    cash = engine.settings.cash
    return tuple(
        TrialPoint(
            trial.name, trial.kind, trial.level, int(engine.proposed[k]), int(totals.sums["trips"][k]),
            totals.sums["gross"][k] / cash, totals.sums["net"][k] / cash,
        )
        for k, trial in enumerate(engine.trials)
    )  # fmt: skip


def messages(engine: Engine, found: Metrics) -> list[str]:
    """What must be said beside the figures, in sentences.

    Parameters
    ----------
    engine : after the last panel.
    found : the figures.

    Returns
    -------
    Look-ahead first, then ruin, limits, bounce, what was not traded and why.
    """
    out = []
    if found.lookahead:
        out.append("LOOK-AHEAD: filled at the closes that the signals are made of; nobody can earn this")
    if (found.metrics["max_drawdown"].value or 0.0) >= 1.0:
        out.append(
            "RUIN: more than all of the capital was lost; what follows on it is counted as if more had been lent"
        )
    fired = {k: n for k, n in found.reasons.items() if k in reasons.spell(reasons.LIMITS)}
    if fired:
        out.append("limits fired: " + ", ".join(f"{name} in {n:,} rows" for name, n in fired.items()))
    if found.bounce is not None:
        out.append(bounce.message(found.bounce))
    below = found.reasons.get(reasons.NAMES[reasons.BELOW_LOT], 0)
    if below and found.metrics["trips"].value:
        out.append(f"no position was taken in {below:,} rows with a signal: {_lot_too_large(engine)}")
    return out + _edge_and_cost(found) + _impact_not_charged(engine) + _few_trades(engine, found) + _family_apart(found)


def _impact_not_charged(engine: Engine) -> list[str]:
    """That impact was not charged where it should have been."""
    traded, charged = (engine.session_sums.get(name) > 0 for name in ("notional", "impact"))
    free = int((traded & ~charged).sum())
    if not free or engine.settings.impact == 0 or engine.settings.fill == "passive":
        return []
    why = "no session before says how much is traded a day" if engine.volume else "the bars have no volume"
    return [f"impact was not charged in {free:,} of {int(traded.sum()):,} sessions traded: {why}"]


def _family_apart(found: Metrics) -> list[str]:
    """That the family, and so the verdict, judges the trial without the settings that only it has."""
    if not found.trial.apart:
        return []
    return [f"the family and the verdict judge {found.trial.name} filled at the next open, in one size and without "
            f"limits: not with {', '.join(found.trial.apart)}"]  # fmt: skip


def _edge_and_cost(found: Metrics) -> list[str]:
    """Whether the accuracy pays for its trading, in a sentence; nothing where nothing was traded."""
    edge, hits = found.metrics["break_even_cost_bps"], found.metrics["accuracy_traded"]
    if edge.value is None or hits.value is None or edge.floor is None or hits.floor is None:
        return []
    spread = found.costs.spread / found.notional * 1e4
    part = f"{spread:.2f} of them the half-spread" if spread >= 0 else f"{-spread:.2f} of half-spread were earned"
    if found.trial.fill == "next-mid":
        part = "none of them the half-spread: filled at mids, which nobody is offered"
    around = "" if hits.lo is None or hits.hi is None else f"95 % {100 * hits.lo:.1f} to {100 * hits.hi:.1f}, "
    return [
        f"being right in {100 * hits.value:.1f} % of the rows with a signal ({around}{hits.floor_label} "
        f"{100 * hits.floor:.1f}) earns {edge.value:.2f} bp a side before costs of {edge.floor:.2f} bp "
        f"({part}): {_pays(found, edge, edge.floor)}"
    ]


def _pays(found: Metrics, edge: Metric, cost: float) -> str:
    """Whether what is earned before costs is more than `cost`, bp a side, as far as its error lets it be told."""
    sessions = found.span.sessions
    if edge.lo is None or edge.hi is None:
        return f"whether it pays for its trading cannot be told ({edge.note})"
    few = f", in these {sessions} sessions alone" if sessions > 1 else ", in this one session alone"
    only = few if sessions < TRADED else ""
    if edge.hi < cost:
        return f"it does not pay for its trading{only}"
    if edge.lo <= cost:
        return f"whether it pays for its trading cannot be told (95 % {edge.lo:.2f} to {edge.hi:.2f} bp)"
    if found.trial.fill in ("next-mid", "close"):
        return f"it would pay for its trading, could it be had at these prices{only}"
    return f"it pays for its trading{only}"


def _few_trades(engine: Engine, found: Metrics) -> list[str]:
    """Why little or nothing traded, and what would."""
    rows = int(engine.proposed[engine.user])
    predicted, name = engine.session_sums.predicted, found.trial.threshold
    trips = found.metrics["trips"].value
    if trips and rows > 0.02 * predicted:
        return []
    if not trips and rows:
        below = reasons.NAMES[reasons.BELOW_LOT]
        fired = (f"{reason} in {n:,} rows" for reason, n in found.reasons.items() if reason != below)
        why = [*([_lot_too_large(engine)] if below in found.reasons else []), *fired]
        text = ", ".join(why) or "they stand in the last rows of sessions, after which nothing is filled"
        return [
            f"nothing traded: threshold {name} gives a signal in {rows:,} rows, and none led to a round trip: {text}"
        ]
    what = f"threshold {name}: {rows:,} of {predicted:,} rows give a signal ({rows / max(predicted, 1):.2%})"
    out = [f"nothing traded: {what}" if not trips else what]
    out.append(f"the largest P(up) is {found.largest_p.up:.4f}, the largest P(down) {found.largest_p.down:.4f}")
    would = [
        f"--threshold q{100 * (t.level or 0.0):g} ({t.rows:,} rows)" for t in found.thresholds
        if t.kind == "quantile" and t.rows > rows
    ]  # fmt: skip
    if would:
        out.append("these would trade more: " + ", ".join(would[::-1][:4]))
    return out


def _lot_too_large(engine: Engine) -> str:
    """That what a position may cost does not buy one lot, with the lowest price of the symbols."""
    settings, many = engine.settings, len(engine.symbols)
    price = float(np.nanmin(engine.session_sums.block("close")))
    unit = "one unit" if engine.lot == 1.0 else f"one lot of {engine.lot:g} units"
    limit = settings.cash * settings.size / many
    if engine.lot * price > settings.cash:
        return f"{unit} costs more than the account (price {price:,.8g}, cash {settings.cash:,.8g})"
    if engine.lot * price > limit:
        return f"{unit} costs more than a position may (price {price:,.8g}, position {limit:,.8g} of {many} symbols)"
    return f"less than {unit} was wanted (lowest price {price:,.8g})"


def summarise(found: Metrics, ctx: Context) -> None:
    """Tell `ctx` the mission's figures, each beside its floor and with its error bar, for --json and for a person."""
    for name in (*HEADLINES, "return_hold", "return_hold_matched", "trips", "sharpe_bar"):
        each = found.metrics[name]
        ctx.figures[name] = {k: getattr(each, k) for k in ("value", "lo", "hi", "floor", "floor_label", "unit", "n")}
    span = found.span
    ctx.say(f"{found.model} {found.trial.name} on {', '.join(found.symbols)}: {span.sessions} sessions out of "
            f"sample, {span.first} to {span.last}, {found.metrics['trips'].value:,} round trips")  # fmt: skip
    for name in HEADLINES:
        ctx.say("  " + metric_text(found.metrics[name]))
    for text in found.messages:
        ctx.say(text)
    for text in spell_sweep(found.sweep, "q") if found.sweep is not None else ():
        ctx.say(text)
    if found.lookahead:
        ctx.warn(found.messages[0])


def metric_text(metric: Metric) -> str:
    """One figure as a person reads it: label, value, interval, floor."""
    unit = metric.unit or "-"
    if metric.value is None:
        return f"{metric.label}: not defined ({metric.note})"
    text = f"{metric.label} {_number(metric.value, unit)}"
    if metric.lo is not None and metric.hi is not None:
        text += f" [{_number(metric.lo, unit)}, {_number(metric.hi, unit)}]"
    if metric.floor is not None:
        text += f", {metric.floor_label} {_number(metric.floor, unit)}"
    return text + (f" ({metric.note})" if metric.note else "")


def _number(value: float, unit: str) -> str:
    """A value with its unit; shares as %."""
    if unit == "fraction":
        return f"{100 * value:.2f} %"
    if not math.isfinite(value):
        return "infinite"
    return f"{value:,.3f}" + (f" {unit}" if unit not in ("-", "a year") else "")
