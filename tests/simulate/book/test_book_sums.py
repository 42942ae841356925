"""The sums of a session of the book are those of its own prints."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.book import book_session, book_sums
from tests.simulate.book.test_book_session import passes


@pytest.fixture(scope="module")
def made() -> tuple[book_session.BookSession, dict[str, float]]:
    """A session of six bars, the fourth missing, and its sums."""
    one, setting, ctx = passes(1, drop=(3,))
    played = book_session.play_session(one.grid, one.simulated, 0, setting, 1000.0, ctx)
    return played, book_sums.sums(played, one.simulated, 0, setting)


def test_spreads_are_weighted_by_time(made: tuple[book_session.BookSession, dict[str, float]]) -> None:
    """A bar a term; at one tick at most always; the opening part is the first 15 minutes."""
    played, sums = made
    assert sums["bars"] == 5
    assert sums["ticks"] == pytest.approx(sum(p.sums["spread_time"] for p in played.played) / 300.0)
    assert 0 < sums["one"] <= 5 < sums["ticks"]
    assert sums["n.open"] == 3
    assert sums["ticks.open"] == pytest.approx(sum(p.sums["spread_time"] for p in played.played[:3]) / 300.0)


def test_volatility_is_that_of_the_bars_over_the_sessions_level(
    made: tuple[book_session.BookSession, dict[str, float]],
) -> None:
    """Garman-Klass of the three opening bars, summed, and of the one at midday."""
    one, _, _ = passes(1, drop=(3,))
    m, level = one.simulated.moves, np.exp(one.simulated.levels.level_vol[0])
    variance = 0.5 * np.log(m.high[0] / m.low[0]) ** 2 - (2 * np.log(2) - 1) * np.log(m.close[0] / m.open[0]) ** 2
    volatility = np.sqrt(variance) / level
    _, sums = made
    assert sums["vol.open"] == pytest.approx(volatility[:3].sum(), rel=1e-6)
    assert sums["vol.mid"] == pytest.approx(volatility[2], rel=1e-6)


def test_signs_are_those_of_trades_on_the_book(made: tuple[book_session.BookSession, dict[str, float]]) -> None:
    """Their lag-1 sums, trade by trade."""
    played, sums = made
    rows = np.concatenate([p.trades for p in played.played])
    sign = rows["side"][rows["lit"]]
    assert sums["sign1.n"] == len(sign) - 1
    assert sums["sign1.ab"] == (sign[1:] * sign[:-1]).sum()
    assert set(np.unique(sign)) == {-1.0, 1.0}


def test_returns_skip_the_hole(made: tuple[book_session.BookSession, dict[str, float]]) -> None:
    """1,500 snapshots in two stretches: pairs of neighbours inside each, none across."""
    _, sums = made
    assert sums["n1"] == 1500 - 2
    assert sums["ac1.n"] == 1500 - 4
    assert sums["n300"] == 3
    assert sums["rr1"] > 0


def test_metaorders_fall_into_bins_by_size(made: tuple[book_session.BookSession, dict[str, float]]) -> None:
    """All of them, and their sizes as shares of a bar's volume."""
    played, sums = made
    meta = np.concatenate([p.metaorders for p in played.played])
    assert sum(sums[f"meta{b}.n"] for b in range(book_sums.BINS)) == len(meta) > 0
    for b in range(1, book_sums.BINS - 1):
        n = sums[f"meta{b}.n"]
        if n:
            assert book_sums.LEAST * 2.0**b <= sums[f"meta{b}.size"] / n <= book_sums.LEAST * 2.0 ** (b + 1)


def test_a_pair_counts_where_both_are() -> None:
    """Six sums, by hand."""
    out: dict[str, float] = {}
    book_sums.pair(out, "x", np.array([1.0, np.nan, 3.0]), np.array([2.0, 5.0, np.inf]))
    assert out == {"x.n": 1.0, "x.a": 1.0, "x.b": 2.0, "x.aa": 1.0, "x.bb": 4.0, "x.ab": 2.0}
