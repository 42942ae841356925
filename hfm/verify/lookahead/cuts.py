"""Where the look-ahead tests cut: rows spread over sessions, slots and symbols, by a seed that no plug-in can know."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]
LEAST = 400
"""Fewest cut points of a run that is large enough to have them."""
FIRST, SECOND, LAST = 0.1, 0.1, 0.15
"""Shares of the cuts after a session's first row, after its second, and before its last; the others lie anywhere."""


def seed_new() -> int:
    """A seed of 32 bits from the operating system's entropy."""
    return secrets.randbits(32)


def within(rng: np.random.Generator, lengths: Int) -> Int:
    """How many rows of each sequence stay.

    Parameters
    ----------
    rng
        Draws them.
    lengths
        [S] rows of each.

    Returns
    -------
    Int
        [S] 1 to its length less 1, and 1 of a single row; by the shares FIRST, SECOND and LAST.
    """
    lengths = np.asarray(lengths, np.int64)
    anywhere = rng.integers(1, np.maximum(lengths, 2))
    kind = rng.random(len(lengths))
    out = np.where(kind < FIRST, 1, np.where(kind < FIRST + SECOND, 2, anywhere))
    out = np.where(kind >= 1.0 - LAST, lengths - 1, out)
    return np.asarray(np.clip(out, 1, np.maximum(lengths - 1, 1)), np.int64)


def ladder(rng: np.random.Generator, length: int) -> list[int]:
    """How many rows of one sequence stay, growing.

    Parameters
    ----------
    rng
        Draws those inside it.
    length
        Its rows.

    Returns
    -------
    list[int]
        Its first, one or two inside it, all but its last, all of it.
    """
    inside = rng.integers(1, max(length, 2), 2)
    return sorted({1, *(int(k) for k in inside), max(length - 1, 1), length})


def instants(rng: np.random.Generator, time: Int, session: Int, count: int) -> list[int]:
    """Times at which a table of rows is cut, as `within` spreads them over the sessions.

    Parameters
    ----------
    rng
        Draws them.
    time, session
        [n] of the rows: ns UTC, and which session each is of.
    count
        How many; fewer are left where two fall together.

    Returns
    -------
    list[int]
        ns UTC, growing. The rows known before such a time stay; it is never the first of all.
    """
    days = np.unique(session)
    picked = np.sort(rng.choice(days, count, replace=len(days) < count))
    found = []
    for day in picked:
        known = np.unique(time[session == day])
        stay = int(within(rng, np.array([len(known)]))[0])
        found.append(int(known[min(stay, len(known) - 1)]))
    first = int(time.min())
    return sorted({at for at in found if at > first})
