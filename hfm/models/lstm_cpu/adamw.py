"""A step along the gradient: clip, AdamW, moving average; all weights at once.

torch.optim does the same in a tenth of a small network's batch, bookkeeping and eleven passes over the weights; on the
processor, where a network's weights are one vector, it is compiled here (`adamw_step`, bench row `train`). Several
tensors, and other devices, take torch's own functions; tests/models/lstm_cpu/test_adamw.py holds both to torch.optim.
Legend: P weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from hfm.config import Train
from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, fma, load, same, total

BETAS, EPSILON = (0.9, 0.999), 1e-8
_FIRST, _KEPT, _SECOND, _LEAST = np.float32(1 - 0.9), np.float32(0.999), np.float32(1 - 0.999), np.float32(1e-8)
_ZERO = np.float32(0.0)


class _Flat(NamedTuple):
    """Weights and moments [P] of a network whose weights are one vector on the processor."""

    weights: Float32
    first: Float32
    second: Float32


class StepScalars(NamedTuple):
    """Of one step. keep: what decay leaves of a weight. length: of the step. root: what corrects the root of the second
    moment. share: of the new weights in their average. clip: what clipping leaves of the gradient.
    """

    keep: np.float32
    length: np.float32
    root: np.float32
    share: np.float32
    clip: np.float32


class AdamW:
    """AdamW (Loshchilov, Hutter 2019, arXiv:1711.05101, algorithm 2) of `weights` by their .grad."""

    def __init__(self, weights: Sequence[torch.Tensor], options: Train) -> None:
        self.weights, self.options = list(weights), options
        self.first = [torch.zeros_like(w) for w in self.weights]
        self.second = [torch.zeros_like(w) for w in self.weights]
        self.steps = 0
        self._flat: _Flat | None = None
        if len(self.weights) == 1 and self.weights[0].device.type == "cpu":
            parts = (self.weights[0].detach(), self.first[0], self.second[0])
            self._flat = _Flat(*(part.numpy() for part in parts))

    def step(self, average: Sequence[torch.Tensor]) -> None:
        """One step along the gradient, cut to the norm options.clip; `average` follows (faster at first)."""
        options, gradients = self.options, [w.grad for w in self.weights if w.grad is not None]
        self.steps += 1
        one, two = (1 - beta**self.steps for beta in BETAS)
        decay = min(options.ema, (1 + self.steps) / (10 + self.steps))
        keep, length, root = 1 - options.lr * options.weight_decay, options.lr / one, 1 / math.sqrt(two)
        if self._flat is not None:
            g = gradients[0].numpy()
            clip = min(1.0, options.clip / (norm(g) + 1e-6))
            scalars = StepScalars(*(np.float32(v) for v in (keep, length, root, 1 - decay, clip)))
            flat = self._flat
            adamw_step(flat.weights, g, flat.first, flat.second, average[0].detach().numpy(), scalars)
            return
        with torch.no_grad():
            size = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            torch._foreach_mul_(gradients, (options.clip / (size + 1e-6)).clamp(max=1.0))
            self._step_in_torch(gradients, keep, length, root)
            torch._foreach_lerp_(list(average), self.weights, 1 - decay)

    def _step_in_torch(self, gradients: list[torch.Tensor], keep: float, length: float, root: float) -> None:
        """`adamw_step` for several tensors and other devices, but for the average."""
        torch._foreach_lerp_(self.first, gradients, 1 - BETAS[0])
        torch._foreach_mul_(self.second, BETAS[1])
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - BETAS[1])
        below = torch._foreach_sqrt(self.second)
        torch._foreach_mul_(below, root)
        torch._foreach_add_(below, EPSILON)
        torch._foreach_mul_(self.weights, keep)
        torch._foreach_addcdiv_(self.weights, self.first, below, -length)

    def state(self) -> dict[str, torch.Tensor]:
        """The moments, by name; the number of steps is the caller's."""
        parts = {"first": self.first, "second": self.second}
        return {f"{name}/{i}": value for name, values in parts.items() for i, value in enumerate(values)}

    def restore(self, saved: dict[str, torch.Tensor], steps: int) -> None:
        """Become what `state` was taken of, after so many steps."""
        self.steps = steps
        for name, values in (("first", self.first), ("second", self.second)):
            for i, value in enumerate(values):
                value.copy_(saved[f"{name}/{i}"])


@kernel
def norm(g: Float32) -> float:
    """The Euclidean norm of g [P]."""
    whole, sums = g.size - g.size % (4 * LANES), same(_ZERO)
    a, b, c, d = sums, sums, sums, sums
    for k in range(0, whole, 4 * LANES):
        one, two, three, four = load(g, k), load(g, k + LANES), load(g, k + 2 * LANES), load(g, k + 3 * LANES)
        a, b, c, d = fma(one, one, a), fma(two, two, b), fma(three, three, c), fma(four, four, d)
    square = np.float64(total((a + b) + (c + d)))
    for k in range(whole, g.size):
        square += np.float64(g[k]) * g[k]
    return math.sqrt(square)


@kernel
def adamw_step(w: Float32, g: Float32, first: Float32, second: Float32, average: Float32, scalars: StepScalars) -> None:
    """One step of all weights.

    Parameters
    ----------
    w, g, first, second, average : float32 [P]
        Weights, their gradient, its first and second moment, the weights' moving average; all but g change.
    scalars : StepScalars
        Of the step.
    """
    keep, length, root, share, clip = scalars
    for k in range(w.shape[0]):  # loop by loop, each over few arrays: one over all of them is not vectorised
        slope = clip * g[k]
        # algorithm 2, lines 7 and 8: m_t = b1 m_(t-1) + (1 - b1) g_t, and v_t of the squares
        first[k] += _FIRST * (slope - first[k])
        second[k] = _KEPT * second[k] + _SECOND * slope * slope
    for k in range(w.shape[0]):  # lines 9, 10 and 12: both corrected for their start, a step, and decay of its own
        w[k] = keep * w[k] - length * first[k] / (root * np.sqrt(second[k]) + _LEAST)
    for k in range(w.shape[0]):
        average[k] += share * (w[k] - average[k])
