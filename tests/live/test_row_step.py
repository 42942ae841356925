"""The path in one call is its parts one after the other, on the same memory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hfm.features import bar_features
from hfm.live import row_step
from hfm.models import inference as models
from hfm.policies.one_symbol import KINDS, row_weight
from tests.live.market import made, rows_of
from tests.live.test_stream import stream


def test_one_call_is_forecast_policy_and_ledger_in_turn() -> None:
    """Over hundreds of rows: the results and all state, to the bit."""
    one, two = stream(made()).node, stream(made()).node
    rule = two._rule[0]
    assert rule.kind == KINDS["quantile"]
    for row in rows_of(made())[-250:]:
        one.take(row)
        two.take(row, trade=False)
        said = two.result
        two.memory.views["result"]["proposal"] = row_weight(
            rule.kind, rule.level, said.p_up, said.conf_rank, said.ret_sd_bps, said.cost_bps
        )
        two._call(0)(row_step.LEDGER_ONLY)
        np.testing.assert_array_equal(list(one.result), list(two.result))
    for name in row_step.STATE:
        assert one.memory.views[name].tobytes() == two.memory.views[name].tobytes()


def test_parts_lie_in_one_buffer_without_overlap_and_keep_their_values() -> None:
    """Each begins on a line of the cache; writing one leaves the others alone."""
    node = stream(made(("AAA", "BBB"))).node
    parts, buffer = node.memory.views, node.memory.data
    places = sorted((view.ctypes.data - buffer.ctypes.data, view.nbytes) for view in parts.values())
    assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(places))
    assert all(start % 64 == 0 for start, _ in places)
    assert tuple(parts) == row_step.MEMORY
    assert parts["features"].dtype == bar_features.STATE
    assert parts["features"].shape == parts["day"].shape == (2,)
    assert parts["network"].shape == (2, models.state_new(node._fits["final"][0].model).size)
    assert parts["trips"].shape == parts["positions"].shape == parts["orders"].shape == (2,)
    assert parts["features"]["slots"].tolist() == [node.market.slots] * 2


@pytest.mark.parametrize("fit", ["final", "fold0"])
def test_the_spans_of_a_fit_tell_where_all_parts_lie(fit: str) -> None:
    """Of the memory and of the fit's own buffer; weights are shared by the symbols."""
    node = stream(made()).node
    node.use(fit)
    memory, data, weights = node._call(0).args
    of = node._fits[fit][0]
    spans = data[: row_step.SPANS.itemsize].view(row_step.SPANS)[0]
    expected = {"constants": of.model.constants, "feature_weights": of.model.features, "slots": of.model.slots,
                "nodes": of.model.nodes, "roots": of.model.roots, "finish": of.finish, "picks": node._picks,
                "rule": node._rule, "ledger_params": node._ledger_params}  # fmt: skip
    for name, part in expected.items():
        start, stop = spans[name]
        assert data[start:stop].tobytes() == part.tobytes()
    for name, part in node.memory.views.items():
        start, stop = spans[name]
        assert memory[start:stop].ctypes.data == part.ctypes.data
        assert stop - start == part.nbytes
    assert weights is of.model.weights
