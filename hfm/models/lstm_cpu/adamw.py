"""A gradient step: clip, AdamW, moving average; all weights at once.

torch.optim does the same in a tenth of a small network's batch, bookkeeping and eleven passes over the weights; on the
processor, where a network's weights are one vector, it is compiled here.
Legend: P weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from hfm.config import Train
from hfm.kernels.cpu import LANES
from hfm.kernels.jit import kernel
from hfm.kernels.simd import Float32, fma, load, same, total

BETAS, EPSILON = (0.9, 0.999), 1e-8
_FIRST, _KEPT, _SECOND, _LEAST = np.float32(1 - 0.9), np.float32(0.999), np.float32(1 - 0.999), np.float32(1e-8)
_ZERO = np.float32(0.0)


class Descent:
    """AdamW (Loshchilov, Hutter 2019, arXiv:1711.05101, algorithm 2) of `weights` by their .grad."""

    def __init__(self, weights: Sequence[torch.Tensor], options: Train) -> None:
        self.weights, self.options = list(weights), options
        self.first = [torch.zeros_like(w) for w in self.weights]
        self.second = [torch.zeros_like(w) for w in self.weights]
        self.steps = 0
        whole = len(self.weights) == 1 and self.weights[0].device.type == "cpu"
        parts = (self.weights[0].detach(), self.first[0], self.second[0]) if whole else ()
        self._flat = tuple(part.numpy() for part in parts)
        """One vector's weights and moments; () where there are several, or elsewhere."""

    def step(self, average: Sequence[torch.Tensor]) -> None:
        """One step along the gradient, cut to the norm options.clip; `average` follows (faster at first)."""
        options, gradients = self.options, [w.grad for w in self.weights if w.grad is not None]
        self.steps += 1
        one, two = (1 - beta**self.steps for beta in BETAS)
        decay = min(options.ema, (1 + self.steps) / (10 + self.steps))
        scalars = (1 - options.lr * options.weight_decay, options.lr / one, 1 / math.sqrt(two), 1 - decay)
        if self._flat:
            (w, first, second), g = self._flat, gradients[0].numpy()
            cut = min(1.0, options.clip / (norm(g) + 1e-6))
            move(w, g, first, second, average[0].detach().numpy(), np.array([*scalars, cut], np.float32))
            return
        with torch.no_grad():
            size = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            torch._foreach_mul_(gradients, (options.clip / (size + 1e-6)).clamp(max=1.0))
            self._move(gradients, list(average), scalars)

    def _move(self, gradients: list[torch.Tensor], average: list[torch.Tensor], scalars: tuple[float, ...]) -> None:
        """`move` in torch, for several tensors and other devices."""
        torch._foreach_lerp_(self.first, gradients, 1 - BETAS[0])
        torch._foreach_mul_(self.second, BETAS[1])
        torch._foreach_addcmul_(self.second, gradients, gradients, 1 - BETAS[1])
        below = torch._foreach_sqrt(self.second)
        torch._foreach_mul_(below, scalars[2])
        torch._foreach_add_(below, EPSILON)
        torch._foreach_mul_(self.weights, scalars[0])
        torch._foreach_addcdiv_(self.weights, self.first, below, -scalars[1])
        torch._foreach_lerp_(average, self.weights, scalars[3])

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
def move(w: Float32, g: Float32, first: Float32, second: Float32, average: Float32, scalars: Float32) -> None:
    """One step of weights w [P] along g [P]; moments and average follow.

    scalars: what decay leaves of w, the step's length, what corrects the root of the second moment, the average's share
    of the new weights, and what clipping leaves of g.
    """
    keep, length, scale, share, cut = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]
    for k in range(w.shape[0]):
        slope = cut * g[k]
        first[k] += _FIRST * (slope - first[k])
        second[k] = _KEPT * second[k] + _SECOND * slope * slope
    for k in range(w.shape[0]):
        w[k] = keep * w[k] - length * first[k] / (scale * np.sqrt(second[k]) + _LEAST)
    for k in range(w.shape[0]):
        average[k] += share * (w[k] - average[k])
