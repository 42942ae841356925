"""Trees as arrays say what scikit-learn says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from hfm.models.trees import tree_arrays


@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_the_sum_of_the_trees_is_scikit_learns_prediction(kind: type) -> None:
    """Raw values of both kinds, for every number of trees."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 5))
    y = x[:, 0] * x[:, 1] + 0.3 * rng.standard_normal(600)
    model = kind(max_iter=20, early_stopping=False, random_state=0)
    if kind is HistGradientBoostingClassifier:
        model.fit(x, y > 0)
        staged = list(model.staged_decision_function(x))
    else:
        model.fit(x, y)
        staged = list(model.staged_predict(x))
    arrays = tree_arrays.from_sklearn(model, "head")
    path = tree_arrays.running_sums(arrays, "head", x)
    assert path.shape == (600, 21)
    np.testing.assert_allclose(path[:, 1:].T, [np.ravel(s) for s in staged], atol=1e-12)
    for count in (0, 1, 7, 20):
        np.testing.assert_array_equal(
            tree_arrays.running_sums(tree_arrays.first_trees(arrays, "head", count), "head", x)[:, -1], path[:, count]
        )


def test_plain_python_descends_as_the_compiled_kernel_does() -> None:
    """Bit for bit on a few rows."""
    links = np.array([[0, 1, 2], [-1, 0, 0], [1, 3, 4], [-1, 0, 0], [-1, 0, 0]])
    values = np.array([[0.5, 0], [0, 1.0], [-1.0, 0], [0, 2.0], [0, 3.0]])
    x = np.array([[0.5, 9.0], [0.6, -1.0], [0.6, 0.0]])
    fast, plain = np.empty((3, 1)), np.empty((3, 1))
    tree_arrays.descend(x, links, values, np.array([0]), fast)
    tree_arrays.descend.py_func(x, links, values, np.array([0]), plain)  # type: ignore[attr-defined]  # numba's
    np.testing.assert_array_equal(fast[:, 0], [1, 2, 3])
    np.testing.assert_array_equal(plain, fast)


def test_the_flat_walk_of_a_row_is_the_sum_of_the_arrays_bit_for_bit() -> None:
    """Compiled, plain, and `running_sums`; of no tree the base."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((500, 4))
    y = x[:, 0] * x[:, 1] > 0
    arrays = tree_arrays.from_sklearn(
        HistGradientBoostingClassifier(max_iter=15, early_stopping=False).fit(x, y), "head"
    )
    want = tree_arrays.running_sums(arrays, "head", x)
    np.testing.assert_array_equal(tree_arrays.summed(arrays, "head", x), want[:, -1])
    none = tree_arrays.first_trees(arrays, "head", 0)
    np.testing.assert_array_equal(tree_arrays.summed(none, "head", x), want[:, 0])
    packed = tree_arrays.packed_trees(arrays, "head")
    plain = [tree_arrays.total.py_func(row, *packed) for row in x[:50]]
    np.testing.assert_array_equal(plain, want[:50, -1])
