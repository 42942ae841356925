"""Walk-forward by sessions, or by blocks of clock time: train, then validation, then test, each later than the last."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from hfm.errors import DataError

SCHEMES = ((110, (40, 10, 20)), (60, (30, 6, 6)), (0, (12, 3, 3)))
"""(sessions from which it holds, (train, validation, test) sessions of the first fold)."""
BLOCKS, ROWS = 12, 1000
"""Fewest blocks, and rows in them, that folds of blocks are made of."""
TRAIN, VALID, TESTS = 0.45, 0.1, 4
"""Shares of the blocks in the first fold's training and in every validation part; test parts of the rest."""


class Units(NamedTuple):
    """Sessions, or blocks, [first, end), counted from the first of the data."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Fold:
    """The units of each part; number -1: the final fit, untested."""

    number: int
    train: Units
    valid: Units
    test: Units


def plan(sessions: int, window: int = 0, more: Callable[[int], str] | None = None) -> list[Fold]:
    """The folds of `sessions` sessions; the last may have a shorter test part.

    Session splits need no purge: no label crosses a close.

    Parameters
    ----------
    sessions : int
        How many there are.
    window : int
        Sessions that the training part holds, which then rolls; 0: it grows with each fold.
    more : callable, optional
        From the fewest sessions that would do: what to type to have them, the error's hint.

    Returns
    -------
    list of Fold

    Raises
    ------
    DataError
        Where not even one fold is full.
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
        folds.append(Fold(number, _training(cut, window), Units(cut, first), Units(first, min(first + test, sessions))))
    return folds


def final(sessions: int, window: int = 0) -> Fold:
    """The fit that is deployed: all sessions, the last block as validation."""
    _, valid, _ = next(sizes for least, sizes in SCHEMES if sessions >= least)
    return _final(sessions, sessions - valid, window)


def plan_blocks(blocks: int, rows: int, window: int = 0) -> list[Fold]:
    """The folds of so many blocks of clock time, however many sessions they lie in: TESTS test parts of equal length.

    Splits inside a session need a purge: see fold_rows.

    Parameters
    ----------
    blocks : int
        How many there are.
    rows : int
        In all of them.
    window : int
        Blocks that the training part holds, which then rolls; 0: it grows with each fold.

    Returns
    -------
    list of Fold

    Raises
    ------
    DataError
        Below BLOCKS blocks or ROWS rows.
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
        Fold(k, _training(a - valid, window), Units(a - valid, a), Units(a, b))
        for k, (a, b) in enumerate(itertools.pairwise(borders))
    ]


def final_blocks(blocks: int, window: int = 0) -> Fold:
    """The fit that is deployed: all blocks, the last ones as validation."""
    return _final(blocks, blocks - _valid(blocks), window)


def _training(cut: int, window: int) -> Units:
    """The training part that ends before unit `cut`."""
    return Units(max(0, cut - window) if window else 0, cut)


def _final(count: int, cut: int, window: int) -> Fold:
    """The fit on all of `count` units, those from `cut` on as validation."""
    return Fold(-1, _training(cut, window), Units(cut, count), Units(count, count))


def _valid(blocks: int) -> int:
    return max(1, int(VALID * blocks))
