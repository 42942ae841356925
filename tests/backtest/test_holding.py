"""Buy-and-hold at every row against a share by share reckoning."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest.holding import BuyAndHold, hold
from hfm.backtest.joined_panel import JoinedPanel, panels
from tests.backtest import market

NAMES = ["AAA", "BBB"]


def changed(quoted: pa.Table, **columns: np.ndarray) -> pa.Table:
    for name, values in columns.items():
        at = quoted.column_names.index(name)
        quoted = quoted.set_column(at, quoted.schema.field(name), pa.array(values, quoted.schema.field(name).type))
    return quoted


def panel_of(quoted: pa.Table) -> JoinedPanel:
    return next(panels(tables.MemoryReader(quoted), tables.MemoryReader(market.predictions(quoted, {"lstm": 0.5})),
                       "lstm", NAMES))  # fmt: skip


def line(tables_: list[pa.Table]) -> tuple[np.ndarray, BuyAndHold]:
    holding, gains = BuyAndHold(), []
    for quoted in tables_:
        panel = panel_of(quoted)
        gains.append(holding.add(panel, np.unique(panel.time)))
    return np.concatenate(gains), holding


def test_each_share_is_kept_with_its_splits_and_dividends_and_its_last_price() -> None:
    """Two symbols, one with a split and a dividend, holes in prices and a symbol that starts late; in one panel or in
    two the same."""
    quoted = market.walk(NAMES, 4, 5, seed=3)
    data = tables.arrays(quoted)
    late = ~((data["symbol"] == "BBB") & (data["session"] == data["session"][0]))
    mid, split, paid = data["mid_close"].copy(), np.ones(len(late)), np.zeros(len(late))
    third = data["session"] == np.unique(data["session"])[2]
    mine = third & (data["symbol"] == "AAA")
    split[mine], paid[mine] = 2.0, 0.5
    mid[np.flatnonzero(data["symbol"] == "AAA")[[3, 7, 19]]] = np.nan
    quoted = changed(quoted, mid_close=mid, split_ratio=split, cash_dividend=paid).filter(pa.array(late))
    data = tables.arrays(quoted)
    times, want = np.unique(data["time"]), []
    value = {}
    for t in times:
        for row in np.flatnonzero(data["time"] == t):
            name, close = data["symbol"][row], data["mid_close"][row]
            first = row == np.flatnonzero((data["symbol"] == name) & (data["session"] == data["session"][row]))[0]
            held = value.setdefault(name, [1 / data["mid_open"][row], 1.0, data["seq"][row] == 0])
            if first and split[mine].size and data["split_ratio"][row] == 2.0:
                held[0], held[2] = held[0] * 2.0, True
            bonus = data["cash_dividend"][row]
            if np.isfinite(close):
                held[1] = held[0] * (close + bonus)
                if data["seq"][row] == 4 and bonus:  # reinvested at the session's last price
                    held[0] *= (close + bonus) / close
        want.append(sum(v[1] - 1 for v in value.values()))
    whole, holding = line([quoted])
    assert whole == pytest.approx(want)
    assert len(holding.value) == 2
    cut = pa.array(data["session"] < np.unique(data["session"])[2])
    halves, _ = line([quoted.filter(cut), quoted.filter(pa.array(~cut.to_numpy(zero_copy_only=False)))])
    assert halves == pytest.approx(whole)


def test_a_symbol_without_an_open_is_never_bought() -> None:
    """It does not enter the mean."""
    quoted = market.walk(NAMES, 2, 5, seed=3)
    data = tables.arrays(quoted)
    opens = np.where(data["symbol"] == "BBB", np.nan, data["mid_open"])
    gain, holding = line([changed(quoted, mid_open=opens)])
    mine = data["symbol"] == "AAA"
    assert gain == pytest.approx(data["mid_close"][mine] / data["mid_open"][mine][0] - 1)
    assert set(holding.value) == {0}


def test_holding_runs_from_the_open_after_the_first_prediction_to_the_last_price() -> None:
    """0 for a block whose only prediction is in its last row, and where a price is missing at either end."""
    quoted = market.walk(["AAA"], 3, 4)
    keep = np.ones(12, bool)
    keep[[0, 4, 5, 6]] = False
    predicted = market.predictions(quoted, {"lstm": 0.5}, keep)
    panel = next(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "lstm", ["AAA"]))
    q = panel.quotes
    expected = [q["mid_close"][3] / q["mid_open"][2] - 1, 0.0, q["mid_close"][11] / q["mid_open"][9] - 1]
    assert hold(panel).tolist() == pytest.approx(expected)
