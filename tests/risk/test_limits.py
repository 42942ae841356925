"""Limits: each fires in its scenario, none is superfluous, and infinite ones change no byte; sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given

from hfm.config import Backtest
from hfm.ledger import reasons
from hfm.ledger.account import LIMITS, params_new
from hfm.orders import step
from hfm.risk import limits
from hfm.tables.records import Records
from tests.ledger.market import FREE, assert_equal, day, markets, play, random_rows, symbols_of, unjitted
from tests.ledger.scenarios import MUTANTS, SCENARIOS, fails, held

HUGE = dict.fromkeys(LIMITS, 1e300) | {"throttle": 1, "daily_loss": 0.999999, "max_drawdown": 0.999999}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_each_limit_fires_in_its_scenario(scenario: Callable[[ModuleType], None]) -> None:
    """And not without it; the rows are flagged with its reason."""
    scenario(step)


def test_every_limit_of_the_settings_has_a_scenario_and_a_mutant() -> None:
    """A limit that nobody tests is a limit that nobody misses."""
    assert set(LIMITS) <= {s.__name__ for s in SCENARIOS}
    assert set(LIMITS) <= set(MUTANTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_removing_any_one_limit_makes_a_scenario_fail(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scenarios pass on the unchanged source without numba, and fail on each mutant."""
    old, new = MUTANTS[name]
    source = Path(limits.__file__).read_text("utf-8")
    assert old in source
    assert fails(unjitted(monkeypatch)) == []
    assert fails(unjitted(monkeypatch, {"hfm.risk.limits": (old, new)}))


@given(markets())
def test_limits_that_never_bind_change_no_byte(rows: Records) -> None:
    """Off, and huge: the same ledger, trips and state."""
    plain = Backtest(cash=10_000.0)
    huge = dataclasses.replace(plain, **HUGE)
    a = play(rows, plain, symbols=symbols_of(rows))
    b = play(rows, huge, symbols=symbols_of(rows))
    assert_equal(a, b)


@given(markets())
def test_no_limit_is_ever_exceeded(rows: Records) -> None:
    """Position, gross and turnover after every row of every market."""
    count = symbols_of(rows)
    settings = Backtest(cash=10_000.0, max_position=20.0, max_gross=0.3, max_turnover=1.5)
    out, _, _ = play(rows, settings, symbols=count)
    assert (np.abs(out["position"]) <= 20).all()
    opened = np.abs(out["qty_open"] * np.nan_to_num(out["mid_at_open"], posinf=0, neginf=0))
    adds = np.abs(out["position"] - out["qty_close"]) > 0
    for session in np.unique(rows["session"]):
        mine = (rows["session"] == session) & adds
        assert opened[mine].sum() <= 1.5 * out["equity"][mine].max(initial=10_000) * 1.2


def test_volatility_sizing_aims_at_the_target() -> None:
    """A forecast of twice the target takes half; a calmer one never more than all; none takes nothing."""
    settings = dataclasses.replace(FREE, sizing="vol", vol_target=0.1)
    params = params_new(settings, 1, 0.01, rows_year=10_000.0)  # .1 a year is 10 bp a row
    for sd, shares in ((20.0, 50), (40.0, 25), (5.0, 100), (np.nan, 0), (0.0, 0), (-1.0, 0), (np.inf, 0)):
        rows = day([100.0] * 3, [1, 1, 1])
        rows["ret_sd_bps"] = sd
        out, _, _ = play(rows, settings, params=params)
        assert held(out) == [0, shares, 0], sd
        assert bool(int(out["reason"][0]) & reasons.NO_FORECAST) == (not shares)


def test_kelly_sizing_is_a_share_of_mean_over_variance_after_costs() -> None:
    """p .51, sd 100 bp: edge 1.6 - .6 = 1 bp; 1e-4 / 1e-4 = the whole capital, a quarter of it a quarter."""
    settings = dataclasses.replace(FREE, sizing="kelly", kelly=0.25)
    for p, cost, side, shares in ((0.51, 0.6, 1, 25), (0.49, 0.6, -1, -25), (0.51, 1.7, 1, 0), (0.6, 0.6, 1, 100),
                                  (0.49, 0.0, 1, 0), (np.nan, 0.0, 1, 0)):  # fmt: skip
        rows = day([100.0] * 3, [side] * 3)
        rows["p_up"], rows["ret_sd_bps"], rows["cost_bps"] = p, 100.0, cost
        out, _, _ = play(rows, settings)
        assert held(out) == [0, pytest.approx(shares, abs=1), 0], p


@pytest.mark.parametrize("fill", ["next-open", "passive"])
def test_the_compiled_limits_equal_plain_python_bit_for_bit(monkeypatch: pytest.MonkeyPatch, fill: str) -> None:
    """All of them at once, over thousands of rows, and an order that waits in its queue."""
    settings = Backtest(
        cash=10_000.0, max_position=40.0, max_gross=0.8, max_net=0.5, throttle=2, participation=0.00005,
        max_turnover=6.0, max_spread_bps=3.0, max_age_s=400.0, collar=0.0005, daily_loss=0.02, max_drawdown=0.3,
        sizing="vol", vol_target=0.2, fill=fill, queue=fill == "passive",
    )  # fmt: skip
    rows = random_rows(15, 20, symbols=2, seed=5)
    rows["ret_sd_bps"] = np.random.default_rng(0).uniform(1, 30, len(rows))
    rows["depth_bid"], rows["depth_ask"] = np.random.default_rng(1).integers(1, 9, (2, len(rows)))
    rows["volume"] = 1e6
    rows = np.delete(rows, np.arange(50, 300, 37), axis=0)
    fast = play(rows, settings, symbols=2)
    with np.errstate(all="ignore"):
        slow = play(rows, settings, symbols=2, module=unjitted(monkeypatch))
    assert_equal(fast, slow)
    fired = np.bitwise_or.reduce(fast[0]["reason"].astype(int))
    expected = {"max position", "throttle", "participation", "spread too wide", "price collar"}
    assert (expected if fill == "next-open" else {"passive order unfilled"}) <= set(reasons.spell(fired))


@pytest.mark.parametrize(
    ("weights", "held_units"),
    [
        ([1.0, 0.5, 0.5, 0.5, 0.0, 0.0], [100, 50, 50, 50, 0]),  # a smaller part
        ([0.5, 0.5, 0.75, 1.0, 1.0, 0.0], [50, 50, 75, 100, 0]),  # larger ones
        ([0.5, 0.0, 0.5, 0.5, 0.5, 0.0], [50, 0, 0, 50, 0]),  # a new position waits for its rows
        ([0.5, -0.5, -0.5, -0.5, -0.5, 0.0], [50, 0, 0, -50, 0]),  # on the other side too
    ],
)
def test_the_throttle_delays_new_positions_and_no_change_of_size(weights: list[float], held_units: list[int]) -> None:
    """Three rows between two entries; a part of a position that grows or shrinks is neither flattened nor delayed."""
    settings = dataclasses.replace(FREE, throttle=3)
    out, _, _ = play(day([100.0] * 6, weights), settings)
    assert held(out)[1:] == held_units
