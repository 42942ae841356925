"""One rule of correction in three forms, and weights of members by task."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.models import heads
from hfm.models.heads import HEAD_PARAMETERS, HIGH, LOG_VOL, LOGIT, LOW, MEDIAN
from hfm.plugins import Arrays

RNG = np.random.default_rng(5)
N = 200


def parameters(gates: tuple[float, float, float]) -> np.record:
    """Of a symbol, with these gates."""
    out = np.zeros(1, HEAD_PARAMETERS)
    out[0] = (1.5, 0.4, 0.2, 0.3, -1.1, 0.1, 1.4, 0.7, 0.8, *gates, 0.0)
    found: np.record = out[0]
    return found


@pytest.mark.parametrize("gates", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.25, 0.5, 0.75)])
def test_the_three_statements_of_the_correction_agree(gates: tuple[float, float, float]) -> None:
    """Of a row before the labels' scale, of heads, and between heads without and with the network."""
    sums, delta = RNG.normal(0, 1, (N, 3)), RNG.normal(0, 0.5, (N, 5))

    def rows(p: np.record, deltas: np.ndarray) -> np.ndarray:
        return np.array([heads.corrected_row(*s, d, p) for s, d in zip(sums, deltas, strict=True)])

    p, floor = parameters(gates), rows(parameters(gates), np.zeros((N, 5)))
    want = rows(p, delta)
    arrays: Arrays = {"unit": np.array([p.volatility_unit, p.spread_unit]), "gates": np.array(gates)}
    label_sd = np.tile([p.volatility_sd, p.spread_sd], (N, 1))
    np.testing.assert_allclose(heads.corrected(floor, delta, arrays, label_sd), want, rtol=1e-12, atol=1e-12)
    whole = rows(parameters((1.0, 1.0, 1.0)), delta)
    np.testing.assert_allclose(heads.mix(floor, whole, np.array(gates)), want, rtol=1e-12, atol=1e-12)
    plain = [heads.corrected_row.py_func(*s, d, p) for s, d in zip(sums, delta, strict=True)]
    np.testing.assert_allclose(plain, want, rtol=1e-12, atol=1e-12)
    if not any(gates):
        np.testing.assert_array_equal(heads.corrected(floor, delta, arrays, label_sd), floor)
        np.testing.assert_array_equal(want, floor)


def test_quantiles_never_cross() -> None:
    """However the network bends them, and nothing is made of a head that is NaN."""
    floor = np.sort(RNG.normal(0, 1, (N, 5)), axis=1)
    floor[0, LOG_VOL] = np.nan
    arrays: Arrays = {"unit": np.ones(2)}
    out = heads.corrected(floor, RNG.normal(0, 5, (N, 5)), arrays, np.ones((N, 2)))
    assert (out[:, LOW] <= out[:, MEDIAN]).all()
    assert (out[:, MEDIAN] <= out[:, HIGH]).all()
    assert np.isnan(out[0, LOG_VOL])
    assert np.isfinite(out[0, LOGIT])


def test_members_weigh_by_task() -> None:
    """The spread's three heads share a weight."""
    both = np.stack([np.zeros((4, 5)), np.ones((4, 5))], axis=2)
    weights = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    np.testing.assert_allclose(heads.blend(both, weights), [[0.1, 0.5, 0.8, 0.8, 0.8]] * 4)
