"""Boosted trees as arrays: taken out of scikit-learn's fit, summed by a kernel, stored without pickle.

Legend: n rows, F features, M nodes of all trees, B trees.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hfm.arrays import Float, Int
from hfm.kernels.jit import kernel
from hfm.plugins import Arrays
from hfm.tables.records import Records, columns_dtype
from hfm.tables.schema import columns

NODE = columns_dtype(
    columns("""
feature   i8 - column of x that the node compares, -1: a leaf
threshold f8 - where x is at most this, the path goes left
left      i8 - number of the left child among all nodes
right     i8 - number of the right child
leaf      f8 - what a leaf adds
""")
)
"""A node of a tree."""


@kernel
def descend(x: Float, links: Int, values: Float, roots: Int, out: Float) -> None:
    """What each tree adds to each row.

    Parameters
    ----------
    x : float64 [n, F]
        Complete rows.
    links, values, roots : int64 [M, 3], float64 [M, 2], int64 [B]
        As in `from_sklearn`.
    out : float64 [n, B]
        Filled.
    """
    for t in range(x.shape[0]):
        for b in range(roots.shape[0]):
            node = roots[b]
            while links[node, 0] >= 0:
                node = links[node, 1] if x[t, links[node, 0]] <= values[node, 0] else links[node, 2]
            out[t, b] = values[node, 1]


@kernel
def total(x: Float, nodes: Records, roots: Int, base: float) -> float:
    """The sum of the base and all trees for one row.

    Parameters
    ----------
    x : float64 [F]
        The row, complete.
    nodes : records [M] of NODE
        Of all trees.
    roots : int64 [B]
        Number of each tree's first node.
    base : float
        What stands before the first tree.

    Returns
    -------
    float
        The last of `running_sums`, bit for bit: they add in the same order.
    """
    out = base
    for b in range(roots.shape[0]):
        node = roots[b]
        while nodes[node].feature >= 0:
            node = nodes[node].left if x[nodes[node].feature] <= nodes[node].threshold else nodes[node].right
        out += nodes[node].leaf
    return out


@kernel
def totals(x: Float, nodes: Records, roots: Int, base: float, out: Float) -> None:
    """`total` of several rows.

    Parameters
    ----------
    x : float64 [n, F]
        Complete rows.
    nodes, roots, base
        As in `total`.
    out : float64 [n]
        Filled.
    """
    for t in range(x.shape[0]):
        out[t] = total(x[t], nodes, roots, base)


def summed(arrays: Arrays, name: str, x: Float) -> Float:
    """The base and all trees of `name` for rows: the last of `running_sums`, without the sums before it.

    Parameters
    ----------
    arrays : arrays by name
        See `from_sklearn`.
    name : str
        Of the head.
    x : float64 [n, F]
        Complete rows.

    Returns
    -------
    float64 [n]
    """
    out = np.empty(len(x))
    totals(np.ascontiguousarray(x), *packed_trees(arrays, name), out)
    return out


class PackedTrees(NamedTuple):
    """Trees as `total` walks them: nodes, records [M] of NODE; roots, int64 [B]; base."""

    nodes: Records
    roots: Int
    base: float


def packed_trees(arrays: Arrays, name: str) -> PackedTrees:
    """The trees of `name` as `total` walks them."""
    links, values = arrays[f"{name}/links"], arrays[f"{name}/values"]
    nodes = np.zeros(len(links), NODE)
    nodes["feature"], nodes["left"], nodes["right"] = links.T
    nodes["threshold"], nodes["leaf"] = values.T
    return PackedTrees(nodes, np.ascontiguousarray(arrays[f"{name}/roots"]), float(arrays[f"{name}/base"][0]))


def running_sums(arrays: Arrays, name: str, x: Float) -> Float:
    """The sums of the base and the first trees of `name`, for every number of trees.

    Parameters
    ----------
    arrays : arrays by name
        See `from_sklearn`.
    name : str
        Of the head.
    x : float64 [n, F]
        Complete rows.

    Returns
    -------
    float64 [n, B + 1]
    """
    roots = arrays[f"{name}/roots"]
    each = np.empty((len(x), len(roots)))
    descend(np.ascontiguousarray(x), arrays[f"{name}/links"], arrays[f"{name}/values"], roots, each)
    return np.cumsum(np.column_stack([np.full(len(x), arrays[f"{name}/base"][0]), each]), axis=1)


def first_trees(arrays: Arrays, name: str, count: int) -> Arrays:
    """The first trees of a head.

    Parameters
    ----------
    arrays : arrays by name
        See `from_sklearn`.
    name : str
        Of the head.
    count : int
        How many; 0: the base alone.

    Returns
    -------
    arrays by name
        Views, of this head alone.
    """
    roots = arrays[f"{name}/roots"]
    end = int(roots[count]) if count < len(roots) else len(arrays[f"{name}/links"])
    kept = {"links": end, "values": end, "roots": count, "base": 1}
    return {f"{name}/{part}": arrays[f"{name}/{part}"][:size] for part, size in kept.items()}


def from_sklearn(model: Any, name: str) -> Arrays:  # Any: a fitted HistGradientBoosting model
    """The arrays of a fitted scikit-learn model without categories or missing values.

    Parameters
    ----------
    model : HistGradientBoostingClassifier or HistGradientBoostingRegressor
        Fitted.
    name : str
        Of the head: the arrays stand under it.

    Returns
    -------
    arrays by name
        <name>/links [M, 3]: feature (-1: a leaf), left, right. <name>/values [M, 2]: threshold, leaf. <name>/roots [B]
        and <name>/base [1].
    """
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
