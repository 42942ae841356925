"""Forecast sds of rows, against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.replay.row_sigma import WINDOWS, Sigma, sigma


def market(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns and prices of rows."""
    returns = np.random.default_rng(4).normal(0.0, 1e-3, n)
    return returns, 100.0 * np.exp(np.cumsum(returns))


def test_sigma_is_what_the_definition_says() -> None:
    """The windows in equal parts, of the rows before alone; a tenth of a tick at least, half a tick at first."""
    returns, price = market(900)
    found = sigma(returns, 0.01, price)
    assert found[0] == pytest.approx(0.005 / price[0])
    for row in (1, 5, 12, 13, 78, 391, 899):
        parts = [np.mean(returns[max(row - window, 0) : row] ** 2) for window in WINDOWS]
        want = max(np.sqrt(np.mean(parts)), 0.001 / price[row])
        assert found[row] == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("size", [1, 7, 390, 391, 500])
def test_parts_have_the_same_to_the_bit(size: int) -> None:
    """Wherever rows are cut, a part of none among them."""
    returns, price = market(1200)
    parts = Sigma(0.01)
    found = [parts.take(returns[i : i + size], price[i : i + size]) for i in range(0, 1200, size)]
    found.append(parts.take(np.zeros(0), np.zeros(0)))
    np.testing.assert_array_equal(np.concatenate(found), sigma(returns, 0.01, price))
