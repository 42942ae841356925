"""The path in one call is its parts one after the other, on the same memory."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.features import bar_features as features
from hfm.live import quote_rows, row_step
from hfm.models import inference as models
from hfm.policies.policy_step import propose
from tests.ledger.market import assert_records_equal
from tests.live.market import made
from tests.live.test_stream import stream


def test_one_call_is_features_network_policy_and_ledger_in_turn() -> None:
    """Over hundreds of rows: the results and all state, to the bit."""
    engine, other = stream(made()).engine, stream(made()).engine
    plan, memory, scratch, out = other._plans[0], other.memory, other._scratch, np.zeros(row_step.OUT)
    for row in quote_rows.matrix(tables.arrays(made().quotes, quote_rows.COLUMNS))[-250:]:
        got = engine.take(0, row)
        other._note(0, row)
        features.step(memory.features[0], row[: row_step.FEATURES], scratch.every)
        row_step.see(memory, plan, scratch, 0, row, out)
        rule = plan.rule
        out[row_step.R_SIGNAL] = propose(
            rule[row_step.KIND],
            rule[row_step.LEVEL],
            out[row_step.R_P_UP],
            out[row_step.R_RANK],
            out[row_step.R_SD],
            out[row_step.R_COST],
        )
        row_step.act(memory, plan, scratch, 0, row, out)
        np.testing.assert_array_equal(got, out)
        other._volume[0] += row[row_step.V_VOLUME]
        other._close[0] = row[row_step.V_MID_CLOSE]
        assert_records_equal(engine.result, other.result)
    for name in ("features", "network", "day"):
        np.testing.assert_array_equal(getattr(engine.memory, name), getattr(memory, name))
    for a, b in zip(engine.memory.ledger, memory.ledger, strict=True):
        assert_records_equal(a, b)


def test_state_and_scratch_lie_in_one_array_without_overlap() -> None:
    """Each part has its size; writing one leaves the others alone; all of it is used."""
    engine = stream(made(("AAA", "BBB"))).engine
    size = engine._given(0)[3]
    flat = np.zeros(row_step.length(size))
    memory, scratch = row_step.parts(flat, size, engine._desk)
    for number, part in enumerate([memory.features, memory.network, memory.day, scratch.every, scratch.x], start=1):
        assert (part == 0).all()
        part[:] = number
    assert (flat > 0).all()
    assert memory.features.shape == (2, features.state_new(10, 300.0).size)
    assert memory.network.shape == (2, models.state_new(engine._plans[0].model).size)
    assert scratch.every.size == len(features.NAMES)
    assert (memory.ledger.book is engine._desk.book, scratch.trips.shape) == (True, (2,))


@pytest.mark.parametrize("fold", ["final", "fold0"])
def test_the_numbers_of_a_plan_are_all_there_in_order(fold: str) -> None:
    """Parameters, finish, rule; the sizes tell where each ends."""
    engine = stream(made()).engine
    engine.place(fold)
    (_, numbers, weights, size, *_), plan = engine._given(0), engine._plans[0]
    cuts = np.cumsum([size[row_step.Z_PARAMS], size[row_step.Z_FINAL]])
    for part, whole in zip(np.split(numbers, cuts), (plan.model.params, plan.final, plan.rule), strict=True):
        np.testing.assert_array_equal(part, whole)
    assert weights is plan.model.weights
    np.testing.assert_array_equal(size[row_step.Z_SPEC : row_step.Z_PICKS], plan.model.spec)
    np.testing.assert_array_equal(size[row_step.Z_PICKS :], plan.picks)
