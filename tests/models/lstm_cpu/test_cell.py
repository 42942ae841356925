"""The cell against its equations."""

from __future__ import annotations

import numpy as np

from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, load
from hfm.models.lstm_cpu.cell import Activations, Output, cell_forward, gate_activations
from hfm.models.lstm_cpu.tile import store_tile


@kernel
def gates(x: Float32, out: Float32) -> None:
    store_tile(out, 0, gate_activations((load(x, 0), load(x, LANES), load(x, 2 * LANES), load(x, 3 * LANES))))


@kernel
def forward(x: Float32, acts: Activations, out: Output) -> None:
    cell_forward((load(x, 0), load(x, LANES), load(x, 2 * LANES), load(x, 3 * LANES)), 0, 0, 1, LANES, acts, out)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """In float64."""
    return 1 / (1 + np.exp(-x.astype(float)))


def test_gates_are_logistic_and_the_third_is_tanh() -> None:
    """Also where they are 0 or 1."""
    x = np.linspace(-30, 30, 4 * LANES).astype(np.float32)
    np.random.default_rng(1).shuffle(x)
    out = np.empty_like(x)
    gates(x, out)
    third = slice(2 * LANES, 3 * LANES)
    want = sigmoid(x)
    want[third] = np.tanh(x[third].astype(float))
    np.testing.assert_allclose(out, want, atol=1e-6)


def test_a_row_is_the_equations() -> None:
    """c = f c + i g, h = o tanh(c), z is h under the mask; the row before stays."""
    rng = np.random.default_rng(2)
    x, before, mask = (rng.standard_normal(n).astype(np.float32) for n in (4 * LANES, LANES, LANES))
    acts = Activations(*(np.zeros(n, np.float32) for n in (4 * LANES, 2 * LANES, 2 * LANES, LANES)))
    acts.c[:LANES] = before
    out = Output(mask, np.zeros(LANES, np.float32))
    forward(x, acts, out)
    i, f, g, o = x.reshape(4, LANES)
    c = sigmoid(f) * before + sigmoid(i) * np.tanh(g.astype(float))
    h = sigmoid(o) * np.tanh(c)
    for found, want in ((acts.c[LANES:], c), (acts.tanh_c, np.tanh(c)), (acts.h[LANES:], h), (out.z, h * mask)):
        np.testing.assert_allclose(found, want, atol=2e-6)
    np.testing.assert_array_equal(acts.c[:LANES], before)
