"""A checkpoint loads as it was written, or is refused with the reason."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from hfm.errors import DataError
from hfm.features import batch
from hfm.models import checkpoint as store
from hfm.models.packed_model import PackedModel
from tests.train.market import market, small
from tests.train.test_stage import train


@pytest.fixture(scope="module")
def written() -> tuple[bytes, dict[str, Any]]:
    """A trained pair of files."""
    found, _ = train(market()[0], small(epochs=1, seeds=1))
    return found["train/model.safetensors"], json.loads(json.dumps(found["train/model.json"]))


def test_a_checkpoint_loads_and_gives_steps_for_known_and_unknown_symbols(
    written: tuple[bytes, dict[str, Any]],
) -> None:
    """final and every fold; an unknown symbol has the pooled scaler."""
    checkpoint = store.load(*written)
    for fold in ("final", "fold0", "fold1"):
        model, finish = checkpoint.steps(fold, "SPY")
        assert model.constants["networks"] == 1
        assert len(finish) > 2
    other, _ = checkpoint.steps("final", "XYZ")
    assert isinstance(other, PackedModel)
    assert "seed0/l0/ih" in checkpoint.part("final")
    assert "seed0/l0/ih" not in checkpoint.part("final", "har")


def test_the_document_says_all_that_rebuilds_the_model(written: tuple[bytes, dict[str, Any]]) -> None:
    """Features, options, spans, data hash, calibration."""
    document = written[1]
    assert document["features"]["names"][: document["features"]["own"]] == list(batch.GROUPS["default"])
    assert document["options"]["hidden"] == 8
    assert document["folds"][0]["train"][1] < document["folds"][0]["valid"][0] < document["folds"][0]["test"][0]
    assert len(document["data"]["sha256"]) == 64
    assert 0 <= document["calibration"]["final"]["lstm"]["inverse_temperature"] <= 1.5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["features"]["names"].pop(0), "feature list 'default' has changed: without"),
        (
            lambda d: d["features"]["names"].insert(0, d["features"]["names"].pop(1)),
            "feature list 'default' has changed: another order",
        ),
        (lambda d: d["features"].update(lookback=20), "look back 20 rows"),
        (lambda d: d["tables"].update(quotes=0), "table quotes version 0"),
        (lambda d: d.update(schema_version=99), "version 99"),
        (lambda d: d["scalers"].update({next(iter(d["scalers"])): "0"}), "scaler .* is not the one"),
        (lambda d: d.pop("features"), "cannot be read"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_with_the_reason(
    written: tuple[bytes, dict[str, Any]], change: Any, reason: str
) -> None:
    """Exit 4, and what to type."""
    document = copy.deepcopy(written[1])
    change(document)
    with pytest.raises(DataError) as error:
        store.load(written[0], document)
    assert reason.split(".*")[0] in error.value.why
    assert "hfm train" in error.value.hint


def test_a_changed_scaler_or_a_damaged_file_is_refused(written: tuple[bytes, dict[str, Any]]) -> None:
    """One number in one scaler; a truncated file."""
    data, document = written
    arrays = safetensors.numpy.load(data)
    arrays["final/floor/centre"] = arrays["final/floor/centre"] + 1e-9
    with pytest.raises(DataError) as error:
        store.load(safetensors.numpy.save(arrays), document)
    assert "the scaler final/floor/centre" in error.value.why
    with pytest.raises(DataError):
        store.load(data[:-10], document)


def test_a_group_that_has_changed_since_is_named(
    written: tuple[bytes, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which features came and went."""
    monkeypatch.setitem(batch.GROUPS, "default", (*batch.GROUPS["default"][1:], "volatility"))
    with pytest.raises(DataError) as error:
        store.load(*written)
    assert f"without {batch.GROUPS['default'][0]}" in error.value.why or "with volatility" in error.value.why


def test_a_fit_that_the_checkpoint_does_not_hold_is_named(written: tuple[bytes, dict[str, Any]]) -> None:
    """fold9 of lstm."""
    with pytest.raises(DataError) as error:
        store.load(*written).part("fold9")
    assert "no fold9 of lstm" in error.value.why


def test_the_same_arrays_give_the_same_bytes_whatever_their_order() -> None:
    """Sorted by name."""
    arrays = {"b": np.zeros(3), "a": np.ones(2, np.float32)}
    assert store.dump(arrays, {})[0] == store.dump(dict(reversed(arrays.items())), {})[0]
