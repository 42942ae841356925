"""Loss and gradient of the LSTM network on the processor, without autograd: less than half of torch's time a batch.

torch's own LSTM, dropout and losses take some hundred calls a batch and fresh memory for each; here the products over
all rows are a few calls into buffers that stay in the cache, and the rest is models.unroll's, ends' and losses.slope's.
Units are padded with zeros to whole vectors: what is added has no gradient.
Legend: T rows, N sequences, F features, H units, L layers, R = T x N.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from hfm.kernels.cpu import LANES
from hfm.kernels.simd import Float32
from hfm.models.lstm_cpu import dropout, output_layer, recurrence
from hfm.models.networks.losses import LABELS, Batch, loss_and_gradient
from hfm.models.networks.lstm_network import CORRECTIONS, Recurrent
from hfm.plugins import Float


class Padded:
    """Weights in the shapes that whole vectors ask for, and their gradients: the network's own where they fit.

    blocks: parts of the first axis that are padded each for itself (an LSTM's gates).
    """

    def __init__(self, own: Sequence[nn.Parameter], shapes: Sequence[tuple[int, ...]], blocks: int) -> None:
        self._own, self._by_own, self._blocks = [p.data for p in own], [_grad(p) for p in own], blocks
        self._fits = all(p.shape == shape for p, shape in zip(own, shapes, strict=True))
        self.weights = self._own if self._fits else [torch.zeros(shape) for shape in shapes]
        self.gradients = self._by_own if self._fits else [torch.zeros(shape) for shape in shapes]
        self.flat, self.by_flat = ([part.numpy().reshape(-1) for part in of] for of in (self.weights, self.gradients))

    def ready(self) -> None:
        """Take the weights as they are now."""
        if not self._fits:
            for own, wide in zip(self._own, self.weights, strict=True):
                self._part(wide, own).copy_(own.view(self._blocks, -1, *own.shape[1:]))

    def done(self) -> None:
        """Give the network its gradients."""
        if not self._fits:
            for own, wide in zip(self._by_own, self.gradients, strict=True):
                own.view(self._blocks, -1, *own.shape[1:]).copy_(self._part(wide, own))

    def _part(self, wide: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """The part [blocks, ...] of padded weights that are the network's own."""
        apart = wide.view(self._blocks, -1, *wide.shape[1:])[:, : len(own) // self._blocks]
        return apart if own.dim() == 1 else apart[..., : own.shape[1]]


class Layer:
    """An LSTM layer's weights and their gradients, as they are and as unroll takes them."""

    def __init__(self, cell: nn.LSTM, k: int, inputs: int, units: int) -> None:
        own = [getattr(cell, f"{name}_l{k}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        gates = 4 * units
        self.padded = Padded(own, [(gates, inputs), (gates, units), (gates,), (gates,)], 4)
        self.inputs, self.units = inputs, units
        self.bias = np.zeros(gates, np.float32)
        self.packed = np.empty(gates * (inputs + units), np.float32)
        alike = units == recurrence.WIDE  # one tile of columns: W_hh lies so already
        self.turned = (
            self.padded.flat[1]
            if alike
            else np.empty(gates * -(-units // recurrence.WIDE) * recurrence.WIDE, np.float32)
        )

    def ready(self) -> None:
        """Take the weights as they are now."""
        self.padded.ready()
        w_ih, w_hh, one, two = self.padded.flat
        np.add(one, two, out=self.bias)
        recurrence.packed(recurrence.Shape(0, 0, self.inputs, self.units), w_ih, w_hh, self.packed)
        if self.turned is not w_hh:
            recurrence.turned(self.units, w_hh, self.turned)

    def done(self) -> None:
        """Give the network its gradients; both biases have the same."""
        self.padded.by_flat[3][:] = self.padded.by_flat[2]
        self.padded.done()


class Rows:
    """Buffers of one layer for batches of one shape; its tensors are views of its arrays."""

    def __init__(self, shape: recurrence.Shape, by_z: Float32) -> None:
        n, first = shape.rows * shape.sequences * shape.units, shape.sequences * shape.units
        self.shape, self.by_z = shape, by_z
        self.kept = recurrence.Kept(*(np.zeros(size, np.float32) for size in (4 * n, n + first, n + first, n)))
        self.mask, self.z = np.ones(n, np.float32), np.zeros(n, np.float32)
        """[R, H]; z is the masked h, by_z its gradient, of which one layer has need at a time."""
        self.gates, self.before = _matrix(self.kept.gates, 4 * shape.units), _matrix(self.kept.h[:n], shape.units)
        """[R, 4H]; [R, H] the h before each row."""
        self.out, self.by_out = _matrix(self.z, shape.units), _matrix(self.by_z, shape.units)
        """[R, H] z and by_z."""


class Gradient:
    """The gradient of one Recurrent: it fills the weights' own .grad. They must stay where they are: flatten first."""

    def __init__(self, net: Recurrent) -> None:
        self.share, units = net.drop.p, -(-net.cell.hidden_size // LANES) * LANES
        layers = range(net.cell.num_layers)
        self.layers = [Layer(net.cell, k, units if k else net.cell.input_size, units) for k in layers]
        self.head = Padded(list(net.head.parameters()), [(CORRECTIONS, units), (CORRECTIONS,)], 1)
        self._by_shape: dict[tuple[int, int], tuple[Float32, Float32, list[Rows]]] = {}

    def take(self, data: Batch, index: torch.Tensor, widths: Float) -> float:
        """The sum of the losses of the sequences at `index`; the gradient stands in .grad.

        Masks are seeded by torch's generator.
        """
        shape = data.x.shape[1], len(index)
        if shape not in self._by_shape:
            self._by_shape[shape] = self._buffers(*shape)
        x, y, rows = self._by_shape[shape]
        output_layer.gathered(data.x.numpy(), index.numpy(), x)
        output_layer.gathered(data.y.numpy(), index.numpy(), y)
        self._forward(x.reshape(-1), rows)
        self.head.ready()
        (weight, bias), by_head, top = self.head.flat, self.head.by_flat, rows[-1]
        said = np.empty((x.shape[0] * x.shape[1], CORRECTIONS), np.float32)
        by_said = np.empty_like(said)
        output_layer.outputs(top.z, weight, bias, said)
        loss: float = loss_and_gradient(said, y.reshape(-1, len(LABELS)), widths, by_said)
        output_layer.by_outputs(by_said, weight, top.z, top.by_z, (by_head[0], by_head[1]))
        self.head.done()
        self._backward(_matrix(x, x.shape[2]), rows)
        return loss

    def _buffers(self, rows: int, count: int) -> tuple[Float32, Float32, list[Rows]]:
        """(x, y, each layer's) of so many rows and sequences."""
        x, y = (np.zeros((rows, count, wide), np.float32) for wide in (self.layers[0].inputs, len(LABELS)))
        by_z = np.zeros(rows * count * self.layers[0].units, np.float32)
        return x, y, [Rows(recurrence.Shape(rows, count, layer.inputs, layer.units), by_z) for layer in self.layers]

    def _forward(self, x: Float32, rows: list[Rows]) -> None:
        """Fill the rows of all layers from x [R F]."""
        if self.share:
            for seed, row in zip(torch.randint(2**62, (len(rows),)).tolist(), rows, strict=True):
                dropout.mask(seed, self.share, row.mask)
        for layer, row in zip(self.layers, rows, strict=True):
            layer.ready()
            recurrence.forward(row.shape, (layer.packed, layer.bias), x, row.kept, (row.mask, row.z))
            x = row.z

    def _backward(self, x: torch.Tensor, rows: list[Rows]) -> None:
        """Fill the layers' gradients from x [R, F] and the last one's by_z."""
        for k in range(len(rows) - 1, -1, -1):
            layer, row = self.layers[k], rows[k]
            gradients = layer.padded.gradients
            recurrence.backward(row.shape, layer.turned, row.kept, (row.mask, row.by_z), layer.padded.by_flat[2])
            torch.mm(row.gates.t(), rows[k - 1].out if k else x, out=gradients[0])
            torch.mm(row.gates.t(), row.before, out=gradients[1])
            if k:
                torch.mm(row.gates, layer.padded.weights[0], out=rows[k - 1].by_out)
            layer.done()


def _matrix(flat: Float32, columns: int) -> torch.Tensor:
    return torch.from_numpy(flat).view(-1, columns)


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
