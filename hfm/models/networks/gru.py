"""gru: the LSTM's network with gated recurrent units, a quarter fewer weights (Cho et al. 2014, arXiv:1406.1078).

Legend: N sequences, T rows, F features, H hidden units.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from hfm.models.networks.lstm_network import zero_head
from hfm.models.networks.torch_forecaster import TorchForecaster


class GruNetwork(nn.Module):
    """[N, T, F] float32 -> [N, T, 5]; the state is zero at the start of each sequence."""

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.cell = nn.GRU(features, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.drop = nn.Dropout(dropout)
        self.head = zero_head(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The corrections, in units of the floors' residuals."""
        y, _ = self.cell(x)
        out: torch.Tensor = self.head(self.drop(y))
        return out


class Gru(TorchForecaster):
    """Gated recurrent units in the place of the LSTM's; mean of `seeds` networks."""

    network: ClassVar[type[nn.Module]] = GruNetwork
