"""Boosted trees as arrays: taken out of scikit-learn's fit, summed by a kernel, stored without pickle.

Legend: n rows, F features, M nodes of all trees, B trees.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hfm.kernel import kernel
from hfm.plugins import Arrays, Float, Int


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
