"""Where mids are prices of trades, the family stands beside itself: a row late, without costs, and the bounce floor."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest import bounce
from tests.backtest import market

SPREAD = {"AAA": {"bps": 2.0, "upper_bps": 6.0, "ruled_by": "roll"}}


def traded(quoted: pa.Table, spread: dict[str, Any] = SPREAD) -> pa.Table:
    """The same quotes, their mids being prices of trades."""
    meta = dataclasses.replace(tables.meta_of(quoted.schema), mid_is_trade=True, spread=spread)
    return tables.build(tables.QUOTES, {c: quoted.column(c) for c in quoted.column_names}, meta)


def bounced(sessions: int = 12, slots: int = 40, half: float = 4e-4, seed: int = 3, quoted: float = 0.01) -> pa.Table:
    """Closes at a random-walk mid plus or minus `half`, each the next row's open. quoted: half the quoted spread."""
    key = market.keys(["AAA"], sessions, slots)
    rng = np.random.default_rng(seed)
    n = sessions * slots
    close = 100 * np.exp(np.cumsum(rng.normal(0, 3e-4, n)) + half * rng.choice((-1.0, 1.0), n))
    opened = np.concatenate([[100.0], close[:-1]])
    return traded(market.quotes(key, opened, close, half=quoted, volume=1e5))


def reversed_p(quoted: pa.Table) -> np.ndarray:
    """P(up) above one half after a fall: a forecast of the bounce and of nothing else."""
    x = tables.arrays(quoted, ["session", "mid_close"])
    move = np.diff(x["mid_close"], prepend=x["mid_close"][:1])
    move[np.flatnonzero(np.diff(x["session"].astype(np.int64), prepend=-1))] = 0.0
    return 0.5 - 0.2 * np.sign(move)


def made(quoted: pa.Table, p: np.ndarray, **settings: Any) -> dict[str, Any]:
    """The back-test's artifacts."""
    return market.run(quoted, market.predictions(quoted, {"lstm": p, "constant": 0.5}), **settings)[0]


def test_without_trades_as_mids_nothing_is_added() -> None:
    """Known mids do not bounce: the columns hold no number, and metrics.json no entry."""
    quoted = market.walk(["AAA"], 6, 20)
    got = made(quoted, np.full(quoted.num_rows, 0.7))
    assert "bounce" not in got["metrics"]
    assert np.isnan(tables.arrays(got["trials"], ["late_return"])["late_return"]).all()


def test_a_forecast_of_the_bounce_earns_nothing_late_and_nothing_at_the_spread_that_bars_show() -> None:
    """Half-spread 4 bp, joined opens: a fortune at the first row, gone one row later and at 3 bp more a side."""
    quoted = bounced()
    got = made(quoted, reversed_p(quoted), threshold="0.6", fee_bps=0.0, spread_share=0.0, impact=0.0)
    entry = got["metrics"]["bounce"]
    gross = got["metrics"]["metrics"]["return_gross"]["value"]
    assert gross > 0.05
    assert abs(entry["kept_late"]) < 0.3
    assert entry["kept_extreme"] < 0.5
    notional = got["metrics"]["notional"] / got["metrics"]["trial"]["cash"]
    assert entry["kept_charged"] == pytest.approx(1 - notional * 3e-4 / gross)
    assert entry["reversal_gross"] == pytest.approx(gross, rel=0.2)  # this trial is that rule
    assert entry["reversal_accuracy"] > 0.55
    assert any("opposite of the last return" in text for text in got["metrics"]["messages"])


def test_turnover_without_costs_is_what_the_ledger_trades() -> None:
    """Without a spread or a fee the user's own ledger is the costless one: return and notional agree."""
    quoted = bounced(quoted=0.0)
    got = made(quoted, reversed_p(quoted), threshold="0.6", fee_bps=0.0, spread_share=0.0, impact=0.0, borrow=0.0)
    x = tables.arrays(got["trials"], ["user", "free_return", "free_turnover", "net_return"])
    own = x["user"].astype(bool)
    cash = got["metrics"]["trial"]["cash"]
    assert x["free_return"][own] == pytest.approx(x["net_return"][own], abs=1e-9)
    assert x["free_turnover"][own].sum() == pytest.approx(got["metrics"]["notional"] / cash, rel=1e-6)


def test_a_late_trial_is_the_trial_of_signals_one_row_late() -> None:
    """The user's delayed copy in the delay curve, session by session, where the user trades as the family does."""
    quoted = bounced()
    got = made(quoted, reversed_p(quoted), threshold="0.6")
    x = tables.arrays(got["trials"], ["user", "late_return"])
    late = float(x["late_return"][x["user"].astype(bool)].sum())
    assert late == pytest.approx(got["metrics"]["sensitivity"]["delay"][1]["net_return"], abs=1e-12)


def test_what_a_fill_does_not_pay_of_the_shown_spread_stands_in_the_tables_metadata() -> None:
    """Half of 6 bp less half of 2 bp at the usual share of the quoted spread; nothing is given back where more is."""
    quoted = bounced()
    got = made(quoted, reversed_p(quoted))
    entry = tables.header(got["trials"].schema)["meta"]["bounce"]["AAA"]
    assert entry == {"half_spread_bps": 3.0, "ruled_by": "roll", "extra_bps": pytest.approx(2.0)}
    none = bounce.shown(tables.TableMeta(spread=SPREAD), ["AAA"], 0.0)["AAA"]
    assert none.extra_bps == pytest.approx(3.0)
    dear = bounce.shown(tables.TableMeta(spread={"AAA": {"bps": 9.0, "upper_bps": 6.0}}), ["AAA"], 0.75)["AAA"]
    assert dear.extra_bps == 0.0
    assert bounce.shown(tables.TableMeta(), ["AAA"], 0.75)["AAA"].half_spread_bps == 0.0


def test_row_groups_change_nothing() -> None:
    """Sessions that come in several panels give the same trials as in one."""
    quoted = bounced(sessions=8)
    predicted = market.predictions(quoted, {"lstm": reversed_p(quoted), "constant": 0.5})
    half = quoted.num_rows // 2

    class Grouped(tables.MemoryReader):
        """The same table in two groups."""

        def groups(self, columns: Any = None, lane: Any = None) -> Any:
            for group in super().groups(columns, lane) if lane is not None else super().groups(columns):
                if group.num_rows == quoted.num_rows:
                    yield group.slice(0, half)
                    yield group.slice(half)
                else:
                    yield group

    one, two = (market.run(reader, predicted)[0] for reader in (quoted, Grouped(quoted)))
    a, b = tables.arrays(one["trials"]), tables.arrays(two["trials"])
    for name in a:
        same = (
            np.array_equal(a[name], b[name]) if a[name].dtype.kind != "f" else np.allclose(a[name], b[name], atol=1e-12)
        )
        assert same, name  # running sums of a panel round
    numbers = [{k: v for k, v in x["metrics"]["bounce"].items() if k != "spread"} for x in (one, two)]
    assert numbers[0] == pytest.approx(numbers[1])
