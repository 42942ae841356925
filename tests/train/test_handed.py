"""A model of somebody else's cannot write into what others are fitted and scored on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from hfm import plugins
from hfm.config import Train
from hfm.models.linear.floors import Logistic
from hfm.models.networks.torch_forecaster import TorchForecaster
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context
from hfm.train import folds, handed, walk_forward
from tests.train.market import SMALL, rows

HERE = "tests.train.test_handed"


class Writing(Logistic):
    """Fits as the floor does, then writes 0 into whatever the test says."""

    deep, warm = True, True
    target: ClassVar[str] = ""
    refused: ClassVar[list[str]] = []

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """See Forecaster."""
        found = super().fit(train, valid, options, ctx)
        given: dict[str, Any] = {
            "train.x": [train.x], "train.up": [train.up], "valid.up": [valid.up], "valid.start": [valid.start],
            "before": (ctx.before or {}).values(), "fitted": [v for a in ctx.fitted.values() for v in a.values()],
        }  # fmt: skip
        self.write(given.get(self.target, ()))
        return found

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        found = super().predict(arrays, panel)
        self.write({"panel.up": [panel.up], "panel.spread_bps": [panel.spread_bps]}.get(self.target, ()))
        return found

    def write(self, arrays: Any) -> None:
        """Or note that it may not."""
        for array in arrays:
            try:
                array[...] = 0
            except ValueError as e:
                self.refused.append(str(e))


class OwnNetwork(TorchForecaster):
    """A network of somebody else's: hfm's own code reads what it is handed."""

    from hfm.models.networks.gru import Gru

    network = Gru.network


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The models by name, and a market of this test's own."""
    for name in ("Writing", "OwnNetwork"):
        monkeypatch.setitem(plugins.REGISTRY["models"], name.lower(), f"{HERE}:{name}")
    rows.cache_clear()
    yield
    rows.cache_clear()


def outcome() -> dict[str, bytes]:
    """Every array of every fit, calibrated, and of the panel."""
    data, plan = rows(), folds.plan(21)
    names = ("constant", "har", "logistic", "writing")
    walk = walk_forward.WalkForward(
        data, plan, "writing", names, walk_forward.fit(data.panel, plan, names, SMALL, Context("train"))
    )
    for fold in plan:
        for name in names:
            walk_forward.calibrate(walk, name, fold)
    found = {f"{name} {fold} {key}": value.tobytes()
             for (name, fold), arrays in walk.arrays.items() for key, value in arrays.items()}  # fmt: skip
    panel = {name: getattr(data.panel, name) for name in ("x", "up", "spread_bps", "start")}
    return found | {name: value.tobytes() for name, value in panel.items()}


@pytest.mark.parametrize(
    "target", ["train.x", "train.up", "valid.up", "valid.start", "before", "fitted", "panel.up", "panel.spread_bps"]
)
def test_a_plug_in_that_writes_into_what_it_is_handed_changes_nobody_else(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NumPy refuses it there and then; results are those of one that writes nothing."""
    clean = outcome()
    rows.cache_clear()
    monkeypatch.setattr(Writing, "target", target)
    monkeypatch.setattr(Writing, "refused", refused := [])
    assert outcome() == clean
    assert set(refused) == {"assignment destination is read-only"}


@pytest.mark.filterwarnings("error")
def test_a_network_of_somebody_elses_is_fitted_as_ever() -> None:
    """On read-only rows too, without a word, to the same bytes as hfm's own of the same kind."""
    data, plan = rows(), folds.plan(21)[:1]
    found = walk_forward.fit(data.panel, plan, ("logistic", "gru", "ownnetwork"), SMALL, Context("train"))
    own, other = (found[name, plan[0].number] for name in ("gru", "ownnetwork"))
    assert {k: v.tobytes() for k, v in own.items()} == {k: v.tobytes() for k, v in other.items()}


def test_views_are_of_the_same_memory() -> None:
    """Nothing is copied, and what hfm's own models get is the panel itself."""
    panel = rows().panel
    assert handed.rows(Logistic, panel) is panel
    view = handed.rows(Writing, panel)
    assert np.shares_memory(view.x, panel.x)
    assert not view.x.flags.writeable
    assert panel.x.flags.writeable
