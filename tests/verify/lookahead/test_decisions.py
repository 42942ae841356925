"""A policy's rows and questions: what it saw, cut and mixed, and how its answers are compared with the ledger."""

from __future__ import annotations

from functools import cache

import numpy as np

from hfm.policies.choice import choose
from hfm.verify.lookahead import decisions
from hfm.verify.lookahead.decisions import Traded
from tests.verify.lookahead.market import market, readers


@cache
def rows() -> Traded:
    return decisions.traded(readers(), market().config, "logistic")


def test_the_policys_inputs_are_made_again_as_the_back_test_made_them() -> None:
    """The policy, asked about all of them, proposes what stands in the ledger; both sides are traded."""
    policy = choose(market().config.backtest.threshold).policy
    everything = np.arange(len(rows().time))
    found = rows().compared(policy.propose(rows().signals), everything, None)
    assert found.same == found.rows == int(rows().decided.sum()) > 100
    assert {-1.0, 1.0} <= set(rows().proposed.tolist())


def test_one_other_answer_is_named_with_its_row() -> None:
    """The first decided row of the last session; a row that decides nothing may say anything."""
    answer, everything = rows().proposed.copy(), np.arange(len(rows().time))
    last = rows().keys["session"] == rows().keys["session"][-1]
    row = int(np.flatnonzero(last & rows().decided)[0])
    answer[row] += 1.0
    answer[~rows().decided] += 1.0
    found = rows().compared(answer, everything, None)
    assert (found.rows - found.same, found.column) == (1, "signal")
    assert found.place.endswith(f"row {rows().keys['seq'][row]}")


def test_an_answer_of_another_length_is_a_difference_of_all() -> None:
    """And says how long it is."""
    found = rows().compared(np.zeros(3), np.arange(10), None)
    assert (found.same, found.column) == (0, "count of 3 signals")


def test_growing_questions_show_each_row_before_any_that_is_known_later() -> None:
    """Every row is asked for, and none of them after a question that showed a later one."""
    seen, newest = np.zeros(len(rows().time), bool), -1
    for question in decisions._growing(np.random.default_rng(3), rows()):
        fresh = question.rows[~seen[question.rows]]
        assert (rows().time[fresh] >= newest).all()
        seen[question.rows] = True
        newest = int(rows().time[question.rows].max())
        for name in decisions.FIELDS:
            expected = getattr(rows().signals, name)[question.rows]
            np.testing.assert_array_equal(getattr(question.signals, name), expected)
    assert seen.all()


def test_changed_questions_begin_with_the_growing_ones_and_go_on_with_rows_from_anywhere() -> None:
    """Only the first part of the answer is compared."""
    growing = list(decisions._growing(np.random.default_rng(3), rows()))[:5]
    for before, question in zip(growing, decisions._changed(np.random.default_rng(4), rows(), growing), strict=True):
        assert question.stay == len(before.rows)
        np.testing.assert_array_equal(question.rows[: question.stay], before.rows)
        assert len(question.rows) == question.stay + decisions.PAST


def test_mixed_questions_hold_every_row_in_another_order_and_some_alone() -> None:
    """So that a policy that ranks rows, or counts them, is found."""
    questions = list(decisions._mixed(np.random.default_rng(5), rows()))
    assert sorted(questions[0].rows.tolist()) == list(range(len(rows().time)))
    assert questions[0].rows.tolist() != list(range(len(rows().time)))
    assert sum(len(question.rows) == 1 for question in questions) == decisions.ALONE
