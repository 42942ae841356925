"""Every registered policy: values, NaN, symmetry, and no row sees another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hfm.plugins import REGISTRY, Policy, Signals, find
from tests.policies.contract import seen

LEVELS = {"threshold": 0.55, "quantile": 0.5, "cost": 1.0}


@pytest.fixture(params=sorted(REGISTRY["policies"]))
def policy(request: pytest.FixtureRequest) -> Policy:
    made: Policy = find("policies", request.param)(LEVELS.get(request.param, 0.5))
    return made


@pytest.fixture
def rows() -> Signals:
    rng = np.random.default_rng(0)
    return seen(rng.uniform(0, 1, 500), rng.uniform(0, 1, 500), rng.uniform(1, 30, 500), rng.uniform(0, 5, 500))


def test_it_proposes_long_short_and_flat_as_int8(policy: Policy, rows: Signals) -> None:
    """All three occur on random rows."""
    out = policy.weights(rows)
    assert out.dtype == np.int8
    assert set(out.tolist()) == {-1, 0, 1}


def test_turned_probabilities_turn_the_proposal(policy: Policy, rows: Signals) -> None:
    """1 - p gives the opposite side."""
    turned = dataclasses.replace(rows, p_up=1.0 - rows.p_up)
    np.testing.assert_array_equal(policy.weights(turned), -policy.weights(rows))


def test_no_row_sees_another(policy: Policy, rows: Signals) -> None:
    """A row alone gives what it gives in the batch."""
    whole = policy.weights(rows)
    for i in (0, 17, 499):
        alone = Signals(*(getattr(rows, f.name)[i : i + 1] for f in dataclasses.fields(rows)))
        assert policy.weights(alone)[0] == whole[i]


def test_no_forecast_is_flat(policy: Policy) -> None:
    """NaN in P(up) is flat, and so is an even chance."""
    assert not policy.weights(seen([np.nan, 0.5])).any()


def test_no_rows_are_no_proposals(policy: Policy) -> None:
    """An empty panel is no error."""
    assert policy.weights(seen(np.empty(0))).shape == (0,)
