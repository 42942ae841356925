"""The floor of networks: logistic by sessions, a cross-validated stack of it and trees where rows lie in blocks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hfm.config import Train
from hfm.models import inference, stacking
from hfm.models.linear import floors
from hfm.models.linear.ridge import known
from hfm.models.networks import lstm_network, network_fit
from hfm.models.trees import boosted, tree_arrays
from hfm.models.trees.boosted import Gbm
from hfm.plugins import Float, Panel
from hfm.stage import Context
from tests.train.blocks import in_blocks
from tests.train.market import SMALL, rows

OPTIONS = Train()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer trees, each with a larger step."""
    monkeypatch.setattr(boosted, "TREES", 20)
    monkeypatch.setattr(boosted, "RATE", 0.3)


@cache
def fitted(signal: str) -> tuple[Panel, stacking.Floor]:
    """The market, and the floor of its first 80 blocks."""
    data = in_blocks(signal)
    return data, stacking.stacked(data.of_sessions(0, 80), data.of_sessions(80, 90), OPTIONS, Context("train"))


def loss(logit: Float, up: Float) -> float:
    """Mean log-loss of the rows that have both."""
    good = np.isfinite(logit) & np.isfinite(up)
    return float(np.mean(np.logaddexp(0, logit[good]) - up[good] * logit[good]))


def test_by_sessions_it_is_the_logistic_floor_and_nothing_else() -> None:
    """The same arrays byte for byte, and its logits of the training rows."""
    data = rows().panel.of_sessions(0, 12)
    found = stacking.stacked(data, data, OPTIONS, Context("train"))
    alone = floors.Logistic().fit(data, data, OPTIONS, Context("train"))
    assert {k: v.tobytes() for k, v in found.arrays.items()} == {k: v.tobytes() for k, v in alone.items()}
    np.testing.assert_array_equal(found.logit, inference.heads(alone, data)[:, 0])


@pytest.mark.parametrize(("signal", "least", "most"), [("threshold", 0.75, 1.0), ("linear", 0.0, 0.25), ("none", 0, 1)])
def test_it_is_the_better_floor_and_no_worse_than_either(signal: str, least: float, most: float) -> None:
    """Trees where the signal is a threshold, logistic where it is linear; on fresh rows within .01 nats of the best."""
    data, floor = fitted(signal)
    share = float(floor.arrays.get("floor/share", np.zeros(1))[0])
    assert least <= share <= most
    train, valid, test = data.of_sessions(0, 80), data.of_sessions(80, 90), data.of_sessions(90, 120)
    gbm = Gbm().predict(Gbm().fit(train, valid, OPTIONS, Context("train")), test)[:, 0]
    logistic = inference.heads(floors.Logistic().fit(train, valid, OPTIONS, Context("train")), test)[:, 0]
    if share == 1.0:
        np.testing.assert_array_equal(inference.heads(floor.arrays, test)[:, 0], gbm)
    ours = loss(inference.heads(floor.arrays, test)[:, 0], test.up)
    assert ours <= min(loss(gbm, test.up), loss(logistic, test.up)) + 0.01


def test_the_step_sums_the_trees_as_they_are_stored() -> None:
    """Share times trees and the rest of the linear floor, bit for bit; the slot is the clock's, not the network's."""
    data, floor = fitted("threshold")
    arrays, test = floor.arrays, data.of_sessions(90, 120)
    whole = inference.heads({**arrays, "floor/share": np.ones(1)}, test)[:, 0]
    linear = inference.heads({k: v for k, v in arrays.items() if k not in ("floor/share",)}, test)[:, 0]
    share = float(arrays["floor/share"][0])
    np.testing.assert_array_equal(inference.heads(arrays, test)[:, 0], (1 - share) * linear + share * whole)
    assert np.isnan(whole[~known(test)]).all()
    full = {k.removeprefix("floor/trees/"): v for k, v in arrays.items() if k.startswith("floor/trees/")}
    assert len(full["roots"]) > 0
    assert full["links"][:, 0].max() <= test.x.shape[1]


def test_the_network_learns_on_forecasts_of_trees_that_have_not_seen_the_row() -> None:
    """Of labels that are noise: on training rows the fitted trees seem to know them, the logits to learn on do not."""
    data, _ = fitted("none")
    train = data.of_sessions(0, 80)
    loud = replace(OPTIONS, seed=1)
    arrays = floors.Logistic().fit(train, train, loud, Context("train"))
    assert train.block is not None
    crossed = stacking._crossed(arrays, train, train.block, loud)
    part, found = crossed.grown[0]
    x = boosted.design(arrays, train)
    inside = tree_arrays.running_sums(found, stacking.HEAD, x[part])[:, -1]
    outside = ~part & known(train)
    fresh, seen = (
        loss(inside, train.up[part]),
        loss(tree_arrays.running_sums(found, "direction", x[outside])[:, -1], train.up[outside]),
    )
    assert fresh > np.log(2) > seen


def test_labels_known_only_inside_a_part_are_not_fitted_without_it() -> None:
    """A label that is known in the block after its row's: the row before each part's border is left out."""
    data = in_blocks("threshold").of_sessions(0, 80)
    assert data.block is not None
    late = replace(data, known=data.block + 1, up=data.up.copy())
    border = np.array_split(np.unique(data.block), stacking.PARTS)[1][0]
    arrays = floors.Logistic().fit(late, late, OPTIONS, Context("train"))
    before = stacking._crossed(arrays, late, data.block, OPTIONS).grown[1]
    late.up[data.block == border - 1] = 1 - late.up[data.block == border - 1]
    after = stacking._crossed(arrays, late, data.block, OPTIONS).grown[1]
    for name, value in before[1].items():
        np.testing.assert_array_equal(value, after[1][name])


def test_a_network_on_it_is_stepped_and_with_gates_of_0_it_is_the_floor() -> None:
    """Fitted on top, its heads without the correction are the stack's, bit for bit."""
    data, floor = fitted("threshold")
    train, valid, test = data.of_sessions(0, 80), data.of_sessions(80, 90), data.of_sessions(90, 120)
    arrays = network_fit.fit(
        train,
        valid,
        replace(SMALL, epochs=1, seeds=1),
        Context("train"),
        network_fit.NetworkKind(lstm_network.LstmNetwork, lstm_network.packable_arrays, lstm_network.packed_weights),
    )
    shut = inference.heads({**arrays, "gates": np.zeros(3)}, test)
    np.testing.assert_array_equal(shut, inference.heads(floor.arrays, test))


def test_too_few_rows_or_one_class_leave_the_logistic_floor() -> None:
    """No trees, and no warning."""
    data = in_blocks("threshold")
    few = data.of_sessions(0, 4)
    assert "floor/share" not in stacking.stacked(few, few, OPTIONS, Context("train")).arrays
    train = data.of_sessions(0, 80)
    ones = replace(train, up=np.where(np.isfinite(train.up), 1.0, np.nan))
    assert "floor/share" not in stacking.stacked(ones, ones, OPTIONS, Context("train")).arrays
