"""The parts of the LSTM network's gradient that go row by row, compiled: recurrence, its gradient, dropout masks.

The products over all rows are left to the caller; only h W_hh and the gates need one row after another. Gates stand in
the order i f g o (Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; forget gate: Gers et al. 2000,
doi:10.1162/089976600300015015). float32, C-contiguous.
Legend: T rows, N sequences, H units.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  # numba's dot calls it; loaded here, so that limits of threads reach it

from hfm.kernel import kernel
from hfm.models.step import Float32, _tanh

_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_STEP, _MIX, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _LOW = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(0xFFFF)


@kernel
def _gates(x: Float32, more: Float32, scale: Float32) -> None:
    """x = 1 - scale + scale * tanh(scale * (x + more)): tanh where scale is 1, the logistic function where it is 1/2.

    Few arrays and long rows: the compiler gives up on vectors where much might overlap.
    """
    for k in range(x.shape[0]):
        x[k] = (_ONE - scale[k]) + scale[k] * _tanh(scale[k] * (x[k] + more[k]))


@kernel
def forward(gates: Float32, weight: Float32, h: Float32, c: Float32, tc: Float32, scale: Float32) -> None:
    """gates [T, N, 4H]: projected inputs with biases; become the gates. weight: W_hh transposed, [H, 4H].

    h, c [T+1, N, H]: row 0 is the state before, the rest is filled; tc [T, N, H] becomes tanh(c). scale: `scales`.
    """
    rows, count, units = tc.shape
    product = np.empty((count, 4 * units), np.float32)
    for t in range(rows):
        np.dot(h[t], weight, product)
        for n in range(count):
            x, before, now, bent, out = gates[t, n], c[t, n], c[t + 1, n], tc[t, n], h[t + 1, n]
            _gates(x, product[n], scale)
            i, f, g, o = x[:units], x[units : 2 * units], x[2 * units : 3 * units], x[3 * units :]
            for k in range(units):
                now[k] = f[k] * before[k] + i[k] * g[k]
            for k in range(units):
                bent[k] = _tanh(now[k])
            for k in range(units):
                out[k] = o[k] * bent[k]


def scales(units: int) -> Float32:
    """[4H] of `forward`: 1/2 for the gates i, f and o, 1 for g."""
    return np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), units)


@kernel
def backward(gates: Float32, weight: Float32, c: Float32, tc: Float32, above: Float32) -> None:
    """gates [T, N, 4H], as forward left them, become the loss's gradient before the gates' own functions.

    weight: W_hh, [4H, H]. c, tc: as forward left them. above [T, N, H]: gradient of h from outside the recurrence.
    """
    rows, count, units = tc.shape
    dh, dc = np.zeros((count, units), np.float32), np.zeros((count, units), np.float32)
    for back in range(rows):
        t = rows - 1 - back
        for n in range(count):
            x, before, bent, outer, d, e = gates[t, n], c[t, n], tc[t, n], above[t, n], dh[n], dc[n]
            i, f, g, o = x[:units], x[units : 2 * units], x[2 * units : 3 * units], x[3 * units :]
            for k in range(units):
                d[k] += outer[k]
            for k in range(units):
                e[k] += d[k] * o[k] * (_ONE - bent[k] * bent[k])
            for k in range(units):
                o[k] = d[k] * bent[k] * o[k] * (_ONE - o[k])
            for k in range(units):
                keep = i[k]
                i[k] = e[k] * g[k] * keep * (_ONE - keep)
                g[k] = e[k] * keep * (_ONE - g[k] * g[k])
            for k in range(units):
                keep = f[k]
                f[k] = e[k] * before[k] * keep * (_ONE - keep)
                e[k] *= keep
        np.dot(gates[t], weight, dh)


@kernel
def mask(seed: int, share: float, out: Float32) -> None:
    """out [n]: 0 with probability `share`, to 2^-16, else 1 / (1 - share).

    A counter from `seed` is mixed to 64 bits for four elements (splitmix64: Steele, Lea, Flood 2014,
    doi:10.1145/2660193.2660195): torch's own masks take a tenth of an epoch.
    """
    least, scale = np.uint64(round(share * 65536.0)), np.float32(1.0 / (1.0 - share))
    whole = out.shape[0] // 4
    for r in range(whole):
        z = _mixed(np.uint64(seed), np.uint64(r))
        for k in range(4):
            out[4 * r + k] = scale if (z >> np.uint64(16 * k)) & _LOW >= least else _ZERO
    z = _mixed(np.uint64(seed), np.uint64(whole))
    for k in range(4 * whole, out.shape[0]):
        out[k] = scale if (z >> np.uint64(16 * (k - 4 * whole))) & _LOW >= least else _ZERO


@kernel
def _mixed(seed: np.uint64, count: np.uint64) -> np.uint64:
    """The count-th number of splitmix64 from `seed`."""
    z = seed + (count + np.uint64(1)) * _STEP
    z = (z ^ (z >> _S30)) * _MIX
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)
