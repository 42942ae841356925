"""The LSTM as a forecaster: its contract is in tests/contract; here is what it must not load, and what is below it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np

from hfm.models.linear import floors
from hfm.models.networks import lstm
from hfm.stage import Context
from tests.train.market import SMALL, rows


def test_floors_steps_and_stored_models_never_import_torch() -> None:
    """Only fitting does."""
    code = (
        "import sys; import hfm.models.inference, hfm.models.linear.floors, hfm.models.networks.lstm;"
        "import hfm.models.checkpoint;"
        "import hfm.train.stage; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_bare_network_has_only_the_training_means_below_it() -> None:
    """Without its networks its heads are those of `constant`, with them they are not; nothing shuts it."""
    panel, options = rows().panel, replace(SMALL, epochs=1, seeds=1)
    train, valid = panel.of_sessions(0, 12), panel.of_sessions(12, 15)
    arrays = lstm.Bare().fit(train, valid, options, Context("train"))
    below = floors.Constant().fit(train, valid, options, Context("train"))
    alone = {name: value for name, value in arrays.items() if not name.startswith("seed")}
    np.testing.assert_array_equal(floors.Constant().predict(alone, panel), floors.Constant().predict(below, panel))
    said = lstm.Bare().predict(arrays, panel)
    assert not np.array_equal(said, floors.Constant().predict(below, panel), equal_nan=True)
    assert lstm.Bare.base is None
