"""The claims of `hfm verify`, in order, and what each row of its table says."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

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
    """A function that gives rows, as "module:function", and the least level at which it is run."""

    function: str
    level: Level


CLAIMS: tuple[Claim, ...] = (
    Claim("hfm.verify.arithmetic:known_sharpe", "quick"),
    Claim("hfm.verify.planted_edge:accuracy", "quick"),
    Claim("hfm.verify.planted_edge:logistic_share", "quick"),
    Claim("hfm.verify.planted_edge:network_share", "full"),
    Claim("hfm.verify.structure:order_flow", "quick"),
    Claim("hfm.verify.structure:reaggregation", "quick"),
    Claim("hfm.verify.structure:book_reaggregation", "standard"),
    Claim("hfm.verify.structure:bridge_autocorrelation", "full"),
    Claim("hfm.verify.causality:future_poison", "quick"),
    Claim("hfm.verify.causality:forecast_poison", "standard"),
    Claim("hfm.verify.causality:split_and_resume", "quick"),
    Claim("hfm.verify.leaks.detection:detected", "full"),
    Claim("hfm.verify.parity:live_is_batch", "standard"),
    Claim("hfm.verify.parity:killed_and_resumed", "full"),
    Claim("hfm.verify.arithmetic:ledger", "quick"),
    Claim("hfm.verify.arithmetic:deflated_hurdle", "quick"),
    Claim("hfm.verify.arithmetic:overfitting_of_noise", "quick"),
    Claim("hfm.verify.error_rates:worthless_families", "standard"),
    Claim("hfm.verify.error_rates:nightly_users", "quick"),
    Claim("hfm.verify.verdicts:few_nulls", "full"),
    Claim("hfm.verify.tampering:journal_bytes", "quick"),
)


def at(level: Level) -> list[Claim]:
    """The claims that a level runs."""
    return [c for c in CLAIMS if _RANK[c.level] <= _RANK[level]]


def check(level: Level, tell: Callable[[str], None]) -> Iterator[Row]:
    """Run the claims of a level; `tell` hears the name and the seconds of each."""
    for claim in at(level):
        module, _, name = claim.function.partition(":")
        began = time.perf_counter()
        rows: list[Row] = getattr(importlib.import_module(module), name)()
        tell(f"{name.replace('_', ' ')}: {time.perf_counter() - began:.1f} s")
        yield from rows


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
