"""An account that is smaller than one unit, and falls that are counted by one clock: from the file to the figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from tests.backtest import market
from tests.command import hfm

PRICE = 640.0
"""Of the walk's 100: a unit costs 64,000."""


def dear(calendar: str) -> pa.Table:
    """Quotes of a coin at about 64,000."""
    quoted = market.walk(["BTCUSDT"], 10, 24, seed=2, sd=4e-3)
    columns = tables.arrays(quoted)
    scaled = {n: x * PRICE for n, x in columns.items() if n.startswith(("mid_", "bid_", "ask_", "trade_"))}
    header = dataclasses.replace(tables.meta_of(quoted.schema), calendar=calendar)
    return tables.build(tables.QUOTES, columns | scaled | {"volume": columns["volume"] / PRICE}, header)


def traded(calendar: str, **settings: Any) -> tuple[dict[str, Any], pa.Table]:
    """metrics.json and trades of an account of 10,000."""
    quoted = dear(calendar)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, quoted.num_rows)
    made = market.predictions(quoted, {"lstm": p, "constant": 0.5})
    out, _ = market.run(quoted, made, threshold="0.55", cash=10_000.0, **settings)
    return out["metrics"], out["trades"]


def test_an_account_below_one_coin_trades_parts_of_it() -> None:
    """K1: round trips of less than a coin, each worth about the account, in multiples of 1e-8."""
    metrics, trades = traded("24/7", sweep=5)
    t = tables.arrays(trades, ("qty", "entry_price"))
    assert metrics["metrics"]["trips"]["value"] > 20
    assert (t["qty"] < 1).all()
    assert (np.abs(t["qty"] * 1e8 - np.rint(t["qty"] * 1e8)) < 1e-3).all()
    worth = t["qty"] * t["entry_price"]
    assert (worth > 5_000).all()
    assert (worth < 11_000).all()
    assert metrics["thresholds"][next(k for k, r in enumerate(metrics["thresholds"]) if r["trial"] == "p0.55")]["trips"]
    assert metrics["sweep"][0]["trips"] > 20
    assert not any("costs more" in text for text in metrics["messages"])


@pytest.mark.parametrize(
    ("calendar", "settings", "text"),
    [
        ("XNYS", {}, "one unit costs more than the account (price "),
        ("24/5", {}, "one unit costs more than the account (price "),
        ("24/7", {"lot": 1.0}, "one unit costs more than the account (price "),
        ("24/7", {"lot": 0.5}, "one lot of 0.5 units costs more than the account (price "),
        ("24/7", {"lot": 0.1, "size": 0.5}, "one lot of 0.1 units costs more than a position may (price "),
    ],
)
def test_an_account_that_cannot_pay_one_lot_is_told_so(calendar: str, settings: dict[str, Any], text: str) -> None:
    """K1 with whole units: a reason, with the price and the cash."""
    metrics, _ = traded(calendar, **settings)
    assert metrics["metrics"]["trips"]["value"] == 0
    (line,) = [line for line in metrics["messages"] if "none led to a round trip" in line]
    assert f"none led to a round trip: {text}" in line
    assert "10,000)" in line or "5,000 of 1 symbols)" in line
    assert not line.rstrip().endswith(":")


def test_signals_in_last_rows_alone_have_a_reason_too() -> None:
    """After a session's last row nothing is filled, and the sentence says it."""
    quoted = market.walk(["AAA"], 8, 12, seed=2)
    last = tables.arrays(quoted, ("is_last",))["is_last"]
    made = market.predictions(quoted, {"lstm": np.where(last, 0.9, 0.5), "constant": 0.5})
    out, _ = market.run(quoted, made, threshold="0.6")
    assert any("last rows of sessions" in line for line in out["metrics"]["messages"])


def test_without_volume_it_is_said_that_no_impact_is_charged() -> None:
    """D1's back-test: nobody knows how much is traded."""
    quoted = market.walk(["EURUSD"], 10, 24, seed=2)
    columns, header = tables.arrays(quoted), tables.meta_of(quoted.schema)
    quoted = tables.build(tables.QUOTES, columns | {"volume": np.zeros(quoted.num_rows)}, header)
    p = 0.5 + np.random.default_rng(0).normal(0, 0.1, quoted.num_rows)
    metrics = market.run(quoted, market.predictions(quoted, {"lstm": p, "constant": 0.5}), threshold="0.55")[0][
        "metrics"
    ]
    assert metrics["costs"]["impact"] == 0
    assert "impact was not charged in 10 of 10 sessions traded: the bars have no volume" in metrics["messages"]


def test_falls_of_strategy_and_hold_are_those_of_every_row() -> None:
    """M1: a hold that falls by 5 % inside a session and is back at its close has fallen by 5 %."""
    key = market.keys(["AAA"], 3, 6)
    close = np.array([100.0, 101, 102, 101, 100, 100, 100, 98, 95, 97, 99, 100, 101, 100, 101, 102, 102, 103])
    opening = np.concatenate([[100.0], close[:-1]])
    quoted = market.quotes(key, opening, close, 0.0)
    p = np.where(np.arange(len(close)) == 6, 0.9, 0.5)
    metrics = market.run(quoted, market.predictions(quoted, {"lstm": p, "constant": 0.5}), threshold="0.6", fee_bps=0.0,
                         impact=0.0)[0]["metrics"]  # fmt: skip
    fall = metrics["metrics"]["max_drawdown"]
    assert fall["floor"] == pytest.approx(1 - 95 / 102)
    assert fall["floor_label"] == "buy-and-hold at every row"
    assert fall["value"] == pytest.approx((100 - 98) / 100, rel=0.05)


def piped(tmp_path: Path, path: Path, symbol: str, *more: str) -> tuple[dict[str, Any], str]:
    """metrics.json and what the back-test prints, of a file of the folder."""
    fetched = hfm("fetch", symbol, "--source", "file", "--path", path, "--run", "r", *more, cwd=tmp_path)
    assert fetched.code == 0, fetched.err
    assert hfm("simulate", "--run", "r", cwd=tmp_path).code == 0
    assert hfm("train", "--run", "r", "--model", "logistic", cwd=tmp_path).code == 0
    options = ("--threshold", "q50", "--set", "backtest.cash=10000") if symbol == "BTCUSDT" else ()
    done = hfm("backtest", "--run", "r", *options, cwd=tmp_path)
    assert done.code == 0, done.err
    return json.loads((tmp_path / "runs/r/backtest/metrics.json").read_text()), done.out + done.err


@pytest.mark.slow
def test_the_coin_of_the_folder(real: Path, tmp_path: Path) -> None:
    """K1: parts of a Bitcoin, and `predict` counts in units."""
    coin = ("--interval", "1h", "--set", "fetch.calendar=24/7", "--label", "start")
    metrics, text = piped(tmp_path, real / "faults" / "K1_btc_1h.csv", "BTCUSDT", *coin)
    assert metrics["metrics"]["trips"]["value"] > 10
    assert "none led to a round trip" not in text
    assert "units" in hfm("predict", "--run", "r", "--as-of", "2024-03-24T00:30:00Z", cwd=tmp_path).out


@pytest.mark.slow
def test_the_clean_file_of_the_folder(real: Path, tmp_path: Path) -> None:
    """M1 and the twin's figures: hold .71 %, a cost of about 1.3 bp a side, a fall of the hold of every row."""
    metrics, text = piped(tmp_path, real / "faults" / "clean_15m.csv", "SPY", "--interval", "15m")
    found = metrics["metrics"]
    assert found["return_hold"]["value"] == pytest.approx(0.0071, abs=5e-5)
    assert found["break_even_cost_bps"]["floor"] == pytest.approx(1.29, abs=0.02)
    assert found["max_drawdown"]["floor"] == pytest.approx(0.00366, abs=1e-5)
    assert "buy-and-hold at every row" in text
