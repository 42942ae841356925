"""The LSTM's network, and what all networks share: an output layer of zeros, so that each begins as its floor.

Apart from lstm.py, whose forecasts need no torch. Legend: N sequences, T rows, F features, H hidden units.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hfm.models.heads import CORRECTIONS
from hfm.plugins import Arrays


def lstm_layers(features: int, hidden: int, layers: int, dropout: float) -> nn.LSTM:
    """LSTM layers over [N, T, F]; the state is zero at the start of each sequence.

    Parameters
    ----------
    features, hidden, layers : int
        F, H and how many layers.
    dropout : float
        Share of the units of a layer that the next one does not see.

    Returns
    -------
    LSTM
    """
    return nn.LSTM(features, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)


def zero_head(units: int) -> nn.Linear:
    """The output layer of every network, from `units` to CORRECTIONS: zeros."""
    head = nn.Linear(units, len(CORRECTIONS))
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


class LstmNetwork(nn.Module):
    """[N, T, F] float32 -> [N, T, 5] CORRECTIONS; the state is zero at the start of each sequence."""

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.cell = lstm_layers(features, hidden, layers, dropout)
        self.drop = nn.Dropout(dropout)
        self.head = zero_head(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The corrections."""
        y, _ = self.cell(x)
        out: torch.Tensor = self.head(self.drop(y))
        return out


def packable_arrays(weights: dict[str, torch.Tensor], prefix: str) -> Arrays:
    """An LstmNetwork's state dict as float32 arrays for packed_model: inputs first, gates i f g o contiguous."""
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


def packed_weights(arrays: Arrays, prefix: str) -> dict[str, torch.Tensor]:
    """The state dict of which packable_arrays made the arrays under a prefix, both biases' sum in the first; or {}."""
    out: dict[str, torch.Tensor] = {}
    if f"{prefix}/head/w" not in arrays:
        return out
    for k in range(sum(1 for name in arrays if name.startswith(f"{prefix}/l") and name.endswith("/ih"))):
        for part in ("ih", "hh"):
            out[f"cell.weight_{part}_l{k}"] = torch.from_numpy(arrays[f"{prefix}/l{k}/{part}"].T.copy())
        out[f"cell.bias_ih_l{k}"] = torch.from_numpy(arrays[f"{prefix}/l{k}/b"].copy())
        out[f"cell.bias_hh_l{k}"] = torch.zeros_like(out[f"cell.bias_ih_l{k}"])
    out["head.weight"] = torch.from_numpy(arrays[f"{prefix}/head/w"].T.copy())
    out["head.bias"] = torch.from_numpy(arrays[f"{prefix}/head/b"].copy())
    return out


def plain_arrays(weights: dict[str, torch.Tensor], prefix: str) -> Arrays:
    """Any network's state dict as float32 arrays, for a network that only torch runs."""
    return {f"{prefix}/net/{name}": np.ascontiguousarray(value.numpy()) for name, value in weights.items()}


def plain_weights(arrays: Arrays, prefix: str) -> dict[str, torch.Tensor]:
    """The state dict of which plain_arrays made the arrays under a prefix; {} where there are none."""
    start = f"{prefix}/net/"
    return {name.removeprefix(start): torch.from_numpy(value.copy())
            for name, value in arrays.items() if name.startswith(start)}  # fmt: skip
