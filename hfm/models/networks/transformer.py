"""transformer: a causal encoder (Vaswani et al. 2017, arXiv:1706.03762), layer norms before each part.

Layer normalisation: Ba et al. 2016, arXiv:1607.06450; before each part: Xiong et al. 2020, arXiv:2002.04745. The order
of rows enters by a causal convolution in front of the attention and by the features' own time of day; there is no table
of positions, so that a session of any length can be read.
Legend: N sequences, T rows, F features, H hidden units.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from hfm.models.networks import causal
from hfm.models.networks.lstm_network import zero_head
from hfm.models.networks.torch_forecaster import TorchForecaster


class EncoderLayer(nn.Module):
    """[N, T, H] -> [N, T, H]: attention over the rows up to each row, then two dense layers; both are added."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.parts, self.join = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.wide, self.narrow = nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, hidden)
        self.drop = nn.Dropout(dropout)
        self.heads = causal.heads_of(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        # x + attention of the norm of x, then x + dense layers of the norm of x
        query, key, value = self.parts(self.first(x)).chunk(3, dim=-1)
        x = x + self.drop(self.join(causal.attend(query, key, value, self.heads)))
        out: torch.Tensor = x + self.drop(self.narrow(functional.gelu(self.wide(self.second(x)))))
        return out


class TransformerNetwork(nn.Module):
    """[N, T, F] float32 -> [N, T, 5]."""

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.near = causal.CausalConvolution(features, hidden, 3)
        self.layers = nn.ModuleList(EncoderLayer(hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.head = zero_head(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The corrections, in units of the floors' residuals."""
        y = self.near(x.transpose(1, 2)).transpose(1, 2)
        for layer in self.layers:
            y = layer(y)
        out: torch.Tensor = self.head(self.norm(y))
        return out


class Transformer(TorchForecaster):
    """Causal encoder; mean of `seeds` networks."""

    network: ClassVar[type[nn.Module]] = TransformerNetwork
