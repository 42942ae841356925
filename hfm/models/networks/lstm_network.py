"""The LSTM over whole sessions, and what all networks share: a last layer of zeros, so that each begins as its floor.

Legend: N sequences, T rows, F features, H hidden units.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hfm.plugins import Arrays

CORRECTIONS = 5
"""To the logit, the log volatility, the log spread's median, and the logs of its lower and upper widths."""


def recurrent(features: int, hidden: int, layers: int, dropout: float) -> nn.LSTM:
    """LSTM layers over [N, T, F]; the state is zero at the start of each sequence."""
    return nn.LSTM(features, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)


def corrections(units: int) -> nn.Linear:
    """The last layer of every network: zeros."""
    head = nn.Linear(units, CORRECTIONS)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


class Recurrent(nn.Module):
    """[N, T, F] float32 -> [N, T, 5]; the state is zero at the start of each sequence."""

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.cell = recurrent(features, hidden, layers, dropout)
        self.drop = nn.Dropout(dropout)
        self.head = corrections(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The corrections, in units of the floors' residuals."""
        y, _ = self.cell(x)
        out: torch.Tensor = self.head(self.drop(y))
        return out


def export(weights: dict[str, torch.Tensor], prefix: str) -> Arrays:
    """A Recurrent's state dict as float32 arrays in the layout of step.pack: inputs first, gates i f g o contiguous."""
    out: Arrays = {}
    layers = sum(1 for name in weights if name.startswith("cell.weight_ih"))
    for k in range(layers):
        out[f"{prefix}/l{k}/ih"] = np.ascontiguousarray(weights[f"cell.weight_ih_l{k}"].numpy().T)
        out[f"{prefix}/l{k}/hh"] = np.ascontiguousarray(weights[f"cell.weight_hh_l{k}"].numpy().T)
        both = weights[f"cell.bias_ih_l{k}"].double() + weights[f"cell.bias_hh_l{k}"].double()
        out[f"{prefix}/l{k}/b"] = both.float().numpy()
    out[f"{prefix}/head/w"] = np.ascontiguousarray(weights["head.weight"].numpy().T)
    out[f"{prefix}/head/b"] = weights["head.bias"].numpy().copy()
    return out


def plain(weights: dict[str, torch.Tensor], prefix: str) -> Arrays:
    """Any network's state dict as float32 arrays, for a network that only torch runs."""
    return {f"{prefix}/net/{name}": np.ascontiguousarray(value.numpy()) for name, value in weights.items()}
