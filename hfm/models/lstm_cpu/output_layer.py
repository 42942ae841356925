"""The output layer and its gradient, and sequences gathered into rows.

The slow twins are torch.nn.Linear and NumPy's indexing (tests/models/lstm_cpu/test_output_layer.py); the calls of torch
cost more than the arithmetic of five outputs (bench row `train`).
float32, C-contiguous. Legend: T rows, N sequences, R = T x N, F columns, H units (a multiple of LANES), O outputs.
"""

from __future__ import annotations

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, fma, load, same, store, total
from hfm.plugins import Int

_ZERO = np.float32(0.0)


@kernel
def linear(z: Float32, weight: Float32, bias: Float32, out: Float32) -> None:
    """out = z weight^T + bias.

    Parameters
    ----------
    z : float32 [R H]
        Flat.
    weight : float32 [O H]
        Flat.
    bias : float32 [O]
        As torch has it.
    out : float32 [R, O]
        Filled.
    """
    units = weight.size // bias.size
    for r in range(out.shape[0]):
        for j in range(bias.size):
            line = same(_ZERO)
            for k in range(0, units, LANES):
                line = fma(load(z, r * units + k), load(weight, j * units + k), line)
            out[r, j] = bias[j] + total(line)


@kernel
def linear_backward(
    grad_out: Float32, weight: Float32, z: Float32, grad_z: Float32, grad_weight: Float32, grad_bias: Float32
) -> None:
    """The gradient of `linear`.

    Parameters
    ----------
    grad_out : float32 [R, O]
        Of the outputs.
    weight, z : float32 [O H], [R H]
        As in `linear`.
    grad_z, grad_weight, grad_bias : float32 [R H], [O H], [O]
        Filled.
    """
    units = weight.size // grad_bias.size
    grad_weight[:] = _ZERO
    grad_bias[:] = _ZERO
    for r in range(grad_out.shape[0]):
        for j in range(grad_bias.size):
            grad_bias[j] += grad_out[r, j]
        for k in range(0, units, LANES):
            at, line = r * units + k, same(_ZERO)
            z_lanes = load(z, at)
            for j in range(grad_bias.size):
                slope, place = same(grad_out[r, j]), j * units + k
                line = fma(slope, load(weight, place), line)
                store(grad_weight, place, fma(slope, z_lanes, load(grad_weight, place)))
            store(grad_z, at, line)


@kernel
def gather_sequences(source: Float32, index: Int, out: Float32) -> None:
    """Some sequences, row by row.

    Parameters
    ----------
    source : float32 [S, T, F]
        All sequences.
    index : int64 [N]
        Which; one may come twice.
    out : float32 [T, N, F]
        Filled.
    """
    for t in range(out.shape[0]):
        for n in range(index.shape[0]):
            for k in range(out.shape[2]):
                out[t, n, k] = source[index[n], t, k]
