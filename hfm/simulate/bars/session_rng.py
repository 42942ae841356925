"""Random numbers of a session: a counter-based stream of the symbol, its counter the day.

The key comes from ctx.rng(symbol), so a stream is that of (seed, stage, symbol, session), and a day alone
draws what it draws in the batch. Setting a counter costs 2 us where a new SeedSequence costs 23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hfm.arrays import Float
from hfm.stage import Context
from hfm.tables import Array


@dataclass(frozen=True)
class Draws:
    """Standard normals `normal` [k, S, n] and uniforms on [0, 1) `uniform` [j, S, n] of S sessions."""

    normal: Float
    uniform: Float


def draw(ctx: Context, purpose: str, days: Array, normals: int, uniforms: int, width: int) -> Draws:
    """Random numbers of each session, from a stream of (seed, stage, purpose, day).

    Parameters
    ----------
    ctx
        Has seed and stage.
    purpose
        The symbol, and what they are for.
    days
        [S] datetime64[D].
    normals, uniforms
        How many kinds of each.
    width
        Numbers of a kind a session.

    Returns
    -------
    Draws
        [normals, S, width] and [uniforms, S, width].
    """
    key = ctx.rng(purpose).integers(0, 2**64, 2, dtype=np.uint64)
    bits = np.random.Philox(key=key)
    rng = np.random.Generator(bits)
    counter = [0, 0, 0, 0]  # NumPy takes lists too, and sets them faster; its stubs know arrays alone: hence Any
    state: Any = {**bits.state, "state": {"counter": counter, "key": key.tolist()}, "buffer": [0, 0, 0, 0]}
    normal = np.empty((len(days), normals, width))
    uniform = np.empty((len(days), uniforms, width))
    for i, day in enumerate((days.astype("datetime64[D]").astype(np.int64) + 2**31).tolist()):
        counter[-1] = day  # the highest of its four words: no two days of a stream meet
        bits.state = state
        rng.standard_normal(out=normal[i])
        rng.random(out=uniform[i])
    return Draws(normal.transpose(1, 0, 2), uniform.transpose(1, 0, 2))


def student4(normal: Float, first: Float, second: Float) -> Float:
    """Student t with 4 degrees of freedom, scaled to sd 1.

    Parameters
    ----------
    normal
        Standard normals.
    first, second
        Uniforms on [0, 1), of the same shape.

    Returns
    -------
    Float
        Of the same shape.
    """
    chi2 = -2.0 * np.log((1.0 - first) * (1.0 - second))  # chi-squared with 4 degrees of freedom
    return np.asarray(normal / np.sqrt(chi2 / 4.0) / np.sqrt(2.0))


def ar1(shock: Float, phi: float) -> Float:
    """AR(1) along the slots, started in its stationary law.

    Parameters
    ----------
    shock
        [S, n] of sd 1.
    phi
        Autocorrelation, between -1 and 1.

    Returns
    -------
    Float
        [S, n] of sd 1.
    """
    out = np.ascontiguousarray(shock.T)  # slot by slot: a step then works on neighbours in memory
    fresh = np.sqrt(1.0 - phi * phi)
    for t in range(1, len(out)):
        out[t] *= fresh
        out[t] += phi * out[t - 1]
    return np.ascontiguousarray(out.T)
