"""What networks are fitted by: sequences as padded tensors, and the losses of corrections to the floors.

Losses, each a mean over labelled rows in units of the floors' residuals: log-loss of the direction, half the squared
error of the log volatility, pinball loss of the log spread's quantiles. `losses` is in torch, `slope` the same
compiled, with its gradient.
Legend: N sequences, T rows of the longest, F features of the network, R = N x T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from hfm.kernels.jit import kernel
from hfm.models.inference import Float32
from hfm.plugins import Float

LABELS = ("logit", "up", "vol", "spread", "has_up", "has_vol", "has_spread")
"""Columns of Batch.y: the floor's logit; 1 or 0; label less floor, in units of the floor's residual sd; 1 where
labelled."""


@dataclass(frozen=True)
class Batch:
    """Sequences as tensors: x [N, T, F], zero in masked and padded rows; y [N, T, 7] of LABELS, zero where unknown."""

    x: torch.Tensor
    y: torch.Tensor

    def column(self, name: str) -> torch.Tensor:
        """[N, T] of one of LABELS."""
        return self.y[..., LABELS.index(name)]

    def pick(self, index: torch.Tensor) -> Batch:
        """The sequences at `index`."""
        return Batch(self.x[index], self.y[index])

    def to(self, place: torch.device) -> Batch:
        """The same on a device."""
        return Batch(self.x.to(place), self.y.to(place))


def losses(out: torch.Tensor, data: Batch, widths: Float) -> torch.Tensor:
    """[3] mean direction, volatility and spread loss of corrections out [N, T, 5]; 0 where nothing is labelled.

    widths: [2] of the floor's lower and upper quantile, in units of its residuals.
    """
    base, up, vol, spread, has_up, has_vol, has_spread = data.y.unbind(-1)
    logit = base + out[..., 0]
    direction = (functional.softplus(logit) - up * logit) * has_up
    volatility = 0.5 * (vol - out[..., 1]).square() * has_vol
    error = spread - out[..., 2]
    below = error + float(widths[0]) * torch.exp(out[..., 3])
    above = error - float(widths[1]) * torch.exp(out[..., 4])
    pinball = (_pinball(below, 0.1) + _pinball(error, 0.5) + _pinball(above, 0.9)) * has_spread
    return torch.stack([
        direction.sum() / has_up.sum().clamp(min=1), volatility.sum() / has_vol.sum().clamp(min=1),
        pinball.sum() / has_spread.sum().clamp(min=1),
    ])  # fmt: skip


def _pinball(error: torch.Tensor, share: float) -> torch.Tensor:
    return torch.maximum(share * error, (share - 1) * error)


@kernel
def slope(out: Float32, y: Float32, widths: Float, gradient: Float32) -> float:
    """The sum of the losses of corrections out [R, 5] on labels y [R, 7]; gradient [R, 5] is filled."""
    ups, vols, spreads = 0.0, 0.0, 0.0
    for r in range(y.shape[0]):
        ups += y[r, 4]
        vols += y[r, 5]
        spreads += y[r, 6]
    by_up, by_vol, by_spread = 1.0 / max(ups, 1.0), 1.0 / max(vols, 1.0), 1.0 / max(spreads, 1.0)
    total = 0.0
    for r in range(y.shape[0]):
        logit, weight = np.float64(y[r, 0]) + out[r, 0], y[r, 4] * by_up
        small = math.exp(-abs(logit))
        gradient[r, 0] = ((1.0 if logit >= 0 else small) / (1.0 + small) - y[r, 1]) * weight
        total += (max(logit, 0.0) + math.log1p(small) - y[r, 1] * logit) * weight
        miss, weight = np.float64(out[r, 1]) - y[r, 2], y[r, 5] * by_vol
        gradient[r, 1] = miss * weight
        total += 0.5 * miss * miss * weight
        error, weight = np.float64(y[r, 3]) - out[r, 2], y[r, 6] * by_spread
        lower, upper = widths[0] * math.exp(out[r, 3]), widths[1] * math.exp(out[r, 4])
        a = 0.1 if error + lower > 0 else -0.9
        b = 0.5 if error > 0 else -0.5
        c = 0.9 if error - upper > 0 else -0.1
        gradient[r, 2] = -(a + b + c) * weight
        gradient[r, 3] = a * lower * weight
        gradient[r, 4] = -c * upper * weight
        total += (a * (error + lower) + b * error + c * (error - upper)) * weight
    return total
