"""The sheet of metrics: each entry with label, value, unit, n, interval, floor and formula; null with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.backtest import metrics, permutation
from hfm.backtest.engine import Engine
from hfm.backtest.metrics import Z
from hfm.backtest.session_sums import Tally
from hfm.backtest.totals import Totals
from hfm.proportion import wilson_clustered
from hfm.tables import TableMeta

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
FEW = 252
"""Fewest sessions for a compound annual rate."""
BASE, LARGER = "base rate", "larger class of these rows"
"""The two floors of a direction: what training says comes more often, and what did in the rows that are scored."""
TRADED = 10
"""Fewest sessions with a trade for an interval over sessions: below, its normal approximation is fiction."""


@dataclass(frozen=True)
class Facts:
    """What the entries are made from. r: session returns over opening equity [S]; bars: returns by instant [T]; money
    by session."""

    engine: Engine
    totals: Totals
    r: Float
    bars: Float
    equity: Float
    opening: Float
    """Equity at each session's open, [S]."""
    bars_year: float
    slots: int
    year: float
    """Sessions of the calendar's year."""

    @property
    def thin(self) -> str:
        """Why there can be no interval over sessions; empty where there can."""
        return _thin(self.engine.tally.get("notional"), "sessions")

    @property
    def cash(self) -> float:
        """Starting capital, currency."""
        return self.engine.settings.cash


def sheet(engine: Engine, totals: Totals, meta: TableMeta) -> dict[str, dict[str, Any]]:  # Any: JSON values
    """All metrics by id, as they stand in metrics.json."""
    cash = engine.settings.cash
    net = engine.tally.get("net")
    opening = cash + np.concatenate(([0.0], np.cumsum(net)[:-1]))
    equity = np.concatenate(([cash], engine.tally.equity.get()))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(opening > 0, net / opening, 0.0)
    bars, alive = np.diff(equity), equity[:-1] > 0
    np.divide(bars, equity[:-1], out=bars, where=alive)
    bars[~alive] = 0.0
    year = float(meta.sessions_per_year)
    bars_year = len(bars) / len(r) * year if meta.every == "event" else float(meta.slots_per_year)
    slots = meta.slots_per_session or 1
    facts = Facts(engine, totals, r, bars, equity, opening, bars_year, slots, year)
    parts = (_accuracy, _returns, _ratios, _risk, _trips, _trading)
    return {name: metric.document() for part in parts for name, metric in part(facts).items()}


@dataclass(frozen=True)
class Metric:
    """One metric. unit "fraction": 0.01 is 1 %; interval: 95 %; formula: a key of metrics.FORMULAS."""

    label: str
    value: float | None
    formula: str
    unit: str = "fraction"
    n: int = 0
    interval: tuple[float | None, float | None] = (None, None)
    floor: tuple[float | None, str] = (None, "")
    note: str = ""

    def document(self) -> dict[str, Any]:  # Any: JSON values
        """As it stands in metrics.json."""
        return {
            "label": self.label, "value": self.value, "unit": self.unit, "n": self.n, "lo": self.interval[0],
            "hi": self.interval[1], "floor": self.floor[0], "floor_label": self.floor[1] or None,
            "formula": self.formula, "note": self.note or None,
        }  # fmt: skip


def _thin(notional: Float, units: str) -> str:
    traded = int((notional > 0).sum())
    return "" if traded >= TRADED else f"{traded} of {len(notional)} {units} traded: too few for an interval"


def _around(value: float | None, error: float | None) -> tuple[float | None, float | None]:
    return (None, None) if value is None or error is None else (value - Z * error, value + Z * error)


def _floor(hits: str, ups: str, labels: str, tally: Tally) -> tuple[float | None, str]:
    """The better of two forecasters that know nothing of a row: the training base rate's call, and the larger class."""
    base, _ = metrics.ratio(tally.unit(hits), tally.unit(labels))
    up, _ = metrics.ratio(tally.unit(ups), tally.unit(labels))
    if base is None or up is None:
        return None, BASE
    larger = max(up, 1 - up)
    return (base, BASE) if base >= larger else (larger, LARGER)


def _accuracy(facts: Facts) -> dict[str, Metric]:
    tally = facts.engine.tally
    get = tally.unit
    n, spreads, traded = (int(get(k).sum()) for k in ("labels", "spreads", "traded"))
    value, error = metrics.ratio(get("hits"), get("labels"))
    null = permutation.shift_test(tally.parts("call", "up"), facts.slots)
    timing = permutation.pesaran_timmermann(*(get(k) for k in ("hits", "ups", "calls", "labels")))
    own, own_error = metrics.ratio(get("spread_hits"), get("spreads"))
    rule, _ = metrics.ratio(get("rule_hits"), get("spreads"))
    wide, _ = metrics.ratio(get("widened"), get("spreads"))
    most = None if wide is None else max(wide, 1 - wide)
    acting, acting_error = metrics.ratio(get("traded_hits"), get("traded"))
    money = permutation.shift_test(tally.parts("signal", "ret"), facts.slots, studentise=True)
    short = "fewer than two sessions of rows to shift over"
    same = "all forecasts or outcomes are the same, or all are in one session or block"
    return {
        "accuracy_direction": Metric("direction accuracy", value, "mean", n=n, interval=_around(value, error),
                                    floor=_floor("floor_hits", "ups", "labels", tally),
                                    note="" if n else "no labelled row"),
        "accuracy_spread": Metric("spread-widening accuracy", own, "mean", n=spreads, interval=_around(own, own_error),
                                 floor=(rule, "rule (falls if above its usual level)"),
                                 note=f"larger class {100 * most:.2f} %" if most else "the model has no P(widens)"),
        "accuracy_traded": Metric("direction accuracy on rows with a signal", acting, "mean", n=traded,
                                 interval=_around(acting, acting_error),
                                 floor=_floor("traded_floor_hits", "traded_ups", "traded", tally),
                                 note="" if traded else "no labelled row had a signal"),
        "permutation_p": Metric("p of the direction accuracy", permutation.p_value(*null), "shift", unit="-",
                               n=null[1].size, note="" if null[1].size else short),
        "permutation_p_traded": Metric("p of the signals' mean return", permutation.p_value(*money) if traded else None,
                                      "shift.studentised", unit="-", n=money[1].size,
                                      note="" if traded and money[1].size else short if traded else "no signal"),
        "pesaran_timmermann_p": Metric("p of the Pesaran-Timmermann test", timing[1] if timing else None, "pt",
                                      unit="-", n=n, note="" if timing else same),
    }  # fmt: skip


def _returns(facts: Facts) -> dict[str, Metric]:
    get, cash = facts.engine.tally.get, facts.cash
    plain, _ = _hold(facts)
    beside = float(matched(facts.engine, facts.totals).sum())
    out = {}
    for name, label in (("net", "return net"), ("gross", "return gross")):
        money = get(name)
        value = float(money.sum()) / cash
        floor = (plain, "buy-and-hold") if name == "net" else (None, "")
        around = (None, None) if facts.thin else _growth_interval(value, money, facts.opening)
        note = facts.thin or ("" if around[0] is not None else "all of the capital was lost: no interval")
        out[f"return_{name}"] = Metric(label, value, "return", n=len(money), interval=around, floor=floor, note=note)
    n = len(facts.r)
    out["return_hold"] = Metric("buy-and-hold", plain, "hold", n=n, note="" if plain is not None else "no price")
    out["return_hold_matched"] = Metric("hold at matched exposure", beside, "hold.matched", n=n)
    value = float(facts.equity[-1] / cash)
    rate = value ** (facts.year / n) - 1 if n >= FEW and value > 0 else None
    why = f"{n} sessions, not {FEW}" if n < FEW else "ruined"
    out["cagr"] = Metric("compound annual return", rate, "cagr", n=n, note="" if rate is not None else why)
    return out


def _growth_interval(value: float, money: Float, opening: Float) -> tuple[float | None, float | None]:
    """95 % around a return that compounds, from session returns over opening equity: late sessions weigh as early ones.

    None, None where a session lost all, or there are fewer than two.
    """
    if len(money) < 2 or not ((opening > 0) & (money > -opening)).all() or value <= -1:
        return None, None
    half = Z * float(np.log1p(money / opening).std(ddof=1)) * len(money) ** 0.5
    return (1 + value) * float(np.exp(-half)) - 1, (1 + value) * float(np.exp(half)) - 1


def _growth(tally: Tally) -> Iterator[tuple[Int, Float]]:
    """Of each symbol: its blocks with a price, and by what a share grew over each, nights before it included."""
    block = tally.block
    for s in np.unique(block("symbol")):
        good = np.flatnonzero((block("symbol") == s) & np.isfinite(block("close")))
        if not good.size or not np.isfinite(block("open")[good[0]]):
            continue
        close, split, paid = block("close")[good], block("split")[good], block("dividend")[good]
        before = np.concatenate((block("open")[good[:1]], close[:-1]))
        split, paid = np.concatenate(([1.0], split[1:])), np.concatenate(([0.0], paid[1:]))
        yield good, (close + paid) * split / before


def _hold(facts: Facts) -> tuple[float | None, float | None]:
    """Return of equal-weighted buy-and-hold from the first open to the last close, and its drawdown at every row."""
    line = facts.engine.tally.hold()
    return (float(line[-1] - 1.0), metrics.drawdown(line).depth) if line.size else (None, None)


def matched(engine: Engine, totals: Totals) -> Float:
    """[S] the user's mean exposure over all sessions x the hold over the hours traded, or over days; symbols summed."""
    symbol, session, hold = (np.concatenate(part) for part in (totals.symbol, totals.session, totals.hold))
    if engine.settings.hold_overnight:
        hold = np.zeros(len(symbol))
        for mine, growth in _growth(engine.tally):
            hold[mine] = growth - 1.0
    exposure, days = np.concatenate(totals.exposure) / engine.settings.cash, engine.tally.days()
    out = np.zeros(len(days))
    for s in np.unique(symbol):
        mine = symbol == s
        out[np.searchsorted(days, session[mine])] += exposure[mine].sum() / len(days) * hold[mine]
    return out


def _ratios(facts: Facts) -> dict[str, Metric]:
    r, bars = facts.r, facts.bars
    flat = "no variance: no session made or lost anything" if len(r) > 1 else "fewer than two sessions"
    value = metrics.sharpe(r, facts.year)
    error = None if value is None or facts.thin else metrics.sharpe_error(r) * facts.year**0.5
    note = flat if value is None else facts.thin
    bar = lo = sortino = None
    if len(r) > 1:  # a year from one session is none
        bar = metrics.sharpe(bars, facts.bars_year)
        lo = metrics.sharpe_lo(bars, facts.bars_year, facts.slots)
        sortino = metrics.sortino(bars, facts.bars_year)
    out = {
        "sharpe": Metric("Sharpe", value, "sharpe.session", unit="a year", n=len(r), interval=_around(value, error),
                        floor=(0.0, "cash"), note=note),
        "sharpe_bar": Metric("Sharpe from bars", bar, "sharpe.bar", unit="a year", n=len(bars),
                            note=f"{facts.bars_year:,.0f} bars a year" if bar is not None else flat),
        "sharpe_bar_lo": Metric("Sharpe from bars, autocorrelation corrected", lo, "sharpe.bar.lo", unit="a year",
                               n=len(bars), note="" if lo is not None else flat),
        "psr": Metric("P(true Sharpe > 0)", metrics.psr(r), "psr", unit="-", n=len(r), note=note),
        "sortino": Metric("Sortino", sortino, "sortino", unit="a year", n=len(bars),
                         note="" if sortino is not None else "no bar lost anything" if len(r) > 1 else flat),
    }  # fmt: skip
    for name, power in (("sessions_significant", None), ("sessions_power", 0.8)):
        need = metrics.sessions_needed(r, power)
        label = "sessions to be significant" if power is None else "sessions for 80 % power"
        out[name] = Metric(
            label, need, "power", unit="sessions", n=len(r), note="" if need else "Sharpe is not above 0"
        )
    return out


def _risk(facts: Facts) -> dict[str, Metric]:
    fall = metrics.drawdown(facts.equity)
    _, hold = _hold(facts)
    end = len(facts.equity) - 1 if fall.recovered is None else fall.recovered
    session_of = facts.engine.tally.session_of  # of an instant; equity has the capital before the first
    sessions = session_of(end - 1) - session_of(fall.peak) + 1 if end > fall.peak else 0
    state = "not recovered" if fall.recovered is None else "recovered"
    note = (
        f"{sessions} sessions, {end - fall.peak} rows from its peak, {state}"
        if fall.depth > 0
        else "never below a peak"
    )
    n = len(facts.r)
    value = float(facts.equity[-1] / facts.cash)
    calmar = (value ** (facts.year / n) - 1) / fall.depth if n >= FEW and value > 0 and fall.depth > 0 else None
    return {
        "max_drawdown": Metric("max drawdown", fall.depth, "drawdown", n=len(facts.equity), note=note,
                              floor=(hold, "buy-and-hold at every row")),
        "drawdown_sessions": Metric("sessions in the max drawdown", sessions, "drawdown", unit="sessions", n=n,
                                   note=state if fall.depth > 0 else ""),
        "calmar": Metric("Calmar", calmar, "calmar", unit="-", n=n,
                        note="" if calmar is not None else f"{n} sessions, not {FEW}" if n < FEW else "no drawdown"),
    }  # fmt: skip


def _trips(facts: Facts) -> dict[str, Metric]:
    nets = np.concatenate(facts.engine.nets or [np.empty(0)])
    n, wins, losses = len(nets), nets[nets > 0], nets[nets < 0]
    rate = len(wins) / n if n else None
    lost = -float(losses.sum())
    factor = float(wins.sum()) / lost if lost > 0 else None
    payoff = float(wins.mean() / -losses.mean()) if len(wins) and len(losses) else None
    entered = np.unique(np.concatenate(facts.engine.entries or [np.empty(0, np.int64)]), return_inverse=True)[1]
    won, entries = (np.bincount(entered, w).astype(float) for w in (nets > 0, None))
    around = wilson_clustered(won, entries) or (None, None)
    alone = "all were entered in one session or block: no interval"
    none = "no round trip" if not n else "no losing round trip" if not len(losses) else "no winning round trip"
    return {
        "trips": Metric("round trips", n, "count", unit="count", n=n),
        "hit_rate": Metric("hit rate", rate, "wilson", n=n, interval=around,
                          note=none if not n else "" if around[0] is not None else alone),
        "profit_factor": Metric("profit factor", factor, "profit.factor", unit="-", n=n, floor=(1.0, "break even"),
                               note="" if factor is not None else none),
        "payoff": Metric("payoff", payoff, "payoff", unit="-", n=n, note="" if payoff is not None else none),
    }  # fmt: skip


def _trading(facts: Facts) -> dict[str, Metric]:
    tally, cash = facts.engine.tally, facts.cash
    get, unit, rows, n = tally.get, tally.unit, tally.rows, len(facts.r)
    notional = get("notional")
    paid = get("spread") + get("fee") + get("impact")
    value, error = metrics.ratio(1e4 * unit("gross"), unit("notional"))
    assumed, _ = metrics.ratio(1e4 * paid, notional)
    thin, units = _thin(unit("notional"), "blocks" if tally.block_s else "sessions"), len(unit("notional"))
    around = (None, None) if thin else _around(value, error)
    none = thin if value is not None else "nothing was traded"
    impact = float(get("impact").sum())
    left = float(get("gross").sum() - get("spread").sum() - get("fee").sum())
    room = cash * (left / impact) ** 2 if impact > 0 and left > 0 else None
    full = "costs leave nothing" if impact > 0 else "no impact charged"
    of = facts.engine.symbols
    return {
        "exposure": Metric("mean exposure", float(get("held_abs").sum()) / rows / cash * len(of), "exposure",
                          n=int(rows)),
        "turnover": Metric("turnover a session", float(notional.sum()) / cash / max(n, 1), "turnover",
                          unit="x capital", n=n),
        "break_even_cost_bps": Metric("break-even cost a side", value, "break.even", unit="bps", n=units,
                                     interval=around, floor=(assumed, "assumed cost"), note=none),
        "capacity": Metric("capacity", room, "capacity", unit="currency", n=n,
                          note="" if room is not None else full),
    }  # fmt: skip
