"""What a policy is asked about the rows that it traded: growing, with another future, and mixed."""

from __future__ import annotations

from functools import cache

import numpy as np

from hfm.verify.lookahead import decisions, policy_questions
from hfm.verify.lookahead.policy_questions import Traded
from tests.verify.lookahead.market import market, readers


@cache
def rows() -> Traded:
    return decisions.traded(readers(), market().config, "logistic")


def test_growing_questions_show_each_row_before_any_that_is_known_later() -> None:
    """Every row is asked for, and none of them after a question that showed a later one."""
    seen, newest = np.zeros(len(rows().time), bool), -1
    for question in policy_questions.growing(np.random.default_rng(3), rows()):
        fresh = question.rows[~seen[question.rows]]
        assert (rows().time[fresh] >= newest).all()
        seen[question.rows] = True
        newest = int(rows().time[question.rows].max())
        for name in policy_questions.FIELDS:
            expected = getattr(rows().signals, name)[question.rows]
            np.testing.assert_array_equal(getattr(question.signals, name), expected)
    assert seen.all()


def test_changed_questions_begin_with_the_growing_ones_and_go_on_with_rows_from_anywhere() -> None:
    """Only the first part of the answer is compared."""
    growing = list(policy_questions.growing(np.random.default_rng(3), rows()))[:5]
    for before, question in zip(
        growing, policy_questions.changed(np.random.default_rng(4), rows(), growing), strict=True
    ):
        assert question.stay == len(before.rows)
        np.testing.assert_array_equal(question.rows[: question.stay], before.rows)
        assert len(question.rows) == question.stay + policy_questions.PAST


def test_mixed_questions_hold_every_row_in_another_order_and_some_alone() -> None:
    """So that a policy that ranks rows, or counts them, is found."""
    questions = list(policy_questions.mixed(np.random.default_rng(5), rows()))
    assert sorted(questions[0].rows.tolist()) == list(range(len(rows().time)))
    assert questions[0].rows.tolist() != list(range(len(rows().time)))
    assert sum(len(question.rows) == 1 for question in questions) == policy_questions.ALONE
