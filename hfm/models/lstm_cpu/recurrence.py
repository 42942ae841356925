"""An LSTM layer and its gradient over whole sequences, row by row, in the processor's registers.

The slow twin is torch.nn.LSTM; tests/models/lstm_cpu/test_recurrence.py holds both passes to it, and the compiled
kernels to their plain functions. What is left out: the gradients of the weights, which are matrix products over all
rows and stay torch's. It serves the bench row `train`; layout and tile are drawn in hfm/docs/lstm-cpu.md.

The products are tile's. Forward, the vectors of a tile are the gates i f g o of LANES units, so that its sums become
gates, cell and output where they stand (cell). All arrays are flat, float32, C-contiguous.
Legend: T rows, N sequences, I inputs, H units (a multiple of LANES), W = H rounded up to TILE_COLUMNS.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, load, same
from hfm.models.lstm_cpu.cell import Activations, Carried, LayerShape, Output, cell_backward, cell_forward
from hfm.models.lstm_cpu.tile import TILE_COLUMNS, TILE_ROWS, Tile, gemm, gemv, store_tile

_ZERO = np.float32(0.0)


class PackedWeights(NamedTuple):
    """What `forward` reads: weights of `pack_weights`, and the sum of both biases [4H]."""

    weights: Float32
    bias: Float32


@kernel
def pack_weights(shape: LayerShape, w_ih: Float32, w_hh: Float32, out: Float32) -> None:
    """Lay weights out as `forward` reads them, one after the other.

    Parameters
    ----------
    shape : LayerShape
        Of which I and H are read.
    w_ih, w_hh : float32 [4H, I], [4H, H]
        As torch has them.
    out : float32 [H / LANES, I + H, 4, LANES]
        Filled: of each block of units, for each input and then each unit, its weights in the four gates.
    """
    _, _, inputs, units = shape
    for block in range(0, units, LANES):
        for lane in range(TILE_COLUMNS):
            row = (lane // LANES) * units + block + lane % LANES
            at = block * 4 * (inputs + units) + lane
            for k in range(inputs):
                out[at] = w_ih[row * inputs + k]
                at += TILE_COLUMNS
            for k in range(units):
                out[at] = w_hh[row * units + k]
                at += TILE_COLUMNS


@kernel
def transpose_weights(units: int, w_hh: Float32, out: Float32) -> None:
    """Lay W_hh out as `backward` reads it, one column of tiles after the other.

    Parameters
    ----------
    units : int
        H.
    w_hh : float32 [4H, H]
        As torch has it.
    out : float32 [W / TILE_COLUMNS, 4H, TILE_COLUMNS]
        Filled; zeros beyond H.
    """
    at = 0
    for column in range(0, units, TILE_COLUMNS):
        for row in range(4 * units):
            for k in range(column, column + TILE_COLUMNS):
                out[at] = w_hh[row * units + k] if k < units else _ZERO
                at += 1


@kernel
def forward(shape: LayerShape, packed: PackedWeights, x: Float32, acts: Activations, out: Output) -> None:
    """The layer over all rows.

    Parameters
    ----------
    shape : LayerShape
        T, N, I, H.
    packed : PackedWeights
        Of the layer.
    x : float32 [T, N, I]
        Its input.
    acts : Activations
        Filled; row 0 of h and c is the state at the start.
    out : Output
        z is filled with h times the mask.
    """
    rows, count, inputs, units = shape
    w, bias = packed
    for t in range(rows):
        for unit in range(0, units, LANES):
            at = unit * 4 * (inputs + units)
            b0, b1 = load(bias, unit), load(bias, unit + units)
            b2, b3 = load(bias, unit + 2 * units), load(bias, unit + 3 * units)
            tiles_end, end = (t + 1) * count - count % TILE_ROWS, (t + 1) * count
            for n in range(t * count, tiles_end, TILE_ROWS):
                # gates before their functions: b + W_ih x_t + W_hh h_(t-1), of four sequences
                tile: Tile = (b0, b1, b2, b3, b0, b1, b2, b3, b0, b1, b2, b3, b0, b1, b2, b3)
                tile = gemm(w, at, x, n * inputs, inputs, tile)
                tile = gemm(w, at + inputs * TILE_COLUMNS, acts.h, n * units, units, tile)
                cell_forward(tile[:4], n, unit, count, units, acts, out)
                cell_forward(tile[4:8], n + 1, unit, count, units, acts, out)
                cell_forward(tile[8:12], n + 2, unit, count, units, acts, out)
                cell_forward(tile[12:], n + 3, unit, count, units, acts, out)
            for n in range(tiles_end, end):  # sequences beside whole tiles
                line: Tile = gemv(w, at, x, n * inputs, inputs, (b0, b1, b2, b3))
                line = gemv(w, at + inputs * TILE_COLUMNS, acts.h, n * units, units, line)
                cell_forward(line, n, unit, count, units, acts, out)


@kernel
def backward(
    shape: LayerShape, transposed: Float32, acts: Activations, out: Output, grad_gates: Float32, grad_bias: Float32
) -> None:
    """The gradient of the loss in the gates before their functions, from the last row to the first.

    Parameters
    ----------
    shape : LayerShape
        T, N, I, H.
    transposed : float32
        Of `transpose_weights`.
    acts : Activations
        As forward left them.
    out : Output
        The mask of forward, and the gradient of z.
    grad_gates : float32 [T, N, 4H]
        Filled. It may be the memory of acts.gates: each gate is read for the last time before its gradient is written,
        and a batch needs less of the cache.
    grad_bias : float32 [4H]
        Filled with the gradient's sum over all rows.
    """
    rows, count, _, units = shape
    wide = (units + TILE_COLUMNS - 1) // TILE_COLUMNS * TILE_COLUMNS
    grad_h, grad_c = np.zeros(count * wide, np.float32), np.zeros(count * units, np.float32)
    grad_bias[:] = _ZERO
    carried, zero, padded = Carried(grad_h, grad_c, grad_bias), same(_ZERO), LayerShape(rows, count, wide, units)
    for back in range(rows):
        t = rows - 1 - back
        for n in range(count):
            for unit in range(0, units, LANES):
                cell_backward(t * count + n, unit, n, padded, acts, out, grad_gates, carried)
        # the gradient of h_(t-1): W_hh^T times that of the gates
        for column in range(0, wide if t else 0, TILE_COLUMNS):
            at_w = column * 4 * units
            for n in range(0, count - count % TILE_ROWS, TILE_ROWS):
                tile: Tile = (
                    zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero,
                )  # fmt: skip
                tile = gemm(transposed, at_w, grad_gates, (t * count + n) * 4 * units, 4 * units, tile)
                at = n * wide + column
                store_tile(grad_h, at, tile[:4])
                store_tile(grad_h, at + wide, tile[4:8])
                store_tile(grad_h, at + 2 * wide, tile[8:12])
                store_tile(grad_h, at + 3 * wide, tile[12:])
            for n in range(count - count % TILE_ROWS, count):
                line: Tile = (zero, zero, zero, zero)
                line = gemv(transposed, at_w, grad_gates, (t * count + n) * 4 * units, 4 * units, line)
                store_tile(grad_h, n * wide + column, line)
