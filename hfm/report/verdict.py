"""The verdict: does this run show an edge? A pure function of the trials table and of what is on record.

An edge is supported where three things hold. The family of trials, as one series weighted by the past (see
randomization), earns more than its matched exposure with a p of at most the level that this look at this configuration
has left (see alpha_spending). Its best trial earns money after costs. And where closes are prices of trades, the same
holds with every signal one row late, and with the bars' own half-spread charged at every fill: otherwise the edge is
consistent with bid-ask bounce. Axes: S sessions, K trials of the family.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from hfm.report import alpha_spending, randomization, statistics, verdict_reasons
from hfm.report.randomization import Randomization
from hfm.report.trial_returns import Int, TrialReturns, trial_returns
from hfm.report.verdict_numbers import (
    SharpeInterval,
    TrialCounts,
    VerdictNumbers,
    of_bounce,
    of_test,
    of_trial,
    studentised_columns,
)
from hfm.report.verdict_reasons import SESSIONS, TRADED, TRIPS
from hfm.stage import Record, Verification
from hfm.tables.json_document import Json

Label = Literal["insufficient data", "edge supported", "no edge found"]
EXCEEDING = 20
"""Resamples at or beyond the level that a p-value is to rest on."""
MOST_REPS = 100_000
NOT_VERIFIED = "Look-ahead has not been looked for in this run: hfm verify --run NAME, then hfm report."
FIRST_LOOK = Record()
"""The first look at the first configuration."""


@dataclass(frozen=True)
class Verdict:
    """The label, a sentence for each reason, the numbers in them, and warnings about the data itself."""

    label: Label
    reasons: tuple[str, ...]
    numbers: VerdictNumbers
    flags: tuple[str, ...] = ()
    family: TrialReturns | None = field(default=None, compare=False)
    test: Randomization | None = field(default=None, compare=False)

    def document(self) -> Json:
        """The verdict as it stands in summary.json."""
        return {
            "label": self.label,
            "reasons": list(self.reasons),
            "numbers": self.numbers.document(),
            "flags": list(self.flags),
        }


def judge(trials: pa.Table, *, record: Record = FIRST_LOOK, reps: int = 10_000, seed: int = 7) -> Verdict:
    """The verdict on a trials table.

    Parameters
    ----------
    trials : the table of a back-test.
    record : what was tried before on the same data.
    reps, seed : of the resampling; more are drawn where the level is too small for so many.

    Returns
    -------
    The verdict, without flags.

    Notes
    -----
    Trials that never trade leave the matrix, as do those too thin to be judged (under TRIPS round trips or TRADED
    traded sessions) while others can be: a lucky pair of trades is no best trial. All of them count in N.
    """
    family = trial_returns(trials)
    trips, traded = family.trips.sum(axis=0), family.traded
    if not traded.sum():
        counts = _counts(family, record, 0, reps)
        reasons = verdict_reasons.nothing_traded(family, counts.trials)
        return Verdict("insufficient data", tuple(reasons), VerdictNumbers(counts), family=family)
    judged = np.flatnonzero((trips >= TRIPS) & (traded >= TRADED) & (family.excess.std(axis=0) > 0))
    counts = _counts(family, record, len(judged), reps)
    if len(judged) and len(family.sessions) >= SESSIONS:
        return _tested(family, judged, counts, seed)
    moved = np.flatnonzero(traded)
    busiest = of_trial(family, int(moved[int(trips[moved].argmax())]))
    reasons = verdict_reasons.too_little_data(family, busiest, len(judged))
    return Verdict("insufficient data", tuple(reasons), VerdictNumbers(counts, busiest), family=family)


def _counts(family: TrialReturns, record: Record, judged: int, reps: int) -> TrialCounts:
    """What was tried, and the level and resamples of this look."""
    level = alpha_spending.critical_p(record, max(len(family.sessions), 1))
    return TrialCounts(
        sessions=len(family.sessions),
        trials=max(record.trials, len(family.names)),
        family=len(family.names),
        judged=judged,
        level=level,
        rank=record.rank,
        configurations=record.configurations,
        looks=len(record.looks) + 1,
        swept=record.swept,
        user_trial=family.user,
        reps=int(np.clip(math.ceil(EXCEEDING / level), reps, MOST_REPS)),
    )


def _tested(family: TrialReturns, judged: Int, counts: TrialCounts, seed: int) -> Verdict:
    """The verdict where there is data enough."""
    test = randomization.family_test(family.excess[:, judged], counts.reps, seed)
    best = int(judged[int(studentised_columns(family.excess[:, judged]).argmax())])
    trial, figures = of_trial(family, best), of_test(family, judged, best, test, counts)
    numbers = VerdictNumbers(counts, trial, figures)
    numbers = replace(numbers, bounce=of_bounce(family, judged, best, numbers, seed))
    small = figures.p <= counts.level
    bounced = small and family.bounce is not None and not _outlives_bounce(numbers)
    supported = small and trial.net_return > 0 and not bounced and not family.unchecked
    reasons = verdict_reasons.of_test(family, trial, figures, numbers, supported=supported, bounced=bounced)
    label: Label = "edge supported" if supported else "no edge found"
    return Verdict(label, tuple(reasons), numbers, family=family, test=test)


def _outlives_bounce(numbers: VerdictNumbers) -> bool:
    """Whether family and best trial earn one row late, and at the bars' own half-spread."""
    bounce = numbers.bounce
    if bounce is None:
        return False
    earned = min(bounce.late_net_return, bounce.charged_net_return, bounce.late_share)
    return bool(max(bounce.p_late, bounce.p_charged) <= numbers.counts.level and earned > 0)


def interval(found: Verdict, reps: int, seed: int) -> SharpeInterval | None:
    """95 % bootstrap interval of the best trial's yearly Sharpe ratio of its excess; it decides nothing.

    Parameters
    ----------
    found : the verdict.
    reps, seed : of the bootstrap over sessions.

    Returns
    -------
    None where nothing was tested.
    """
    if found.test is None or found.family is None or found.numbers.best is None:
        return None
    excess = found.family.excess[:, found.family.names.index(found.numbers.best.trial)]
    low, high = statistics.sharpe_interval(excess, reps, seed)
    root = math.sqrt(found.family.year)
    return SharpeInterval(low * root, high * root)


def with_verification(found: Verdict, verified: Callable[[], Verification | None]) -> tuple[Verdict, Json | None]:
    """The verdict, given what the look-ahead tests say: an edge is supported only where they find nothing.

    Parameters
    ----------
    found : the verdict before them.
    verified : gives their result, None where they were not run; asked only where an edge would be supported.

    Returns
    -------
    The verdict, and summary.json's word of the tests; None where no edge was supported before them. Where a test fails
    there is no edge, and the reason names the stage, the column and the row. Of tests that pass nothing is said that
    another seed of the cuts would change.
    """
    if found.label != "edge supported":
        return found, None
    checked = verified()
    if checked is None:
        return replace(found, reasons=(*found.reasons, NOT_VERIFIED)), {"passed": None}
    document = {"passed": checked.passed, "tests": checked.tests, "failed": list(checked.failed)}
    if checked.passed:
        text = f"Look-ahead was looked for in this very run, and not found: all {checked.tests} tests were passed."
        return replace(found, reasons=(*found.reasons, text)), document
    first = checked.failed[0] if checked.failed else "there was nothing to test"
    text = (
        f"A look-ahead test of this very run failed, so that its gains are no evidence: {first} "
        f"({len(checked.failed)} of {checked.tests} tests failed, --seed {checked.seed})."
    )
    return replace(found, label="no edge found", reasons=(text, *found.reasons)), document
