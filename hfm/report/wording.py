"""Figures as words: every metric with its unit, its interval and its floor, or why it has no value."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hfm.config import Backtest
from hfm.report.evidence import Evidence
from hfm.tables.metrics_document import Metric

HEADLINE = ("accuracy_direction", "accuracy_spread", "return_net", "sharpe", "max_drawdown", "break_even_cost_bps")
"""The mission's figures, and the one that says what the strategy could afford."""
SHARES = ("share", "fraction", "return", "accuracy", "%")


@dataclass(frozen=True)
class FigureText:
    """One metric as it is shown. value is an en dash where there is none, and note then says why."""

    key: str
    label: str
    value: str
    interval: str
    floor: str
    n: str
    note: str


def number(value: float | None, unit: str, signed: bool = False) -> str:
    """A value with its unit: shares as %, bp with two decimals, counts whole.

    Parameters
    ----------
    value : in `unit`; None or NaN for none.
    unit : as in metrics.json.
    signed : write a plus too.

    Returns
    -------
    Text with a true minus; an en dash for none.
    """
    if value is None or not math.isfinite(value):
        return "–"
    sign = "+" if signed else ""
    if unit in SHARES:
        return f"{value:{sign}.2%}".replace("-", "−")
    if unit in ("bps", "bp"):
        return f"{value:{sign}.2f} bp".replace("-", "−")
    if unit in ("count", "rows", "sessions", "trips", "shares"):
        return f"{value:,.0f}" + ("" if unit == "count" else f" {unit}")
    if unit == "currency":
        return f"{value:,.0f}"
    if unit == "-":
        return f"{value:.3g}".replace("-", "−")
    return f"{value:{sign}.2f}".replace("-", "−")


def figure(key: str, metric: Metric) -> FigureText:
    """One metric of metrics.json in words."""
    unit, low, high = metric.unit or "", metric.lo, metric.hi
    signed = key.startswith(("return", "sharpe"))
    label = metric.floor_label or "floor"
    interval = ""
    if low is not None and high is not None and low < high:
        interval = f"{number(low, unit, signed)} to {number(high, unit, signed)}"
    return FigureText(
        key, capital(metric.label or key), number(metric.value, unit, signed), interval,
        f"{label} {number(metric.floor, unit, signed)}" if metric.floor is not None else "",
        f"{metric.n:,}" if metric.n is not None else "", metric.note or "",
    )  # fmt: skip


def capital(text: str) -> str:
    """A sentence begins with a capital."""
    return text[:1].upper() + text[1:]


def figures(run: Evidence) -> list[FigureText]:
    """All metrics of the back-test in words, in the order in which it wrote them, the headline first."""
    metrics = run.strategy.document.metrics if run.strategy else {}
    first = [key for key in HEADLINE if key in metrics]
    return [figure(key, metrics[key]) for key in (*first, *(k for k in metrics if k not in first))]


def headline(run: Evidence) -> list[FigureText]:
    """The mission's figures that there are."""
    return [each for each in figures(run) if each.key in HEADLINE]


def badges(run: Evidence) -> list[tuple[str, str]]:
    """(kind, text) of what must be seen at once: what was invented, what was planted."""
    quotes = run.market.slot_spread is not None
    if run.replayed:
        return [("plain", "observed order book")] + ([("lookahead", "LOOK-AHEAD FILLS")] if run.lookahead else [])
    out = [("synthetic", "SYNTHETIC BARS")] if run.synthetic else []
    out += [("plain", f"observed bars{', simulated quotes' if quotes else ''}")] if not run.synthetic else []
    out += [("lookahead", "LOOK-AHEAD FILLS")] if run.lookahead else []
    return out + ([("planted", "PLANTED EDGE")] if run.planted else [])


def subject(run: Evidence) -> str:
    """What the run is about, in a line: symbols, interval, span."""
    market = run.market
    shown = ", ".join(market.symbols[:4]) + (f" and {len(market.symbols) - 4} more" if len(market.symbols) > 4 else "")
    seconds = int(market.meta.interval_s)
    width = f"{seconds // 60}-minute" if seconds % 60 == 0 else f"{seconds}-second"
    kind = "order book" if run.config.simulate.fidelity == "replay" else f"{width} bars"
    return f"{shown or 'no symbol'} · {kind} · {span(run)}"


def span(run: Evidence) -> str:
    """First and last session, and their number."""
    days = run.market.sessions
    if not len(days):
        return "no session"
    first, last = (np.datetime64(int(days[i]), "D") for i in (0, -1))
    count = f"{len(days)} session{'' if len(days) == 1 else 's'}"
    return f"{first}, {count}" if len(days) == 1 else f"{first} to {last}, {count}"


def origin(run: Evidence) -> list[tuple[str, str]]:
    """The provenance box: where everything came from, line by line."""
    meta, settings = run.market.meta, run.config
    market = "invented" if run.synthetic else "observed"
    forecast, replay = run.forecast, settings.simulate.fidelity == "replay"
    quotes = f"observed, one row every {settings.simulate.every}"
    if not replay:
        quotes = (
            f"simulated, {settings.simulate.fidelity}, recipe {settings.simulate.recipe}, "
            f"signal {settings.simulate.signal}, seed {settings.simulate.seed}"
        )
    next_move = forecast is not None and forecast.meta.target == "next-move"
    target = "next move" if next_move else f"horizon {settings.train.horizon}"
    epochs = f", {settings.train.epochs} epochs x {settings.train.seeds} seeds"
    fitted = epochs if forecast is None or forecast.curves else ""
    model, counts = forecast.model if forecast else settings.train.model, run.verdict.numbers.counts
    count = "" if replay else f"{run.market.rows:,} rows, "
    return [
        ("book" if replay else "bars", f"{meta.source or '?'} ({market}), {count}{meta.calendar or '?'}"),
        ("span", span(run)),
        ("quotes", quotes),
        *spread_charged(run.market.charged),
        ("model", f"{model}{fitted}, {target}, seed {settings.train.seed}"),
        ("back-test", _strategy(settings.backtest)),
        ("verdict", f"N = {counts.trials:,} trials, {counts.reps or settings.report.reps:,} resamples, "
                    f"seed {settings.report.seed}"),
        ("config", run.config_hash),
        ("versions", ", ".join(f"{name} {version}" for name, version in run.versions)),
    ]  # fmt: skip


def spread_charged(charged: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:  # Any: JSON values
    """What is charged around observed bars, there and back; nothing where bars were invented or a book replayed."""
    if not charged:
        return []
    levels = sorted((float(one["bps"]), symbol) for symbol, one in charged.items())
    if len(levels) > 1:
        (low, first), (high, last) = levels[0], levels[-1]
        return [("spread", f"{low:.3g} bp ({first}) to {high:.3g} ({last}) there and back; see facts.json")]
    ((bps, symbol),) = levels
    one = charged[symbol]
    claim = f", claimed {one['claimed_bps']:.3g}" if one["claimed_bps"] is not None else ""
    upper = (
        f", its bars' upper side {one['upper_bps']:.3g} ({one['ruled_by'].replace('_', ' ')})"
        if one["upper_bps"] is not None
        else ""
    )
    return [("spread", f"{bps:.3g} bp there and back{claim}{upper}")]


def _strategy(settings: Backtest) -> str:
    """Policy, fills, costs, and the limits that are on."""
    words = [f"threshold {settings.threshold}", f"fill {settings.fill}", f"sizing {settings.sizing}"]
    words += [
        f"{settings.spread_share:g} of the half-spread",
        f"fee {settings.fee_bps:g} bp",
        f"impact {settings.impact:g}",
    ]
    words += ["positions kept overnight"] if settings.hold_overnight else []
    words += [f"{name} {getattr(settings, name):g}" for name in limits(settings)]
    return ", ".join(words)


def limits(settings: Backtest) -> list[str]:
    """The settings of the limits that are on; by default none is."""
    off = Backtest()
    able = [
        f.name for f in dataclasses.fields(off) if getattr(off, f.name) is None and f.name not in ("model", "sweep")
    ]
    return [name for name in able if getattr(settings, name) is not None]
