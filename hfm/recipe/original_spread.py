"""The original one-file recipe of the spread and the order flow, kept so that its figures can be set beside
honest ones.

Spread = 10 bp + 2 x volatility of 20 rows + noise, at least 1 bp; OFI = +.6 volume where the close rose, -.4 otherwise.
Returns are from close to close, nights included, so that a night's gap stays in the volatility for twenty rows. The sd
of the noise is a tenth of that of 10 bp + 2 x volatility over the whole sample: a longer sample changes earlier rows.
The noise is drawn row after row from the legacy generator of the seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hfm.arrays import Float
from hfm.config import Simulate
from hfm.plugins import RecipeRows

WINDOW = 20
OWN_SEED = 23
"""The recipe's; the default seed stands for it."""
BASE_BPS, SLOPE, NOISE, FLOOR_BPS = 10.0, 2.0, 0.1, 1.0


@dataclass(frozen=True)
class OriginalState:
    """What a symbol's earlier rows leave: its last close (NaN: none), up to 19 last returns, the generator's state."""

    close: float = float("nan")
    tail: Float = field(default_factory=lambda: np.empty(0))
    generator: dict[str, Any] | None = None  # Any: as RandomState.get_state gives it


def returns(close: Float, before: float) -> Float:
    """Simple returns.

    Parameters
    ----------
    close
        [n] closes in order, currency.
    before
        The close ahead of the first; NaN where there is none.

    Returns
    -------
    Float
        [n] (0.01 is 1 %); the first is NaN where `before` is.
    """
    return np.asarray(close / np.concatenate(([before], close[:-1])) - 1.0)


def volatility(returns: Float, tail: Float) -> tuple[Float, Float]:
    """Sample sd of the last 20 returns, in bps, and what the next call needs of them.

    Parameters
    ----------
    returns
        [n] in order; a first one that is NaN is none.
    tail
        The last up to 19 returns before these.

    Returns
    -------
    tuple[Float, Float]
        [n] sd of those that are known while fewer than 20 are, 0 of none and of one; and the tail for the next call.
    """
    joined = np.concatenate((tail, returns))
    known = np.isfinite(joined)
    values = np.where(known, joined, 0.0)
    padded = np.concatenate((np.zeros(WINDOW - 1), values))
    counted = np.concatenate((np.zeros(WINDOW - 1), known.astype(np.float64)))
    total, squares, n = np.zeros(len(joined)), np.zeros(len(joined)), np.zeros(len(joined))
    for lag in range(WINDOW):
        part = padded[lag : lag + len(joined)]
        total += part
        squares += part * part
        n += counted[lag : lag + len(joined)]
    variance = np.where(n > 1, squares - total * total / np.maximum(n, 1), 0.0) / np.maximum(n - 1, 1)
    return 1e4 * np.sqrt(np.maximum(variance, 0.0))[len(tail) :], joined[known][-(WINDOW - 1) :]


def level_bps(volatility_bps: Float) -> Float:
    """The spread without its noise.

    Parameters
    ----------
    volatility_bps
        [n].

    Returns
    -------
    Float
        [n] bps.
    """
    return np.asarray(BASE_BPS + SLOPE * volatility_bps)


def spread_bps(volatility_bps: Float, noise_bps: Float) -> Float:
    """The spread with its noise, at least FLOOR_BPS.

    Parameters
    ----------
    volatility_bps
        [n].
    noise_bps
        [n] standard normals times the sample's sd of the spread without its noise.

    Returns
    -------
    Float
        [n] bps.
    """
    return np.maximum(level_bps(volatility_bps) + NOISE * noise_bps, FLOOR_BPS)


def normals(state: OriginalState, seed: int, n: int) -> tuple[Float, dict[str, Any]]:  # Any: see OriginalState
    """The next standard normals of the recipe's generator.

    Parameters
    ----------
    state
        What earlier rows left.
    seed
        Of simulate; its default stands for the recipe's own.
    n
        How many.

    Returns
    -------
    tuple[Float, dict[str, Any]]
        [n], and the generator's state after them.
    """
    generator = np.random.RandomState((OWN_SEED if seed == Simulate().seed else seed) % 2**32)
    if state.generator is not None:
        generator.set_state(state.generator)
    drawn = generator.standard_normal(n)
    after = generator.get_state(legacy=False)
    assert isinstance(after, dict)
    return drawn, after


def ofi(returns: Float, volume: Float) -> Float:
    """Order-flow imbalance: +.6 of the volume where the close rose, else -.4.

    Parameters
    ----------
    returns
        [n]; a NaN is no rise.
    volume
        [n] shares.

    Returns
    -------
    Float
        [n] shares.
    """
    return np.where(returns > 0, 0.6, -0.4) * volume


class OriginalRecipe:
    """See plugins.Recipe: the registry's `seed`."""

    warning = "recipe seed: the spread's noise is scaled by the whole sample, as in the original (not causal)"
    open_bps = BASE_BPS

    def __init__(self) -> None:
        self.level_sd: dict[str, float] = {}
        """By symbol: sd of the spread without its noise over all bars, in bps."""

    def fit(self, closes: Iterable[tuple[str, Float]]) -> None:
        """Take the sd of each symbol's spread without its noise, over all bars that have one.

        Parameters
        ----------
        closes
            Symbol and closes [n], currency, in order of time; a symbol may come in several parts.
        """
        states: dict[str, OriginalState] = {}
        sums: dict[str, Float] = {}
        for symbol, close in closes:
            past = states.get(symbol, OriginalState())
            vol, tail = volatility(returns(close, past.close), past.tail)
            states[symbol] = OriginalState(float(close[-1]), tail)
            level = level_bps(vol)[max(2 - len(past.tail) - np.isfinite(past.close), 0) :]
            part = np.array([len(level), level.sum(), (level * level).sum()])
            sums[symbol] = sums.get(symbol, np.zeros(3)) + part
        for symbol, (n, total, squares) in sums.items():
            variance = max(squares - total * total / max(n, 1.0), 0.0) / max(n - 1.0, 1.0)
            self.level_sd[symbol] = float(np.sqrt(variance))

    def rows(self, symbol: str, close: Float, volume: Float, state: OriginalState | None, seed: int) -> RecipeRows:
        """A symbol's next rows.

        Parameters
        ----------
        symbol
            One that `fit` has seen.
        close, volume
            [n] currency and shares.
        state
            What its earlier rows left; None: there are none.
        seed
            Of simulate.

        Returns
        -------
        RecipeRows
            Spread [n] in bps, order-flow imbalance [n] in shares, and the state after them.
        """
        past = state or OriginalState()
        moves = returns(close, past.close)
        vol, tail = volatility(moves, past.tail)
        drawn, generator = normals(past, seed, len(close))
        spread = spread_bps(vol, drawn * self.level_sd[symbol])
        return RecipeRows(spread, ofi(moves, volume), OriginalState(float(close[-1]), tail, generator))
