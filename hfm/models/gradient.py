"""Loss and gradient of the LSTM network on the processor, without autograd: a third of torch's time a batch.

torch's own LSTM, dropout and losses take some hundred calls a batch and fresh memory for each; here the products over
all rows are a few calls into buffers that stay in the cache, and the rest is models.unroll's and losses.slope's.
Legend: T rows, N sequences, F features, H units, L layers, R = T x N, P weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from hfm.models import unroll
from hfm.models.losses import LABELS, Batch, slope
from hfm.models.network import CORRECTIONS, Recurrent
from hfm.plugins import Float


@dataclass(frozen=True)
class Layer:
    """Buffers of one layer for batches of one shape; views of weights and their gradients.

    gates [T, N, 4H]; h, c [T+1, N, H], zero before the first row; tc (tanh of c), keep (the mask), z (masked h)
    [T, N, H].
    """

    weights: tuple[torch.Tensor, ...]
    gradients: tuple[torch.Tensor, ...]
    gates: torch.Tensor
    h: torch.Tensor
    c: torch.Tensor
    tc: torch.Tensor
    keep: torch.Tensor
    z: torch.Tensor


class Gradient:
    """The gradient of one Recurrent: it fills the weights' own .grad."""

    def __init__(self, net: Recurrent) -> None:
        self.net, self._scale = net, unroll.scales(net.cell.hidden_size)
        self._layers, self._by_shape = list[Layer](), dict[tuple[int, ...], list[Layer]]()
        self._head = tuple(p.data for p in net.head.parameters()), tuple(_grad(p) for p in net.head.parameters())

    def take(self, data: Batch, widths: Float) -> float:
        """The sum of the losses of a batch; the gradient stands in .grad. Masks are seeded by torch's generator."""
        x = data.x.transpose(0, 1).contiguous()
        rows, count = x.shape[:2]
        if (rows, count) not in self._by_shape:
            self._by_shape[rows, count] = self._buffers(rows, count)
        self._layers = self._by_shape[rows, count]
        y = data.y.transpose(0, 1).reshape(-1, len(LABELS))
        z = self._forward(x)
        (weight, bias), (by_weight, by_bias) = self._head
        out = torch.addmm(bias, z, weight.t())
        by_out = torch.empty(len(y), CORRECTIONS)
        loss: float = slope(out.numpy(), y.numpy(), widths, by_out.numpy())
        torch.mm(by_out.t(), z, out=by_weight)
        torch.sum(by_out, 0, out=by_bias)
        self._backward(x, by_out @ weight)
        return loss

    def _buffers(self, rows: int, count: int) -> list[Layer]:
        layers = []
        for k in range(self.net.cell.num_layers):
            own = [getattr(self.net.cell, f"{name}_l{k}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            units = self.net.cell.hidden_size
            shapes = (rows, 4 * units), (rows + 1, units), (rows + 1, units), *[(rows, units)] * 3
            parts = [torch.zeros(n, count, wide) for n, wide in shapes]
            layers.append(Layer(tuple(p.data for p in own), tuple(_grad(p) for p in own), *parts))
        return layers

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        """[R, H] the last layer's masked states."""
        share = self.net.drop.p
        for layer in self._layers:
            w_ih, w_hh, b_ih, b_hh = layer.weights
            flat = layer.gates.view(-1, layer.gates.shape[2])
            torch.addmm(b_ih + b_hh, x.reshape(len(flat), -1), w_ih.t(), out=flat)
            turned = w_hh.t().contiguous()
            gates, weight, h, c, tc = (p.numpy() for p in (layer.gates, turned, layer.h, layer.c, layer.tc))
            unroll.forward(gates, weight, h, c, tc, self._scale)
            if share:
                seed = int(torch.empty((), dtype=torch.int64).random_())
                unroll.mask(seed, share, layer.keep.view(-1).numpy())
                torch.mul(layer.h[1:], layer.keep, out=layer.z)
            else:
                layer.z.copy_(layer.h[1:])
            x = layer.z
        return x.view(-1, x.shape[2])

    def _backward(self, x: torch.Tensor, above: torch.Tensor) -> None:
        """above: [R, H] gradient of what _forward gave."""
        for k in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[k]
            w_ih, w_hh, _, _ = layer.weights
            by_ih, by_hh, by_b, by_b_too = layer.gradients
            if self.net.drop.p:
                above.mul_(layer.keep.view_as(above))
            parts = (layer.gates, w_hh, layer.c, layer.tc, above.view_as(layer.tc))
            unroll.backward(*(part.numpy() for part in parts))
            flat = layer.gates.view(-1, layer.gates.shape[2])
            inputs = self._layers[k - 1].z if k else x
            torch.mm(flat.t(), inputs.reshape(len(flat), -1), out=by_ih)
            torch.mm(flat.t(), layer.h[:-1].reshape(len(flat), -1), out=by_hh)
            torch.sum(flat, 0, out=by_b)
            by_b_too.copy_(by_b)
            if k:
                torch.mm(flat, w_ih, out=above)


def flatten(net: nn.Module) -> nn.Parameter:
    """All weights of the network as one: they, and their gradients, become views of it. For the processor.

    One vector is clipped, stepped and averaged in a tenth of the calls.
    """
    whole = nn.Parameter(torch.cat([p.detach().flatten() for p in net.parameters()]))
    whole.grad, at = torch.zeros_like(whole), 0
    for p in net.parameters():
        n = p.numel()
        p.data = whole.data[at : at + n].view(p.shape)
        p.grad = whole.grad[at : at + n].view(p.shape)
        at += n
    return whole


def _grad(weight: torch.Tensor) -> torch.Tensor:
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad
