"""The LSTM as a forecaster: its contract is in tests/contract; here is what it must not load."""

from __future__ import annotations

import subprocess
import sys


def test_floors_steps_and_stored_models_never_import_torch() -> None:
    """Only fitting does."""
    code = (
        "import sys; import hfm.models.step, hfm.models.floors, hfm.models.recurrent, hfm.models.store;"
        "import hfm.train.stage; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
