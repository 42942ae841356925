"""The claims of `hfm verify`, in order, and what each row of its table says."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from hfm import plugins

Level = Literal["quick", "standard", "full"]
_RANK: dict[Level, int] = {"quick": 0, "standard": 1, "full": 2}


@dataclass(frozen=True)
class Row:
    """One line of the table. low, high: the interval that `got` must fall in for the claim to hold."""

    claim: str
    expected: str
    got: float
    low: float
    high: float
    unit: str = ""

    @property
    def passed(self) -> bool:
        """False too for NaN."""
        return self.low <= self.got <= self.high


@dataclass(frozen=True)
class Claim:
    """A function that gives rows, as "module:function", the least level at which it is run, and about how long it takes
    (s of a core): those that take longest are begun first.
    """

    function: str
    level: Level
    seconds: float


@dataclass(frozen=True)
class CheckedClaim:
    """What came of a claim, and how long it took (s)."""

    name: str
    rows: list[Row]
    seconds: float


PARALLEL_FROM = 30.0
"""Seconds of claims from which a second process pays for its imports, which are five."""
CLAIMS: tuple[Claim, ...] = (
    Claim("hfm.verify.arithmetic:known_sharpe", "quick", 0.3),
    Claim("hfm.verify.planted_edge:accuracy", "quick", 1.5),
    Claim("hfm.verify.planted_edge:logistic_share", "quick", 2.5),
    Claim("hfm.verify.planted_edge:network_share", "full", 18),
    Claim("hfm.verify.structure:order_flow", "quick", 0.2),
    Claim("hfm.verify.structure:reaggregation", "quick", 0.2),
    Claim("hfm.verify.structure:book_reaggregation", "standard", 3),
    Claim("hfm.verify.structure:bridge_autocorrelation", "full", 8),
    Claim("hfm.verify.causality:future_poison", "quick", 0.3),
    Claim("hfm.verify.causality:forecast_poison", "standard", 2),
    Claim("hfm.verify.causality:split_and_resume", "quick", 0.2),
    Claim("hfm.verify.warm_folds:warm_start", "full", 6),
    Claim("hfm.verify.leaks.detection:detected", "full", 30),
    Claim("hfm.verify.parity:live_is_batch", "standard", 4),
    Claim("hfm.verify.parity:killed_and_resumed", "full", 19),
    Claim("hfm.verify.arithmetic:ledger", "quick", 1.5),
    Claim("hfm.verify.arithmetic:deflated_hurdle", "quick", 0.1),
    Claim("hfm.verify.arithmetic:overfitting_of_noise", "quick", 0.1),
    Claim("hfm.verify.error_rates:worthless_families", "standard", 2),
    Claim("hfm.verify.error_rates:nightly_users", "quick", 0.2),
    Claim("hfm.verify.verdicts:few_nulls", "full", 20),
    Claim("hfm.verify.tampering:journal_bytes", "quick", 0.1),
)


def at(level: Level) -> list[Claim]:
    """The claims that a level runs."""
    return [c for c in CLAIMS if _RANK[c.level] <= _RANK[level]]


def check(level: Level, tell: Callable[[str], None], workers: int = 1) -> Iterator[CheckedClaim]:
    """Run the claims of a level, on several processes where there is enough to do.

    Parameters
    ----------
    level
        Of the catalogue.
    tell
        Hears the name and the seconds of each as it is done.
    workers
        Processes.

    Yields
    ------
    CheckedClaim
        In the order of the catalogue.
    """
    claims = at(level)
    if sum(claim.seconds for claim in claims) < PARALLEL_FROM:
        workers = 1
    order = sorted(range(len(claims)), key=lambda k: -claims[k].seconds) if workers > 1 else range(len(claims))
    executor: plugins.Executor = plugins.find("executors", "processes")(min(workers, len(claims)))
    done: dict[int, CheckedClaim] = {}
    with tempfile.TemporaryDirectory(prefix="hfm-verify-", ignore_cleanup_errors=True) as folder:
        for place, outcome in executor.as_completed([partial(_outcome, claims[k]) for k in order], folder, _nobody):
            tell(f"{outcome.name}: {outcome.seconds:.1f} s")
            done[order[place]] = outcome
    yield from (done[k] for k in range(len(claims)))


def _outcome(claim: Claim, folder: str, report: Callable[[object], None]) -> CheckedClaim:
    """Run one claim, which may write in a folder that the process which asked for it takes away, however it ends."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    module, _, name = claim.function.partition(":")
    began = time.perf_counter()
    try:
        rows: list[Row] = getattr(importlib.import_module(module), name)()
    finally:
        tempfile.tempdir = before
    return CheckedClaim(name.replace("_", " "), rows, time.perf_counter() - began)


def _nobody(report: object) -> None:
    """Claims report nothing while they run."""


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as aligned lines, with a closing line of counts."""
    head = ("claim", "expected", "got", "interval", "")
    body = [
        (r.claim, r.expected, f"{r.got:.6g}{r.unit}", f"[{r.low:.6g}, {r.high:.6g}]", "pass" if r.passed else "FAIL")
        for r in rows
    ]
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(5)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in (head, *body)]
    passed = sum(r.passed for r in rows)
    return [*lines, f"{passed} passed, {len(rows) - passed} failed"]
