"""The losses of a forecast, each stated once for each kind of array that takes it: NumPy, torch, kernel.

Direction: log-loss of the logit. Volatility: half the squared error of the log volatility. Spread: pinball losses of
the log spread's three quantiles (Koenker and Bassett 1978, Econometrica 46(1), doi:10.2307/1913643).
`losses` is what networks are fitted by; `loss_and_gradient` is its fused twin on the processor, with the derivative in
the corrections written out (the bench row `train`; tests/models/networks/test_losses.py holds it to autograd).
Importing this module imports no torch. Legend: N sequences, T rows of the longest, F features of the network, R = N T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hfm.arrays import Float, Float32
from hfm.kernels.jit import kernel
from hfm.models.heads import QUANTILES, Corrections, correction, fill_correction

if TYPE_CHECKING:
    import torch

LABELS = ("logit", "up", "vol", "spread", "has_up", "has_vol", "has_spread")
"""Columns of Batch.y: the floor's logit; 1 or 0; label less floor, in units of the floor's residual sd; 1 where
labelled."""
_LOGIT, _UP, _VOL, _SPREAD, _HAS_UP, _HAS_VOL, _HAS_SPREAD = range(len(LABELS))
_Q_LOW, _Q_MEDIAN, _Q_HIGH = QUANTILES
_UNDER_LOW, _UNDER_MEDIAN, _UNDER_HIGH = (-level for level in reversed(QUANTILES))
"""Level - 1 of each: the levels lie symmetrically."""


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

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(self.x.to(device), self.y.to(device))


def log_loss(logit: Float, up: Float) -> Float:
    """-log likelihood of labels under P(up) = sigmoid(logit).

    Parameters
    ----------
    logit : float64 [..]
        NaN stays NaN.
    up : float64 [..]
        1 or 0; NaN stays NaN.

    Returns
    -------
    float64 [..]
        In nats.
    """
    return np.asarray(np.logaddexp(0, logit) - up * logit)


def pinball(error: Float, level: float) -> Float:
    """Pinball loss of a quantile (Koenker and Bassett 1978).

    Parameters
    ----------
    error : float64 [..]
        Label less quantile; NaN stays NaN.
    level : float
        Of the quantile, in (0, 1).

    Returns
    -------
    float64 [..]
        In the unit of the error.
    """
    loss: Float = np.maximum(level * error, (level - 1) * error)
    return loss


def losses(out: torch.Tensor, data: Batch, widths: Float) -> torch.Tensor:
    """The mean losses of corrections over labelled rows.

    Parameters
    ----------
    out : tensor [N, T, 5]
        heads.CORRECTIONS.
    data : Batch
        Of the same sequences.
    widths : float64 [2]
        From the floor's median to its lower and upper quantile, in units of its residuals.

    Returns
    -------
    tensor [3]
        Of heads.TASKS; 0 where nothing is labelled.
    """
    import torch
    from torch.nn import functional

    def pinball_loss(error: torch.Tensor, level: float) -> torch.Tensor:
        return torch.maximum(level * error, (level - 1) * error)

    base, up, vol, spread, has_up, has_vol, has_spread = data.y.unbind(-1)
    to = Corrections(*out.unbind(-1))
    logit = base + to.logit
    direction = (functional.softplus(logit) - up * logit) * has_up
    volatility = 0.5 * (vol - to.log_vol).square() * has_vol
    error = spread - to.median
    below = error + float(widths[0]) * torch.exp(to.lower_width)
    above = error - float(widths[1]) * torch.exp(to.upper_width)
    quantiles = pinball_loss(below, _Q_LOW) + pinball_loss(error, _Q_MEDIAN) + pinball_loss(above, _Q_HIGH)
    quantiles = quantiles * has_spread
    return torch.stack([
        direction.sum() / has_up.sum().clamp(min=1), volatility.sum() / has_vol.sum().clamp(min=1),
        quantiles.sum() / has_spread.sum().clamp(min=1),
    ])  # fmt: skip


@kernel
def loss_and_gradient(out: Float32, y: Float32, widths: Float, gradient: Float32) -> float:
    """The sum of `losses` over one batch, and its gradient in the corrections.

    Parameters
    ----------
    out : float32 [R, 5]
        heads.CORRECTIONS.
    y : float32 [R, 7]
        LABELS.
    widths : float64 [2]
        As in `losses`.
    gradient : float32 [R, 5]
        Filled.

    Returns
    -------
    float
        The three losses' sum.
    """
    ups, vols, spreads = 0.0, 0.0, 0.0
    for r in range(y.shape[0]):
        ups += y[r, _HAS_UP]
        vols += y[r, _HAS_VOL]
        spreads += y[r, _HAS_SPREAD]
    by_up, by_vol, by_spread = 1.0 / max(ups, 1.0), 1.0 / max(vols, 1.0), 1.0 / max(spreads, 1.0)
    total = 0.0
    for r in range(y.shape[0]):
        to = correction(out, r)
        # direction: d softplus(z) / dz = sigmoid(z), from exp(-|z|) so that neither overflows
        logit, weight = np.float64(y[r, _LOGIT]) + to.logit, y[r, _HAS_UP] * by_up
        small = math.exp(-abs(logit))
        by_logit = ((1.0 if logit >= 0 else small) / (1.0 + small) - y[r, _UP]) * weight
        total += (max(logit, 0.0) + math.log1p(small) - y[r, _UP] * logit) * weight
        # volatility: half the squared miss
        miss, weight = np.float64(to.log_vol) - y[r, _VOL], y[r, _HAS_VOL] * by_vol
        by_log_vol = miss * weight
        total += 0.5 * miss * miss * weight
        # spread: the slope of a pinball loss is its level above the quantile, level - 1 below it
        error, weight = np.float64(y[r, _SPREAD]) - to.median, y[r, _HAS_SPREAD] * by_spread
        lower, upper = widths[0] * math.exp(to.lower_width), widths[1] * math.exp(to.upper_width)
        a = _Q_LOW if error + lower > 0 else _UNDER_LOW
        b = _Q_MEDIAN if error > 0 else _UNDER_MEDIAN
        c = _Q_HIGH if error - upper > 0 else _UNDER_HIGH
        by_median, by_lower, by_upper = -(a + b + c) * weight, a * lower * weight, -c * upper * weight
        fill_correction(Corrections(by_logit, by_log_vol, by_median, by_lower, by_upper), r, gradient)
        total += (a * (error + lower) + b * error + c * (error - upper)) * weight
    return total
