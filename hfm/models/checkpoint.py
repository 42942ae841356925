"""Checkpoints: arrays as safetensors, everything else as JSON; a loader that refuses what does not fit this version.

Names: fold<k>/... and final/... are the trained model's arrays (floor/..., seed<s>/..., gates, finish), the other
stepped models' stand under fold<k>/models/<name>/... Nothing is pickled, nothing is guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy

from hfm import tables
from hfm.errors import DataError, UsageError
from hfm.features import bar_features, batch
from hfm.models.packed_model import PackedModel, pack
from hfm.plugins import Arrays, Float

VERSION = 1
"""Of model.json."""
REFUSED, RETRAIN = "the checkpoint train/model.safetensors is refused", "hfm train"
SCALERS = ("floor/centre", "floor/factor", "floor/label")


@dataclass(frozen=True)
class Checkpoint:
    """A loaded pair of model.safetensors and model.json."""

    arrays: Arrays
    document: Mapping[str, Any]  # Any: JSON

    def part(self, fold: str, model: str | None = None) -> Arrays:
        """The arrays of one fit.

        Parameters
        ----------
        fold : str
            `fold0`, `fold1`, ... or `final`.
        model : str, optional
            Another one in the checkpoint than the trained model.

        Returns
        -------
        arrays by name
            Without the prefix that they have in the file.

        Raises
        ------
        DataError
            Where the checkpoint has none.
        """
        own = model is None or model == self.document["model"]
        prefix = f"{fold}/" if own else f"{fold}/models/{model}/"
        found = {name.removeprefix(prefix): value for name, value in self.arrays.items() if name.startswith(prefix)}
        found = {name: value for name, value in found.items() if not name.startswith("models/")}
        if not found:
            raise DataError(REFUSED, why=f"it holds no {fold} of {model or self.document['model']}", hint=RETRAIN)
        return found

    def steps(self, fold: str, symbol: str, model: str | None = None) -> tuple[PackedModel, Float]:
        """What `inference.step` takes of one fit and one symbol.

        Parameters
        ----------
        fold : str
            `fold0`, `fold1`, ... or `final`.
        symbol : str
            One that was not seen in training has the pooled scaler.
        model : str, optional
            Another one in the checkpoint than the trained model.

        Returns
        -------
        model : PackedModel
        finish : float64
            See `inference.calibration`.

        Raises
        ------
        UsageError
            For a model that has no step (gbm and what holds it).
        DataError
            Where the checkpoint has no such fit.
        """
        name = model or self.document["model"]
        if name not in self.document["stepped"]:
            raise UsageError(f"{name} cannot be run a row at a time", why="it is not linear floors and an LSTM alone",
                             hint=f"choose one that has a step: {', '.join(self.document['stepped'])}")  # fmt: skip
        arrays = self.part(fold, model)
        symbols = list(self.document["symbols"])
        return pack(arrays, symbols.index(symbol) if symbol in symbols else -1), arrays["finish"]


def prefix(fold: int, model: str, main: str) -> str:
    """Where the arrays of one fit stand in the safetensors file.

    Parameters
    ----------
    fold : int
        Its number; below 0: the final fit.
    model, main : str
        Name of the model, and of the trained one, whose arrays stand directly under the fold.

    Returns
    -------
    str
        What the arrays' names begin with.
    """
    place = "final" if fold < 0 else f"fold{fold}"
    return f"{place}/" if model == main else f"{place}/models/{model}/"


def describe(group: str, names: Sequence[str], own: int) -> dict[str, Any]:  # Any: JSON
    """What a checkpoint must find unchanged when it is loaded: feature list, lookback, table versions.

    Parameters
    ----------
    group : str
        The chosen group of features.
    names : sequence of str
        All features of the panel.
    own : int
        How many of them, the first ones, are the group's.

    Returns
    -------
    dict
        Of model.json.
    """
    return {
        "schema_version": VERSION,
        "features": {"group": group, "names": list(names), "own": own, "lookback": bar_features.LOOKBACK},
        "tables": {t.name: t.version for t in (tables.QUOTES, tables.PREDICTIONS)},
    }


def dump(arrays: Arrays, document: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:  # Any: JSON
    """(safetensors bytes, document with the digests of the scalers)."""
    whole = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return safetensors.numpy.save(whole), {**document, "scalers": _digests(whole)}


def load(data: bytes, document: Mapping[str, Any]) -> Checkpoint:  # Any: JSON
    """The checkpoint. Raises DataError, with the reason, where it does not fit this version of hfm or itself."""
    try:
        arrays = safetensors.numpy.load(data)
        names, group = tuple(document["features"]["names"]), document["features"]["group"]
        checks = (document["schema_version"], document["features"]["lookback"], document["tables"])
        scalers, own = document["scalers"], document["features"]["own"]
    except (safetensors.SafetensorError, KeyError, TypeError) as e:
        raise _refused(f"it cannot be read ({type(e).__name__}: {e})") from e
    here = describe(group, names, own)
    if checks[0] != VERSION:
        raise _refused(f"model.json has version {checks[0]}, this hfm reads {VERSION}")
    for name, version in here["tables"].items():
        if checks[2].get(name) != version:
            raise _refused(f"it was trained on table {name} version {checks[2].get(name)}, this hfm writes {version}")
    unknown = [n for n in names if n not in batch.step_module(names).NAMES]
    if group in batch.GROUPS and batch.GROUPS[group] != names[:own]:
        raise _refused(f"the feature list {group!r} has changed: {_difference(names[:own], batch.GROUPS[group])}")
    if unknown:
        raise _refused(f"its feature {unknown[0]!r} is not known here")
    if checks[1] != bar_features.LOOKBACK:
        raise _refused(f"its features look back {checks[1]} rows, those of this hfm {bar_features.LOOKBACK}")
    found = _digests(arrays)
    changed = sorted(k for k in {*found, *scalers} if found.get(k) != scalers.get(k))
    if changed:
        raise _refused(f"the scaler {changed[0]} is not the one that model.json describes")
    for name, value in arrays.items():
        if name.endswith("floor/centre") and value.shape[1] != len(names):
            raise _refused(f"the scaler {name} has {value.shape[1]} features, the list {len(names)}")
    return Checkpoint(arrays, document)


def _digests(arrays: Arrays) -> dict[str, str]:
    return {
        name: hashlib.sha256(str(value.shape).encode() + value.tobytes()).hexdigest()
        for name, value in arrays.items()
        if name.endswith(SCALERS)
    }


def _difference(old: Sequence[str], new: Sequence[str]) -> str:
    gone, come = [n for n in old if n not in new], [n for n in new if n not in old]
    words = [f"without {', '.join(gone)}"] * bool(gone) + [f"with {', '.join(come)}"] * bool(come)
    return " and ".join(words) or "another order"


def _refused(why: str) -> DataError:
    return DataError(REFUSED, why=why, hint=RETRAIN)
