"""An edge is supported only where nothing in the run was found to know the future, and the reasons say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hfm.report.verdict import Verdict
from hfm.stage import Verification

SUPPORTED = "edge supported"
NOT_ASKED = "Look-ahead has not been looked for in this run: hfm verify --run NAME, then hfm report."


def with_verification(
    found: Verdict, verified: Callable[[], Verification | None]
) -> tuple[Verdict, dict[str, Any] | None]:  # Any: JSON values
    """The verdict, and summary.json's word of the look-ahead tests; None where no edge was supported before them.

    verified: asked only where an edge would be supported. Where a test fails there is no edge, and the reason names
    the stage, the column and the row. Of tests that pass nothing is said that another seed of the cuts would change.
    """
    if found.label != SUPPORTED:
        return found, None
    checked = verified()
    if checked is None:
        return replace(found, reasons=(*found.reasons, NOT_ASKED)), {"passed": None}
    document = {"passed": checked.passed, "tests": checked.tests, "failed": list(checked.failed)}
    if checked.passed:
        text = f"Look-ahead was looked for in this very run, and not found: all {checked.tests} tests were passed."
        return replace(found, reasons=(*found.reasons, text)), document
    first = checked.failed[0] if checked.failed else "there was nothing to test"
    text = (
        f"Look-ahead was found in this very run, so that its gains are no evidence: {first} "
        f"({len(checked.failed)} of {checked.tests} tests failed, --seed {checked.seed})."
    )
    return replace(found, label="no edge found", reasons=(text, *found.reasons)), document
