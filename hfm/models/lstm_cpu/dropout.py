"""Dropout masks from a seed, compiled: torch's own take a tenth of an epoch (bench row `train`).

The slow twin is torch.nn.Dropout; tests/models/lstm_cpu/test_dropout.py holds shares, independence and bits.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32

_ZERO = np.float32(0.0)
_STEP, _MIX, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _LOW = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(0xFFFF)


@kernel
def dropout_mask(seed: int, share: float, out: Float32) -> None:
    """A mask of dropout (Srivastava et al. 2014, JMLR 15), which scales what it keeps, as torch's does.

    A counter from `seed` is mixed to 64 bits for four elements (splitmix64: Steele, Lea, Flood 2014,
    doi:10.1145/2660193.2660195).

    Parameters
    ----------
    seed : int
        At least 0.
    share : float
        Probability of 0, to 2^-16.
    out : float32 [n]
        Filled with 0 or 1 / (1 - share).
    """
    least, scale = np.uint64(round(share * 65536.0)), np.float32(1.0 / (1.0 - share))
    groups = out.shape[0] // 4
    for r in range(groups):
        z = _splitmix64(np.uint64(seed), np.uint64(r))
        for k in range(4):
            out[4 * r + k] = scale if (z >> np.uint64(16 * k)) & _LOW >= least else _ZERO
    z = _splitmix64(np.uint64(seed), np.uint64(groups))
    for k in range(4 * groups, out.shape[0]):
        out[k] = scale if (z >> np.uint64(16 * (k - 4 * groups))) & _LOW >= least else _ZERO


@kernel
def _splitmix64(seed: np.uint64, count: np.uint64) -> np.uint64:
    """The count-th number of splitmix64 from `seed`."""
    z = seed + (count + np.uint64(1)) * _STEP
    z = (z ^ (z >> _S30)) * _MIX
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)
