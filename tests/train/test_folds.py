"""Walk-forward: each part later than the one before it, sizes as stated."""

from __future__ import annotations

import itertools

import pytest

from hfm.errors import DataError, ExitCode
from hfm.train.folds import final, final_blocks, plan, plan_blocks


@pytest.mark.parametrize(
    ("sessions", "tested", "sizes"),
    [(18, 3, (12, 3, 3)), (21, 6, (12, 3, 3)), (30, 15, (12, 3, 3)), (59, 44, (12, 3, 3)), (60, 24, (30, 6, 6)),
     (109, 73, (30, 6, 6)), (110, 60, (40, 10, 20)), (250, 200, (40, 10, 20)), (255, 205, (40, 10, 20))],
)  # fmt: skip
def test_the_schemes_give_the_stated_sizes_and_test_sessions(
    sessions: int, tested: int, sizes: tuple[int, int, int]
) -> None:
    """Sizes of the first fold, and how many sessions are tested in all."""
    folds = plan(sessions)
    first = folds[0]
    assert tuple(b - a for a, b in (first.train, first.valid, first.test)) == sizes
    assert sum(f.test[1] - f.test[0] for f in folds) == tested


@pytest.mark.parametrize("sessions", [18, 29, 60, 111, 255])
@pytest.mark.parametrize("window", [0, 1, 10, 40])
def test_train_comes_before_validation_before_test_and_tests_never_overlap(sessions: int, window: int) -> None:
    """Causality of the folds; every session after the first ones is tested once."""
    folds = plan(sessions, window)
    for fold in folds:
        assert 0 <= fold.train[0] < fold.train[1] == fold.valid[0] < fold.valid[1] == fold.test[0] < fold.test[1]
        assert fold.train[0] == 0 if not window else fold.train[1] - fold.train[0] <= window
    tested = [s for f in folds for s in range(*f.test)]
    assert tested == list(range(folds[0].test[0], sessions))


def test_eleven_folds_of_255_sessions_with_a_short_last_one() -> None:
    """The last test part is what is left."""
    folds = plan(255)
    assert len(folds) == 11
    assert folds[-1].test == (250, 255)


@pytest.mark.parametrize("sessions", [0, 1, 17])
def test_too_little_data_is_refused_with_the_minimum(sessions: int) -> None:
    """Exit 4, the number at hand and the number needed."""
    with pytest.raises(DataError, match=f"{sessions} sessions.*18 are needed") as error:
        plan(sessions)
    assert error.value.code == ExitCode.DATA


def test_the_final_fit_uses_all_sessions_and_tests_none() -> None:
    """Its last block is the validation."""
    fold = final(255)
    assert (fold.train, fold.valid, fold.test) == ((0, 245), (245, 255), (255, 255))
    assert final(30, window=5).train == (22, 27)


@pytest.mark.parametrize("blocks", [12, 13, 20, 78, 79, 1560])
def test_folds_of_blocks_follow_one_another_and_test_the_later_part_once(blocks: int) -> None:
    """Four test parts of about equal length; train ends where validation begins, validation where the test begins."""
    made = plan_blocks(blocks, 10_000)
    assert len(made) == 4
    assert made[-1].test[1] == blocks
    assert made[0].train[1] >= 0.38 * blocks
    for fold, after in itertools.pairwise(made):
        assert fold.test[1] == after.test[0]
    for fold in [*made, final_blocks(blocks)]:
        assert fold.train[0] == 0
        assert fold.train[1] == fold.valid[0] < fold.valid[1] == fold.test[0]
    lengths = [f.test[1] - f.test[0] for f in made]
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) >= 1


def test_a_window_of_blocks_rolls() -> None:
    """The training part holds so many blocks."""
    assert {f.train[1] - f.train[0] for f in [*plan_blocks(78, 10_000, 20), final_blocks(78, 20)]} == {20}


@pytest.mark.parametrize(("blocks", "rows"), [(11, 10_000), (78, 999), (0, 0)])
def test_too_few_blocks_or_rows_are_refused_with_the_minimum(blocks: int, rows: int) -> None:
    """Exit 4, and what would do."""
    with pytest.raises(DataError, match=r"at least 1,000 rows in 12 blocks") as caught:
        plan_blocks(blocks, rows)
    assert caught.value.code == ExitCode.DATA
