"""Boosted trees as arrays: taken out of scikit-learn's fit, summed by a kernel, stored without pickle.

Legend: n rows, F features, M nodes of all trees, B trees.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hfm.kernels.jit import kernel
from hfm.plugins import Arrays, Float, Int

NODE = 5
"""Numbers of a node in `flat`: feature (-1: a leaf), threshold, left, right, leaf."""


@kernel
def descend(x: Float, links: Int, values: Float, roots: Int, out: Float) -> None:
    """out [n, B]: what each tree says of the rows x [n, F], which must be complete.

    links: [M, 3] feature (-1: a leaf), left, right; values: [M, 2] threshold (left where x <= it), leaf; roots [B].
    """
    for t in range(x.shape[0]):
        for b in range(roots.shape[0]):
            node = roots[b]
            while links[node, 0] >= 0:
                node = links[node, 1] if x[t, links[node, 0]] <= values[node, 0] else links[node, 2]
            out[t, b] = values[node, 1]


@kernel
def total(x: Float, nodes: Float, at: int) -> float:
    """The sum of the base and all trees of one row x [F + 1], from `flat` numbers that stand at nodes[at:].

    In the order of `said`, so that the sums are the same bits.
    """
    count = int(nodes[at])
    out, first = float(nodes[at + 1]), at + 2 + count
    for b in range(count):
        node = first + NODE * int(nodes[at + 2 + b])
        while nodes[node] >= 0:
            side = 2 if x[int(nodes[node])] <= nodes[node + 1] else 3
            node = first + NODE * int(nodes[node + side])
        out += nodes[node + 4]
    return out


@kernel
def sums(x: Float, nodes: Float, out: Float) -> None:
    """out [n]: `total` of rows x [n, F + 1]."""
    for t in range(x.shape[0]):
        out[t] = total(x[t], nodes, 0)


def summed(arrays: Arrays, name: str, x: Float) -> Float:
    """[n] the base and all trees of `name` for rows x: the last of `said`, bit for bit, without the sums before it."""
    out = np.empty(len(x))
    sums(np.ascontiguousarray(x), flat(arrays, name), out)
    return out


def flat(arrays: Arrays, name: str) -> Float:
    """What `total` walks: number of trees, base, the root of each, then NODE numbers a node."""
    links, values = arrays[f"{name}/links"].astype(np.float64), arrays[f"{name}/values"]
    nodes = np.column_stack([links[:, 0], values[:, 0], links[:, 1:], values[:, 1]])
    roots = arrays[f"{name}/roots"].astype(np.float64)
    return np.concatenate([[len(roots)], arrays[f"{name}/base"], roots, nodes.ravel()])


def said(arrays: Arrays, name: str, x: Float) -> Float:
    """[n, B + 1] the running sum of the base and the trees of `name` for rows x."""
    roots = arrays[f"{name}/roots"]
    each = np.empty((len(x), len(roots)))
    descend(np.ascontiguousarray(x), arrays[f"{name}/links"], arrays[f"{name}/values"], roots, each)
    return np.cumsum(np.column_stack([np.full(len(x), arrays[f"{name}/base"][0]), each]), axis=1)


def cut(arrays: Arrays, name: str, count: int) -> Arrays:
    """The same with the first `count` trees alone."""
    roots = arrays[f"{name}/roots"]
    end = int(roots[count]) if count < len(roots) else len(arrays[f"{name}/links"])
    kept = {"links": end, "values": end, "roots": count, "base": 1}
    return {f"{name}/{part}": arrays[f"{name}/{part}"][:size] for part, size in kept.items()}


def take_out(model: Any, name: str) -> Arrays:  # Any: a fitted HistGradientBoosting model
    """The arrays of a fitted scikit-learn model without categories or missing values."""
    links, values, roots, at = [], [], [], 0
    for (tree,) in model._predictors:
        nodes = tree.nodes
        leaf = nodes["is_leaf"].astype(bool)
        child = [np.where(leaf, 0, nodes[side].astype(np.int64) + at) for side in ("left", "right")]
        links.append(np.column_stack([np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)), *child]))
        values.append(np.column_stack([np.where(leaf, 0.0, nodes["num_threshold"]), nodes["value"]]))
        roots.append(at)
        at += len(nodes)
    return {
        f"{name}/links": np.concatenate(links).astype(np.int64), f"{name}/values": np.concatenate(values),
        f"{name}/roots": np.array(roots, np.int64),
        f"{name}/base": np.ravel(model._baseline_prediction)[:1].astype(float),
    }  # fmt: skip
