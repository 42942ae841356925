"""The step is torch's AdamW after torch's clipping."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hfm.config import Train
from hfm.models.lstm_cpu.adamw import AdamW, norm

OPTIONS = Train(lr=0.02, weight_decay=0.1, clip=0.5, ema=0.9)


def reference(start: torch.Tensor, gradients: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """(weights, their average) after torch's own steps."""
    weight = torch.nn.Parameter(start.clone())
    mean = start.clone()
    adam = torch.optim.AdamW([weight], lr=OPTIONS.lr, weight_decay=OPTIONS.weight_decay)
    for k, gradient in enumerate(gradients, 1):
        weight.grad = gradient.clone()
        torch.nn.utils.clip_grad_norm_([weight], OPTIONS.clip)
        adam.step()
        mean.lerp_(weight.detach(), 1 - min(OPTIONS.ema, (1 + k) / (10 + k)))
    return weight.detach(), mean


@pytest.mark.parametrize("pieces", [1, 3])
def test_steps_are_torch_s(pieces: int) -> None:
    """One vector (compiled) and several tensors (torch): weights and average within rounding, clipped or not."""
    torch.manual_seed(0)
    start, gradients = torch.randn(36), [torch.randn(36) * size for size in (1.0, 0.01, 3.0, 0.05, 1.0)]
    weights = [torch.nn.Parameter(part.clone()) for part in start.chunk(pieces)]
    means = [part.clone() for part in start.chunk(pieces)]
    optimiser = AdamW(weights, OPTIONS)
    for gradient in gradients:
        for weight, part in zip(weights, gradient.chunk(pieces), strict=True):
            weight.grad = part.clone()
        optimiser.step(means)
    expected, mean = reference(start, gradients)
    assert torch.allclose(torch.cat([w.detach() for w in weights]), expected, atol=1e-5)
    assert torch.allclose(torch.cat(means), mean, atol=1e-5)


def test_it_goes_on_from_its_state_to_the_same_bits() -> None:
    """Two steps, saved, and two more are four."""
    torch.manual_seed(0)
    gradients = [torch.randn(20) for _ in range(4)]
    ends = []
    for pause in (False, True):
        weight, mean = torch.nn.Parameter(torch.ones(20)), torch.ones(20)
        optimiser = AdamW([weight], OPTIONS)
        for k, gradient in enumerate(gradients):
            if pause and k == 2:
                saved = {name: value.clone() for name, value in optimiser.state().items()}
                optimiser = AdamW([weight], OPTIONS)
                optimiser.restore(saved, 2)
            weight.grad = gradient.clone()
            optimiser.step([mean])
        ends.append((weight.detach().clone(), mean))
    assert torch.equal(ends[0][0], ends[1][0])
    assert torch.equal(ends[0][1], ends[1][1])


@pytest.mark.parametrize("n", [1, 63, 64, 1_000, 57_989])
def test_the_norm_is_numpy_s(n: int) -> None:
    """Any length, in whole vectors or not."""
    g = np.random.default_rng(n).normal(size=n).astype(np.float32)
    assert norm(g) == pytest.approx(float(np.linalg.norm(g.astype(float))), rel=1e-6)
