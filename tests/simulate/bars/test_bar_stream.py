"""Bars streamed through the model."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.config import Simulate
from hfm.errors import ConfigError, UsageError
from hfm.simulate import spread_model
from hfm.simulate.bars import bar_stream
from hfm.stage import Context
from tests.bars import GroupedReader, bar_table
from tests.orderbook import DAY, book_table


def test_the_whole_sample_sd_is_that_of_the_level_however_the_groups_fall() -> None:
    """Two symbols with holes: sd of 10 bp + 2 x 20-row volatility, nights included, in one group or in ten."""
    bars = bar_table(30, ("SPY", "QQQ"), slots=26, drop=(5, 6, 300))
    found, pieces = (
        bar_stream.settings(GroupedReader(bars, size), Simulate(recipe="seed"), Context("simulate"))[
            "SPY"
        ].recipe.level_sd
        for size in (30, 3)
    )
    columns = tables.arrays(bars)
    for symbol in ("SPY", "QQQ"):
        close = columns["close"][columns["symbol"] == symbol]
        returns = np.diff(close) / close[:-1]
        level = [10.0 + 2e4 * returns[max(t - 20, 0) : t].std(ddof=1) for t in range(2, len(returns) + 1)]
        assert found[symbol] == pytest.approx(np.std(level, ddof=1), rel=1e-9)
        assert pieces[symbol] == pytest.approx(found[symbol], rel=1e-9)


def test_a_name_is_like_spy_by_its_own_name_or_because_it_is_invented() -> None:
    """Synthetic bars are SPY-like whatever their symbol; real ones only where they are SPY's."""
    invented = bar_stream.settings(GroupedReader(bar_table(1, ("XYZ",)), 1), Simulate(), Context("simulate"))
    real = bar_stream.settings(
        GroupedReader(bar_table(1, ("SPY", "XYZ"), synthetic=False), 1), Simulate(), Context("simulate")
    )
    assert invented["XYZ"].like_spy
    assert real["SPY"].like_spy
    assert not real["XYZ"].like_spy


def test_constants_replace_the_built_in_ones_and_no_others() -> None:
    """Those that are given; the tick is the setting's own; nonsense and absurd values are named with their range."""
    model = bar_stream.calibrated(Simulate(tick=0.1, constants={"spread_sd": 0.2, "depth": 50.0}))
    assert model == spread_model.SpreadModel(tick=0.1, spread_sd=0.2, depth=50.0)
    with pytest.raises(ConfigError, match="'sigma'"):
        bar_stream.calibrated(Simulate(constants={"sigma": 1.0}))
    with pytest.raises(ConfigError, match="not within"):
        bar_stream.calibrated(Simulate(constants={"r2_ofi": 2.0}))


def test_only_bars_are_streamed() -> None:
    """A book has no slots: exit 2, with the fidelity that it wants."""
    with pytest.raises(UsageError, match="replayed") as caught:
        bar_stream.settings(tables.MemoryReader(book_table(DAY)), Simulate(), Context("simulate"))
    assert "--fidelity replay" in caught.value.hint


def test_a_group_too_large_is_taken_in_pieces_of_whole_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by GROUP_ROWS, not by what a reader hands over at once."""
    monkeypatch.setattr(bar_stream, "GROUP_ROWS", 200)
    bars = tables.MemoryReader(bar_table(10))
    ctx = Context("simulate", seed=7)
    sizes = [
        group.num_rows for group, _ in bar_stream.simulate_groups(bars, bar_stream.settings(bars, Simulate(), ctx), ctx)
    ]
    assert sum(sizes) == 780
    assert max(sizes) <= 200
    assert all(n % 78 == 0 for n in sizes)
