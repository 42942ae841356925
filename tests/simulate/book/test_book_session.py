"""One session through the engine: what each bar asks for, and what came of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.config import Simulate
from hfm.simulate.bars import bar_stream
from hfm.simulate.book import book_session, price_path
from hfm.simulate.book.simulator import BookOptions, SimulatedBook
from hfm.simulate.day_curves import SPREAD_CURVE, VOLATILITY_CURVE, day_curve
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table


def passes(
    sessions: int, slots: int = 6, drop: tuple[int, ...] = ()
) -> tuple[bar_stream.SymbolSessions, bar_stream.SymbolSettings, Context]:
    """The one symbol's pass of a table of bars."""
    ctx = Context("simulate", seed=7)
    bars = MemoryReader(bar_table(sessions, slots=slots, drop=drop))
    settings = bar_stream.settings(bars, Simulate(fidelity="book", events=True), ctx)
    ((_, (one,)),) = bar_stream.simulate_groups(bars, settings, ctx)
    return one, settings["SPY"], ctx


def test_steps_are_whole_eighths_of_a_second_or_coarser() -> None:
    """As many as a second has, at least 16 a bar and at most MOST_STEPS."""
    assert book_session.steps_of(300.0) == 2400
    assert book_session.steps_of(3600.0) == 3600
    assert book_session.steps_of(1.0) == 16
    assert all(book_session.steps_of(float(s)) <= book_session.MOST_STEPS for s in (60, 300, 900, 1800, 3600))


@pytest.mark.parametrize(("volume", "unit"), [(100.0, 1.0), (12345.0, 1.0), (0.5, 1e-6), (123.456, 1e-3)])
def test_the_unit_is_a_share_or_a_small_power_of_ten(volume: float, unit: float) -> None:
    """About 1e-5 of a volume that is not whole."""
    assert book_session.unit_of(volume) == pytest.approx(unit, rel=1e-9)


def test_a_path_touches_the_bars_extremes_and_joins_its_ends() -> None:
    """Within a tick and a twentieth of the range, whichever walk is drawn; never beyond high and low."""
    one, _, _ = passes(1)
    m = one.simulated.moves
    book = SimulatedBook(float(m.low.min()), float(m.high.max()), BookOptions(0.01, 100))
    error = price_path.ForecastError(price_path.pool(400))
    for t in range(6):
        low, high = (float(x[0, t]) / 0.01 - book.origin for x in (m.low, m.high))
        for draw in (0.0, 0.3, 0.6, 0.9):
            path = book_session.path_of(book, one.simulated, 0, t, 400, error, draw)
            assert len(path) == 401
            near = 1.01 + 0.05 * (high - low)
            assert low - 1.01 < path.min() < low + near
            assert high - near < path.max() < high + 1.01
            for end, price in ((path[0], m.open[0, t]), (path[-1], m.close[0, t])):
                assert end == pytest.approx(price / 0.01 - book.origin, abs=1.01)


def test_a_target_late_by_part_of_a_step_has_the_covariance_that_the_grid_takes() -> None:
    """Of a walk with steps of variance .5: .048 between neighbouring steps. A slow walk stays as it is, and both begin
    where the path begins."""
    rng = np.random.default_rng(4)
    walk = np.cumsum(np.sqrt(0.5) * rng.standard_normal(400_000))
    move = np.diff(book_session.follow(walk))
    assert np.mean(move[1:] * move[:-1]) == pytest.approx(
        book_session.LATTICE * (1.0 - book_session.STILL / 0.5), abs=0.003
    )
    slow = 0.1 * walk
    np.testing.assert_array_equal(book_session.follow(slow), slow)
    assert book_session.follow(walk)[0] == walk[0]


def test_the_opening_spread_follows_the_slots_usual_volatility() -> None:
    """Nothing where it is the built-in curve's; where earlier sessions opened half as volatile, half the excess."""
    one, _, _ = passes(2)
    levels = one.simulated.levels
    usual = day_curve(VOLATILITY_CURVE, 6)
    calm = usual.copy()
    calm[0] -= np.log(2.0)
    simulated = replace(one.simulated, levels=replace(levels, phi_vol=np.stack((usual, calm))))
    np.testing.assert_allclose(book_session.slot_spread(simulated, 0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.exp(book_session.slot_spread(simulated, 1)), [0.5, 1, 1, 1, 1, 1])


def test_the_elasticity_on_a_slots_volatility_is_that_of_the_built_in_curves() -> None:
    """ln SPREAD_CURVE on ln VOLATILITY_CURVE: 1.00."""
    slope = np.polyfit(np.log(VOLATILITY_CURVE), np.log(SPREAD_CURVE), 1)[0]
    assert slope == pytest.approx(book_session.ON_SLOT_VOLATILITY, abs=0.01)


def test_a_session_is_a_function_of_its_own_bars_seed_and_day() -> None:
    """The third of three sessions, alone with the sheet and after the others; another day has another stream."""
    one, setting, ctx = passes(3)
    alone = book_session.play_session(one.grid, one.simulated, 2, setting, 1000.0, ctx)
    for s in (0, 1):
        book_session.play_session(one.grid, one.simulated, s, setting, 1000.0, ctx)
    again = book_session.play_session(one.grid, one.simulated, 2, setting, 1000.0, ctx)
    assert all(np.array_equal(a.tape, b.tape) for a, b in zip(alone.played, again.played, strict=True))
    other = book_session.play_session(one.grid, one.simulated, 1, setting, 1000.0, ctx)
    assert not np.array_equal(other.played[0].tape["clock"][-100:], alone.played[0].tape["clock"][-100:])


def test_what_is_left_without_events_is_small_and_says_the_same() -> None:
    """Counts, volumes and bars stay."""
    one, setting, ctx = passes(1, drop=(3,))
    whole = book_session.play_session(one.grid, one.simulated, 0, setting, 1000.0, ctx)
    bare = whole.without_events()
    assert whole.events == bare.events > 1000
    assert bare.seq.tolist() == [0, 1, 2, 4, 5]
    assert sum(len(p.tape) + len(p.trades) + len(p.snapshots) for p in bare.played) == 0
    np.testing.assert_array_equal(bare.volume, whole.volume)
