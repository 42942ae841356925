"""Forecast sd of the return of each row of quotes, from the rows before it."""

from __future__ import annotations

import numpy as np

from hfm.arrays import Float

WINDOWS = (12, 78, 390)


class Sigma:
    """Forecast sd of each row's return: root of the mean squared return of the last 12, 78 and 390 rows before it."""

    def __init__(self, tick: float) -> None:
        """Before a session's first row; tick: currency."""
        self._tick, self._rows, self._totals = tick, 0, np.zeros(1)

    def take(self, returns: Float, price: Float) -> Float:
        """The sds of the next rows.

        Parameters
        ----------
        returns
            [R] log returns.
        price
            [R] currency.

        Returns
        -------
        Float
            [R] the three windows in equal parts; at least a tenth of a tick, and half a tick before anything is known.
        """
        n, kept = len(returns), len(self._totals) - 1
        total = np.concatenate((self._totals[:-1], np.cumsum(np.concatenate((self._totals[-1:], returns * returns)))))
        row = self._rows + np.arange(n)
        out = np.zeros(n)
        for window in WINDOWS:
            start = np.maximum(row - window, 0)
            change = total[kept : kept + n] - total[start - self._rows + kept]
            out += change / np.maximum(row - start, 1) / len(WINDOWS)
        if self._rows == 0:
            out[:1] = (0.5 * self._tick / price[:1]) ** 2
        self._rows += n
        self._totals = total[-WINDOWS[-1] - 1 :]
        return np.sqrt(np.maximum(out, (0.1 * self._tick / price) ** 2))


def sigma(returns: Float, tick: float, price: Float) -> Float:
    """The sds of a whole session: see Sigma.

    Parameters
    ----------
    returns
        [R] log returns.
    tick, price
        Currency; price [R].

    Returns
    -------
    Float
        [R].
    """
    return Sigma(tick).take(returns, price)
