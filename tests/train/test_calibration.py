"""Gates, temperature, confidence: known answers and limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.models.heads import mix
from hfm.train import calibration
from hfm.train.calibration import (
    PRIOR,
    TEMPERATURES,
    ValidationBlock,
    clustered,
    gates,
    inverse_temperature,
    pool,
    weights,
)
from hfm.train.measures import calibration_error, expected_error


def block(n: int, share: float, seed: int = 0) -> ValidationBlock:
    """Labels that follow `share` of the network's corrections; 50 sessions."""
    rng = np.random.default_rng(seed)
    floor = np.column_stack([np.zeros(n), rng.standard_normal(n), *(np.full(n, q) for q in (-1.0, 0.0, 1.0))])
    heads = floor + rng.standard_normal((n, 1)) * np.array([1, 0.5, 0.5, 0.5, 0.5])
    shift = share * (heads - floor)
    up = (rng.random(n) < 1 / (1 + np.exp(-shift[:, 0]))).astype(float)
    vol = floor[:, 1] + shift[:, 1] + 0.5 * rng.standard_normal(n)
    spread = shift[:, 3] + 0.78 * rng.standard_normal(n)
    return ValidationBlock(floor, heads, up, vol, spread, np.arange(n) % 50)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_gates_open_as_far_as_the_corrections_are_true(share: float) -> None:
    """5,000 rows whose labels follow none, half or all of the corrections."""
    np.testing.assert_allclose(gates(block(5000, share)), np.full(3, share), atol=0.26)


def test_useless_corrections_are_dropped_altogether() -> None:
    """Corrections that tell nothing have gate 0 in nearly every draw, even with few rows."""
    opened = np.mean([gates(block(200, 0.0, seed)) > 0 for seed in range(20)])
    assert opened < 0.1


def test_gates_of_one_session_stay_shut() -> None:
    """One cluster has no standard error; nothing may open without one... unless the gain is sure to be measured."""
    one = block(100, 0.0)
    shut = ValidationBlock(one.floor, one.floor, one.up, one.log_vol, one.log_spread, np.zeros(100, np.int64))
    np.testing.assert_array_equal(gates(shut), 0)


def test_gates_of_one_block_stay_shut_even_where_the_correction_helps() -> None:
    """A gain without an error is no evidence."""
    one = block(5000, 1.0)
    np.testing.assert_array_equal(gates(replace(one, cluster=np.zeros(5000, np.int64))), 0)


def members(n: int, *noise: float, seed: int = 0) -> ValidationBlock:
    """A member for each `noise` (sd of what is added to the true logit, volatility and spread); 50 clusters."""
    rng = np.random.default_rng(seed)
    true = rng.standard_normal((n, 1)) * np.array([1.5, 1, 1, 1, 1]) + np.array([0, 0, -0.4, 0, 0.4])
    heads = np.stack([true + sd * rng.standard_normal((n, 1)) for sd in noise], axis=2)
    up = (rng.random(n) < 1 / (1 + np.exp(-true[:, 0]))).astype(float)
    error = 0.3 * rng.standard_normal((2, n))
    return ValidationBlock(heads[:, :, 0], heads, up, true[:, 1] + error[0], true[:, 3] + error[1], np.arange(n) % 50)


def test_free_weights_leave_out_a_bad_member_and_bound_ones_cannot() -> None:
    """The truth beside two members that are mostly noise: weight 0 for these, a sixth each where weights are bound."""
    data = members(6000, 3.0, 0.0, 3.0)
    np.testing.assert_allclose(weights(data, free=True), [[0, 1, 0]] * 3, atol=0.101)
    assert (weights(data, free=True)[:, [0, 2]] == 0).any()
    assert (weights(data)[:, [0, 2]] >= 1 / 6 - 1e-12).all()


def test_free_weights_stay_half_way_where_one_cluster_leaves_no_error() -> None:
    """As if they were bound."""
    one = replace(members(2000, 3.0, 0.0, 3.0), cluster=np.zeros(2000, np.int64))
    np.testing.assert_array_equal(weights(one, free=True), weights(one))


@pytest.mark.parametrize(("blocks", "expected"), [(1, 0.75), (3, 0.625), (400, 0.5)])
def test_a_temperature_of_few_blocks_is_believed_by_the_block(blocks: int, expected: float) -> None:
    """40,000 rows stretched twofold: 1/T is half way to .5 with one block, all of the way with many."""
    rng = np.random.default_rng(1)
    logit = rng.standard_normal(40_000)
    up = (rng.random(40_000) < 1 / (1 + np.exp(-logit))).astype(float)
    found = inverse_temperature(2 * logit, up, np.arange(40_000) % blocks)
    assert found == pytest.approx(expected, abs=0.04)
    assert inverse_temperature(2 * logit, up) == pytest.approx(0.5, abs=0.04)


def test_pooled_blocks_calibrate_fresh_rows_to_the_error_of_a_perfect_forecaster() -> None:
    """Logits stretched 1.4-fold, 20 validation blocks of 200 rows, 8,000 fresh rows: from three times the error that a
    calibrated forecaster shows to within half of it, in the mean of 10 draws."""
    before, after = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        logit = rng.standard_normal(12_000)
        up = (rng.random(12_000) < 1 / (1 + np.exp(-logit))).astype(float)
        old, new = slice(0, 4000), slice(4000, None)
        inverse = inverse_temperature(1.4 * logit[old], up[old], np.arange(4000) // 200)
        for share, errors in ((1.0, before), (inverse, after)):
            p = 1 / (1 + np.exp(-1.4 * share * logit[new]))
            errors.append(calibration_error(p, up[new]) / expected_error(p))
    assert np.mean(before) > 3
    assert np.mean(after) < 1.5


@pytest.mark.parametrize("gate", [0.0, 1.0])
def test_mixing_with_gate_0_is_the_floor_and_with_1_the_network(gate: float) -> None:
    """The two ends."""
    data = block(50, 1.0)
    np.testing.assert_allclose(
        mix(data.floor, data.heads, np.full(3, gate)), data.heads if gate else data.floor, atol=1e-12
    )


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 1.0), (2.0, 0.5), (0.8, 1.25)])
def test_the_temperature_undoes_a_known_overconfidence(scale: float, expected: float) -> None:
    """Logits stretched by a known factor, 40,000 rows."""
    rng = np.random.default_rng(1)
    logit = rng.standard_normal(40_000)
    up = (rng.random(40_000) < 1 / (1 + np.exp(-logit))).astype(float)
    assert inverse_temperature(logit * scale, up) == pytest.approx(expected, abs=0.05)


def test_the_temperature_stays_in_its_limits_and_near_1_without_evidence() -> None:
    """Ten rows leave it near 1, none at 1; logits that are always wrong cannot turn it below 0."""
    rng = np.random.default_rng(2)
    few = inverse_temperature(0.1 * rng.standard_normal(10), (rng.random(10) > 0.5).astype(float))
    assert few == pytest.approx(1, abs=0.1)
    assert inverse_temperature(np.array([np.nan]), np.array([1.0])) == 1
    assert inverse_temperature(np.full(9999, 2.0), np.zeros(9999)) == 0
    assert inverse_temperature(np.full(9999, 2.0), np.ones(9999)) == 1.5


def test_confidences_are_sorted_distances_from_one_half() -> None:
    """NaN rows are left out."""
    found = calibration.confidences(np.array([2.0, np.nan, -1.0]), 1.0)
    np.testing.assert_allclose(found, [1 / (1 + np.exp(-1.0)) - 0.5, 1 / (1 + np.exp(-2.0)) - 0.5])


def test_the_clustered_error_is_the_plain_one_where_each_row_is_a_cluster() -> None:
    """And grows where rows of a cluster are copies of each other."""
    values = np.random.default_rng(3).standard_normal(400)
    mean, se = clustered(values, np.arange(400))
    assert mean == pytest.approx(values.mean())
    assert se == pytest.approx(values.std(ddof=1) / 20)
    copied = clustered(np.repeat(values, 9), np.repeat(np.arange(400), 9))
    assert copied == pytest.approx((mean, se))
    assert np.isnan(clustered(values, np.zeros(400, np.int64))[1])
    assert np.isnan(clustered(np.array([np.nan]), np.array([0]))[0])


def test_pooled_blocks_are_all_their_rows_in_order() -> None:
    """Concatenation, field by field."""
    a, b = block(10, 0.0), block(20, 0.0)
    both = pool([a, b])
    assert len(both.up) == 30
    np.testing.assert_array_equal(both.heads[10:], b.heads)


@pytest.mark.parametrize("seed", range(40))
def test_the_temperature_is_the_best_of_all_that_could_be_tried(seed: int) -> None:
    """Bisection of a convex loss finds what trying each finds, with and without clusters."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    z = rng.standard_normal(n) * rng.choice([0.0, 1e-3, 0.1, 1.0, 30.0])
    y = (rng.random(n) < 1 / (1 + np.exp(-rng.choice([-1.0, 0.0, 0.3, 1.0, 5.0]) * z))).astype(float)
    cluster = rng.integers(0, 5, n) if seed % 2 else None
    loss = np.array([np.sum(np.logaddexp(0, k * z) - k * y * z) for k in TEMPERATURES])
    share = 1.0
    if cluster is not None:
        p = 0.5 + 0.5 * np.tanh(0.5 * TEMPERATURES[int(np.argmin(loss))] * z)
        share = 1 / (1 + float(np.sum(p * (1 - p) * z * z)) * PRIOR**2 / len(np.unique(cluster)))
    best = int(np.argmin(share * loss + (TEMPERATURES - 1) ** 2 / (2 * PRIOR**2)))
    assert inverse_temperature(z, y, cluster) == TEMPERATURES[best]
