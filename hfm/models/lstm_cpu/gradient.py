"""Loss and gradient of the LSTM network on the processor, without autograd: the backend `fused`.

The slow twin is losses.losses of LstmNetwork under autograd; tests/models/lstm_cpu/test_gradient.py holds every
weight's gradient to it, and tests/models/networks/test_backend.py whole trainings. torch's own LSTM, dropout and losses
take some hundred calls a batch and fresh memory for each; here the products over all rows are a few calls into buffers
that stay in the cache, and the rest is recurrence's, output_layer's and losses.loss_and_gradient's (bench row `train`;
see hfm/docs/lstm-cpu.md). Units are padded with zeros to whole vectors: what is added has no gradient.
Legend: T rows, N sequences, F features, H units, L layers, R = T x N.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from hfm.kernels.cpu import LANES
from hfm.kernels.simd import Float32
from hfm.models.heads import CORRECTIONS
from hfm.models.lstm_cpu import dropout, output_layer, recurrence
from hfm.models.lstm_cpu.cell import Activations, LayerShape, Output
from hfm.models.lstm_cpu.tile import TILE_COLUMNS
from hfm.models.networks.losses import LABELS, Batch, loss_and_gradient
from hfm.plugins import Float


class PaddedParameters:
    """Parameters in the shapes that whole vectors ask for, and their gradients: the network's own where they fit.

    blocks: parts of the first axis that are padded each for itself (an LSTM's gates).
    """

    def __init__(self, parameters: Sequence[nn.Parameter], shapes: Sequence[tuple[int, ...]], blocks: int) -> None:
        self._data, self._grad, self._blocks = [p.data for p in parameters], [_grad(p) for p in parameters], blocks
        self._fits = all(p.shape == shape for p, shape in zip(parameters, shapes, strict=True))
        self.weights = self._data if self._fits else [torch.zeros(shape) for shape in shapes]
        self.gradients = self._grad if self._fits else [torch.zeros(shape) for shape in shapes]
        self.flat, self.flat_gradients = (
            [part.numpy().reshape(-1) for part in of] for of in (self.weights, self.gradients)
        )

    def load(self) -> None:
        """Take the network's weights as they are now."""
        if not self._fits:
            for data, padded in zip(self._data, self.weights, strict=True):
                self._unpadded(padded, data).copy_(data.view(self._blocks, -1, *data.shape[1:]))

    def store_gradients(self) -> None:
        """Give the network its gradients."""
        if not self._fits:
            for grad, padded in zip(self._grad, self.gradients, strict=True):
                grad.view(self._blocks, -1, *grad.shape[1:]).copy_(self._unpadded(padded, grad))

    def _unpadded(self, padded: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """The part [blocks, ...] of padded weights that are the network's own."""
        apart = padded.view(self._blocks, -1, *padded.shape[1:])[:, : len(like) // self._blocks]
        return apart if like.dim() == 1 else apart[..., : like.shape[1]]


class LstmLayer:
    """An LSTM layer's weights and their gradients, as torch has them and as recurrence reads them."""

    def __init__(self, cell: nn.LSTM, k: int, inputs: int, units: int) -> None:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        gates, wide = 4 * units, TILE_COLUMNS
        shapes = [(gates, inputs), (gates, units), (gates,), (gates,)]
        self.parameters = PaddedParameters([getattr(cell, f"{name}_l{k}") for name in names], shapes, 4)
        self.inputs, self.units = inputs, units
        weights, bias = np.empty(gates * (inputs + units), np.float32), np.zeros(gates, np.float32)
        self.packed = recurrence.PackedWeights(weights, bias)
        alike = units == wide  # one column of tiles: W_hh lies so already
        self.transposed = self.parameters.flat[1] if alike else np.empty(gates * -(-units // wide) * wide, np.float32)

    def load(self) -> None:
        """Take the network's weights as they are now."""
        self.parameters.load()
        w_ih, w_hh, bias_ih, bias_hh = self.parameters.flat
        np.add(bias_ih, bias_hh, out=self.packed.bias)
        shape = LayerShape(0, 0, self.inputs, self.units)
        recurrence.pack_weights(shape, w_ih, w_hh, self.packed.weights)
        if self.transposed is not w_hh:
            recurrence.transpose_weights(self.units, w_hh, self.transposed)

    def store_gradients(self) -> None:
        """Give the network its gradients; both biases have the same."""
        *_, grad_bias_ih, grad_bias_hh = self.parameters.flat_gradients
        grad_bias_hh[:] = grad_bias_ih
        self.parameters.store_gradients()


class LayerBuffers:
    """Memory of one layer for batches of one shape; its tensors are views of its arrays.

    grad_z: flat [T N H], shared by all layers, since one of them needs it at a time.
    """

    def __init__(self, shape: LayerShape, grad_z: Float32) -> None:
        n, first = shape.rows * shape.sequences * shape.units, shape.sequences * shape.units
        gates, h, c, tanh_c = (np.zeros(size, np.float32) for size in (4 * n, n + first, n + first, n))
        self.shape = shape
        self.activations = Activations(gates, h, c, tanh_c)
        self.grad_gates = gates  # the same memory: see recurrence.backward
        self.output = Output(np.ones(n, np.float32), np.zeros(n, np.float32))
        self.grad_output = Output(self.output.mask, grad_z)
        self.grad_gates_matrix, self.h_before = _matrix(gates, 4 * shape.units), _matrix(h[:n], shape.units)
        """[R, 4H]; [R, H] the h before each row."""
        self.z_matrix, self.grad_z_matrix = _matrix(self.output.z, shape.units), _matrix(grad_z, shape.units)
        """[R, H]."""


class BatchBuffers(NamedTuple):
    """Memory for batches of one shape: x [T, N, F], labels y [T, N, 7], and each layer's."""

    x: Float32
    y: Float32
    layers: list[LayerBuffers]


class FusedGradient:
    """The gradient of one LstmNetwork: it fills the weights' own .grad, which must stay where they are."""

    def __init__(self, net: nn.Module) -> None:
        """net: an LstmNetwork, flattened first (`flatten`)."""
        cell, drop, head = net.cell, net.drop, net.head
        assert isinstance(cell, nn.LSTM)
        assert isinstance(drop, nn.Dropout)
        assert isinstance(head, nn.Linear)
        self.dropout, units = drop.p, -(-cell.hidden_size // LANES) * LANES
        self.layers = [LstmLayer(cell, k, units if k else cell.input_size, units) for k in range(cell.num_layers)]
        outputs = len(CORRECTIONS)
        self.head = PaddedParameters(list(head.parameters()), [(outputs, units), (outputs,)], 1)
        self._buffers: dict[tuple[int, int], BatchBuffers] = {}

    def loss_and_gradient(self, data: Batch, index: torch.Tensor, widths: Float) -> float:
        """The summed losses of some sequences; their gradient then stands in each weight's .grad.

        Parameters
        ----------
        data : Batch
            All sequences, on the processor.
        index : int64 tensor [N]
            Which of them.
        widths : float64 [2]
            As in losses.losses.

        Returns
        -------
        float
            Under dropout, with masks seeded by torch's generator.
        """
        shape = data.x.shape[1], len(index)
        if shape not in self._buffers:
            self._buffers[shape] = self._allocated(*shape)
        x, y, layers = self._buffers[shape]
        output_layer.gather_sequences(data.x.numpy(), index.numpy(), x)
        output_layer.gather_sequences(data.y.numpy(), index.numpy(), y)
        self._forward(x.reshape(-1), layers)
        self.head.load()
        (weight, bias), (grad_weight, grad_bias), top = self.head.flat, self.head.flat_gradients, layers[-1]
        corrections = np.empty((x.shape[0] * x.shape[1], len(CORRECTIONS)), np.float32)
        grad = np.empty_like(corrections)
        output_layer.linear(top.output.z, weight, bias, corrections)
        loss: float = loss_and_gradient(corrections, y.reshape(-1, len(LABELS)), widths, grad)
        output_layer.linear_backward(grad, weight, top.output.z, top.grad_output.z, grad_weight, grad_bias)
        self.head.store_gradients()
        self._backward(_matrix(x, x.shape[2]), layers)
        return loss

    def _allocated(self, rows: int, count: int) -> BatchBuffers:
        """Buffers for so many rows and sequences."""
        x, y = (np.zeros((rows, count, wide), np.float32) for wide in (self.layers[0].inputs, len(LABELS)))
        grad_z = np.zeros(rows * count * self.layers[0].units, np.float32)
        shapes = [LayerShape(rows, count, layer.inputs, layer.units) for layer in self.layers]
        return BatchBuffers(x, y, [LayerBuffers(shape, grad_z) for shape in shapes])

    def _forward(self, x: Float32, buffers: list[LayerBuffers]) -> None:
        """Fill the buffers of all layers from x [R F]."""
        if self.dropout:
            for seed, own in zip(torch.randint(2**62, (len(buffers),)).tolist(), buffers, strict=True):
                dropout.dropout_mask(seed, self.dropout, own.output.mask)
        for layer, own in zip(self.layers, buffers, strict=True):
            layer.load()
            recurrence.forward(own.shape, layer.packed, x, own.activations, own.output)
            x = own.output.z

    def _backward(self, x: torch.Tensor, buffers: list[LayerBuffers]) -> None:
        """Fill the layers' gradients from x [R, F] and the last one's gradient of z."""
        for k in range(len(buffers) - 1, -1, -1):
            layer, own = self.layers[k], buffers[k]
            grad_ih, grad_hh = layer.parameters.gradients[:2]
            recurrence.backward(
                own.shape, layer.transposed, own.activations, own.grad_output, own.grad_gates,
                layer.parameters.flat_gradients[2],
            )  # fmt: skip
            torch.mm(own.grad_gates_matrix.t(), buffers[k - 1].z_matrix if k else x, out=grad_ih)
            torch.mm(own.grad_gates_matrix.t(), own.h_before, out=grad_hh)
            if k:
                torch.mm(own.grad_gates_matrix, layer.parameters.weights[0], out=buffers[k - 1].grad_z_matrix)
            layer.store_gradients()


def _matrix(flat: Float32, columns: int) -> torch.Tensor:
    return torch.from_numpy(flat).view(-1, columns)


def flatten(net: nn.Module) -> nn.Parameter:
    """All weights of the network as one: they, and their gradients, become views of it. For the processor.

    One vector is clipped, stepped and averaged in a tenth of the calls (bench row `train`).

    Returns
    -------
    Parameter
        [P], with a gradient of zeros.
    """
    vector = nn.Parameter(torch.cat([p.detach().flatten() for p in net.parameters()]))
    vector.grad, at = torch.zeros_like(vector), 0
    for p in net.parameters():
        n = p.numel()
        p.data = vector.data[at : at + n].view(p.shape)
        p.grad = vector.grad[at : at + n].view(p.shape)
        at += n
    return vector


def _grad(weight: torch.Tensor) -> torch.Tensor:
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad
