"""Walk-forward by sessions: train, then validation, then test, each later than the one before it."""

from __future__ import annotations

from dataclasses import dataclass

from hfm.errors import DataError

SCHEMES = ((110, (40, 10, 20)), (60, (30, 6, 6)), (0, (12, 3, 3)))
"""(sessions from which it holds, (train, validation, test) sessions of the first fold)."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Sessions [a, b) of each part, counted from the first session of the data; number -1: the final fit, untested."""

    number: int
    train: tuple[int, int]
    valid: tuple[int, int]
    test: tuple[int, int]


def plan(sessions: int, window: int = 0) -> list[Fold]:
    """The folds of `sessions` sessions; the last may have a shorter test part.

    The training part grows with each fold, or rolls where window > 0 says how many sessions it holds. Session splits
    need no purge: no label crosses a close. Raises DataError where not even one fold is full, with the minimum.
    """
    train, valid, test = next(sizes for least, sizes in SCHEMES if sessions >= least)
    if sessions < train + valid + test:
        raise DataError(
            f"{sessions} sessions are too few to train on: at least {train + valid + test} are needed",
            why=f"the first fold trains on {train} sessions, chooses on {valid} and is tested on {test}",
            hint=f"fetch more: hfm fetch --days {-(-(train + valid + test) * 8 // 5)}",
        )
    folds = []
    for number, first in enumerate(range(train + valid, sessions, test)):
        cut = first - valid
        start = max(0, cut - window) if window else 0
        folds.append(Fold(number, (start, cut), (cut, first), (first, min(first + test, sessions))))
    return folds


def final(sessions: int, window: int = 0) -> Fold:
    """The fit that is deployed: all sessions, the last block as validation."""
    _, valid, _ = next(sizes for least, sizes in SCHEMES if sessions >= least)
    cut = sessions - valid
    return Fold(-1, (max(0, cut - window) if window else 0, cut), (cut, sessions), (sessions, sessions))
