"""What stands at both ends of a recurrence: sequences gathered into rows, and the last layer with its gradient.

float32, C-contiguous. Legend: T rows, N sequences, R = T x N, F columns, H units (a multiple of LANES), O outputs.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, fma, load, same, store, total
from hfm.plugins import Int

Pair = tuple[Float32, Float32]
_ZERO = np.float32(0.0)


@kernel
def outputs(z: Float32, weight: Float32, bias: Float32, out: Float32) -> None:
    """out [R, O]: bias [O] + z [R, H] weight [O, H], of a layer that has no function."""
    units = weight.size // bias.size
    for r in range(out.shape[0]):
        for j in range(bias.size):
            line = same(_ZERO)
            for k in range(0, units, LANES):
                line = fma(load(z, r * units + k), load(weight, j * units + k), line)
            out[r, j] = bias[j] + total(line)


@kernel
def by_outputs(by_out: Float32, weight: Float32, z: Float32, by_z: Float32, by_own: Pair) -> None:
    """The gradient of `outputs` from that of out [R, O]: by_z [R, H], and by_own of weight [O, H] and bias [O]."""
    by_weight, by_bias = by_own
    units = weight.size // by_bias.size
    by_weight[:] = _ZERO
    by_bias[:] = _ZERO
    for r in range(by_out.shape[0]):
        for j in range(by_bias.size):
            by_bias[j] += by_out[r, j]
        for k in range(0, units, LANES):
            at, line = r * units + k, same(_ZERO)
            here = load(z, at)
            for j in range(by_bias.size):
                slope, own = same(by_out[r, j]), j * units + k
                line = fma(slope, load(weight, own), line)
                store(by_weight, own, fma(slope, here, load(by_weight, own)))
            store(by_z, at, line)


@kernel
def gathered(source: Float32, index: Int, out: Float32) -> None:
    """out [T, N, F]: the sequences at `index` [N] of source [S, T, F], row by row."""
    for t in range(out.shape[0]):
        for n in range(index.shape[0]):
            for k in range(out.shape[2]):
                out[t, n, k] = source[index[n], t, k]
