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
) -> tuple[Verdict, dict[str, Any] | None]:
    """The verdict, and summary.json's word of the look-ahead tests; None where no edge was supported before them.

    verified: asked only where an edge would be supported. Where a test does not hold there is no edge, and the reason
    names the stage, the column and the row.
    """
    if found.label != SUPPORTED:
        return found, None
    checked = verified()
    if checked is None:
        return replace(found, reasons=(*found.reasons, NOT_ASKED)), {"passed": None}
    document = {"passed": checked.passed, "by_this_run": not checked.at, "at": checked.at, **checked.document()}
    if checked.passed:
        when = "by this very run" if not checked.at else f"by hfm verify --run on these very files, {checked.at}"
        text = (
            f"Look-ahead was looked for and not found, {when}: {checked.held} of {checked.lines} tests passed "
            f"(--seed {checked.seed})."
        )
        return replace(found, reasons=(*found.reasons, text)), document
    first = checked.failed[0] if checked.failed else "no test was made"
    text = (
        f"Look-ahead was found, so that what follows is no evidence: {first} "
        f"({checked.lines - checked.held} of {checked.lines} tests failed, --seed {checked.seed})."
    )
    return replace(found, label="no edge found", reasons=(text, *found.reasons)), document
