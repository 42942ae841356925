"""A price that leaves and comes back is a bad print only where a second witness says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.fetch.quality import bad_prints
from hfm.fetch.quality.bad_prints import PeerMoves
from hfm.fetch.quality.bar_quality import clean
from hfm.plugins import RawBars
from tests.fetch.drive import raw, week

OVER = week()
ALL = int(OVER.close[-1])
ROW = 200


def flash(size: float, busy: float, following: bool, joined: bool = False) -> RawBars:
    """A close `size` off for one bar, with `busy` times the volume in it and the next. following: the next bar opens
    there; else back where it was. joined: every bar opens at the close before it, as some vendors have it."""
    bars = raw(OVER)
    open_, high, low, close = (getattr(bars, n).copy() for n in ("open", "high", "low", "close"))
    volume = np.full(390, 1e5)
    open_ = np.append(open_[:1], close[:-1]) * (1 + 1e-5 * np.random.default_rng(3).choice([-1, 1], 390))
    close[ROW] *= 1 + size
    if following:
        open_[ROW + 1] = close[ROW]
    else:
        open_[ROW + 1] = close[ROW - 1]
    if joined:
        open_[1:] = close[:-1]
    volume[ROW : ROW + 2] *= busy
    high, low = np.maximum.reduce([high, open_, close]), np.minimum.reduce([low, open_, close])
    return replace(bars, open=open_, high=high, low=low, close=close, volume=volume)


def others(moved: int, count: int = 10) -> PeerMoves:
    return PeerMoves(raw(OVER).time[[50, ROW]], np.array([count, moved]), count)


@pytest.mark.parametrize("size", [0.03, -0.07])
@pytest.mark.parametrize(("busy", "following", "joined", "moved", "dropped"), [
    (1.0, False, False, None, True),  # ordinary volume, and the next bar opens where the price was
    (1.0, False, False, 0, True),  # and other symbols stood still
    (1.0, False, True, None, True),  # opens say nothing, the volume does
    (4.0, True, False, None, False),  # traded heavily, and the next bar opens there
    (4.0, False, True, None, False),
    (4.0, True, False, 0, False),  # of one share alone: its own witnesses stand for it
    (1.0, False, False, 5, False),  # half of the others moved with it
    (1.0, True, False, None, False),  # the next bar opens there: it was dealt at
    (4.0, False, False, None, False),
    (0.0, False, True, 1, True),  # one of ten others is chance
])  # fmt: skip
def test_a_second_witness_decides(
    size: float, busy: float, following: bool, joined: bool, moved: int | None, dropped: bool
) -> None:
    """Volume, the next open, other symbols: dropped where one speaks against the move and none for it."""
    bars = flash(size, busy, following, joined)
    grid, quality = clean(bars, OVER, ALL, bad_prints.NO_PEERS if moved is None else others(moved))
    late = {"open": 1} if joined else {}  # the next bar opens at the price that was none
    assert quality.rejected == ({"jump": 1, **late} if dropped else {})
    assert (bars.time[ROW] in grid.time) is not dropped
    assert dropped or quality.moves > 0


def test_without_any_witness_it_is_kept() -> None:
    """No volume, no other symbol, opens that are the closes before: nothing says that it was not real."""
    bars = replace(flash(0.05, 1.0, True, joined=True), volume=np.zeros(390))
    _, quality = clean(bars, OVER, ALL)
    assert quality.rejected == {}


def test_no_volume_makes_a_price_double_for_a_bar() -> None:
    """A hundred times the price, or half of it, is dropped however much was traded; half of it not where the market
    moved too: a hundred times is another unit, whatever the market does."""
    for size in (99.0, -0.5):
        assert clean(flash(size, 8.0, False), OVER, ALL)[1].rejected == {"level": 1}
    assert clean(flash(99.0, 8.0, False), OVER, ALL, others(10))[1].rejected == {"level": 1}
    assert clean(flash(-0.5, 8.0, False), OVER, ALL, others(10))[1].rejected == {}


def test_the_others_of_a_symbol_are_all_but_itself() -> None:
    """When each moved, and how many others did; both the move and the return count."""
    bars = raw(OVER)
    close = bars.close.copy()
    close[ROW] *= 1.03
    assert set(bars.time[[ROW, ROW + 1]]) <= set(bad_prints.move_times(bars.time, close))
    assert len(bad_prints.move_times(bars.time, close)) < 15
    assert not len(bad_prints.move_times(bars.time[:1], close[:1]))
    found = bad_prints.peer_moves({"A": np.array([1, 5]), "B": np.array([5]), "C": np.array([], np.int64)})
    assert found["A"].moved.tolist() == [0, 1]
    assert found["B"].moved.tolist() == [1, 1]
    assert found["C"].moved.tolist() == [1, 2]
    assert found["C"].count == 2
    assert bad_prints.peer_moves({}) == {}
