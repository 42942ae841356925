"""Tick sizes: that of the market where its rule is known, else that of the earlier prices; no quote is impossible."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm import tables
from hfm.config import Config, Simulate
from hfm.errors import UsageError
from hfm.simulate import stage, ticks
from hfm.stage import Context
from tests.bars import GroupedReader, bar_table, edited, same

TICKS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0)
HALVES = (1 / 8, 1 / 32, 1 / 64, 1 / 256)
PRICES = ("open", "high", "low", "close")


def market(
    tick: float, steps: float, *, symbol: str = "XYZ", calendar: str = "24/7", sessions: int = 6, slots: int = 24,
    seed: int = 0, single: bool = False, scale: float = 1.0,
) -> pa.Table:  # fmt: skip
    """Observed bars on a grid: the price is about `steps` ticks. single: stored in 32 bits; scale: adjusted by it."""
    made = bar_table(sessions, (symbol,), slots, seed, synthetic=False, price=1.0)
    columns = tables.arrays(made, PRICES)
    count = {name: np.maximum(np.rint(values * steps), 1.0) for name, values in columns.items()}
    decimal = {name: np.array([float(f"{n * tick:.12g}") for n in k]) * scale for name, k in count.items()}
    if single:
        decimal = {name: values.astype(np.float32).astype(np.float64) for name, values in decimal.items()}
    header = dataclasses.replace(tables.meta_of(made.schema), calendar=calendar)
    known = tables.arrays(made) | decimal
    return tables.build(tables.BARS, {c: known[c] for c in made.column_names}, header, "observed")


def simulated(bars: pa.Table, **options: Any) -> tuple[pa.Table, Context]:
    """Quotes and context of the stage."""
    ctx = Context("simulate", seed=7)
    config = Config(simulate=Simulate(**options))
    made = list(stage.run({"fetch/bars.parquet": tables.MemoryReader(bars)}, config, ctx))
    return pa.concat_tables([t for name, t in made if name == "simulate/quotes.parquet"]), ctx


def meta(quotes: pa.Table) -> dict[str, Any]:
    """What a table says of itself."""
    return tables.header(quotes.schema)["meta"]


def sane(quotes: pa.Table, tick: float) -> None:
    """Bids above 0, asks at or above them, no spread below a tick."""
    q = tables.arrays(quotes, ("bid_open", "ask_open", "bid_close", "ask_close", "spread_bps", "mid_close"))
    for when in ("open", "close"):
        bid, ask = q[f"bid_{when}"], q[f"ask_{when}"]
        assert (bid > 0).all()
        assert np.isfinite(ask).all()
        assert (ask - bid >= tick * (1 - 1e-6)).all()
    assert (q["spread_bps"] <= 20_000).all()


GRIDS = st.tuples(
    st.sampled_from((*TICKS, *HALVES)), st.floats(1.0, 5.0), st.booleans(), st.integers(0, 1000),
    st.sampled_from(("24/7", "24/5", "CMES", "XLON")),
)  # fmt: skip
NO_GRIDS = st.tuples(
    st.floats(-9.0, 5.0), st.floats(0.0, 1.0), st.sampled_from(("24/7", "XNYS", "XTKS", "24/5")), st.booleans()
)


def on_a_grid(tick: float, magnitude: float, single: bool, seed: int, calendar: str) -> None:
    """Bars of that tick, at a price of ten to a hundred thousand ticks: it is found, and never a coarser one."""
    steps = 10.0**magnitude
    quotes, _ = simulated(market(tick, steps, calendar=calendar, seed=seed, single=single, slots=78))
    found = meta(quotes)["ticks"]["XYZ"]
    if steps > 300:  # a price of fewer ticks may not move in six sessions
        assert found == pytest.approx(tick)
    sane(quotes, 0.0)
    if steps > 1000:  # a first session knows its first row alone; prices of few ticks hardly move in a session
        sane(quotes.slice(78), min(found, tick))
    if steps > 300:
        sane(quotes.slice(5 * 78), tick)


def off_any_grid(level: float, part: float, calendar: str, single: bool) -> None:
    """Adjusted prices have any digits: the tick is at most a ten-thousandth of the price, or the rule's."""
    price = 10.0**level
    quotes, _ = simulated(market(price / 7919.77, 7919.77 + part, calendar=calendar, single=single, scale=0.98765432))
    found = meta(quotes)["ticks"]["XYZ"]
    rule = ticks.market_rule(calendar, np.array([price * 0.98765432]))
    assert found <= 1e-4 * price or (rule is not None and found <= 10 * rule[0])
    sane(quotes, 0.0)


@settings(max_examples=25, deadline=None)
@given(GRIDS)
def test_the_tick_is_the_one_that_the_prices_were_made_on(case: tuple[float, float, bool, int, str]) -> None:
    """Any tick, price level and store."""
    on_a_grid(*case)


@settings(max_examples=25, deadline=None)
@given(NO_GRIDS)
def test_prices_without_a_grid_have_a_small_tick_or_the_market_s(case: tuple[float, float, str, bool]) -> None:
    """Any price level, market and store."""
    off_any_grid(*case)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(GRIDS, NO_GRIDS)
def test_so_it_is_in_many_markets(
    grid: tuple[float, float, bool, int, str], none: tuple[float, float, str, bool]
) -> None:
    """The same, for long."""
    on_a_grid(*grid)
    off_any_grid(*none)


@pytest.mark.parametrize("price", [1.2, 4.7, 23.0, 470.0, 5000.0])
@pytest.mark.parametrize("inside", [0.0, 0.25, 0.6])
def test_a_us_stock_quotes_in_cents_whatever_its_prints(price: float, inside: float) -> None:
    """Rule 612: prints between cents are no quotes, however many there are."""
    bars = market(0.01, 100 * price, calendar="XNYS", symbol="SPY", slots=78)
    rng, columns = np.random.default_rng(0), tables.arrays(bars, PRICES)
    moved = {n: x + 1e-4 * rng.integers(-49, 50, len(x)) * (rng.random(len(x)) < inside) for n, x in columns.items()}
    low, high = (f(list(moved.values()), axis=0) for f in (np.min, np.max))
    quotes, ctx = simulated(edited(bars, **moved | {"low": low, "high": high}))
    assert meta(quotes)["ticks"] == {"SPY": 0.01}
    assert not [line for line in ctx.lines if line.startswith("tick")]


@pytest.mark.parametrize(
    ("calendar", "price", "tick", "found"),
    [
        ("XNYS", 0.83, 1e-4, 1e-4), ("XNAS", 0.83, 0.01, 0.01), ("XNYS", 1.085, 1e-5, 1e-5),
        ("XNYS", 2.531, 0.001, 0.001), ("XTKS", 2500.0, 1.0, 1.0), ("XTKS", 2500.0, 0.5, 0.5),
        ("XTKS", 2500.0, 0.1, 0.5), ("XTKS", 800.0, 0.1, 0.1), ("24/5", 151.234, 0.001, 0.001),
        ("24/7", 68_000.0, 0.1, 0.1), ("24/7", 68_000.0, 0.01, 0.01), ("24/7", 2.8e-5, 1e-8, 1e-8),
        ("CMES", 5000.0, 0.25, 0.25), ("CMES", 110.0, 1 / 32, 1 / 32), ("XLON", 412.0, 0.5, 0.5),
    ],
)  # fmt: skip
def test_markets_as_they_are(calendar: str, price: float, tick: float, found: float) -> None:
    """Stocks below and above a dollar, currencies in a stock's calendar, Tokyo, coins, futures, pence."""
    quotes, _ = simulated(market(tick, price / tick, calendar=calendar, slots=78))
    assert meta(quotes)["tick"] == pytest.approx(found)
    sane(quotes, 0.0)
    sane(quotes.slice(5 * 78), min(found, tick))


@pytest.mark.parametrize("part", [0.0, 0.5, 0.9])
def test_below_a_dollar_a_cent_is_the_tick_only_where_all_prices_lie_on_it(part: float) -> None:
    """Of a stock at 83 cents: however many of its prices are whole cents, the rest shows the finer tick."""
    bars = market(1e-4, 8300, calendar="XNYS", slots=78)
    keep = np.random.default_rng(0).random(bars.num_rows) < part
    columns = {n: np.where(keep, np.round(x, 2), x) for n, x in tables.arrays(bars, PRICES).items()}
    low, high = (f(list(columns.values()), axis=0) for f in (np.min, np.max))
    quotes, _ = simulated(edited(bars, **columns | {"low": low, "high": high}))
    assert meta(quotes)["tick"] == pytest.approx(1e-4)


def test_a_tick_hangs_on_earlier_sessions_alone() -> None:
    """However bars come in groups, and whatever follows: no earlier quote changes, though later prices are finer."""
    first, later = market(0.5, 8000, sessions=9, slots=78), tables.arrays(market(0.5, 8000, sessions=9, slots=78))
    finer = {
        name: later[name] + np.where(later["session"] > later["session"][77 + 78 * 4], 0.1, 0.0) for name in PRICES
    }
    quotes, changed = simulated(first)[0], simulated(edited(first, **finer))[0]
    assert meta(quotes)["ticks"]["XYZ"] == 0.5
    assert meta(changed)["ticks"]["XYZ"] == pytest.approx(0.1)
    cut = 78 * 5
    assert same(quotes.slice(0, cut), changed.slice(0, cut))
    short = first.slice(0, cut)
    assert same(simulated(short)[0], quotes.slice(0, cut))
    sizes = [ticks.tick_sizes(reader, Simulate())["XYZ"].size for reader in
             (tables.MemoryReader(first), GroupedReader(first, 4))]  # fmt: skip
    np.testing.assert_array_equal(*sizes)


def test_each_symbol_has_its_own_tick() -> None:
    """Two coins of unlike prices in one run; both spreads are at least their tick, and neither is the other's."""
    one, two = market(0.1, 600_000, symbol="BTC"), market(1e-8, 2800, symbol="SHIB", seed=3)
    columns = {n: np.concatenate([tables.arrays(t)[n] for t in (one, two)]) for n in one.column_names}
    order = np.lexsort((columns["seq"], columns["symbol"].astype(str), columns["session"]))
    header = dataclasses.replace(tables.meta_of(one.schema), symbols=("BTC", "SHIB"))
    both = tables.build(tables.BARS, {n: c[order] for n, c in columns.items()}, header, "observed")
    quotes, ctx = simulated(both)
    assert meta(quotes)["ticks"] == {"BTC": 0.1, "SHIB": 1e-8}
    assert "tick: 0.1 of BTC, 1e-08 of SHIB" in ctx.lines
    sane(quotes, 0.0)


@pytest.mark.parametrize("tick", [0.001, 3.0])
def test_a_tick_that_is_asked_for_stands_above_all(tick: float) -> None:
    """simulate.tick is taken as it is, and refused where it is above a price."""
    bars = market(0.01, 1000, calendar="XNYS")
    quotes, _ = simulated(bars, tick=tick)
    assert meta(quotes)["ticks"] == {"XYZ": tick}
    sane(quotes, tick)
    with pytest.raises(UsageError, match="above the price of XYZ") as caught:
        simulated(market(1e-8, 2800), tick=tick)
    assert "simulate.tick" in caught.value.hint


def test_prices_that_never_move_show_nothing() -> None:
    """One price in all bars: no grid is read out of it, and the quotes are sane."""
    bars = market(0.5, 8000)
    flat = edited(bars, **dict.fromkeys(PRICES, np.full(bars.num_rows, 4000.0)))
    quotes, _ = simulated(flat)
    assert meta(quotes)["tick"] <= 4000.0 * 1e-4
    sane(quotes, 0.0)


@pytest.mark.parametrize(
    ("symbol", "pip"),
    [("EURUSD=X", 1e-4), ("EUR/USD", 1e-4), ("GBP_JPY", 0.01), ("C:USDCHF", 1e-4), ("JPY=X", 0.01), ("AUDNZD.X", 1e-4),
     ("USDTRY=X", None), ("SPY", None), ("BTC-USD", None), ("USDUSD", None), ("X", None)],
)  # fmt: skip
def test_a_pair_of_currencies_has_a_pip(symbol: str, pip: float | None) -> None:
    """As vendors spell them; only of the ten most traded currencies, for the others are dearer."""
    assert ticks.pip(symbol) == pip


def test_a_currency_pair_without_volume_is_charged_half_a_pip() -> None:
    """Its bars cannot show a spread; the bound of 10 bp is for what nobody knows."""
    bars = market(1e-5, 108_500, symbol="EURUSD=X", calendar="24/5", sessions=12)
    quotes, ctx = simulated(edited(bars, volume=np.zeros(bars.num_rows)))
    bps = tables.arrays(quotes, ("spread_bps",))["spread_bps"]
    assert 0.2 < np.median(bps) < 0.7
    assert any("half a pip" in line for line in ctx.lines)
    assert ctx.warnings == []
    wide, ctx = simulated(edited(bars, volume=np.zeros(bars.num_rows)), constants={"ln_excess": 3.0})
    assert np.median(tables.arrays(wide, ("spread_bps",))["spread_bps"]) > 2 * np.median(bps)
    assert not any("pip" in line for line in ctx.lines)  # a calibration's own claim
    other, ctx = simulated(edited(market(1e-5, 108_500, calendar="24/5"), volume=np.zeros(24 * 6)))
    assert np.median(tables.arrays(other, ("spread_bps",))["spread_bps"]) > 5
    assert any("cannot be estimated" in text for text in ctx.warnings)


def test_no_bid_falls_to_zero_however_wide_the_spread() -> None:
    """A spread of more than the price, from a coin of one tick: the bid is half of the price."""
    for options in ({}, {"spread_bps": 1000.0}, {"recipe": "seed"}):
        quotes, _ = simulated(market(1e-8, 1.6, sessions=12), **options)
        q = tables.arrays(quotes, ("bid_open", "bid_close", "mid_open", "mid_close"))
        assert (q["bid_close"] >= 0.5 * q["mid_close"] * (1 - 1e-9)).all()
        assert (q["bid_open"] >= 0.5 * q["mid_open"] * (1 - 1e-9)).all()


def test_window_and_opening_of_the_evidence() -> None:
    """Sums over the WINDOW sessions before, and the first row for the first session: against a plain loop."""
    rng = np.random.default_rng(1)
    n, wide = ticks.WINDOW + 9, 1 + len(ticks.CANDIDATES)
    evidence = rng.integers(0, 9, (n + 1, wide)).astype(float)
    seen: list[np.ndarray] = []

    def spy(calendar: str, price: np.ndarray, before: np.ndarray) -> np.ndarray:
        seen.append(before)
        return price

    days = np.arange(n).astype("datetime64[D]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticks, "tick_size", spy)
        parts = [(days[:5], np.ones(5), evidence[:6]), (days[5:], np.ones(n - 5), evidence[6:])]
        ticks._sizes("24/7", parts)
    plain = [evidence[0]] + [evidence[1:][max(0, s - ticks.WINDOW) : s].sum(axis=0) for s in range(1, n)]
    np.testing.assert_array_equal(seen[0], np.stack(plain))


def test_the_sizes_of_some_sessions() -> None:
    """By day; where there are no days one holds for all."""
    some = ticks.TickSizes(3.0, np.arange(3).astype("datetime64[D]"), np.array([1.0, 2.0, 3.0]))
    assert some.of(some.days[1:]).tolist() == [[2.0], [3.0]]
    assert replace(ticks.TickSizes(), last=0.5).of(some.days).tolist() == [[0.5]] * 3
