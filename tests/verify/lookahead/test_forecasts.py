"""A fold's forecasts: what was written, and how an answer is compared with it."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pyarrow as pa

from hfm.artifacts import MODEL, PREDICTIONS, QUOTES, WEIGHTS
from hfm.models import checkpoint as store
from hfm.tables import MemoryReader, column_array
from hfm.train import folds, training_panel
from hfm.verify.lookahead import forecast_questions, forecasts
from hfm.verify.lookahead.forecast_questions import FoldForecast
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


def test_an_answer_is_compared_in_the_test_parts_own_rows() -> None:
    """The fold's own heads differ in none; one head of one row moved is named; a wrong count is a difference of all."""
    item = items()[0]
    question = forecast_questions.questions(item, items(), np.random.default_rng(2))[-1]
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
