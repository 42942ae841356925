"""Frozen numbers: floors to 1e-9, networks to 1e-3 (processors differ), and a checkpoint that must go on loading.

`python -m tests.golden.test_train` writes them anew, from a market drawn here, that depends on nothing but NumPy.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfm import plugins
from hfm.config import Train
from hfm.errors import DataError
from hfm.features import batch
from hfm.models import checkpoint, inference
from hfm.models.linear import floors
from hfm.plugins import Arrays, Panel
from hfm.stage import Context
from hfm.train.calibration import confidences

FOLDER = Path(__file__).parent / "train"
OPTIONS = Train(epochs=20, seeds=1, hidden=8, layers=2, dropout=0.0, lr=0.02, ema=0.9, patience=20, features="seed")
NAMES = (*batch.GROUPS["seed"], *(n for n in floors.NEEDED if n not in batch.GROUPS["seed"]))
MODELS = ("constant", "persistence", "rule", "har", "logistic", "gbm", "lstm")


def panel() -> Panel:
    """40 sessions of 13 rows: spreads and volatilities with memory, a direction that follows a product."""
    rng = np.random.Generator(np.random.PCG64(2026))
    n, sessions = 520, 40
    x = rng.standard_normal((n, len(NAMES)))
    for t in range(1, n):
        x[t] = 0.7 * x[t - 1] + 0.7 * x[t]
    ahead = np.vstack([x[1:], x[:1]])
    vol, spread = 2 + 0.3 * ahead[:, NAMES.index("gk_1")], 0.5 + 0.2 * ahead[:, NAMES.index("log_spread")]
    one, two = x[:, NAMES.index("momentum")], x[:, NAMES.index("volume_ratio")]
    ret = np.exp(vol) * (0.3 * one + np.sign(one * two) + rng.standard_normal(n))
    last = np.arange(n) % 13 == 12
    vol[last] = spread[last] = ret[last] = np.nan
    return Panel(
        x=x, names=NAMES, own=len(batch.GROUPS["seed"]), slot=np.arange(n) % 13,
        spread_bps=np.exp(0.5 + 0.2 * x[:, NAMES.index("log_spread")]), up=np.where(last, np.nan, ret > 0),
        ret_bps=ret, log_spread=spread, log_vol=vol, start=np.arange(sessions + 1) * 13,
        symbol=np.zeros(sessions, np.int64), session=20_000 + np.arange(sessions), symbols=("SPY",), slots=13,
        horizon=1,
    )  # fmt: skip


def fitted(name: str) -> tuple[Arrays, list[list[float]]]:
    """(arrays, heads of ten rows that were not fitted) of one model."""
    data = panel()
    model: plugins.Forecaster = plugins.find("models", name)()
    arrays = model.fit(data.of_sessions(0, 25), data.of_sessions(25, 32), OPTIONS, Context("golden", seed=3))
    heads = model.predict(arrays, data.of_sessions(32, 40))
    return arrays, [[None if np.isnan(v) else v for v in row] for row in heads[::11].tolist()]


def write() -> None:
    """Make the files."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "heads.json").write_text(json.dumps({name: fitted(name)[1] for name in MODELS}, indent=1) + "\n")
    arrays = {k: v for k, v in fitted("lstm")[0].items() if not k.startswith("history/")}
    arrays["finish"] = np.concatenate([[0.9], arrays["floor/ret_sd"], confidences(np.linspace(-1, 1, 9), 0.9)])
    data = panel()
    document = {
        **checkpoint.describe("seed", data.names, data.own),
        "model": "lstm",
        "stepped": ["lstm"],
        "symbols": list(data.symbols),
    }
    bytes_, document = checkpoint.dump({f"final/{k}": v for k, v in arrays.items()}, document)
    (FOLDER / "model.safetensors").write_bytes(bytes_)
    (FOLDER / "model.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    (FOLDER / "steps.json").write_text(json.dumps(stepped(), indent=1) + "\n")


def stepped() -> list[list[float]]:
    """What the stored checkpoint says of every fifth row of the first sessions, one step at a time."""
    document: dict[str, Any] = json.loads((FOLDER / "model.json").read_text())
    model, finish = checkpoint.load((FOLDER / "model.safetensors").read_bytes(), document).steps("final", "SPY")
    data, state, said = panel(), inference.state_new(model), []
    final, out = inference.calibration.py_func(finish), np.empty(1, inference.FORECAST)
    for t in range(65):
        if data.slot[t] == 0:
            state = inference.state_new(model)
        inference.step(state, data.x[t], int(data.slot[t]), float(data.spread_bps[t]), model, final, out[0])
        if t % 5 == 4:
            said.append(list(out[0].item()))
    return said


@pytest.mark.parametrize("name", MODELS)
def test_heads_are_what_they_were(name: str) -> None:
    """Fitting and forecasting have not changed by accident."""
    expected = json.loads((FOLDER / "heads.json").read_text())[name]
    found = fitted(name)[1]
    as_floats = [[np.nan if v is None else v for v in row] for row in expected]
    mine = [[np.nan if v is None else v for v in row] for row in found]
    np.testing.assert_allclose(mine, as_floats, rtol=0, atol=1e-3 if name in ("gbm", "lstm") else 1e-9)


def test_the_stored_checkpoint_still_loads_and_says_the_same() -> None:
    """Written by an earlier version, stepped by this one."""
    np.testing.assert_allclose(stepped(), json.loads((FOLDER / "steps.json").read_text()), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["features"]["names"].pop(0), "the feature list 'seed' has changed"),
        (lambda d: d["scalers"].update({"final/floor/centre": "0"}), "the scaler final/floor/centre is not the one"),
        (lambda d: d["tables"].update(quotes=0), "trained on table quotes version 0"),
    ],
)
def test_the_stored_checkpoint_is_refused_once_it_does_not_fit(change: Any, reason: str) -> None:
    """Another feature list, scaler or table version, each with the reason."""
    document: dict[str, Any] = json.loads((FOLDER / "model.json").read_text())
    change(document)
    with pytest.raises(DataError) as error:
        checkpoint.load((FOLDER / "model.safetensors").read_bytes(), document)
    assert reason in error.value.why


def test_a_network_of_another_width_would_be_noticed() -> None:
    """The golden numbers do depend on what they guard: the network is not its floor."""
    stored = json.loads((FOLDER / "heads.json").read_text())
    assert np.abs(np.array(stored["lstm"], float) - np.array(stored["logistic"], float))[:, 0].max() > 0.01
    data = panel()
    wide = replace(OPTIONS, hidden=9)
    model: plugins.Forecaster = plugins.find("models", "lstm")()
    arrays = model.fit(data.of_sessions(0, 25), data.of_sessions(25, 32), wide, Context("golden", seed=3))
    heads = model.predict(arrays, data.of_sessions(32, 40))[::11]
    assert np.abs(heads - np.array(stored["lstm"], float)).max() > 1e-3


if __name__ == "__main__":
    write()
