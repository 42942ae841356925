"""Vectors as values in kernels: LANES float32 side by side in one register of the processor.

numba's compiler turns plain loops into vectors of its own choosing: half the processor's width, no fused multiply-add,
and the sums of a product go to memory and back at each term. Here a kernel says which numbers stay in registers.
Outside of compiled code these functions work on NumPy arrays of LANES numbers (and round a product before they add);
what the compiler makes of them stands in hfm.kernels.simd_numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.kernels.cpu import LANES

Float32 = npt.NDArray[np.float32]
Lanes = npt.NDArray[np.float32]
"""[LANES]; in compiled code a register."""


def load(a: Float32, at: int) -> Lanes:
    """LANES neighbours of an array.

    Parameters
    ----------
    a
        [n] C-contiguous.
    at
        The first place; n is at least LANES beyond it, which is not checked.

    Returns
    -------
    Lanes
        a[at : at + LANES].
    """
    return a[int(at) : int(at) + LANES].copy()


def store(a: Float32, at: int, value: Lanes) -> None:
    """Write a vector to an array: a[at : at + LANES] = value.

    Parameters
    ----------
    a
        [n] C-contiguous.
    at
        The first place; n is at least LANES beyond it, which is not checked.
    value
        The vector.
    """
    a[int(at) : int(at) + LANES] = value


def spread(a: Float32, at: int) -> Lanes:
    """a[at] of float32, C-contiguous, in all lanes; the place is not checked."""
    return np.full(LANES, a[int(at)])


def same(number: float | np.float32) -> Lanes:
    """A number in all lanes."""
    return np.full(LANES, number, np.float32)


def fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """The sum of a product and a vector.

    Parameters
    ----------
    a, b, c
        Vectors.

    Returns
    -------
    Lanes
        a b + c, rounded once where the processor can (FUSED).
    """
    return a * b + c


def bounded(value: Lanes, most: Lanes) -> Lanes:
    """value, cut to [-most, most]; NaN stays NaN."""
    return np.clip(value, -most, most)


def total(value: Lanes) -> np.float32:
    """The sum of all lanes, in no order that is promised."""
    return np.float32(value.sum(dtype=np.float32))


def prefetch(a: npt.NDArray[Any], at: int) -> None:  # Any: of any dtype
    """Let the processor fetch the line of element `at` of a C-contiguous array; it may lie beyond the end."""
