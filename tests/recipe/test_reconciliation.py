"""The steps from the original recipe's figures to honest ones: each is what its command prints."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest import stage
from hfm.config import Backtest, Config
from hfm.policies.multiple_testing import sharpe_hurdle
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.backtest.market import predictions, run, walk
from tests.backtest.test_stage import as_bytes

QUOTES, PREDICTIONS = "simulate/quotes.parquet", "train/predictions.parquet"
SESSIONS, SLOTS = 8, 20


def insample(quoted: pa.Table, p: np.ndarray, fitted: int) -> pa.Table:
    """The recipe's table over these quotes."""
    q = tables.arrays(quoted)
    columns: dict[str, Any] = {name: q[name] for name in ("symbol", "session", "seq", "time")}
    widens = np.append(np.diff(q["spread_bps"]) > 0, False).astype(np.int8)
    mask = np.arange(len(p)) == len(p) - 1
    columns |= {"p_widen": p, "y_widen": pa.array(widens, mask=mask), "fitted": np.arange(len(p)) < fitted}
    return tables.build(tables.INSAMPLE, columns)


@pytest.fixture(scope="module")
def inputs() -> dict[str, MemoryReader]:
    """A random walk, a forecast of it that is often sure, and the recipe's network."""
    quoted = walk(("SPY",), SESSIONS, SLOTS)
    rng = np.random.default_rng(8)
    n = quoted.num_rows
    said = predictions(quoted, {"constant": np.full(n, 0.5), "logistic": rng.uniform(0.3, 0.7, n)},
                       tables.arrays(quoted)["session"] >= np.unique(tables.arrays(quoted)["session"])[3])  # fmt: skip
    p = np.where(np.arange(n) < 25, np.nan, rng.uniform(0.3, 0.7, n))
    return {QUOTES: MemoryReader(quoted), PREDICTIONS: MemoryReader(said),
            stage.INSAMPLE: MemoryReader(insample(quoted, p, 100))}  # fmt: skip


def made(inputs: dict[str, MemoryReader], **settings: Any) -> dict[str, dict[str, float]]:
    """step -> metric -> value of the stage's bridge.parquet."""
    found = dict(stage.run(inputs, Config(backtest=Backtest(model="logistic", **settings)), Context("backtest")))
    table = found[stage.RECONCILIATION]
    tables.check(table, tables.BRIDGE)
    data = tables.arrays(table)
    out: dict[str, dict[str, float]] = {}
    for step, metric, value in zip(data["step"], data["metric"], data["value"], strict=True):
        out.setdefault(step, {})[metric] = float(value)
    return out


def test_a_run_without_the_recipes_network_has_no_bridge(inputs: dict[str, MemoryReader]) -> None:
    """The artifact is optional, and nothing else changes with it."""
    config = Config(backtest=Backtest(model="logistic"))
    with_it = list(stage.run(inputs, config, Context("backtest")))
    without = list(stage.run({k: inputs[k] for k in (QUOTES, PREDICTIONS)}, config, Context("backtest")))
    assert [name for name, _ in with_it if name == stage.RECONCILIATION] == [stage.RECONCILIATION]
    rest = [(name, payload) for name, payload in with_it if name != stage.RECONCILIATION]
    assert [name for name, _ in rest] == [name for name, _ in without]
    for (_, one), (_, other) in zip(rest, without, strict=True):
        assert as_bytes(one) == as_bytes(other) if isinstance(one, pa.Table) else repr(one) == repr(other)


def test_the_first_steps_are_the_recipes_own_back_test(inputs: dict[str, MemoryReader]) -> None:
    """Long above .6, short below .4, close to close, .998 of each return; all rows, then those that were not fitted."""
    steps = made(inputs)
    q = tables.arrays(inputs[QUOTES].read())
    x = tables.arrays(inputs[stage.INSAMPLE].read())
    close, p = q["mid_close"], x["p_widen"]
    for name, rows in (("in_sample", range(25, len(p) - 2)), ("out_of_sample", range(100, len(p) - 2))):
        r = np.array([
            (1 if p[t] > 0.6 else -1 if p[t] < 0.4 else 0) * (close[t + 1] / close[t] - 1) * 0.998 for t in rows
        ])  # fmt: skip
        year = 252 * 288 if name == "in_sample" else 19_500
        assert steps[name]["return"] == pytest.approx(np.prod(1 + r) - 1)
        assert steps[name]["sharpe"] == pytest.approx(r.mean() / r.std() * math.sqrt(year))
        assert steps[name]["hold"] == pytest.approx(close[rows[-1] + 1] / close[rows[0]] - 1)
    hours = steps["market_hours"]
    assert hours["sharpe"] == pytest.approx(steps["in_sample"]["sharpe"] * math.sqrt(19_500 / (252 * 288)))
    assert hours["return"] == steps["in_sample"]["return"]
    judged = np.arange(120, len(p) - 1)
    wide = q["spread_bps"][judged + 1] > q["spread_bps"][judged]
    assert steps["in_sample"]["accuracy"] == pytest.approx(((p[judged] > 0.5) == wide).mean())
    assert steps["in_sample"]["floor"] == pytest.approx(max(wide.mean(), 1 - wide.mean()))


def settings_of(command: str) -> dict[str, Any]:
    """The settings that a printed command makes."""
    flags = dict(re.findall(r"--(fill|fee-bps) (\S+)", command)) | dict(
        re.findall(r"--set backtest\.(\w+)=(\S+)", command)
    )
    out: dict[str, Any] = {k.replace("-", "_"): v if k == "fill" else float(v) for k, v in flags.items()}
    return out | ({"allow_lookahead": True} if "--allow-lookahead" in command else {})


def test_every_later_step_is_what_its_own_command_prints(inputs: dict[str, MemoryReader]) -> None:
    """The back-test with the command's settings has the step's return, Sharpe ratio, trades and accuracy."""
    found = dict(stage.run(inputs, Config(backtest=Backtest(model="logistic")), Context("backtest")))
    data = tables.arrays(found[stage.RECONCILIATION])
    commands = dict(zip(data["step"], data["command"], strict=True))
    steps = made(inputs)
    for step in ("price_not_spread", "next_open", "costs"):
        assert commands[step].startswith("hfm backtest")
        out, _ = run(inputs[QUOTES], inputs[PREDICTIONS], model="logistic", **settings_of(commands[step]))
        metrics = out["metrics"]["metrics"]
        pairs = {"return": "return_net", "sharpe": "sharpe_bar", "trades": "trips", "accuracy": "accuracy_direction"}
        for mine, theirs in pairs.items():
            assert steps[step][mine] == metrics[theirs]["value"], (step, mine)
    assert steps["costs"]["return"] < steps["next_open"]["return"]


def test_trials_take_what_the_best_of_them_would_show_by_luck(inputs: dict[str, MemoryReader]) -> None:
    """The last step is the one before it less the hurdle of the family over the sessions tested."""
    steps = made(inputs)
    last, before = steps["trials_counted"], steps["costs"]
    assert last["hurdle"] == pytest.approx(sharpe_hurdle(int(last["trials"]), SESSIONS - 3) * math.sqrt(252))
    assert last["sharpe"] == pytest.approx(before["sharpe"] - last["hurdle"])


def test_where_nothing_trades_the_ratios_are_not_defined(inputs: dict[str, MemoryReader]) -> None:
    """A threshold that no forecast reaches: no Sharpe ratio, a return of nothing."""
    steps = made(inputs, threshold="0.95")
    for step in ("price_not_spread", "next_open", "costs", "trials_counted"):
        assert math.isnan(steps[step]["sharpe"])
        assert (steps[step]["return"], steps[step]["trades"]) == (0.0, 0.0)
