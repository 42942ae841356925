"""What the report reads from ledger and trials, against values known by hand."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.report import strategy_data
from tests.report.builder import make
from tests.report.strategy import CASH


def matched(run: dict[str, tables.MemoryReader]) -> np.ndarray:
    """[S] the mean exposure of the user's trial over all sessions times each session's hold, symbols summed."""
    x = tables.arrays(run["backtest/trials.parquet"].read())
    own = x["user"].astype(bool)
    days = np.unique(x["session"][own])
    out = np.zeros(len(days))
    for symbol in np.unique(x["symbol"].astype(str)):
        mine = own & (x["symbol"].astype(str) == symbol)
        mean = x["exposure"][mine].sum() / len(days)
        out[np.searchsorted(days, x["session"][mine])] += mean * x["hold_return"][mine]
    return out


def test_lines_end_where_the_ledger_ends() -> None:
    """Net and gross are the ledger's sums over cash; the matched hold is the mean exposure times the hold."""
    run = make(sessions=80)
    found = strategy_data.load(run, CASH)
    assert found is not None
    assert found.family is not None
    data = tables.arrays(run["backtest/ledger.parquet"].read(["net_pnl", "gross_pnl", "mark", "mid_at_open"]))
    assert found.net[-1] == pytest.approx(data["net_pnl"].sum() / CASH)
    assert found.gross[-1] == pytest.approx(data["gross_pnl"].sum() / CASH)
    assert found.hold_full[-1] == pytest.approx(data["mark"][-1] / data["mid_at_open"][0] - 1)
    assert found.hold[-1] == pytest.approx(matched(run).sum())
    assert found.session_net.sum() == pytest.approx(found.net[-1])


def test_the_matched_hold_is_the_back_test_s() -> None:
    """A back-test of before it was written down leaves it out; nothing is made up in its place."""
    run = make(sessions=80, symbols=("QQQ", "SPY"))
    found = strategy_data.load(run, CASH)
    assert found is not None
    assert found.family is not None
    assert found.hold == pytest.approx(np.append(0.0, np.cumsum(matched(run))))
    document = json.loads(run["backtest/metrics.json"].data())
    del document["matched"]
    run["backtest/metrics.json"] = tables.MemoryReader(json.dumps(document).encode())
    old = strategy_data.load(run, CASH)
    assert old is not None
    assert np.isnan(old.hold[1:]).all()


def test_session_returns_are_the_ledger_s_own() -> None:
    """The family is compared under one fill and cost; what the user's trial made under its own stands in the ledger."""
    run = make(sessions=80)
    ledger = run["backtest/ledger.parquet"].read()
    place = ledger.column_names.index("net_pnl")
    doubled = ledger.set_column(place, ledger.schema.field(place), pa.array(2.0 * ledger["net_pnl"].to_numpy()))
    run["backtest/ledger.parquet"] = tables.MemoryReader(doubled)
    found = strategy_data.load(run, CASH)
    assert found is not None
    data = tables.arrays(ledger, ["session", "net_pnl"])
    by_session = [data["net_pnl"][data["session"] == day].sum() for day in np.unique(data["session"])]
    assert found.session_net[-len(by_session) :] == pytest.approx(2.0 * np.array(by_session) / CASH)


def test_thinning_keeps_the_largest_drawdown() -> None:
    """A line of 5,304 rows is drawn with at most 1,201 points, and its lowest point is among them."""
    run = make(sessions=80)
    found = strategy_data.load(run, CASH)
    assert found is not None
    assert len(found.x) <= strategy_data.POINTS + 1
    net = np.append(0.0, np.cumsum(tables.arrays(run["backtest/ledger.parquet"].read(["net_pnl"]))["net_pnl"])) / CASH
    worst = ((1 + net) / np.maximum.accumulate(1 + net) - 1).min()
    assert found.drawdown.min() == pytest.approx(worst, abs=1e-15)
    assert np.all(np.diff(found.x) > 0)


def test_the_hold_of_several_symbols_is_their_mean_and_holes_keep_the_last_value() -> None:
    """SPY doubles, QQQ stands still and misses a row: the mean gains a half."""
    data = {
        "symbol": np.array(["QQQ", "SPY", "SPY", "QQQ", "SPY"], object),
        "mark": np.array([10.0, 150.0, 180.0, 10.0, 200.0]),
        "mid_at_open": np.array([10.0, 100.0, 150.0, 10.0, 180.0]),
    }
    got = strategy_data._hold(data, np.array([0, 0, 1, 2, 2]), 3)
    assert got == pytest.approx([0.0, 0.25, 0.4, 0.5])


def test_without_a_ledger_there_is_no_money() -> None:
    """The report of such a run says what is missing instead."""
    assert strategy_data.load(make(stages=("fetch", "simulate", "train")), CASH) is None
