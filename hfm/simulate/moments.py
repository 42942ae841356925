"""Sums a session, kept as their total and their covariance: enough for any statistic of sums and its
clustered error.

A statistic is a function f of the vector of sums. Its standard error, clustered by session, is that of the
delta method: sqrt(g' Omega g) with g the gradient of f and Omega the sessions' summed outer products about
their mean. Memory does not grow with the number of sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from hfm.arrays import Float
from hfm.tables import Array

Sums = dict[str, float]


class Moments:
    """Accumulates named sums, session by session."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._total: Float = np.zeros(0)
        self._outer: Float = np.zeros((0, 0))
        self.sessions = 0

    def add(self, parts: list[tuple[Array, dict[str, Float]]]) -> None:
        """Take the sums of a group.

        Symbols of one day are one cluster. A day must not be spread over two calls.

        Parameters
        ----------
        parts
            For each symbol its days [S] and, by name, sums [S] of each of them.
        """
        if not parts:
            return
        self.names = self.names or list(parts[0][1])
        days, place = np.unique(np.concatenate([d for d, _ in parts]), return_inverse=True)
        rows = np.concatenate([np.stack([s[n] for n in self.names], axis=1) for _, s in parts])
        table = np.zeros((len(days), len(self.names)))
        if len(parts) == 1:
            table[place] = rows
        else:
            np.add.at(table, place, rows)
        if not self.sessions:
            self._total, self._outer = np.zeros(len(self.names)), np.zeros((len(self.names),) * 2)
        self.sessions += len(days)
        self._total += table.sum(axis=0)
        self._outer += table.T @ table

    def estimate(self, statistic: Callable[[Sums], float]) -> tuple[float, float]:
        """The statistic of the sums, and its standard error by the delta method.

        Parameters
        ----------
        statistic
            Of the sums by name.

        Returns
        -------
        tuple[float, float]
            The error is NaN below three sessions, and both are where the statistic is undefined.
        """
        value = _value(statistic, dict(zip(self.names, self._total.tolist(), strict=True)))
        if self.sessions < 3 or not np.isfinite(value):
            return value, float("nan")
        # Omega: the sessions' summed outer products about their mean; g: central differences, of the sums that f reads
        omega = self._outer - np.outer(self._total, self._total) / self.sessions
        gradient = np.zeros(len(self.names))
        sums = dict(zip(self.names, self._total.tolist(), strict=True))
        for j in self._read_by(statistic):
            step = 1e-5 * max(abs(self._total[j]), np.sqrt(max(omega[j, j], 0.0)))
            if step > 0:
                sides = []
                centre = sums[self.names[j]]
                for sign in (1.0, -1.0):
                    sums[self.names[j]] = centre + sign * float(step)
                    sides.append(_value(statistic, sums))
                sums[self.names[j]] = centre
                gradient[j] = (sides[0] - sides[1]) / (2.0 * step)
        # sqrt(g' Omega g), with n / (n - 1) for the mean
        variance = float(gradient @ omega @ gradient) * self.sessions / (self.sessions - 1)
        return value, float(np.sqrt(max(variance, 0.0)))

    def _read_by(self, statistic: Callable[[Sums], float]) -> list[int]:
        """Places of the sums that the statistic reads: the others have no gradient."""
        watched = _Watched(zip(self.names, self._total.tolist(), strict=True))
        with np.errstate(all="ignore"):
            statistic(watched)
        return [j for j, name in enumerate(self.names) if name in watched.read]


def _value(statistic: Callable[[Sums], float], sums: Sums) -> float:
    with np.errstate(all="ignore"):
        try:
            return float(statistic(sums))
        except (ZeroDivisionError, ValueError, np.linalg.LinAlgError):
            return float("nan")


class _Watched(dict[str, float]):
    """Sums that remember which of them were read."""

    def __init__(self, items: Iterable[tuple[str, float]]) -> None:
        super().__init__(items)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> float:
        self.read.add(name)
        return super().__getitem__(name)
