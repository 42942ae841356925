"""The ensemble is the weighted mean of its members' heads."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import plugins, tables
from hfm.errors import UsageError
from hfm.models import checkpoint as store
from hfm.models.ensemble import Ensemble, part
from hfm.stage import Context
from tests.train.market import SMALL, market, rows, small
from tests.train.test_stage import train


def test_its_members_are_what_they_are_alone() -> None:
    """The same arrays as a fit of the member itself, and equal weights until they are settled."""
    panel = rows().panel
    parts = panel.of_sessions(0, 12), panel.of_sessions(12, 15)
    arrays = Ensemble().fit(*parts, SMALL, Context("train", seed=7))
    heads = []
    for member in Ensemble.members:
        model: plugins.Forecaster = plugins.find("models", member)()
        alone = model.fit(*parts, SMALL, Context("train", seed=7))
        assert {k: v.tobytes() for k, v in part(arrays, member).items()} == {k: v.tobytes() for k, v in alone.items()}
        heads.append(model.predict(alone, panel))
    np.testing.assert_allclose(Ensemble().predict(arrays, panel), np.mean(heads, axis=0), atol=1e-12)


@pytest.fixture(scope="module")
def done() -> dict[str, object]:
    """A run of the stage with the ensemble."""
    return train(market()[0], small(model="ensemble", epochs=2))[0]


def test_a_run_speaks_of_the_ensemble_and_of_each_member(done: dict[str, object]) -> None:
    """Predictions and scores of all; the history is the network's; weights are settled and sum to 1."""
    said = tables.arrays(done["train/predictions.parquet"])  # type: ignore[arg-type]  # a table
    assert {"logistic", "gbm", "lstm", "ensemble"} < set(said["model"])
    history = tables.arrays(done["train/history.parquet"])  # type: ignore[arg-type]  # a table
    assert set(history["model"]) == {"lstm"}
    document = done["train/model.json"]
    weights = np.array(document["calibration"]["final"]["ensemble"]["weights"])  # type: ignore[index]  # a dict
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights > 0).all()


def test_the_members_predictions_are_those_of_a_run_of_their_own(done: dict[str, object]) -> None:
    """lstm inside the ensemble's run and alone: the same bits."""
    alone = train(market()[0], small(epochs=2))[0]
    found = []
    for table in (done["train/predictions.parquet"], alone["train/predictions.parquet"]):
        data = tables.arrays(table)  # type: ignore[arg-type]  # a table
        found.append({name: data[name][data["model"] == "lstm"] for name in ("p_up", "spread_q50", "ret_sd_bps")})
    for name in found[0]:
        np.testing.assert_array_equal(found[0][name], found[1][name])


def test_what_has_no_step_is_refused_by_name(done: dict[str, object]) -> None:
    """gbm and the ensemble: exit 2; its stepped members go on."""
    checkpoint = store.load(done["train/model.safetensors"], done["train/model.json"])  # type: ignore[arg-type]
    for name in ("gbm", "ensemble", None):
        with pytest.raises(UsageError, match="cannot be run a row at a time"):
            checkpoint.steps("final", "SPY", name)
    model, _ = checkpoint.steps("final", "SPY", "lstm")
    assert model.constants["networks"] == SMALL.seeds
