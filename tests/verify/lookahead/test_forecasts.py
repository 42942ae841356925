"""A fold's forecasts and questions: sequences that grow, are cut, go on otherwise, and no label that is known later."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pyarrow as pa

from hfm.artifacts import MODEL, PREDICTIONS, QUOTES, WEIGHTS
from hfm.models import checkpoint as store
from hfm.tables import MemoryReader, column_array
from hfm.train import folds, training_panel
from hfm.train.fold_rows import LABELS
from hfm.verify.lookahead import forecasts
from hfm.verify.lookahead.forecasts import FoldForecast
from tests.verify.lookahead.market import market, readers


@cache
def items() -> tuple[FoldForecast, ...]:
    given, config = readers(), market().config
    rows = training_panel.read(given[QUOTES], training_panel.task(given[QUOTES].meta, config.train))
    plan = folds.plan(len(np.unique(rows.panel.session)), config.train.window)
    checkpoint = store.load(given[WEIGHTS].data(), json.loads(given[MODEL].data()))
    return tuple(forecasts.forecast(checkpoint, "logistic", rows, fold) for fold in plan)


def test_the_stored_model_says_what_was_written() -> None:
    """Of all folds; one probability written otherwise is named."""
    predictions = readers()[PREDICTIONS]
    good = forecasts.as_written(predictions, items())
    assert good.passed
    assert good.got == sum(int(each.inside.sum()) for each in items()) > 100
    table = predictions.read()
    p = column_array(table["p_up"]).copy()
    row = int(np.flatnonzero(column_array(table["model"]) == "logistic")[7])
    p[row] += 0.01
    place = table.schema.get_field_index("p_up")
    changed = MemoryReader(table.set_column(place, table.schema.field(place), pa.array(p)))
    wrong = forecasts.as_written(changed, items())
    assert not wrong.passed
    assert f"row {column_array(table['seq'])[row]} is not what the stored logistic says" in wrong.claim


def test_a_cut_panel_holds_the_first_rows_of_each_sequence_and_no_label_known_later() -> None:
    """Features, borders and sequences of what stays; labels of the last rows are masked."""
    item = items()[0]
    stay = np.zeros(len(item.lengths), np.int64)
    stay[1], stay[3] = 4, int(item.lengths[3])
    question = forecasts._cut("cut", item, stay)
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
    question = forecasts._other(np.random.default_rng(1), item, stay)
    before = np.zeros(len(item.time), bool)
    before[question.rows] = True
    assert int(before.sum()) == 5 * len(item.lengths)
    np.testing.assert_array_equal(question.panel.x[before], item.panel.x[before])
    np.testing.assert_array_equal(question.panel.spread_bps[before], item.panel.spread_bps[before])
    assert (question.panel.spread_bps[~before] != item.panel.spread_bps[~before]).all()


def test_growing_questions_never_go_back_and_end_with_whole_sequences() -> None:
    """Sequence by sequence, each a row or more longer; the two questions about everything come last."""
    item = items()[1]
    asked = forecasts.questions(item, items(), np.random.default_rng(2))
    assert [question.kind for question in asked[-2:]] == ["fresh", "twice"]
    owner, length = -1, 0
    for question in asked:
        if question.kind == "growing":
            now = int(forecasts._owners(item, question)[0])
            assert now > owner or (now == owner and len(question.rows) > length)
            owner, length = now, len(question.rows)
    assert owner >= 0
    assert length == item.lengths[owner]


def test_an_answer_is_compared_in_the_test_parts_own_rows() -> None:
    """The fold's own heads differ in none; one head of one row moved is named; a wrong count is a difference of all."""
    item = items()[0]
    question = forecasts.questions(item, items(), np.random.default_rng(2))[-1]
    from hfm import plugins

    heads = np.asarray(plugins.find("models", "logistic")().predict(item.arrays, item.panel))
    found = forecasts._compared(item, question, heads)
    assert found.same == found.rows == int(item.inside.sum())
    moved = heads.copy()
    row = int(np.flatnonzero(item.inside)[6])
    moved[row, 0] += 0.5
    found = forecasts._compared(item, question, moved)
    assert (found.rows - found.same, found.column) == (1, "p_up")
    assert forecasts._compared(item, question, heads[:-1]).same == 0
