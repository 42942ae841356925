"""What a policy is asked again about the rows that it traded, and how an answer stands beside the ledger's.

Growing: rows in order of time, none of which comes after the row that is compared. Changed: the same rows with others
behind them. Complete: all rows, as the back-test asks. Mixed: in another order, every other row, and one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hfm.plugins import Signals
from hfm.verify.lookahead import compare
from hfm.verify.lookahead.compare import Difference, Keys
from hfm.verify.lookahead.cuts import LEAST, Int

FIELDS = ("p_up", "conf_rank", "ret_sd_bps", "cost_bps")
MOST, SPACING = 3000, 4
"""Most cut points, and rows from which one is made."""
PAST = 256
"""Rows before a cut, and after it where they are other ones, that are asked with it."""
CHUNK = 20_000
"""Most rows asked at a time where all are asked."""
ALONE = 60
"""Rows asked one by one."""


@dataclass(frozen=True)
class Traded:
    """The rows that were traded.

    signals: what the policy saw. proposed [n]: its proposals in the ledger. decided [n]: whether it was asked for one
    (a session's last row opens nothing). keys and time [n] (ns UTC): of the rows. weights [n]: its answer about all
    rows, of which the ledger keeps the sign; None before it was asked.
    """

    signals: Signals
    proposed: compare.Float
    decided: compare.Bool
    keys: Keys
    time: Int
    weights: compare.Float | None = None

    def pick(self, rows: Int) -> Signals:
        """What the policy sees of some rows.

        Parameters
        ----------
        rows
            [m] row numbers.

        Returns
        -------
        Signals
            [m] each, contiguous.
        """
        return Signals(*(np.ascontiguousarray(getattr(self.signals, name)[rows]) for name in FIELDS))

    def equal(self, answer: compare.Float, rows: Int) -> tuple[compare.Bool, compare.Bool]:
        """Whether an answer is that of the back-test.

        Parameters
        ----------
        answer
            [m] weights.
        rows
            [m] row numbers that it is about.

        Returns
        -------
        tuple[Bool, Bool]
            [m] whether it has the ledger's sign, and [m] whether it is the weight that was given before.
        """
        weight = np.ones(len(rows), bool) if self.weights is None else answer == self.weights[rows]
        return np.sign(answer) == self.proposed[rows], weight

    def compared(self, answer: object, rows: Int, stay: int | None) -> Difference:
        """An answer beside the ledger's.

        Parameters
        ----------
        answer
            What the policy gave.
        rows
            [m] row numbers that it was asked about.
        stay
            How many of the first are compared; None: all.

        Returns
        -------
        Difference
            Of the rows for which it was asked in the back-test; none is the same where the answer is not [m].
        """
        got = np.asarray(answer, np.float64)
        keep = np.flatnonzero(self.decided[rows[:stay]])
        keys = {name: value[rows[keep]] for name, value in self.keys.items()}
        if got.shape != rows.shape:
            where = compare.place(self.keys, int(rows[0]))
            return Difference(max(len(keep), 1), 0, f"count of {got.size} signals", where)
        signal, weight = self.equal(got[keep], rows[keep])
        return compare.first({"signal": signal, "weight": weight}, keys)


@dataclass(frozen=True)
class PolicyQuestion:
    """One call of the policy: why, about which rows, what it sees of them, and how many of the first are compared."""

    kind: str
    rows: Int
    signals: Signals
    stay: int | None = None


def growing(rng: np.random.Generator, rows: Traded) -> Iterator[PolicyQuestion]:
    """Each row before any that comes later is ever seen, with the PAST rows before it.

    First and last rows of sessions are cut points as a matter of course.

    Yields
    ------
    PolicyQuestion
        In order of time.
    """
    n = len(rows.time)
    order = np.argsort(rows.time, kind="stable")
    day = rows.keys["session"][order]
    edge = np.flatnonzero(day[1:] != day[:-1]) + 1
    edges = np.concatenate([edge, edge + 1, edge - 1, [1, n - 1, n]])
    count = min(n, max(LEAST, min(MOST, n // SPACING)))
    if len(edges) > count // 2:
        edges = rng.choice(edges, count // 2, replace=False)
    ends = np.unique(np.clip(np.concatenate([edges, rng.choice(np.arange(1, n + 1), count, replace=False), [n]]), 1, n))
    for before, end in zip([0, *ends[:-1]], ends, strict=True):
        picked = np.sort(order[max(min(before, end - PAST), 0) : end])
        yield PolicyQuestion("growing", picked, rows.pick(picked))


def complete(rows: Traded, kind: str) -> Iterator[PolicyQuestion]:
    """All rows, as the back-test asks."""
    for start in range(0, len(rows.time), CHUNK):
        picked = np.arange(start, min(start + CHUNK, len(rows.time)))
        yield PolicyQuestion(kind, picked, rows.pick(picked))


def changed(rng: np.random.Generator, rows: Traded, growing: Sequence[PolicyQuestion]) -> Iterator[PolicyQuestion]:
    """The same rows, followed by what rows drawn from anywhere say.

    Parameters
    ----------
    rng
        Draws them.
    rows
        That were traded.
    growing
        The questions that go on otherwise; LEAST of them.

    Yields
    ------
    PolicyQuestion
        Of which the first rows are compared.
    """
    some = growing if len(growing) <= LEAST else [growing[i] for i in rng.choice(len(growing), LEAST, replace=False)]
    for question in some:
        later = rng.integers(0, len(rows.time), PAST)
        picked = np.concatenate([question.rows, later])
        yield PolicyQuestion("changed", picked, rows.pick(picked), len(question.rows))


def mixed(rng: np.random.Generator, rows: Traded) -> Iterator[PolicyQuestion]:
    """In another order, every other row, and one by one."""
    for chunk in complete(rows, "mixed"):
        count = len(chunk.rows)
        for picked in (rng.permutation(count), np.sort(rng.choice(count, (count + 1) // 2, replace=False))):
            yield PolicyQuestion("mixed", chunk.rows[picked], rows.pick(chunk.rows[picked]))
    for row in rng.integers(0, len(rows.time), ALONE):
        alone = np.array([row])
        yield PolicyQuestion("mixed", alone, rows.pick(alone))
