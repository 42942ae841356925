"""What a model is asked about a fold: sequences that grow, are cut or go on otherwise, and no label known later."""

from __future__ import annotations

import numpy as np

from hfm.train.fold_rows import LABELS
from hfm.verify.lookahead import forecast_questions
from tests.verify.lookahead.test_forecasts import items


def test_a_cut_panel_holds_the_first_rows_of_each_sequence_and_no_label_known_later() -> None:
    """Features, borders and sequences of what stays; labels of the last rows are masked."""
    item = items()[0]
    stay = np.zeros(len(item.lengths), np.int64)
    stay[1], stay[3] = 4, int(item.lengths[3])
    question = forecast_questions.cut("cut", item, stay)
    start = item.panel.start
    rows = np.concatenate([np.arange(start[1], start[1] + 4), np.arange(start[3], start[4])])
    np.testing.assert_array_equal(question.rows, rows)
    np.testing.assert_array_equal(question.panel.x, item.panel.x[rows])
    np.testing.assert_array_equal(question.panel.start, [0, 4, 4 + item.lengths[3]])
    known = np.repeat([item.time[start[1] + 3], item.time[start[4] - 1]], [4, item.lengths[3]])
    late = item.label_time[rows] > known
    assert late.any()
    for name in LABELS:
        assert np.isnan(getattr(question.panel, name)[late]).all()
        np.testing.assert_array_equal(getattr(question.panel, name)[~late], getattr(item.panel, name)[rows][~late])


def test_another_future_changes_every_later_row_and_none_before() -> None:
    """Features and spreads after the cut, labels that are known only then."""
    item = items()[0]
    stay = np.full(len(item.lengths), 5)
    question = forecast_questions._other(np.random.default_rng(1), item, stay)
    before = np.zeros(len(item.time), bool)
    before[question.rows] = True
    assert int(before.sum()) == 5 * len(item.lengths)
    np.testing.assert_array_equal(question.panel.x[before], item.panel.x[before])
    np.testing.assert_array_equal(question.panel.spread_bps[before], item.panel.spread_bps[before])
    assert (question.panel.spread_bps[~before] != item.panel.spread_bps[~before]).all()


def test_growing_questions_never_go_back_and_end_with_whole_sequences() -> None:
    """Sequence by sequence, each a row or more longer; the two questions about everything come last."""
    item = items()[1]
    asked = forecast_questions.questions(item, items(), np.random.default_rng(2))
    assert [question.kind for question in asked[-2:]] == ["fresh", "twice"]
    owner, length = -1, 0
    for question in asked:
        if question.kind == "growing":
            now = int(forecast_questions.owners(item, question)[0])
            assert now > owner or (now == owner and len(question.rows) > length)
            owner, length = now, len(question.rows)
    assert owner >= 0
    assert length == item.lengths[owner]
