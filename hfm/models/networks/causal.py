"""Causal pieces of the networks: attention over a trailing span, convolution over the rows up to each row.

Neither sees a later row, and neither mixes sequences, so that a row's output is the same bits whatever follows it.
Legend: N sequences, T rows, H units, A heads, D = H / A, B rows of a block.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

SPAN = 128
"""Rows of a block; a row attends to those of its own block and the one before it, 128 at least where there are any."""


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1) of rows up to each row.

    Sequences of up to SPAN rows are seen whole; longer ones cost T x 2 SPAN, not T squared.

    Parameters
    ----------
    query, key, value : tensor [N, T, H]
        Of the same rows.
    heads : int
        A, of which H is a multiple.

    Returns
    -------
    tensor [N, T, H]
    """
    count, rows, units = query.shape
    block = min(rows, SPAN)
    short = -rows % block
    parts = [functional.pad(a, (0, 0, 0, short)).view(count, -1, block, heads, units // heads).transpose(2, 3)
             for a in (query, key, value)]  # fmt: skip
    keys, values = parts[1], parts[2]  # [N, blocks, A, B, D]
    place = torch.arange(block, device=query.device)
    mask = place <= place[:, None]
    if rows > SPAN:
        keys, values = (
            torch.cat([functional.pad(a[:, :-1], (0, 0, 0, 0, 0, 0, 1, 0)), a], dim=3) for a in (keys, values)
        )
        mask = torch.cat([torch.ones_like(mask), mask], dim=1).expand(keys.shape[1], 1, -1, -1).clone()
        mask[0, :, :, :block] = False  # nothing stands before the first block
    out = functional.scaled_dot_product_attention(parts[0], keys, values, attn_mask=mask)
    return out.transpose(2, 3).reshape(count, rows + short, units)[:, :rows]


def heads_of(units: int) -> int:
    """Four heads where they divide the units, else one."""
    return 4 if units % 4 == 0 else 1


class CausalConvolution(nn.Conv1d):
    """[N, C, T] -> [N, C', T]: row t sees rows t - size + 1 .. t; zeros stand before the first."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return super().forward(functional.pad(x, (self.kernel_size[0] - 1, 0)))
