"""One network in training: its epochs, its gradient steps, its best weights, its state for a checkpoint.

Plain torch, but for one branch: `train.backend`. `fused` takes the LSTM's gradient from
hfm.models.lstm_cpu, which is torch's within rounding; `auto` does so where it can, on the processor, where all weights
of any network are also stepped as one vector; `torch` is autograd and torch's own functions throughout.
Legend: N sequences, T rows of the longest, F features of the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import nn

from hfm.config import Train
from hfm.errors import UsageError
from hfm.models.lstm_cpu.adamw import AdamW
from hfm.models.lstm_cpu.gradient import FusedGradient, flatten
from hfm.models.networks import device
from hfm.models.networks.losses import Batch, losses
from hfm.models.networks.lstm_network import LstmNetwork
from hfm.plugins import Float

Build = Callable[[int, int, int, float], nn.Module]
"""(features, hidden, layers, dropout) -> module [N, T, F] -> [N, T, 5] CORRECTIONS, zero at first."""


CPU, WHOLE = torch.device("cpu"), Fraction(1)
SHRINK = 0.4
"""Share of the weights of the fold before in those that a warm network begins with; the rest is fresh. Of 0.3 to 1, 0.3
to 0.6 had the best scores on 250 generated and 255 real sessions, 1 worse ones than networks that begin anew."""


class Trainer:
    """One network on its way: everything that an epoch changes, so that a checkpoint can hold it whole.

    warm_share: of the sequences, drawn anew, that an epoch of a network passes over which began warm.
    """

    def __init__(
        self, features: int, options: Train, build: Build = LstmNetwork, place: torch.device = CPU,
        warm_share: Fraction = WHOLE,
    ) -> None:  # fmt: skip
        self.options, self.place = options, place
        self.net = build(features, options.hidden, options.layers, options.dropout).to(place)
        self.mean = build(features, options.hidden, options.layers, 0.0).to(place).eval()
        self.mean.load_state_dict(self.net.state_dict())
        one_vector = place.type == "cpu" and options.backend != "torch"
        self.weights, self.averages = (
            [flatten(net)] if one_vector else list(net.parameters()) for net in (self.net, self.mean)
        )
        self.optimiser = AdamW(self.weights, options)
        self.fused = fused_gradient(self.net, options, place)
        self.best_weights = _copy(self.mean)
        self.history: list[list[float]] = []
        self.epoch, self.since, self.best = 0, 0, float("inf")
        self.is_warm, self.warm_share = False, warm_share
        self.order: torch.Tensor | None = None  # of an epoch in progress; at, summed: how far it is
        self.at, self.summed = 0, 0.0

    def train_epoch(self, data: Batch, widths: Float, pause: Callable[[int], None] = lambda rows: None) -> float:
        """Pass over all sequences once, in random order, or over a share of them that is drawn anew: a warm network's.

        After a pause in the middle it goes on there.

        Parameters
        ----------
        data : Batch
            All sequences.
        widths : float64 [2]
            As in losses.losses.
        pause : callable
            Called after each batch with its rows; it may save the state.

        Returns
        -------
        float
            The mean loss.
        """
        if self.order is None:
            count = math.ceil(self.warm_share * len(data.x)) if self.is_warm else len(data.x)
            self.order, self.at, self.summed = torch.randperm(len(data.x))[:count], 0, 0.0
        while self.at < len(self.order):
            index = self.order[self.at : self.at + self.options.batch].to(self.place)
            self.summed += self._step(data, index, widths) * len(index)
            self.at += len(index)
            if self.at < len(self.order):
                pause(len(index) * data.x.shape[1])
        count, self.order = len(self.order), None
        self.epoch += 1
        return self.summed / count

    def _step(self, data: Batch, index: torch.Tensor, widths: Float) -> float:
        """One gradient step by the sequences at `index`, then the moving average follows; their loss."""
        if self.fused is not None:
            loss = self.fused.loss_and_gradient(data, index, widths)
        else:
            picked = data.pick(index)
            for weight in self.weights:
                weight.grad = None if weight.grad is None else weight.grad.zero_()
            with device.precision(self.place):
                out = self.net(picked.x)
            total = losses(out.float(), picked, widths).sum()
            torch.autograd.backward(total)
            loss = float(total.detach())
        self.optimiser.step(self.averages)
        return loss

    def judge(self, loss: float) -> bool:
        """Keep the averaged weights if their validation loss is the best so far; whether to go on."""
        self.since += 1
        if loss < self.best:
            self.best, self.best_weights, self.since = loss, _copy(self.mean), 0
        return self.is_unfinished()

    def is_unfinished(self) -> bool:
        """Whether there are epochs left, and the last better one is not too long ago."""
        patience = self.options.warm_patience if self.is_warm else self.options.patience
        return self.since < patience and self.epoch < self.options.epochs

    def begin_warm(self, before: dict[str, torch.Tensor], watched: Batch, widths: Float, floor: float) -> None:
        """Begin between fresh weights and those of the fold before, which need shorter epochs and fewer.

        Shrink and perturb (Ash and Adams 2020, On warm-starting neural network training, arXiv:1910.08475): from the
        old weights themselves a network does not get away, and is worse than one that begins anew. Where the old
        network says what its floor says it has learned nothing, and this one begins anew, with all its patience.

        Parameters
        ----------
        before : state dict
            Of the same network, fitted on earlier rows.
        watched : Batch
            Validation rows.
        widths : float64 [2]
            As in losses.losses.
        floor : float
            The floor's loss on the validation rows, already judged.
        """
        fresh = _copy(self.mean)
        self.mean.load_state_dict(before)
        self.is_warm = float(mean_losses(self.mean, watched, widths).sum()) != floor
        share = SHRINK if self.is_warm else 0.0
        for net in (self.net, self.mean):
            net.load_state_dict({name: _between(fresh[name], old.to(self.place), share)
                                 for name, old in before.items()})  # fmt: skip
        if self.is_warm:
            self.judge(float(mean_losses(self.mean, watched, widths).sum()))
            self.since = 0

    def state(self) -> dict[str, torch.Tensor]:
        """All of it as tensors on the processor, torch's generators included."""
        parts = {"net": self.net.state_dict(), "mean": self.mean.state_dict(), "best": self.best_weights}
        out = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
        out |= {f"optimiser/{name}": value for name, value in self.optimiser.state().items()}
        numbers = [float(self.epoch), float(self.optimiser.steps), float(self.since), self.best, float(self.is_warm)]
        out["numbers"] = torch.tensor(numbers, dtype=torch.float64)
        out["history"] = torch.tensor(self.history, dtype=torch.float64)
        if self.order is not None:
            out |= {"order": self.order, "at": torch.tensor(self.at)}
            out["summed"] = torch.tensor(self.summed, dtype=torch.float64)
        return {**{name: value.detach().cpu().clone() for name, value in out.items()}, **device.draws(self.place)}

    def restore(self, saved: dict[str, torch.Tensor]) -> None:
        """Become what `state` was taken of, on the same kind of device; torch's generators too."""
        parts: dict[str, dict[str, torch.Tensor]] = {}
        for key, value in saved.items():
            part, _, name = key.partition("/")
            parts.setdefault(part, {})[name] = value
        self.net.load_state_dict(parts["net"])
        self.mean.load_state_dict(parts["mean"])
        self.best_weights = {name: value.to(self.place) for name, value in parts["best"].items()}
        epoch, steps, since, self.best, is_warm = saved["numbers"].tolist()
        self.epoch, self.since, self.is_warm = int(epoch), int(since), bool(is_warm)
        self.optimiser.restore(parts["optimiser"], int(steps))
        self.history = saved["history"].tolist()
        if "order" in saved:
            self.order, self.at, self.summed = saved["order"], int(saved["at"]), float(saved["summed"])
        device.draw_on(self.place, saved)


def fused_gradient(net: nn.Module, options: Train, place: torch.device) -> FusedGradient | None:
    """The gradient without autograd, where the backend asks for it.

    Parameters
    ----------
    net : Module
        On `place`; an LstmNetwork must have been flattened (`flatten`).
    options : Train
        Of which backend is read.
    place : device
        Where the network is.

    Returns
    -------
    FusedGradient or None
        None: by autograd.

    Raises
    ------
    UsageError
        For the backend `fused` of a network or on a device that has none.
    """
    has_one = isinstance(net, LstmNetwork) and place.type == "cpu"
    if options.backend == "fused" and not has_one:
        raise UsageError(
            "train.backend=fused is not for this network and device", why="it fits LSTMs, on the processor",
            hint="--set train.backend=auto",
        )  # fmt: skip
    return FusedGradient(net) if has_one and options.backend != "torch" else None


def mean_losses(net: nn.Module, data: Batch, widths: Float) -> torch.Tensor:
    """The mean losses of a network, without gradients.

    Parameters
    ----------
    net : Module
        In evaluation mode: dropout is off.
    data : Batch
        On the network's device.
    widths : float64 [2]
        As in losses.losses.

    Returns
    -------
    tensor [3]
        Of heads.TASKS.
    """
    with torch.inference_mode():
        return losses(net(data.x), data, widths)


def _between(fresh: torch.Tensor, old: torch.Tensor, share: float) -> torch.Tensor:
    """Weights between two; a buffer of whole numbers or of bits, such as a mask, is the fresh one."""
    return torch.lerp(fresh, old, share) if fresh.is_floating_point() else fresh


def _copy(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
