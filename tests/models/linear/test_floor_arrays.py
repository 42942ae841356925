"""What floors begin with and end with."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.models.linear import floor_arrays
from hfm.models.linear.ridge import known
from hfm.stage import Context
from tests.train.market import rows


def test_scalers_that_are_fitted_already_are_taken_and_are_the_floors_own() -> None:
    """Those of the context, whatever they are; to change them changes no other floor."""
    panel = rows().panel
    first = floor_arrays.blank(panel, Context("train"))
    given = {name: value + 1.0 for name, value in first.items()}
    taken = floor_arrays.blank(panel, Context("train", fitted={"constant": given}))
    for name in ("floor/centre", "floor/factor", "floor/label"):
        np.testing.assert_array_equal(taken[name], first[name] + 1.0)
        taken[name][:] = 0.0
        np.testing.assert_array_equal(given[name], first[name] + 1.0)
    assert not taken["floor/direction"].any()


def test_a_floor_is_fitted_once_on_the_same_rows() -> None:
    """Where the context has it a copy of that, else what the fit gives."""
    asked: list[str] = []

    def fit() -> dict[str, np.ndarray]:
        asked.append("fit")
        return {"a": np.ones(2)}

    assert floor_arrays.fitted(Context("train"), "har", fit)["a"].tolist() == [1.0, 1.0]
    has = {"a": np.zeros(2)}
    found = floor_arrays.fitted(Context("train", fitted={"har": has}), "har", fit)
    found["a"][0] = 5.0
    assert (asked, has["a"].tolist()) == (["fit"], [0.0, 0.0])


def test_the_base_rate_is_of_labelled_rows_alone() -> None:
    """Rows without all features do not count, and one class is no certainty."""
    panel = rows().panel
    up = panel.up[known(panel) & np.isfinite(panel.up)]
    assert len(up) < len(panel.up)
    assert 1 / (1 + np.exp(-floor_arrays.base_logit(panel))) == pytest.approx((up.sum() + 1) / (len(up) + 2))


def test_the_quantiles_of_what_is_left_over_are_those_of_the_training_rows() -> None:
    """Of a floor that says the mean spread: of the labels themselves, in its units."""
    panel = rows().panel
    arrays = floor_arrays.with_residuals(floor_arrays.blank(panel, Context("train")), panel)
    spread = panel.log_spread[known(panel) & np.isfinite(panel.log_spread)]
    label = arrays["floor/label"][0]
    np.testing.assert_allclose(
        label[2] + label[3] * arrays["floor/residual"], np.quantile(spread, (0.1, 0.5, 0.9)), atol=1e-9
    )
