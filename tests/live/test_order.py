"""The judge: rows by their place."""

from __future__ import annotations

import numpy as np

from hfm.live import order, step
from hfm.plugins import Float


def row(day: int, seq: int, mid: float = 1.0, last: bool = False) -> Float:
    """A row with a place and a price."""
    out = np.zeros(step.ROW)
    out[[step.V_SESSION, step.V_SEQ, step.V_MID_OPEN, step.V_MID_CLOSE, step.V_LAST]] = day, seq, mid, mid, last
    return out


STORY = [
    (0, row(5, 0), (order.OK, 0, False)), (0, row(5, 0), (order.DUPLICATE, 0, False)),
    (0, row(5, 4), (order.OK, 3, False)), (0, row(5, 2), (order.DISORDER, 0, False)),
    (0, row(5, 4), (order.DUPLICATE, 0, False)), (0, row(5, 0), (order.DUPLICATE, 0, False)),
    (0, row(5, 5, np.nan), (order.HALT, 0, False)), (0, row(5, 6, 0.0), (order.HALT, 0, False)),
    (1, row(5, 1), (order.OK, 1, False)), (0, row(5, 7), (order.OK, 2, False)),
    (0, row(4, 9), (order.LATE, 0, False)), (0, row(6, 0), (order.OK, 0, True)),
    (1, row(5, 2), (order.LATE, 0, False)), (0, row(6, 1, last=True), (order.OK, 0, False)),
    (0, row(7, 1), (order.OK, 1, False)),
]  # fmt: skip


def test_every_rule_in_one_story() -> None:
    """Two symbols; holes, repeats, halts, a session that never ended."""
    judge = order.Order(2)
    for symbol, item, expected in STORY:
        assert judge.judge(symbol, item) == expected, item[:2]


def test_a_judge_that_was_saved_at_any_point_judges_alike() -> None:
    """Holes and all."""
    for cut in range(len(STORY)):
        judge, other = order.Order(2), order.Order(2)
        for symbol, item, _ in STORY[:cut]:
            judge.judge(symbol, item)
        saved = judge.save()
        other.load(saved["order/place"], saved["order/holes"])
        for symbol, item, expected in STORY[cut:]:
            assert other.judge(symbol, item) == expected


def test_a_session_of_another_time_would_make_all_to_come_late() -> None:
    """A year after the newest row of any symbol is too far; before the first row nothing is."""
    judge = order.Order(2)
    assert not judge.far(row(20_000, 0))
    judge.judge(1, row(20_000, 0))
    assert not judge.far(row(20_000 + order.FAR, 0))
    assert judge.far(row(20_001 + order.FAR, 0))
