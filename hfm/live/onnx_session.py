"""Networks that no step knows, run by ONNX Runtime: each row takes the session so far through the exported graph.

The graph has a fixed number of rows, those of a full session; rows that are still to come are zeros, which a causal
network does not see. Floors, gates and calibration are hfm's arithmetic, as in models.heads. Made by `hfm export`,
which needs torch; used by predict and a feed, which do not. Legend: T rows of a session, F features of the networks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hfm.arrays import Float, Float32
from hfm.errors import CheckError, DataError
from hfm.live import onnx_export
from hfm.models import inference
from hfm.models.heads import corrected
from hfm.models.packed_model import PackedModel
from hfm.plugins import Arrays

TOLERANCE = 1e-5
"""Largest difference from torch, relative to max(1, |value|): float32 sums in another order."""


class GraphOrigin(NamedTuple):
    """Whose a graph is: the model's name, its fit (final, fold3), and the SHA-256 of the checkpoint's weights."""

    model: str
    fit: str
    weights: str


def seal(data: bytes, origin: GraphOrigin, trial: Float32, want: Float32) -> bytes:
    """A traced graph with its origin in it.

    Parameters
    ----------
    data : bytes
        The graph.
    origin : GraphOrigin
        Whose it is.
    trial : float32 [1, T, F]
        Standardised features.
    want : float32 [1, T, 5]
        What torch answers to them.

    Returns
    -------
    bytes

    Raises
    ------
    CheckError
        Where the graph answers something else.
    """
    onnx, _ = onnx_export.extra()
    graph = onnx.load_from_string(data)
    head = {**origin._asdict(), "rows": trial.shape[1], "features": trial.shape[2]}
    onnx.helper.set_model_props(graph, {"hfm": json.dumps(head, sort_keys=True)})
    sealed: bytes = graph.SerializeToString()
    got = onnx_export.session_of(sealed)({"z": trial})[0]
    worst = float((np.abs(got - want) / np.maximum(1.0, np.abs(want))).max())
    if not worst <= TOLERANCE:
        raise CheckError(f"the exported graph of {origin.model} differs from torch by {worst:.1e}",
                         hint="pip install --upgrade onnxruntime")  # fmt: skip
    return sealed


class OnnxNetwork:
    """The graphs of a model's fits, one of them in use, with the session so far of each symbol."""

    def __init__(self, graphs: Callable[[str], bytes], model: str, weights: str, symbols: int) -> None:
        """graphs: gives the sealed graph of a fit (final, fold3). weights: SHA-256 of the checkpoint's."""
        self._graphs, self._model, self._weights, self._symbols = graphs, model, weights, symbols
        self._runs: dict[str, onnx_export.Run] = {}
        self._count = [0] * symbols
        self._z = np.zeros((symbols, 0, 0), np.float32)

    def use(self, fit: str, arrays: Arrays) -> None:
        """Use a fit from the next session on; without the extra, ConfigError.

        Parameters
        ----------
        fit : str
            Its name: final, fold3.
        arrays : Arrays
            Of the fit.

        Raises
        ------
        DataError
            For the graph of another training or fit.
        """
        if fit not in self._runs:
            onnx, _ = onnx_export.extra()
            data = self._graphs(fit)
            props = {p.key: p.value for p in onnx.load_from_string(data).metadata_props}
            head = json.loads(props.get("hfm", "{}"))
            if [head.get(name) for name in GraphOrigin._fields] != [self._model, fit, self._weights]:
                raise DataError("the exported graph is of another training", hint="hfm export --format onnx")
            self._runs[fit] = onnx_export.session_of(data)
            if not self._z.size:
                self._z = np.zeros((self._symbols, int(head["rows"]), int(head["features"])), np.float32)
        self._run, self._arrays = self._runs[fit], arrays

    def open(self, symbol: int) -> None:
        """A session begins."""
        self._z[symbol], self._count[symbol] = 0.0, 0

    def corrected(self, symbol: int, x: Float, model: PackedModel, head: Float) -> Float:
        """The heads of a symbol's next row, as the networks correct the floors'.

        Parameters
        ----------
        symbol : int
            Its number.
        x : float64 [F]
            Raw features; NaN in one of them masks the row for the networks.
        model : PackedModel
            Of the floors.
        head : float64 [5]
            HEADS of the floors.

        Returns
        -------
        float64 [5]
            HEADS.

        Raises
        ------
        DataError
            For a row beyond the graph's.
        """
        count = self._count[symbol]
        if count == self._z.shape[1]:
            raise DataError(f"a session has more than the graph's {count} rows", hint="hfm export --format onnx")
        scaler = model.features
        z = np.clip((x - scaler["centre"]) * scaler["factor"], -inference.CLIP, inference.CLIP)
        self._z[symbol, count] = z[: self._z.shape[2]] if np.isfinite(x).all() else 0.0
        self._count[symbol] += 1
        delta = self._run({"z": self._z[symbol : symbol + 1]})[0][:, count].astype(np.float64)
        parameters = model.constants["head"]
        label_sd = np.column_stack([parameters["volatility_sd"], parameters["spread_sd"]])
        found: Float = corrected(head[None], delta, self._arrays, label_sd)[0]
        return found

    def save(self) -> dict[str, Any]:  # Any: arrays of two dtypes
        """The sessions so far, by symbol."""
        return {f"onnx/{s}": self._z[s, : self._count[s]].copy() for s in range(len(self._count))}

    def load(self, saved: Any) -> None:  # Any: a mapping of arrays
        """Become what was saved."""
        for s in range(len(self._count)):
            self.open(s)
            kept = saved[f"onnx/{s}"]
            self._z[s, : len(kept)], self._count[s] = kept, len(kept)
