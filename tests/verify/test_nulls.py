"""Markets without an edge are what they say: no mean, no memory beyond what they are made with, bars that can be."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.tables import arrays
from hfm.verify import nulls
from hfm.verify.in_memory_run import BARS, InMemoryRun, synthetic
from hfm.verify.nulls import KINDS, Kind, Roll


def returns(market: InMemoryRun) -> np.ndarray:
    """Close-to-close log returns inside sessions."""
    x = arrays(market.table(BARS), ["session", "close"])
    move = np.diff(np.log(x["close"]))
    return move[x["session"][1:] == x["session"][:-1]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_make_is_a_table_of_bars_that_can_be(kind: Kind) -> None:
    """Prices are positive, open and close lie between low and high, and the same seed gives the same bytes."""
    made = nulls.market(kind, 3, {}).table(BARS)
    tables.check(made, tables.BARS)
    x = arrays(made, ["open", "high", "low", "close"])
    assert (x["low"] > 0).all()
    slack = 1e-12
    for name in ("open", "close"):
        assert (x[name] <= x["high"] * (1 + slack)).all()
        assert (x[name] >= x["low"] * (1 - slack)).all()
    assert nulls.market(kind, 3, {}).table(BARS).equals(made)
    assert not nulls.market(kind, 4, {}).table(BARS).equals(made)


@pytest.mark.parametrize(("kind", "known"), [
    ("walk", True), ("garch", True), ("flipped", False), ("bootstrapped", False), ("bounced", False),
])  # fmt: skip
def test_mids_are_known_only_where_no_trade_hides_them(kind: Kind, known: bool) -> None:
    """Real and bounced bars count as observed, so that their mids are prices of trades."""
    made = nulls.market(kind, 5, {})
    quotes = made.through("simulate").table("simulate/quotes.parquet")
    assert tables.header(quotes.schema)["meta"]["mid_is_trade"] is not known


@pytest.mark.parametrize("kind", ["garch", "flipped"])
def test_signs_have_no_memory(kind: Kind) -> None:
    """The lag-one autocorrelation of signs is that of coins, within four errors."""
    sign = np.sign(returns(nulls.market(kind, 7, {})))
    rho = float(np.mean(sign[1:] * sign[:-1]))
    assert abs(rho) < 4 / np.sqrt(len(sign))


def test_garch_is_volatile_in_stretches_and_has_heavy_tails() -> None:
    """Squared returns remember; kurtosis is above the normal's 3."""
    r = returns(nulls.market("garch", 7, {}))
    square = r**2 - np.mean(r**2)
    assert np.mean(square[1:] * square[:-1]) / np.mean(square**2) > 0.02
    assert np.mean(r**4) / np.mean(r**2) ** 2 > 4


@pytest.mark.parametrize(("persistence", "joined"), list(itertools.product(nulls.PERSISTENCE, (False, True))))
def test_a_bounced_market_has_rolls_autocovariance(persistence: float, joined: bool) -> None:
    """-c^2 (1 - phi)^2 at lag one, phi being the autocorrelation of the sides of two closes."""
    roll = Roll(5.0, persistence, joined)
    bars = synthetic(nulls.SESSIONS, 1, {}).table(BARS)
    market = InMemoryRun(synthetic(2, 1, {}).config, {BARS: bars})
    r = np.concatenate([
        returns(market.replaced(bars=_priced(bars, nulls.bounced(bars, roll, np.random.default_rng(k)))))
        for k in range(8)
    ])  # fmt: skip
    products = (r[1:] - r.mean()) * (r[:-1] - r.mean()) * 1e8
    phi = (2 * persistence - 1) ** nulls.PRINTS
    assert products.mean() == pytest.approx(-25 * (1 - phi) ** 2, abs=4 * products.std() / np.sqrt(len(products)))
    x = nulls.bounced(bars, roll, np.random.default_rng(0))
    day = arrays(bars, ["session"])["session"]
    inside = day[1:] == day[:-1]
    assert (x["open"][1:] == x["close"][:-1])[inside].all() == joined


def _priced(bars: pa.Table, prices: dict[str, np.ndarray]) -> pa.Table:
    for name, values in prices.items():
        at = bars.schema.get_field_index(name)
        bars = bars.set_column(at, bars.schema.field(at), pa.array(values))
    return bars


def test_a_flipped_bar_is_its_mirror_or_itself() -> None:
    """Range and body keep their size; the path starts where the first bar opened."""
    x = arrays(synthetic(20, 2, {}).table(BARS), ["open", "high", "low", "close"])
    y = nulls.flipped(x, np.random.default_rng(1))
    for top, bottom in (("high", "low"), ("close", "open")):
        size = np.abs(np.log(x[top] / x[bottom]))
        assert np.abs(np.log(y[top] / y[bottom])) == pytest.approx(size, abs=1e-12)
    assert y["open"][0] == pytest.approx(x["open"][0])


def test_a_bootstrapped_session_is_one_of_the_source() -> None:
    """Relative to its open, each full session is a session of the source, bar for bar."""
    source = synthetic(12, 3, {}).table(BARS)
    bars = synthetic(nulls.SESSIONS, 4, {}).table(BARS)
    y = nulls.resampled(source, bars, np.random.default_rng(2))
    own = arrays(source, ["open", "close"])
    known = {len(own["open"][rows]): [] for rows in nulls._blocks(source)}
    for rows in nulls._blocks(source):
        known[rows.stop - rows.start].append(own["close"][rows] / own["open"][rows][0])
    for rows in nulls._blocks(bars)[:20]:
        if rows.stop - rows.start in known:
            path = y["close"][rows] / y["open"][rows][0]
            near = [np.abs(path - shape).max() for shape in known[rows.stop - rows.start]]
            if min(near) < 1e-9:
                return
    raise AssertionError("no session of the source was found again")
