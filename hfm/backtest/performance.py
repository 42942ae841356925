"""metrics.json and the lines for a person: each figure with its unit, n, interval, floor and formula."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hfm.backtest import bounce, metrics_table
from hfm.backtest.engine import LAGS, Engine, apart
from hfm.backtest.sweep.thresholds import spell as spell_sweep
from hfm.backtest.totals import Totals
from hfm.ledger import reasons
from hfm.stage import Context
from hfm.tables import TableMeta

Document = dict[str, Any]  # Any: JSON values
MULTIPLIERS = (0.0, 0.5, 1.0, 2.0, 4.0)
HEADLINES = ("accuracy_direction", "accuracy_spread", "return_net", "sharpe", "max_drawdown", "break_even_cost_bps")


def document(engine: Engine, totals: Totals, model: str, meta: TableMeta) -> Document:
    """metrics.json. Raises nothing: what is not defined is null, with the reason."""
    tally, settings = engine.tally, engine.settings
    user = engine.trials[engine.user]
    days = tally.days()
    money = {k: float(tally.get(k).sum()) for k in ("gross", "spread", "fee", "impact", "borrow", "dividend", "net")}
    sheet = metrics_table.sheet(engine, totals, meta)
    doc: Document = {
        "schema_version": 1,
        "model": model,
        "trial": {**dataclasses.asdict(settings), "name": user.name, "policy": user.kind, "level": user.level,
                  "model": model, "apart": apart(settings)},
        "lookahead": settings.fill == "close",
        "symbols": list(engine.symbols),
        "span": {
            "first": str(np.datetime64(int(days[0]), "D")), "last": str(np.datetime64(int(days[-1]), "D")),
            "sessions": len(days), "rows": tally.rows, "predicted": tally.predicted,
        },
        "metrics": sheet,
        "matched": metrics_table.matched(engine, totals).tolist(),
        "costs": money,
        "notional": float(tally.get("notional").sum()),
        "sensitivity": {"cost": _cost_curve(money, settings.cash), "delay": _delays(totals, money, settings.cash)},
        "thresholds": _thresholds(engine, totals),
        "largest_p": {"up": tally.largest[0], "down": tally.largest[1]},
        "reasons": {name: tally.fired(bit) for bit, name in reasons.NAMES.items() if tally.fired(bit)},
    }  # fmt: skip
    del doc["trial"]["sweep"]
    if engine.bounce is not None:
        doc["bounce"] = bounce.document(engine.bounce, doc, settings.cash)
    if engine.sweep is not None:
        doc["sweep"] = engine.sweep.points()
    doc["messages"] = messages(engine, doc)
    return doc


def _cost_curve(money: Mapping[str, float], cash: float) -> list[Document]:
    """Net return with spread, fee and impact multiplied, the trades being what they were."""
    scaled = money["spread"] + money["fee"] + money["impact"]
    rest = money["gross"] - money["borrow"] + money["dividend"]
    return [{"multiplier": m, "net_return": (rest - m * scaled) / cash} for m in MULTIPLIERS]


def _delays(totals: Totals, money: Mapping[str, float], cash: float) -> list[Document]:
    """Returns with the signals acted on `lag` rows later."""
    own = {"lag": 0, "gross_return": money["gross"] / cash, "net_return": money["net"] / cash}
    late = [
        {"lag": lag, "gross_return": s["gross"] / cash, "net_return": s["net"] / cash}
        for lag, s in enumerate(totals.sums[-LAGS:], start=1)
    ]
    return [own, *late]


def _thresholds(engine: Engine, totals: Totals) -> list[Document]:
    cash = engine.settings.cash
    return [
        {
            "trial": t.name, "kind": t.kind, "level": t.level, "rows": int(engine.proposed[k]),
            "trips": int(totals.sums["trips"][k]), "gross_return": totals.sums["gross"][k] / cash,
            "net_return": totals.sums["net"][k] / cash,
        }
        for k, t in enumerate(engine.trials)
    ]  # fmt: skip


def messages(engine: Engine, doc: Document) -> list[str]:
    """What must be said beside the figures."""
    out = []
    if doc["lookahead"]:
        out.append("LOOK-AHEAD: filled at the closes that the signals are made of; nobody can earn this")
    if (doc["metrics"]["max_drawdown"]["value"] or 0.0) >= 1.0:
        out.append(
            "RUIN: more than all of the capital was lost; what follows on it is counted as if more had been lent"
        )
    fired = {k: n for k, n in doc["reasons"].items() if k in reasons.spell(reasons.LIMITS)}
    if fired:
        out.append("limits fired: " + ", ".join(f"{name} in {n:,} rows" for name, n in fired.items()))
    if "bounce" in doc:
        out.append(bounce.message(doc["bounce"]))
    below = doc["reasons"].get(reasons.NAMES[reasons.BELOW_LOT], 0)
    if below and doc["metrics"]["trips"]["value"]:
        out.append(f"no position was taken in {below:,} rows with a signal: {_dear(engine)}")
    return out + _pays(doc) + _free(engine) + _idle(engine, doc) + _own(doc)


def _free(engine: Engine) -> list[str]:
    """That impact was not charged where it should have been."""
    traded, charged = (engine.tally.get(name) > 0 for name in ("notional", "impact"))
    free = int((traded & ~charged).sum())
    if not free or engine.settings.impact == 0 or engine.settings.fill == "passive":
        return []
    why = "no session before says how much is traded a day" if engine.volume else "the bars have no volume"
    return [f"impact was not charged in {free:,} of {int(traded.sum()):,} sessions traded: {why}"]


def _own(doc: Document) -> list[str]:
    """That the family, and so the verdict, judges the trial without the settings that are its own."""
    if not doc["trial"]["apart"]:
        return []
    return [f"the family and the verdict judge {doc['trial']['name']} filled at the next open, in one size and without "
            f"limits: not with {', '.join(doc['trial']['apart'])}"]  # fmt: skip


def _pays(doc: Document) -> list[str]:
    """Whether the accuracy pays for its trading, in a sentence; nothing where nothing was traded."""
    edge, hits = doc["metrics"]["break_even_cost_bps"], doc["metrics"]["accuracy_traded"]
    if edge["value"] is None or hits["value"] is None:
        return []
    spread = doc["costs"]["spread"] / doc["notional"] * 1e4
    part = f"{spread:.2f} of them the half-spread" if spread >= 0 else f"{-spread:.2f} of half-spread were earned"
    if doc["trial"]["fill"] == "next-mid":
        part = "none of them the half-spread: filled at mids, which nobody is offered"
    around = "" if hits["lo"] is None else f"95 % {100 * hits['lo']:.1f} to {100 * hits['hi']:.1f}, "
    return [
        f"being right in {100 * hits['value']:.1f} % of the rows with a signal ({around}{hits['floor_label']} "
        f"{100 * hits['floor']:.1f}) earns {edge['value']:.2f} bp a side before costs of {edge['floor']:.2f} bp "
        f"({part}): {_enough(doc)}"
    ]


def _enough(doc: Document) -> str:
    """Whether what is earned before costs is more than they are, as far as its error lets it be told."""
    edge, sessions = doc["metrics"]["break_even_cost_bps"], doc["span"]["sessions"]
    low, high, cost = edge["lo"], edge["hi"], edge["floor"]
    if low is None:
        return f"whether it pays for its trading cannot be told ({edge['note']})"
    few = f", in these {sessions} sessions alone" if sessions > 1 else ", in this one session alone"
    only = few if sessions < metrics_table.TRADED else ""
    if high < cost:
        return f"it does not pay for its trading{only}"
    if low <= cost:
        return f"whether it pays for its trading cannot be told (95 % {low:.2f} to {high:.2f} bp)"
    if doc["trial"]["fill"] in ("next-mid", "close"):
        return f"it would pay for its trading, could it be had at these prices{only}"
    return f"it pays for its trading{only}"


def _idle(engine: Engine, doc: Document) -> list[str]:
    """Why little or nothing traded, and what would."""
    rows = int(engine.proposed[engine.user])
    seen, name = engine.tally.predicted, doc["trial"]["threshold"]
    trips = doc["metrics"]["trips"]["value"]
    if trips and rows > 0.02 * seen:
        return []
    if not trips and rows:
        below = reasons.NAMES[reasons.BELOW_LOT]
        fired = {reason: n for reason, n in doc["reasons"].items() if reason != below}
        why = [*([_dear(engine)] if below in doc["reasons"] else []), *(f"{k} in {n:,} rows" for k, n in fired.items())]
        text = ", ".join(why) or "they stand in the last rows of sessions, after which nothing is filled"
        return [
            f"nothing traded: threshold {name} gives a signal in {rows:,} rows, and none led to a round trip: {text}"
        ]
    up, down = doc["largest_p"]["up"], doc["largest_p"]["down"]
    what = f"threshold {name}: {rows:,} of {seen:,} rows give a signal ({rows / max(seen, 1):.2%})"
    out = [f"nothing traded: {what}" if not trips else what]
    out.append(f"the largest P(up) is {up:.4f}, the largest P(down) {down:.4f}")
    would = [
        f"--threshold q{100 * t['level']:g} ({t['rows']:,} rows)" for t in doc["thresholds"]
        if t["kind"] == "quantile" and t["rows"] > rows
    ]  # fmt: skip
    if would:
        out.append("these would trade more: " + ", ".join(would[::-1][:4]))
    return out


def _dear(engine: Engine) -> str:
    """That what a position may cost does not buy one lot, with the lowest price of the symbols."""
    settings, many = engine.settings, len(engine.symbols)
    price = float(np.nanmin(engine.tally.block("close")))
    unit = "one unit" if engine.lot == 1.0 else f"one lot of {engine.lot:g} units"
    worth = settings.cash * settings.size / many
    if engine.lot * price > settings.cash:
        return f"{unit} costs more than the account (price {price:,.8g}, cash {settings.cash:,.8g})"
    if engine.lot * price > worth:
        return f"{unit} costs more than a position may (price {price:,.8g}, position {worth:,.8g} of {many} symbols)"
    return f"less than {unit} was wanted (lowest price {price:,.8g})"


def tell(doc: Document, ctx: Context) -> None:
    """The mission's figures, each beside its floor and with its error bar, for --json and for a person."""
    sheet = doc["metrics"]
    for name in (*HEADLINES, "return_hold", "return_hold_matched", "trips", "sharpe_bar"):
        ctx.figures[name] = {k: sheet[name][k] for k in ("value", "lo", "hi", "floor", "floor_label", "unit", "n")}
    span = doc["span"]
    ctx.say(f"{doc['model']} {doc['trial']['name']} on {', '.join(doc['symbols'])}: {span['sessions']} sessions out of "
            f"sample, {span['first']} to {span['last']}, {sheet['trips']['value']:,} round trips")  # fmt: skip
    for name in HEADLINES:
        ctx.say("  " + spell(sheet[name]))
    for text in doc["messages"]:
        ctx.say(text)
    for text in spell_sweep(doc["sweep"], "q") if "sweep" in doc else ():
        ctx.say(text)
    if doc["lookahead"]:
        ctx.warn(doc["messages"][0])


def spell(entry: Document) -> str:
    """One figure as a person reads it: label, value, interval, floor."""
    if entry["value"] is None:
        return f"{entry['label']}: not defined ({entry['note']})"
    text = f"{entry['label']} {_number(entry['value'], entry['unit'])}"
    if entry["lo"] is not None:
        text += f" [{_number(entry['lo'], entry['unit'])}, {_number(entry['hi'], entry['unit'])}]"
    if entry["floor"] is not None:
        text += f", {entry['floor_label']} {_number(entry['floor'], entry['unit'])}"
    return text + (f" ({entry['note']})" if entry["note"] else "")


def _number(value: float, unit: str) -> str:
    if unit == "fraction":
        return f"{100 * value:.2f} %"
    if not math.isfinite(value):
        return "infinite"
    return f"{value:,.3f}" + (f" {unit}" if unit not in ("-", "a year") else "")
