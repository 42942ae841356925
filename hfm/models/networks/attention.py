"""attention: an LSTM over the session, and a causal attention over its own states, pooled into each row.

Legend: N sequences, T rows, F features, H hidden units.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from hfm.models.networks import causal
from hfm.models.networks.lstm_network import lstm_layers, zero_head
from hfm.models.networks.torch_forecaster import TorchForecaster


class AttentionNetwork(nn.Module):
    """[N, T, F] float32 -> [N, T, 5]: the row's state beside the states up to it, weighted by likeness to it."""

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.cell = lstm_layers(features, hidden, layers, dropout)
        self.query, self.key = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.drop = nn.Dropout(dropout)
        self.head = zero_head(2 * hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The corrections, in units of the floors' residuals."""
        y, _ = self.cell(x)
        pooled = causal.attend(self.query(y), self.key(y), y, 1)
        out: torch.Tensor = self.head(self.drop(torch.cat([y, pooled], dim=-1)))
        return out


class Attention(TorchForecaster):
    """LSTM with causal attention pooling; mean of `seeds` networks."""

    network: ClassVar[type[nn.Module]] = AttentionNetwork
