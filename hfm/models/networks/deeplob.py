"""deeplob: convolutions, an inception block and an LSTM (Zhang, Zohren, Roberts 2019, doi:10.1109/TSP.2019.2907260).

What differs from the paper: its convolutions across price levels are left out, since a row here holds features that
already sum over the levels; every convolution and the pooling look back only (the paper's windows end at the row, so
that within one there is no need); the LSTM runs through the session, not anew through each window of 100 rows.
Legend: N sequences, T rows, F features, H hidden units.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from hfm.models.networks import causal
from hfm.models.networks.lstm_network import lstm_layers, zero_head
from hfm.models.networks.torch_forecaster import TorchForecaster

SLOPE = 0.01
"""Of the leaky rectifier, as in the paper."""


class DeepLobNetwork(nn.Module):
    """[N, T, F] float32 -> [N, T, 5]. Convolutions have H / 2 channels, each inception branch H."""

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        width = max(hidden // 2, 1)
        self.rows = nn.ModuleList(
            causal.CausalConvolution(a, width, n) for a, n in ((features, 1), (width, 4), (width, 4))
        )
        self.thin = nn.ModuleList(nn.Conv1d(width, hidden, 1) for _ in range(3))
        self.long = nn.ModuleList(causal.CausalConvolution(hidden, hidden, n) for n in (3, 5))
        self.cell = lstm_layers(3 * hidden, hidden, layers, dropout)
        self.drop = nn.Dropout(dropout)
        self.head = zero_head(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The corrections, in units of the floors' residuals."""
        y = x.transpose(1, 2)
        for convolution in self.rows:
            y = functional.leaky_relu(convolution(y), SLOPE)
        highest = functional.max_pool1d(functional.pad(y, (2, 0), value=float("-inf")), 3, 1)
        thin = [functional.leaky_relu(self.thin[k](part), SLOPE) for k, part in enumerate((y, y, highest))]
        branches = [functional.leaky_relu(long(part), SLOPE) for long, part in zip(self.long, thin[:2], strict=True)]
        z, _ = self.cell(torch.cat([*branches, thin[2]], dim=1).transpose(1, 2))
        out: torch.Tensor = self.head(self.drop(z))
        return out


class DeepLob(TorchForecaster):
    """Causal convolutions and an LSTM, made for order books; mean of `seeds` networks."""

    network: ClassVar[type[nn.Module]] = DeepLobNetwork
