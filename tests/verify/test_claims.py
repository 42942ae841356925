"""Every quick claim holds, and a claim that does not is said so."""

from __future__ import annotations

import importlib
import math
import tempfile

import pytest

from hfm.verify import claims
from hfm.verify.claims import Row

SLOW = {
    "logistic_share", "network_share", "live_is_batch", "killed_and_resumed", "book_reaggregation", "detected",
    "bridge_autocorrelation", "worthless_families", "few_nulls", "warm_start",
}  # fmt: skip


@pytest.mark.parametrize(
    "claim",
    [pytest.param(c, marks=pytest.mark.slow) if c.function.split(":")[1] in SLOW else c for c in claims.CLAIMS],
    ids=lambda c: c.function,
)
def test_the_claim_holds(claim: claims.Claim) -> None:
    """As `hfm verify` would print it."""
    module, _, name = claim.function.partition(":")
    rows = getattr(importlib.import_module(module), name)()
    assert rows
    assert [r.claim for r in rows if not r.passed] == []


@pytest.mark.parametrize(
    ("got", "passed"), [(1.0, True), (0.9, True), (0.89, False), (math.nan, False), (math.inf, False)]
)
def test_a_row_passes_inside_its_interval_only(got: float, passed: bool) -> None:
    """NaN is no pass."""
    assert Row("x", "1", got, 0.9, 1.1).passed is passed


def test_the_table_counts_what_failed() -> None:
    """The last line is for a script's grep, the word FAIL for the eye."""
    lines = claims.table([Row("a", "1", 1.0, 1, 1), Row("b", "1", 2.0, 1, 1)])
    assert "FAIL" in lines[2]
    assert lines[-1] == "1 passed, 1 failed"


@pytest.mark.parametrize("workers", [1, 2])
def test_claims_are_begun_by_length_and_told_in_their_order(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two processes as on one; each says how long it took, and what it wrote is gone."""
    names = ("hfm.verify.arithmetic:deflated_hurdle", "hfm.verify.tampering:journal_bytes", "hfm.verify.claims:nowhere")
    monkeypatch.setattr(claims, "PARALLEL_FROM", 0.0)
    monkeypatch.setattr(claims, "CLAIMS", tuple(claims.Claim(n, "quick", float(k)) for k, n in enumerate(names[:2])))
    heard: list[str] = []
    before = tempfile.tempdir
    done = list(claims.check("quick", heard.append, workers))
    assert [each.name for each in done] == ["deflated hurdle", "journal bytes"]
    assert [[row.passed for row in each.rows] for each in done] == [[True], [True]]
    assert sorted(line.split(":")[0] for line in heard) == ["deflated hurdle", "journal bytes"]
    assert all(each.seconds > 0 for each in done)
    assert tempfile.tempdir == before
    monkeypatch.setattr(claims, "CLAIMS", (claims.Claim(names[2], "quick", 1.0),))
    with pytest.raises(AttributeError, match="nowhere"):
        list(claims.check("quick", heard.append, workers))


@pytest.mark.parametrize(("level", "together"), [("quick", False), ("standard", False), ("full", True)])
def test_a_short_check_starts_no_process(level: claims.Level, together: bool) -> None:
    """Its claims take less than what a second process imports."""
    assert (sum(claim.seconds for claim in claims.at(level)) >= claims.PARALLEL_FROM) is together


def test_each_level_holds_the_one_below() -> None:
    """quick, standard, full."""
    quick, standard, full = (claims.at(level) for level in ("quick", "standard", "full"))
    assert set(quick) <= set(standard) <= set(full)
    assert len(quick) >= 5
