"""Walk-forward by sessions, or by blocks of clock time: train, then validation, then test, each later than the last."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from hfm.errors import DataError

SCHEMES = ((110, (40, 10, 20)), (60, (30, 6, 6)), (0, (12, 3, 3)))
"""(sessions from which it holds, (train, validation, test) sessions of the first fold)."""
BLOCKS, ROWS = 12, 1000
"""Fewest blocks, and rows in them, that folds of blocks are made of."""
TRAIN, VALID, TESTS = 0.45, 0.1, 4
"""Shares of the blocks in the first fold's training and in every validation part; test parts of the rest."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Units (sessions or blocks) [a, b) of each part, counted from the first of the data; number -1: the final fit,
    untested.
    """

    number: int
    train: tuple[int, int]
    valid: tuple[int, int]
    test: tuple[int, int]


def plan(sessions: int, window: int = 0, more: Callable[[int], str] | None = None) -> list[Fold]:
    """The folds of `sessions` sessions; the last may have a shorter test part.

    The training part grows with each fold, or rolls where window > 0 says how many sessions it holds. Session splits
    need no purge: no label crosses a close. Raises DataError where not even one fold is full, with the minimum;
    more: what to do about it, from that minimum.
    """
    train, valid, test = next(sizes for least, sizes in SCHEMES if sessions >= least)
    if sessions < train + valid + test:
        raise DataError(
            f"{sessions} sessions are too few to train on: at least {train + valid + test} are needed",
            why=f"the first fold trains on {train} sessions, chooses on {valid} and is tested on {test}",
            hint=more(train + valid + test) if more else "train on more sessions",
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


def plan_blocks(blocks: int, rows: int, window: int = 0) -> list[Fold]:
    """The folds of so many blocks of clock time, however many sessions they lie in: TESTS test parts of equal length.

    The training part grows, or rolls over `window` blocks. Splits inside a session need a purge: see fold_rows.
    Raises DataError below BLOCKS blocks or ROWS rows, with the minimum.
    """
    if blocks < BLOCKS or rows < ROWS:
        raise DataError(
            f"{rows:,} rows in {blocks} blocks of clock time are too few to train on: "
            f"at least {ROWS:,} rows in {BLOCKS} blocks are needed",
            why="rows of an order book are split by time inside the session: train, then validation, then test",
            hint="fetch more of the book, or cut shorter blocks, such as --set train.block_s=60",
        )
    valid, first = _valid(blocks), int(TRAIN * blocks) + _valid(blocks)
    borders = [first + (blocks - first) * k // TESTS for k in range(TESTS + 1)]
    return [
        Fold(k, (max(0, a - valid - window) if window else 0, a - valid), (a - valid, a), (a, b))
        for k, (a, b) in enumerate(itertools.pairwise(borders))
    ]


def final_blocks(blocks: int, window: int = 0) -> Fold:
    """The fit that is deployed: all blocks, the last ones as validation."""
    cut = blocks - _valid(blocks)
    return Fold(-1, (max(0, cut - window) if window else 0, cut), (cut, blocks), (blocks, blocks))


def _valid(blocks: int) -> int:
    return max(1, int(VALID * blocks))
