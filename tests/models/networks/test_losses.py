"""The losses: torch's and the compiled ones are the same, and so are their gradients."""

from __future__ import annotations

import numpy as np
import torch

from hfm.models.networks import losses


def batch(rows: int, seed: int) -> tuple[torch.Tensor, losses.Batch]:
    """(corrections, labels), some unknown."""
    torch.manual_seed(seed)
    y = torch.randn(2, rows, 7)
    y[..., 1] = (y[..., 1] > 0).float()
    y[..., 4:] = (y[..., 4:] > -0.5).float()
    for value, has in ((1, 4), (2, 5), (3, 6)):
        y[..., value] *= y[..., has]
    return 0.5 * torch.randn(2, rows, 5), losses.Batch(torch.zeros(2, rows, 3), y)


def test_the_compiled_sum_and_gradient_are_autograd_s() -> None:
    """Large logits too."""
    widths = np.array([0.7, 1.3])
    for seed in range(3):
        out, data = batch(40, seed)
        out[0, :3, 0] = torch.tensor([60.0, -60.0, 0.0])
        out.requires_grad_()
        whole = losses.losses(out, data, widths).sum()
        whole.backward()
        flat, gradient = out.detach().reshape(-1, 5).numpy(), np.empty((80, 5), np.float32)
        value = losses.loss_and_gradient(flat, data.y.reshape(-1, 7).numpy(), widths, gradient)
        assert abs(value - float(whole.detach())) < 1e-5 * max(1, float(whole.detach()))
        assert out.grad is not None
        np.testing.assert_allclose(gradient.reshape(2, 40, 5), out.grad.numpy(), atol=1e-6)


def test_nothing_labelled_is_no_loss_and_no_gradient() -> None:
    """Zeros, not NaN."""
    gradient = np.full((4, 5), np.nan, np.float32)
    assert (
        losses.loss_and_gradient(np.ones((4, 5), np.float32), np.zeros((4, 7), np.float32), np.ones(2), gradient) == 0
    )
    assert not gradient.any()


def test_a_batch_is_picked_and_its_columns_are_named() -> None:
    """Sequences by index; logit first."""
    _, data = batch(6, 0)
    picked = data.pick(torch.tensor([1]))
    assert picked.x.shape == (1, 6, 3)
    assert torch.equal(picked.column("logit"), data.y[1:, :, 0])
    assert torch.equal(data.column("has_spread"), data.y[..., 6])
    assert data.to(torch.device("cpu")).x.shape == data.x.shape
