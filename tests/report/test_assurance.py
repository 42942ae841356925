"""Whether look-ahead was looked for stands beside every edge that is supported, and takes away one that it made."""

from __future__ import annotations

import pytest

from hfm.report import assurance
from hfm.report.verdict import Label, Verdict
from hfm.stage import Verification

LEAK = "backtest: signal of SPY 2026-02-24 row 3 knows what comes later (gone, it is another)"


def verdict(label: Label) -> Verdict:
    """One with a reason."""
    return Verdict(label, ("p < 0.0001.",), {})


def never() -> Verification | None:
    """Must not be asked."""
    raise AssertionError


@pytest.mark.parametrize("label", ["no edge found", "insufficient data"])
def test_a_verdict_without_an_edge_is_not_asked_and_not_changed(label: Label) -> None:
    """It costs nothing."""
    assert assurance.with_verification(verdict(label), never) == (verdict(label), None)


def test_an_edge_says_that_its_run_passed() -> None:
    """Nothing of it hangs on the seed: the same run writes the same bytes."""
    found, document = assurance.with_verification(verdict("edge supported"), lambda: Verification(29, 1))
    assert found.label == "edge supported"
    assert "in this very run, and not found: all 29 tests" in found.reasons[-1]
    assert document == {"passed": True, "tests": 29, "failed": []}
    again = assurance.with_verification(verdict("edge supported"), lambda: Verification(29, 2))
    assert again == (found, document)


def test_an_edge_that_was_not_looked_into_says_so() -> None:
    """With the command."""
    found, document = assurance.with_verification(verdict("edge supported"), lambda: None)
    assert found.label == "edge supported"
    assert "has not been looked for" in found.reasons[-1]
    assert "hfm verify --run" in found.reasons[-1]
    assert document == {"passed": None}


@pytest.mark.parametrize("checked", [Verification(29, 7, (LEAK, "another")), Verification(0, 7)])
def test_an_edge_that_looks_ahead_is_none(checked: Verification) -> None:
    """The leak stands first; a run in which nothing could be tested has passed nothing."""
    found, document = assurance.with_verification(verdict("edge supported"), lambda: checked)
    assert found.label == "no edge found"
    assert (LEAK if checked.failed else "nothing to test") in found.reasons[0]
    assert "--seed 7" in found.reasons[0]
    assert document is not None
    assert document["passed"] is False
