"""What is charged around observed bars, session by session: claims, contradictions, causality, bad bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import spread_model, stage
from hfm.simulate.bars import bar_stream
from hfm.simulate.spread import spread_charge, spread_claims
from hfm.stage import Context
from tests.bars import GroupedReader, same
from tests.simulate.bounce import Make, bars, table


def charges(bar: pa.Table, **settings: Any) -> dict[str, spread_claims.Charge]:
    """The charges of a table's symbols."""
    sim = Simulate(**settings)
    return spread_claims.charges(tables.MemoryReader(bar), sim, bar_stream.calibrated(sim))


def run(bar: pa.Table, **settings: Any) -> tuple[pa.Table, dict[str, Any], Context]:
    """Quotes, facts and context of the stage."""
    ctx = Context("simulate", seed=7)
    products = dict(
        stage.run({"fetch/bars.parquet": tables.MemoryReader(bar)}, Config(simulate=Simulate(**settings)), ctx)
    )
    return products["simulate/quotes.parquet"], products["simulate/facts.json"], ctx


def test_spy_that_bounces_is_not_charged_like_spy() -> None:
    """10 bp of bounce under SPY's name: the claim gives way from the session after the first, with a warning."""
    bounced = table(bars(Make(5.0), 30, 78, 0), "SPY")
    quotes, facts, ctx = run(bounced)
    half = tables.arrays(quotes, ("half_spread", "mid_close", "seq"))
    bps = (2e4 * half["half_spread"] / half["mid_close"]).reshape(30, 78).mean(axis=1)
    assert bps[0] < 1.0
    assert (bps[1:] > 8.0).all()
    assert bps[5:].mean() == pytest.approx(11.5, abs=2.5)
    (warning,) = [w for w in ctx.warnings if "contradict" in w]
    assert "SPY" in warning
    assert "29 of 30 sessions" in warning
    assert facts["spread"]["SPY"]["contradicted"] == 29


@pytest.mark.parametrize("joined", [False, True])
def test_a_claim_that_the_bars_do_not_deny_stands(joined: bool) -> None:
    """A random walk under SPY's name, or with --spread-bps: as claimed, to the bit, and no warning."""
    walk = table(bars(Make(0.0, joined=joined), 30, 78, 0), "SPY")
    assert np.isnan(charges(walk)["SPY"].quoted).all()
    one = charges(walk, spread_bps=2.0)["SPY"]
    assert np.isnan(one.quoted).all()
    assert one.claim_bps == pytest.approx(0.75 * 2.0)
    assert run(walk)[2].warnings == []


def test_a_spread_that_is_too_small_gives_way_and_one_that_is_large_does_not() -> None:
    """--spread-bps 2 against 10 bp of bounce; --spread-bps 30; a calibration's constant."""
    bounced = table(bars(Make(5.0), 30, 78, 0))
    assert charges(bounced, spread_bps=2.0)["XYZ"].contradicted[1:].all()
    assert not charges(bounced, spread_bps=30.0)["XYZ"].contradicted.any()
    assert charges(bounced, constants={"ln_excess": -2.0})["XYZ"].contradicted[1:].all()
    assert not charges(bounced, constants={"ln_excess": 3.0})["XYZ"].contradicted.any()


def test_more_bars_change_no_earlier_charge_and_groups_change_no_bit() -> None:
    """Twenty sessions, then forty with another future, in groups of three or all at once."""
    first, other = bars(Make(4.0), 40, 30, 0), bars(Make(40.0), 40, 30, 1)
    mixed = tuple(np.concatenate((a[:20], b[20:])) for a, b in zip(first, other, strict=True))
    short, long = charges(table(tuple(x[:20] for x in first))), charges(table(mixed))
    np.testing.assert_array_equal(long["XYZ"].bps[:20], short["XYZ"].bps)
    np.testing.assert_array_equal(long["XYZ"].quoted[:20], short["XYZ"].quoted)
    pieces = spread_claims.charges(GroupedReader(table(mixed), 3), Simulate(), spread_model.SpreadModel())
    np.testing.assert_array_equal(pieces["XYZ"].bps, long["XYZ"].bps)
    quotes = run(table(tuple(x[:20] for x in first)))[0]
    assert same(run(table(mixed))[0].slice(0, quotes.num_rows), quotes)


def test_the_window_forgets() -> None:
    """Sessions more than WINDOW ago are nothing to it: a spread that has gone is charged no more."""
    wide, narrow = bars(Make(20.0), 20, 10, 0), bars(Make(0.0), 280, 10, 1)
    one = charges(table(tuple(np.concatenate(x) for x in zip(wide, narrow, strict=True))))["XYZ"]
    alone = charges(table(narrow))["XYZ"]
    assert one.bps[19] > 20.0
    np.testing.assert_array_equal(one.bps[20 + spread_claims.WINDOW :], alone.bps[spread_claims.WINDOW :])


@pytest.mark.parametrize(
    ("what", "why"), [("constant", "never changes"), ("few", "too few bars"), ("silent", "no bar has volume")]
)
def test_bars_that_tell_nothing_are_charged_the_bound_and_named(what: str, why: str) -> None:
    """Constant prices, three bars a session, no volume: 10 bp there and back, and a warning that says why."""
    o, h, lo, c, v = bars(Make(3.0), 12, 3 if what == "few" else 26, 0)
    if what == "constant":
        o = h = lo = c = np.full(c.shape, 50.0)
    if what == "silent":
        v = np.zeros(v.shape)
    quotes, facts, ctx = run(table((o, h, lo, c, v)))
    assert any("XYZ" in w and why in w and "10 bp" in w for w in ctx.warnings), ctx.warnings
    assert facts["spread"]["XYZ"]["unknown"] == 12
    assert facts["spread"]["XYZ"]["charged_bps"] == pytest.approx(spread_charge.UNKNOWN_BPS)
    half = tables.arrays(quotes, ("half_spread",))["half_spread"]
    assert (half > 0).all()


def test_the_first_session_has_the_bound_and_no_warning() -> None:
    """Nothing stands before it: said in the summary, not worth more."""
    quotes, facts, ctx = run(table(bars(Make(3.0), 30, 78, 0)))
    assert ctx.warnings == []
    assert facts["spread"]["XYZ"]["unknown"] == 1
    (line,) = [line for line in ctx.lines if line.startswith("spread charged")]
    assert "XYZ" in line
    assert "in 1 sessions with nothing to go by" in line
    bps = tables.arrays(quotes, ("half_spread", "mid_close"))
    early = (2e4 * bps["half_spread"] / bps["mid_close"])[:78]
    assert early.mean() == pytest.approx(spread_charge.UNKNOWN_BPS, rel=0.5)


def test_a_coarse_increment_of_prices_is_a_spread_at_least() -> None:
    """Prices in quarters of a currency unit around 100: 25 bp quoted at least, once 200 changes have shown it."""
    columns = bars(Make(0.0, sigma_bps=40.0), 30, 78, 0)
    rounded = tuple(np.round(x * 4.0) / 4.0 for x in columns[:4])
    one = charges(table((*rounded, columns[4])))["XYZ"]
    assert (one.quoted[5:] * one.price[5:] >= 0.25 - 1e-9).all()
    assert charges(table((*rounded, columns[4]), "SPY"))["SPY"].contradicted[5:].all()


def test_invented_bars_are_left_alone() -> None:
    """Bars marked synthetic and the original recipe: no charge, whatever they bounce."""
    columns = bars(Make(5.0), 12, 26, 0)
    invented = tables.MemoryReader(table(columns, synthetic=True))
    assert bar_stream.settings(invented, Simulate(), Context("simulate"))["XYZ"].charge is None
    seen = tables.MemoryReader(table(columns))
    assert bar_stream.settings(seen, Simulate(recipe="seed"), Context("simulate"))["XYZ"].charge is None
    assert bar_stream.settings(seen, Simulate(), Context("simulate"))["XYZ"].charge is not None
