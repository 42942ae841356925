"""The table of metrics: each entry with label, value, unit, n, interval, floor and formula; null with the reason."""

from __future__ import annotations

import numpy as np

from hfm.arrays import Float
from hfm.backtest import metrics, permutation
from hfm.backtest.engine import Engine
from hfm.backtest.matched_hold import hold_result, matched_hold
from hfm.backtest.metric_inputs import MetricInputs, metric_inputs, too_few_traded
from hfm.backtest.metrics import Estimate, Z
from hfm.backtest.session_sums import LedgerSums
from hfm.backtest.totals import Totals
from hfm.proportion import wilson_clustered
from hfm.tables import TableMeta
from hfm.tables.metrics_document import NO_FLOOR, NO_INTERVAL, Interval, Metric, MetricFloor, metric

FEW = 252
"""Fewest sessions for a compound annual rate."""
BASE, LARGER = "base rate", "larger class of these rows"
"""The two floors of a direction: what training says comes more often, and what did in the rows that are scored."""


def metrics_table(engine: Engine, totals: Totals, meta: TableMeta) -> dict[str, Metric]:
    """All metrics by id.

    Parameters
    ----------
    engine, totals : after the last panel.
    meta : of the quotes; what a year and a session have in sessions and slots.

    Returns
    -------
    Id -> metric, in the order of the table.
    """
    inputs = metric_inputs(engine, totals, meta)
    parts = (_accuracy, _returns, _ratios, _risk, _trips, _trading)
    return {name: entry for part in parts for name, entry in part(inputs).items()}


def _normal_interval(estimate: Estimate) -> Interval:
    """95 % around an estimate by its standard error; none without one."""
    value, error = estimate
    return NO_INTERVAL if value is None or error is None else Interval(value - Z * error, value + Z * error)


def _direction_floor(hits: str, ups: str, labels: str, sums: LedgerSums) -> MetricFloor:
    """The better of two forecasters that know nothing of a row: the training base rate's call, and the larger class."""
    base, _ = metrics.ratio(sums.unit(hits), sums.unit(labels))
    up, _ = metrics.ratio(sums.unit(ups), sums.unit(labels))
    if base is None or up is None:
        return MetricFloor(None, BASE)
    larger = max(up, 1 - up)
    return MetricFloor(base, BASE) if base >= larger else MetricFloor(larger, LARGER)


def _accuracy(inputs: MetricInputs) -> dict[str, Metric]:
    """Accuracies of direction and spread, and what chance alone would show."""
    sums, get = inputs.sums, inputs.sums.unit
    n, spreads, traded = (int(get(k).sum()) for k in ("labels", "spreads", "traded"))
    direction = metrics.ratio(get("hits"), get("labels"))
    spread = metrics.ratio(get("spread_hits"), get("spreads"))
    signals = metrics.ratio(get("traded_hits"), get("traded"))
    rule, wide = (metrics.ratio(get(k), get("spreads")).value for k in ("rule_hits", "widened"))
    most = None if wide is None else max(wide, 1 - wide)
    calls = permutation.shift_test(sums.signal_series("call", "up"), inputs.slots)
    returns = permutation.shift_test(sums.signal_series("signal", "ret"), inputs.slots, studentise=True)
    timing = permutation.pesaran_timmermann(*(get(k) for k in ("hits", "ups", "calls", "labels")))
    short = "fewer than two sessions of rows to shift over"
    same = "all forecasts or outcomes are the same, or all are in one session or block"
    return {
        "accuracy_direction": metric(
            "direction accuracy", direction.value, "mean", n=n, interval=_normal_interval(direction),
            floor=_direction_floor("floor_hits", "ups", "labels", sums), note="" if n else "no labelled row",
        ),
        "accuracy_spread": metric(
            "spread-widening accuracy", spread.value, "mean", n=spreads, interval=_normal_interval(spread),
            floor=MetricFloor(rule, "rule (falls if above its usual level)"),
            note=f"larger class {100 * most:.2f} %" if most else "the model has no P(widens)",
        ),
        "accuracy_traded": metric(
            "direction accuracy on rows with a signal", signals.value, "mean", n=traded,
            interval=_normal_interval(signals),
            floor=_direction_floor("traded_floor_hits", "traded_ups", "traded", sums),
            note="" if traded else "no labelled row had a signal",
        ),
        "permutation_p": metric(
            "p of the direction accuracy", calls.p, "shift", unit="-", n=calls.null.size,
            note="" if calls.null.size else short,
        ),
        "permutation_p_traded": metric(
            "p of the signals' mean return", returns.p if traded else None, "shift.studentised", unit="-",
            n=returns.null.size, note="" if traded and returns.null.size else short if traded else "no signal",
        ),
        "pesaran_timmermann_p": metric(
            "p of the Pesaran-Timmermann test", timing.p if timing else None, "pt", unit="-", n=n,
            note="" if timing else same,
        ),
    }  # fmt: skip


def _returns(inputs: MetricInputs) -> dict[str, Metric]:
    """Returns of the strategy and of holding."""
    cash, hold = inputs.cash, hold_result(inputs.sums).total_return
    matched = float(matched_hold(inputs.sums, inputs.totals, inputs.engine.settings).sum())
    out = {}
    for name, label in (("net", "return net"), ("gross", "return gross")):
        money = inputs.sums.get(name)
        value = float(money.sum()) / cash
        floor = MetricFloor(hold, "buy-and-hold") if name == "net" else NO_FLOOR
        interval = NO_INTERVAL if inputs.no_interval else _growth_interval(value, money, inputs.opening)
        note = inputs.no_interval or ("" if interval.lo is not None else "all of the capital was lost: no interval")
        out[f"return_{name}"] = metric(label, value, "return", n=len(money), interval=interval, floor=floor, note=note)
    n = len(inputs.r)
    out["return_hold"] = metric("buy-and-hold", hold, "hold", n=n, note="" if hold is not None else "no price")
    out["return_hold_matched"] = metric("hold at matched exposure", matched, "hold.matched", n=n)
    value = float(inputs.equity[-1] / cash)
    rate = value ** (inputs.sessions_year / n) - 1 if n >= FEW and value > 0 else None
    why = f"{n} sessions, not {FEW}" if n < FEW else "ruined"
    out["cagr"] = metric("compound annual return", rate, "cagr", n=n, note="" if rate is not None else why)
    return out


def _growth_interval(value: float, money: Float, opening: Float) -> Interval:
    """95 % around a return that compounds; none where a session lost all, or there are fewer than two."""
    # from session returns over opening equity: late sessions weigh as early ones
    if len(money) < 2 or not ((opening > 0) & (money > -opening)).all() or value <= -1:
        return NO_INTERVAL
    half = Z * float(np.log1p(money / opening).std(ddof=1)) * len(money) ** 0.5
    return Interval((1 + value) * float(np.exp(-half)) - 1, (1 + value) * float(np.exp(half)) - 1)


def _ratios(inputs: MetricInputs) -> dict[str, Metric]:
    """Sharpe ratios by session and by bar, Sortino, and the sessions that they would need."""
    r, bars, year = inputs.r, inputs.bars, inputs.sessions_year
    flat = "no variance: no session made or lost anything" if len(r) > 1 else "fewer than two sessions"
    value = metrics.sharpe(r, year)
    error = None if value is None or inputs.no_interval else metrics.sharpe_error(r) * year**0.5
    note = flat if value is None else inputs.no_interval
    bar = lo = sortino = None
    if len(r) > 1:  # a year from one session is none
        bar = metrics.sharpe(bars, inputs.bars_year)
        lo = metrics.sharpe_lo(bars, inputs.bars_year, inputs.slots)
        sortino = metrics.sortino(bars, inputs.bars_year)
    out = {
        "sharpe": metric(
            "Sharpe", value, "sharpe.session", unit="a year", n=len(r),
            interval=_normal_interval(Estimate(value, error)), floor=MetricFloor(0.0, "cash"), note=note,
        ),
        "sharpe_bar": metric(
            "Sharpe from bars", bar, "sharpe.bar", unit="a year", n=len(bars),
            note=f"{inputs.bars_year:,.0f} bars a year" if bar is not None else flat,
        ),
        "sharpe_bar_lo": metric(
            "Sharpe from bars, autocorrelation corrected", lo, "sharpe.bar.lo", unit="a year", n=len(bars),
            note="" if lo is not None else flat,
        ),
        "psr": metric("P(true Sharpe > 0)", metrics.psr(r), "psr", unit="-", n=len(r), note=note),
        "sortino": metric(
            "Sortino", sortino, "sortino", unit="a year", n=len(bars),
            note="" if sortino is not None else "no bar lost anything" if len(r) > 1 else flat,
        ),
    }  # fmt: skip
    for name, power in (("sessions_significant", None), ("sessions_power", 0.8)):
        need = metrics.sessions_needed(r, power)
        label = "sessions to be significant" if power is None else "sessions for 80 % power"
        out[name] = metric(
            label, need, "power", unit="sessions", n=len(r), note="" if need else "Sharpe is not above 0"
        )
    return out


def _risk(inputs: MetricInputs) -> dict[str, Metric]:
    """The maximum drawdown, its duration, and Calmar."""
    fall, hold = metrics.drawdown(inputs.equity), hold_result(inputs.sums).drawdown
    end = len(inputs.equity) - 1 if fall.recovered is None else fall.recovered
    session_of = inputs.sums.session_of  # of an instant; equity has the capital before the first
    sessions = session_of(end - 1) - session_of(fall.peak) + 1 if end > fall.peak else 0
    state = "not recovered" if fall.recovered is None else "recovered"
    note = (
        f"{sessions} sessions, {end - fall.peak} rows from its peak, {state}"
        if fall.depth > 0
        else "never below a peak"
    )
    n = len(inputs.r)
    value, year = float(inputs.equity[-1] / inputs.cash), inputs.sessions_year
    calmar = (value ** (year / n) - 1) / fall.depth if n >= FEW and value > 0 and fall.depth > 0 else None
    return {
        "max_drawdown": metric(
            "max drawdown", fall.depth, "drawdown", n=len(inputs.equity), note=note,
            floor=MetricFloor(hold, "buy-and-hold at every row"),
        ),
        "drawdown_sessions": metric(
            "sessions in the max drawdown", sessions, "drawdown", unit="sessions", n=n,
            note=state if fall.depth > 0 else "",
        ),
        "calmar": metric(
            "Calmar", calmar, "calmar", unit="-", n=n,
            note="" if calmar is not None else f"{n} sessions, not {FEW}" if n < FEW else "no drawdown",
        ),
    }  # fmt: skip


def _trips(inputs: MetricInputs) -> dict[str, Metric]:
    """Round trips, and how many of them won how much."""
    nets = np.concatenate(inputs.engine.nets or [np.empty(0)])
    n, wins, losses = len(nets), nets[nets > 0], nets[nets < 0]
    rate = len(wins) / n if n else None
    lost = -float(losses.sum())
    factor = float(wins.sum()) / lost if lost > 0 else None
    payoff = float(wins.mean() / -losses.mean()) if len(wins) and len(losses) else None
    cluster = np.unique(np.concatenate(inputs.engine.entries or [np.empty(0, np.int64)]), return_inverse=True)[1]
    won, entries = (np.bincount(cluster, w).astype(float) for w in (nets > 0, None))
    interval = Interval(*(wilson_clustered(won, entries) or NO_INTERVAL))
    one = "all were entered in one session or block: no interval"
    none = "no round trip" if not n else "no losing round trip" if not len(losses) else "no winning round trip"
    return {
        "trips": metric("round trips", n, "count", unit="count", n=n),
        "hit_rate": metric(
            "hit rate", rate, "wilson", n=n, interval=interval,
            note=none if not n else "" if interval.lo is not None else one,
        ),
        "profit_factor": metric(
            "profit factor", factor, "profit.factor", unit="-", n=n, floor=MetricFloor(1.0, "break even"),
            note="" if factor is not None else none,
        ),
        "payoff": metric("payoff", payoff, "payoff", unit="-", n=n, note="" if payoff is not None else none),
    }  # fmt: skip


def _trading(inputs: MetricInputs) -> dict[str, Metric]:
    """Exposure and turnover, the cost at which nothing would be earned, and the capital at which impact takes all."""
    sums, cash, n = inputs.sums, inputs.cash, len(inputs.r)
    get, notional = sums.get, sums.get("notional")
    cost = get("spread") + get("fee") + get("impact")
    edge = metrics.ratio(1e4 * sums.unit("gross"), sums.unit("notional"))
    assumed = metrics.ratio(1e4 * cost, notional).value
    few = too_few_traded(sums.unit("notional"), "blocks" if sums.block_s else "sessions")
    impact = float(get("impact").sum())
    left = float(get("gross").sum() - get("spread").sum() - get("fee").sum())
    capacity = cash * (left / impact) ** 2 if impact > 0 and left > 0 else None
    exposure = float(get("held_abs").sum()) / sums.rows / cash * len(inputs.engine.symbols)
    turnover = float(notional.sum()) / cash / max(n, 1)
    return {
        "exposure": metric("mean exposure", exposure, "exposure", n=int(sums.rows)),
        "turnover": metric("turnover a session", turnover, "turnover", unit="x capital", n=n),
        "break_even_cost_bps": metric(
            "break-even cost a side", edge.value, "break.even", unit="bps", n=len(sums.unit("notional")),
            interval=NO_INTERVAL if few else _normal_interval(edge), floor=MetricFloor(assumed, "assumed cost"),
            note=few if edge.value is not None else "nothing was traded",
        ),
        "capacity": metric(
            "capacity", capacity, "capacity", unit="currency", n=n,
            note="" if capacity is not None else "costs leave nothing" if impact > 0 else "no impact charged",
        ),
    }  # fmt: skip
