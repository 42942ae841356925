"""The judge: rows by their place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.live import sequence


class Row(NamedTuple):
    """What the judge looks at: a place and a price."""

    symbol: int
    session: int
    seq: int
    mid_open: float
    mid_close: float
    is_last: bool


def row(day: int, seq: int, mid: float = 1.0, last: bool = False, symbol: int = 0) -> Row:
    """A row with a place and a price."""
    return Row(symbol, day, seq, mid, mid, last)


STORY = [
    (0, row(5, 0), (sequence.OK, 0, False)), (0, row(5, 0), (sequence.DUPLICATE, 0, False)),
    (0, row(5, 4), (sequence.OK, 3, False)), (0, row(5, 2), (sequence.DISORDER, 0, False)),
    (0, row(5, 4), (sequence.DUPLICATE, 0, False)), (0, row(5, 0), (sequence.DUPLICATE, 0, False)),
    (0, row(5, 5, np.nan), (sequence.HALT, 0, False)), (0, row(5, 6, 0.0), (sequence.HALT, 0, False)),
    (1, row(5, 1), (sequence.OK, 1, False)), (0, row(5, 7), (sequence.OK, 2, False)),
    (0, row(4, 9), (sequence.LATE, 0, False)), (0, row(6, 0), (sequence.OK, 0, True)),
    (1, row(5, 2), (sequence.LATE, 0, False)), (0, row(6, 1, last=True), (sequence.OK, 0, False)),
    (0, row(7, 1), (sequence.OK, 1, False)),
]  # fmt: skip


def test_every_rule_in_one_story() -> None:
    """Two symbols; holes, repeats, halts, a session that never ended."""
    judge = sequence.RowSequence(2)
    for symbol, item, expected in STORY:
        assert judge.judge(item._replace(symbol=symbol)) == expected, item[:2]


def test_a_judge_that_was_saved_at_any_point_judges_alike() -> None:
    """Holes and all."""
    for cut in range(len(STORY)):
        judge, other = sequence.RowSequence(2), sequence.RowSequence(2)
        for symbol, item, _ in STORY[:cut]:
            judge.judge(item._replace(symbol=symbol))
        saved = judge.save()
        other.load(saved["sequence/newest"], saved["sequence/holes"])
        for symbol, item, expected in STORY[cut:]:
            assert other.judge(item._replace(symbol=symbol)) == expected


def test_a_session_of_another_time_would_make_all_to_come_late() -> None:
    """A year after the newest row of any symbol is too far; before the first row nothing is."""
    judge = sequence.RowSequence(2)
    assert not judge.far(row(20_000, 0))
    judge.judge(row(20_000, 0, symbol=1))
    assert not judge.far(row(20_000 + sequence.FAR, 0))
    assert judge.far(row(20_001 + sequence.FAR, 0))
