"""Cuts reach every place, ends included, and another seed draws others."""

from __future__ import annotations

import numpy as np

from hfm.verify.lookahead import compare, cuts
from tests.bars import bar_table


def test_cuts_within_sequences_leave_a_row_and_cut_one() -> None:
    """First, second and last rows are cut points more often than chance would have it, and all others are some."""
    stay = cuts.within(np.random.default_rng(1), np.full(20_000, 40))
    assert (stay.min(), stay.max()) == (1, 39)
    share = np.bincount(stay, minlength=40)[1:] / len(stay)
    assert (share > 0).all()
    assert min(share[0], share[1], share[-1]) > 0.09
    np.testing.assert_array_equal(cuts.within(np.random.default_rng(1), np.array([1, 2])), [1, 1])


def test_a_ladder_grows_from_the_first_row_to_all_but_the_last_and_all() -> None:
    """Strictly, whatever the length."""
    for length in (1, 2, 3, 78):
        steps = cuts.ladder(np.random.default_rng(length), length)
        assert steps == sorted(set(steps))
        assert {1, max(length - 1, 1), length} <= set(steps)


def test_instants_are_times_of_the_table_after_its_first_and_depend_on_the_seed() -> None:
    """Growing, and in several sessions."""
    bars = bar_table(6, slots=9)
    times, day = compare.times(bars), bars.column("session").to_numpy()
    one, two = (cuts.instants(np.random.default_rng(seed), times, day, 30) for seed in (1, 2))
    assert one == sorted(set(one))
    assert set(one) <= set(times.tolist()) - {int(times.min())}
    assert one != two
    assert len({t // (86_400 * 10**9) for t in one}) == 6


def test_seeds_differ() -> None:
    """They come from the system."""
    assert len({cuts.seed_new() for _ in range(20)}) == 20
