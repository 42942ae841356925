"""The table of metrics: undefined entries null with their reason, floors and intervals where they belong."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest import metrics, metrics_table, session_counts
from hfm.backtest.engine import Engine
from hfm.backtest.joined_panel import RESTING, panels
from hfm.backtest.totals import Totals
from hfm.config import Backtest
from hfm.proportion import wilson
from hfm.tables.json_document import to_json
from tests.backtest import market

Table = dict[str, dict[str, object]]


def table_of(quoted: pa.Table, p: object, keep: np.ndarray | None = None, **settings: object) -> Table:
    return table_and_engine(quoted, p, keep, **settings)[0]


def table_and_engine(
    quoted: pa.Table, p: object, keep: np.ndarray | None = None, block_s: int | None = None, **settings: object
) -> tuple[Table, Engine]:
    meta = dataclasses.replace(tables.MemoryReader(quoted).meta, block_s=block_s)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5}, keep)
    engine = Engine(Backtest(**settings), meta.symbols, meta, 1)  # type: ignore[arg-type]  # a few of them
    totals = Totals(len(engine.trials))
    readers = tables.MemoryReader(quoted), tables.MemoryReader(predicted)
    for panel in panels(*readers, "lstm", meta.symbols, RESTING):
        taken = engine.take(panel)
        if taken is not None:
            totals.add(taken[0], taken[1].sums, taken[1].out)
    return to_json(metrics_table.metrics_table(engine, totals, meta)), engine


def noise(quoted: pa.Table, sd: float = 0.1) -> np.ndarray:
    return np.clip(0.5 + np.random.default_rng(1).normal(0, sd, quoted.num_rows), 0, 1)


@pytest.fixture(scope="module")
def quoted() -> pa.Table:
    return market.walk(["AAA"], 30, 20, seed=2)


def test_every_entry_has_a_formula_that_is_written_down(quoted: pa.Table) -> None:
    """A label, a unit, n, and a value or the reason why there is none."""
    for name, entry in table_of(quoted, noise(quoted), threshold="0.55").items():
        assert entry["formula"] in metrics.FORMULAS, name
        assert entry["label"]
        assert entry["value"] is not None or entry["note"], name
        assert (entry["lo"] is None) == (entry["hi"] is None)
        if entry["lo"] is not None and entry["value"] is not None:
            assert entry["lo"] <= entry["value"] <= entry["hi"], name  # type: ignore[operator]  # numbers


def test_a_year_has_the_sessions_of_its_calendar(quoted: pa.Table) -> None:
    """A market that never closes has 365."""
    header = tables.header(quoted.schema)
    meta = header["meta"] | {"sessions_per_year": 365.0}
    open_always = quoted.replace_schema_metadata(
        {**(quoted.schema.metadata or {}), b"hfm": json.dumps({**header, "meta": meta}).encode()}
    )
    short, long = (table_of(each, noise(each), threshold="0.55") for each in (quoted, open_always))
    for name in ("value", "lo"):
        assert long["sharpe"][name] == pytest.approx(short["sharpe"][name] * (365 / 252) ** 0.5)  # type: ignore[operator]


def test_a_year_is_not_made_of_one_session_nor_of_rows_that_no_calendar_knows(quoted: pa.Table) -> None:
    """One session has no yearly ratio, from whichever rows; events come as often as they came."""
    day = market.walk(["AAA"], 1, 78, seed=3)
    for name, entry in table_of(day, noise(day), threshold="0.55").items():
        if entry["unit"] == "a year":
            assert (entry["value"], entry["note"]) == (None, "fewer than two sessions"), name
    header = tables.header(quoted.schema)
    meta = header["meta"] | {"every": "event", "slots_per_year": 1.0}
    events = quoted.replace_schema_metadata(
        {**(quoted.schema.metadata or {}), b"hfm": json.dumps({**header, "meta": meta}).encode()}
    )
    assert table_of(events, noise(events), threshold="0.55")["sharpe_bar"]["note"] == "5,040 bars a year"  # 20 x 252


def test_the_hold_beside_a_position_that_stays_overnight_has_its_nights() -> None:
    """Always long, at no cost, is the hold itself: no skill is left between them."""
    quoted = market.walk(["AAA"], 40, 20, seed=6)
    free = {"fee_bps": 0.0, "spread_share": 0.0, "impact": 0.0, "threshold": "0.5"}
    table = table_of(quoted, np.full(quoted.num_rows, 0.9), hold_overnight=True, **free)
    net, hold, matched = (table[name]["value"] for name in ("return_net", "return_hold", "return_hold_matched"))
    exposure = table["exposure"]["value"]
    assert isinstance(exposure, float)
    assert net == pytest.approx(hold, abs=2e-3)  # from the first fill on, in whole shares
    data = tables.arrays(quoted)
    close = data["mid_close"][data["seq"] == 19]
    days = np.diff(close, prepend=data["mid_open"][:1]) / np.append(data["mid_open"][:1], close[:-1])
    assert matched == pytest.approx(exposure * days.sum(), rel=1e-9)


def test_a_session_of_many_blocks_has_an_error_on_what_a_trade_earns() -> None:
    """Predictions split by half an hour: a session is not one sample of it, though it is one of a return."""
    day = market.walk(["AAA"], 2, 78, seed=3)
    whole, _ = table_and_engine(day, noise(day), threshold="0.55")
    parts, _ = table_and_engine(day, noise(day), threshold="0.55", block_s=1_800)
    one, two = whole["break_even_cost_bps"], parts["break_even_cost_bps"]
    assert two["value"] == pytest.approx(one["value"])
    assert (one["lo"], one["note"]) == (None, "2 of 2 sessions traded: too few for an interval")
    assert two["lo"] < two["value"] < two["hi"]  # type: ignore[operator]  # numbers
    assert parts["return_net"]["lo"] is None
    few, _ = table_and_engine(day, noise(day), threshold="0.55", block_s=10_800)
    assert str(few["break_even_cost_bps"]["note"]).endswith("blocks traded: too few for an interval")


def test_returns_are_what_was_made_over_the_capital(quoted: pa.Table) -> None:
    """Net and gross, the hold beside, and the break-even cost at which net would be 0."""
    table = table_of(quoted, noise(quoted), threshold="0.55", impact=0.0, borrow=0.0)
    edge = table["break_even_cost_bps"]
    turnover = float(table["turnover"]["value"]) * 30  # type: ignore[arg-type]  # a number
    gross, net = (float(table[f"return_{name}"]["value"]) for name in ("gross", "net"))  # type: ignore[arg-type]
    assert float(edge["value"]) * turnover / 1e4 == pytest.approx(gross)  # type: ignore[arg-type]  # a number
    assert float(edge["floor"]) * turnover / 1e4 == pytest.approx(gross - net)  # type: ignore[arg-type]  # a number
    q = tables.arrays(quoted)
    assert table["return_net"]["floor"] == pytest.approx(q["mid_close"][-1] / q["mid_open"][0] - 1)


def test_without_a_trade_ratios_are_null_with_their_reason(quoted: pa.Table) -> None:
    """No 0 and no nan that could be taken for a result."""
    table = table_of(quoted, 0.5, threshold="0.6")
    for name in ("sharpe", "sortino", "hit_rate", "profit_factor", "payoff", "break_even_cost_bps", "accuracy_traded"):
        assert table[name]["value"] is None
        assert table[name]["note"]
    assert table["trips"]["value"] == 0
    assert table["max_drawdown"]["value"] == 0


def test_a_short_history_has_no_yearly_rate_and_few_traded_sessions_no_interval(quoted: pa.Table) -> None:
    """30 of 252 sessions; two of 30 with a trade."""
    p = np.full(quoted.num_rows, 0.5)
    p[[45, 205]] = 0.9
    table = table_of(quoted, p)
    assert table["cagr"]["value"] is table["calmar"]["value"] is None
    assert "30 sessions, not 252" in str(table["cagr"]["note"])
    assert table["return_net"]["lo"] is None
    assert "2 of 30 sessions traded" in str(table["return_net"]["note"])


def test_a_drawdown_is_told_in_sessions_and_rows(quoted: pa.Table) -> None:
    """From its peak to its recovery, or to the end: whatever the rows of a session are."""
    entry = table_of(quoted, noise(quoted), threshold="0.52")
    told = entry["max_drawdown"]
    assert 0 < float(told["value"]) < 1  # type: ignore[arg-type]  # a number
    assert f"{entry['drawdown_sessions']['value']} sessions" in str(told["note"])
    assert int(entry["drawdown_sessions"]["value"]) <= 30  # type: ignore[call-overload]  # a number


@pytest.mark.parametrize("seed", range(6))
def test_the_sessions_of_a_drawdown_are_those_of_its_rows(seed: int) -> None:
    """Counted row by row: from the row after its peak to the one that recovers it, or the last."""
    quoted = market.walk(["AAA"], 12, 20, seed=seed)
    entry, engine = table_and_engine(quoted, noise(quoted, 0.3), threshold="0.52", spread_share=0.0, fee_bps=0.0)
    equity = np.concatenate(([engine.settings.cash], engine.session_sums.equity.get()))
    trough = int((1 - equity / np.maximum.accumulate(equity)).argmax())
    peak = int(equity[: trough + 1].argmax())
    end = next((i for i in range(trough, len(equity)) if equity[i] >= equity[peak]), len(equity) - 1)
    sessions = {(i - 1) // 20 for i in range(peak + 1, end + 1)}
    assert entry["drawdown_sessions"]["value"] == len(sessions)


def ledger_of(quoted: pa.Table, net: np.ndarray) -> metrics_table.MetricInputs:
    """Inputs of a session P&L [S], gross and net alike, that a back-test of `quoted` could have had."""
    _, engine = table_and_engine(quoted, 0.5)
    for sums in engine.session_sums.sums:
        sums[:] = 0
    first = engine.session_sums.sums[0]
    first["net"], first["gross"], first["notional"] = net, net, 1.0
    opening = engine.settings.cash + np.append(0.0, np.cumsum(net)[:-1])
    equity = engine.settings.cash + np.append(0.0, np.cumsum(net))
    return metrics_table.MetricInputs(engine, Totals(1), net / opening, net, equity, opening, 1.0, 20, 252.0)


def test_a_return_that_compounds_is_as_sure_as_its_sessions_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sessions in another order have the same interval: over fixed capital the last ones would decide. A
    steady gain (t = 6 of session returns) that multiplies the capital is told from nothing."""
    quoted = market.walk(["AAA"], 60, 4, seed=2)
    monkeypatch.setattr(metrics_table, "matched_hold", lambda sums, totals, settings: np.zeros(1))
    r = np.random.default_rng(3).normal(0.04, 0.05, 60)
    found = []
    for line in (r, r[::-1], np.sort(r)):
        net = 1e6 * np.diff(np.append(1.0, np.cumprod(1 + line)))
        found.append(metrics_table._returns(ledger_of(quoted, net))["return_net"])
    assert found[0].value is not None
    assert found[0].value > 5
    for one in found:
        assert (one.lo, one.hi) == pytest.approx((found[0].lo, found[0].hi))
        assert one.lo is not None
        assert one.lo > 1


def test_the_floor_of_a_direction_is_the_better_of_two_that_know_nothing(quoted: pa.Table) -> None:
    """The training base rate's call, or the larger class of the rows, and which; of the rows with a signal too."""
    for p, rows in ((0.9, "accuracy_direction"), (0.9, "accuracy_traded")):
        table, engine = table_and_engine(quoted, p, threshold="0.6")
        ups, n = (float(engine.session_sums.unit(name).sum()) for name in ("ups", "labels"))
        assert ups != n / 2
        assert table[rows]["floor"] == pytest.approx(max(ups, n - ups) / n)  # the constant model calls neither side
        assert table[rows]["floor_label"] == metrics_table.LARGER
    meta = tables.MemoryReader(quoted).meta
    right = Engine(Backtest(), meta.symbols, meta, 1)
    units = np.zeros(2, session_counts.SESSION_SUMS)
    units["labels"], units["floor_hits"], units["ups"] = [10, 10], [7, 6], [5, 4]
    right.session_sums.units = [units]
    assert metrics_table._direction_floor("floor_hits", "ups", "labels", right.session_sums) == (
        0.65,
        metrics_table.BASE,
    )


def test_the_hold_falls_at_every_row_as_the_strategy_does() -> None:
    """A fall and a rise inside one session are a drawdown of both: always long at no cost has the hold's, two symbols
    with a split, a dividend and holes in them too."""
    quoted = market.walk(["AAA"], 12, 30, seed=9)
    free = {"fee_bps": 0.0, "spread_share": 0.0, "impact": 0.0, "threshold": "0.5"}
    table = table_of(quoted, np.full(quoted.num_rows, 0.9), hold_overnight=True, **free)
    fall = table["max_drawdown"]
    mid = np.append(tables.arrays(quoted)["mid_open"][0], tables.arrays(quoted)["mid_close"])
    assert fall["floor"] == pytest.approx(float((1 - mid / np.maximum.accumulate(mid)).max()))
    assert fall["value"] == pytest.approx(fall["floor"], rel=0.02)
    closes = mid[np.append(0, np.arange(30, 361, 30))]
    assert fall["floor"] > float((1 - closes / np.maximum.accumulate(closes)).max()) + 1e-6


def test_the_hit_rate_is_as_sure_as_its_sessions_are(quoted: pa.Table) -> None:
    """Clustered by session, or by block on one session; one block gives none, and says so."""
    table, engine = table_and_engine(quoted, noise(quoted), threshold="0.55")
    hits, nets = table["hit_rate"], np.concatenate(engine.nets)
    low, high = wilson(int((nets > 0).sum()), len(nets))
    assert hits["lo"] < low < high < hits["hi"]  # type: ignore[operator]  # numbers
    day = market.walk(["AAA"], 1, 78, seed=3)
    one, _ = table_and_engine(day, noise(day), threshold="0.55")
    parts, _ = table_and_engine(day, noise(day), threshold="0.55", block_s=1_800)
    assert (one["hit_rate"]["lo"], one["pesaran_timmermann_p"]["value"]) == (None, None)
    assert "one session or block" in str(one["hit_rate"]["note"])
    assert parts["hit_rate"]["lo"] < parts["hit_rate"]["value"] < parts["hit_rate"]["hi"]  # type: ignore[operator]
    assert 0 < parts["pesaran_timmermann_p"]["value"] < 1  # type: ignore[operator]  # a number
