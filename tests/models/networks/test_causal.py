"""Attention and convolution that look back only."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from hfm.models.networks import causal


def plain(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int) -> torch.Tensor:
    """Attention row by row, as the formula has it; a row sees its block of SPAN rows and the one before."""
    out = torch.zeros_like(query)
    wide = query.shape[2] // heads
    for t in range(query.shape[1]):
        first = max(t // causal.SPAN - 1, 0) * causal.SPAN
        for h in range(heads):
            part = slice(h * wide, (h + 1) * wide)
            score = (query[:, t, None, part] * key[:, first : t + 1, part]).sum(-1) / math.sqrt(wide)
            out[:, t, part] = (functional.softmax(score, -1)[..., None] * value[:, first : t + 1, part]).sum(1)
    return out


@pytest.mark.parametrize("rows", [1, 26, causal.SPAN, causal.SPAN + 1, 2 * causal.SPAN + 17])
def test_attention_is_the_formula_s(rows: int) -> None:
    """One row, a session, one block exactly, and several blocks with a short last one."""
    torch.manual_seed(0)
    parts = [torch.randn(2, rows, 8) for _ in range(3)]
    assert torch.allclose(causal.attend(*parts, 2), plain(*parts, 2), atol=1e-5)


@pytest.mark.parametrize("cut", [1, 100, 250])
def test_no_later_row_changes_a_bit_of_an_earlier_one(cut: int) -> None:
    """Inside the first block and after it, attention and convolution."""
    torch.manual_seed(0)
    x = torch.randn(2, 300, 8)
    dirty = x.clone()
    dirty[:, cut:] = 1e3 * torch.randn_like(dirty[:, cut:])
    assert torch.equal(causal.attend(x, x, x, 4)[:, :cut], causal.attend(dirty, dirty, dirty, 4)[:, :cut])
    convolution = causal.CausalConvolution(8, 3, 5)
    clean, after = (convolution(a.transpose(1, 2))[..., :cut] for a in (x, dirty))
    assert torch.equal(clean, after)


def test_a_convolution_s_last_tap_is_the_row_itself() -> None:
    """With a weight on the last tap alone it is the identity; on the first, a shift."""
    convolution = causal.CausalConvolution(1, 1, 3)
    x = torch.arange(5.0)[None, None]
    with torch.no_grad():
        convolution.bias.zero_()
        convolution.weight.copy_(torch.tensor([[[0.0, 0.0, 1.0]]]))
        assert torch.equal(convolution(x), x)
        convolution.weight.copy_(torch.tensor([[[1.0, 0.0, 0.0]]]))
        assert convolution(x).flatten().tolist() == [0, 0, 0, 1, 2]


def test_heads_divide_the_units() -> None:
    """Four, or one."""
    assert [causal.heads_of(n) for n in (64, 8, 6, 1)] == [4, 4, 1, 1]
