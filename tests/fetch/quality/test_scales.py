"""Scales that no wrong price moves, and whether a move was traded as its size asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.quality import scales
from tests.fetch.quality.test_level_shifts import DAYS, SLOTS, bars, market


def test_scales_come_from_the_sessions_before() -> None:
    """A session that moves ten times as much raises the scale of later ones alone; the first has its own."""
    values = market()
    calm = bars(values)
    wild = {k: v.copy() for k, v in values.items()}
    wild["close"][SLOTS * 4 : SLOTS * 5] *= np.exp(0.02 * (-1.0) ** np.arange(SLOTS))
    changed = bars(wild)
    same = np.arange(SLOTS * DAYS) < SLOTS * 5
    assert (calm.scale[same] == changed.scale[same]).all()
    assert (calm.scale[~same] < changed.scale[~same]).all()
    assert calm.scale[0] == pytest.approx(1e-3, rel=0.6)


def test_one_price_a_hundred_times_too_large_moves_no_scale() -> None:
    values = {k: v.copy() for k, v in market().items()}
    values["close"][SLOTS + 3] *= 100
    assert bars(values).scale == pytest.approx(bars(market()).scale, rel=0.2)


def test_a_constant_price_has_no_scale() -> None:
    flat = {k: np.full_like(v, 5.0) for k, v in market().items()}
    assert np.isnan(bars(flat).scale).all()


@pytest.mark.parametrize(("size", "volume", "traded"), [
    (0.01, 1.0, False), (0.01, 1.6, True), (0.1, 3.0, False), (0.1, 6.0, True), (1.0, 10.0, False),
])  # fmt: skip
def test_a_larger_move_asks_for_more_volume(size: float, volume: float, traded: bool) -> None:
    """1.5 times the usual for ten sigmas, by the square root beyond: 4.7 times for a hundred, 15 for a thousand."""
    values = {k: v.copy() for k, v in market().items()}
    values["volume"][:] = 1e4
    values["volume"][70] *= volume
    assert scales.is_traded(bars(values), 70, 70, size) is traded


def test_volume_that_is_not_known_is_no_witness_for_a_move() -> None:
    values = market()
    values["volume"] = np.zeros(SLOTS * DAYS)
    assert not scales.is_traded(bars(values), 70, 70, 0.1)


def test_the_usual_volume_does_not_hang_on_later_sessions() -> None:
    """What a bar is judged by stays when sessions are appended, but for the bars just after it; the first session has
    none before it, and its slots are compared with what there is."""
    values = {k: v.copy() for k, v in market().items()}
    busy = {**values, "volume": np.where(np.arange(SLOTS * DAYS) < SLOTS * 5, values["volume"], 1e6)}
    row = SLOTS * 4 + 1
    assert scales.usual_volume(bars(values), row, row) == scales.usual_volume(bars(busy), row, row)
    assert scales.usual_volume(bars(values), 1, 1) < scales.usual_volume(bars(busy), 1, 1)


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.0, 0.1, -0.2, 0.35, 1.0, np.nan]), min_size=1, max_size=9), max_size=30)
)
def test_both_medians_of_one_partition_are_those_of_numpy(sessions: list[list[float]]) -> None:
    """Of the moves, and of the moves with those of nothing, in the twenty sessions before each."""
    border = np.cumsum([0, *(len(each) for each in sessions)])[:-1]
    change = np.array([x for each in sessions for x in each], float)
    scale, sigma = scales.trailing(border, change)
    for k, start in enumerate(border):
        window = np.abs([x for each in (sessions[max(k - 20, 0) : k] or sessions[:1]) for x in each])
        window = window[~np.isnan(window)]
        for found, values in ((scale, window[window > 0]), (sigma, window)):
            true = scales.MAD * np.median(values) if values.size else np.nan
            assert found[start] == pytest.approx(true, nan_ok=True, rel=1e-12)
