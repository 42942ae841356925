"""A fitted model of one symbol as the kernels of inference take it: records with named fields, and blocks of weights.

Linear floors, boosted trees beside their direction and LSTM networks on top, of which trees and networks may be
missing. Legend: F features, K clock slots, M nodes of B trees, H hidden units, L layers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.arrays import Float32, Int
from hfm.models.heads import HEAD_PARAMETERS, TASKS
from hfm.models.trees import tree_arrays
from hfm.plugins import Arrays
from hfm.tables.records import Records, columns_dtype, nested_dtype
from hfm.tables.schema import columns

TREES = "floor/trees"
"""Arrays of the boosted trees beside the logistic direction, where there are any (stacking)."""
BLOCK_ROWS, BLOCK_COLUMNS = 8, 32
"""Rows and columns of a weight matrix are padded with zeros to a multiple of these, and stored in such blocks."""

FEATURE_WEIGHTS = columns_dtype(
    columns("""
centre     f8 -  mean of the feature of this symbol
factor     f8 -  one over its standard deviation, 0 where it does not vary
direction  f8 -  weight of the standardised feature in the logit
volatility f8 sd weight in the log volatility
spread     f8 sd weight in the log spread
""")
)
"""Of one feature. `sd`: in standard deviations of the symbol's labels."""
SLOT_LEVELS = columns_dtype(
    columns("""
volatility f8 sd level of the log volatility in this clock slot
spread     f8 sd level of the log spread
""")
)
"""Of one clock slot."""
CONSTANTS = nested_dtype([
    ("inputs", "i8"),  # features that the networks see: the first of all
    ("networks", "i8"),  # whose corrections are averaged
    ("hidden", "i8"),  # units of each layer
    ("layers", "i8"),
    ("intercept", "f8"),  # of the logit
    ("tree_base", "f8"),  # the logit before the first tree
    ("head", HEAD_PARAMETERS),
])  # fmt: skip
"""Numbers of the whole model."""


class PackedModel(NamedTuple):
    """A fitted model of one symbol.

    constants: records [1] of CONSTANTS. features: [F] of FEATURE_WEIGHTS. slots: [K] of SLOT_LEVELS. nodes: [M] of
    tree_arrays.NODE. roots: int64 [B]. weights: float32, of each network each layer's bias [4H], W_ih and W_hh in
    blocks, then the output layer's bias [5] and weights [H, 5].
    """

    constants: Records
    features: Records
    slots: Records
    nodes: Records
    roots: Int
    weights: Float32


def pack(arrays: Arrays, symbol: int) -> PackedModel:
    """The model of one symbol from fitted arrays.

    Parameters
    ----------
    arrays : arrays by name
        Of a stepped model: see linear.floors, stacking and lstm_network.packable_arrays.
    symbol : int
        Its number in training; -1: one not seen there, for which the pooled scaler stands.

    Returns
    -------
    PackedModel
    """
    networks = sum(1 for name in arrays if name.endswith("/head/b"))
    count = arrays["floor/centre"].shape[1]
    features, slots = np.zeros(count, FEATURE_WEIGHTS), np.zeros(len(arrays["floor/vol_slot"]), SLOT_LEVELS)
    features["centre"], features["factor"] = arrays["floor/centre"][symbol], arrays["floor/factor"][symbol]
    features["direction"] = arrays["floor/direction"][:-1]
    features["volatility"], features["spread"] = arrays["floor/vol"], arrays["floor/spread"]
    slots["volatility"], slots["spread"] = arrays["floor/vol_slot"], arrays["floor/spread_slot"]
    constants = np.zeros(1, CONSTANTS)
    constants["intercept"] = arrays["floor/direction"][-1]
    constants["head"] = _head_parameters(arrays, symbol, networks)
    nodes, roots = np.zeros(0, tree_arrays.NODE), np.zeros(0, np.int64)
    if "floor/share" in arrays:
        nodes, roots, constants["tree_base"] = tree_arrays.packed_trees(arrays, TREES)
    weights = np.zeros(1, np.float32)
    if networks:
        constants["networks"] = networks
        constants["layers"] = sum(1 for name in arrays if name.startswith("seed0/l") and name.endswith("/b"))
        constants["inputs"], constants["hidden"] = arrays["seed0/l0/ih"].shape[0], arrays["seed0/l0/hh"].shape[0]
        parts = [_network_weights(arrays, f"seed{s}", int(constants["layers"][0])) for s in range(networks)]
        weights = np.concatenate(parts).astype(np.float32)
    return PackedModel(constants, features, slots, nodes, roots, weights)


def _head_parameters(arrays: Arrays, symbol: int, networks: int) -> np.record:
    """HEAD_PARAMETERS of a symbol."""
    out = np.zeros(1, HEAD_PARAMETERS)
    label = ("volatility_centre", "volatility_sd", "spread_centre", "spread_sd")
    gates = tuple(f"{task}_gate" for task in TASKS)
    for names, values in (
        (label, arrays["floor/label"][symbol]),
        (("low", "median", "high"), arrays["floor/residual"]),
        (("volatility_unit", "spread_unit"), arrays["unit"] if networks else np.ones(2)),
        (gates, arrays.get("gates", np.ones(len(gates)))),
        (("tree_share",), arrays.get("floor/share", np.zeros(1))),
    ):
        for name, value in zip(names, values, strict=True):
            out[name] = value
    found: np.record = out[0]
    return found


def _network_weights(arrays: Arrays, network: str, layers: int) -> Float32:
    """A network's weights in the order in which the kernel reads them."""
    parts: list[Float32] = []
    for layer in range(layers):
        bias = arrays[f"{network}/l{layer}/b"]
        parts.append(np.pad(bias, (0, -len(bias) % BLOCK_COLUMNS)))
        parts += [_blocks(arrays[f"{network}/l{layer}/{part}"]) for part in ("ih", "hh")]
    return np.concatenate([*parts, *(arrays[f"{network}/head/{part}"].ravel() for part in ("b", "w"))])


def _blocks(matrix: Float32) -> Float32:
    """A matrix [n, 4H], padded with zeros, in blocks: those of a row of blocks one after the other."""
    rows, column_count = (-size % unit for size, unit in zip(matrix.shape, (BLOCK_ROWS, BLOCK_COLUMNS), strict=True))
    padded = np.pad(matrix, ((0, rows), (0, column_count)))
    return padded.reshape(len(padded) // BLOCK_ROWS, BLOCK_ROWS, -1, BLOCK_COLUMNS).swapaxes(1, 2).ravel()
