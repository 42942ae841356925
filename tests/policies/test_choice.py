"""A threshold names a policy."""

from __future__ import annotations

import pytest

from hfm.errors import UsageError
from hfm.policies.choice import choose


@pytest.mark.parametrize(
    ("text", "name", "kind", "level"),
    [("0.55", "p0.55", "threshold", 0.55), ("q97.5", "q0.975", "quantile", 0.975), ("cost", "cost", "cost", None)],
)
def test_each_form_of_a_threshold_has_its_policy(text: str, name: str, kind: str, level: float | None) -> None:
    """As trials are called in the tables."""
    chosen = choose(text)
    assert (chosen.name, chosen.kind, chosen.level) == (name, kind, level)


@pytest.mark.parametrize("text", ["threshold", "quantile", "nobody"])
def test_a_policy_that_needs_a_level_or_is_not_there_is_refused(text: str) -> None:
    """With what to type."""
    with pytest.raises(UsageError):
        choose(text)
