"""Fits a network: whole sessions as padded, masked tensors, minibatches of sessions, early stopping.

All corrections start at zero, so epoch 0 is the floor; the weights kept are the moving average's at the epoch that is
best on the validation rows. Plain torch, but for one branch: `train.backend`. `fused` takes the LSTM's gradient from
hfm.models.lstm_cpu, which is torch's within rounding; `auto` does so where it can, on the processor, where all weights
of any network are also stepped as one vector; `torch` is autograd and torch's own functions throughout.
Legend: N sequences, T rows of the longest, F features of the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import safetensors.torch
import torch
from torch import nn

from hfm.config import Train
from hfm.errors import UsageError
from hfm.models import inference, stacking
from hfm.models.heads import CORRECTIONS, LOG_VOL, LOGIT, MEDIAN
from hfm.models.linear.ridge import known, rows_of, standardise
from hfm.models.lstm_cpu.adamw import AdamW
from hfm.models.lstm_cpu.gradient import FusedGradient, flatten
from hfm.models.networks import device, segments
from hfm.models.networks.losses import LABELS, Batch, losses
from hfm.models.networks.lstm_network import LstmNetwork, packable_arrays, packed_weights
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context

SAVE_EVERY = 500_000
"""Rows after which the work in progress is saved again: seconds of training."""
Build = Callable[[int, int, int, float], nn.Module]
"""(features, hidden, layers, dropout) -> module [N, T, F] -> [N, T, 5] CORRECTIONS, zero at first."""


@dataclass(frozen=True)
class NetworkKind:
    """A sort of network. export: its state dict and a prefix -> arrays; weights: these and the prefix -> state dict.
    floor: (train, valid, options, ctx) -> what it corrects.
    """

    build: Build
    export: Callable[[dict[str, torch.Tensor], str], Arrays]
    weights: Callable[[Arrays, str], dict[str, torch.Tensor]]
    floor: Callable[[Panel, Panel, Train, Context], stacking.FittedFloor] = stacking.stacked


LSTM = NetworkKind(LstmNetwork, packable_arrays, packed_weights)
BARE = NetworkKind(LstmNetwork, packable_arrays, packed_weights, stacking.constant)
CPU = torch.device("cpu")


def fit(train: Panel, valid: Panel, options: Train, ctx: Context, kind: NetworkKind = LSTM) -> Arrays:
    """Fit the floor, and `options.seeds` networks on top of it.

    Parameters
    ----------
    train, valid : Panel
        Rows that are fitted, and rows that choose the epoch.
    options : Train
        All of `train`.
    ctx : Context
        With a checkpoint the work in progress is saved every SAVE_EVERY rows; with `resume` it goes on from there, to
        the same bytes.
    kind : NetworkKind
        Which network on which floor.

    Returns
    -------
    arrays by name
        The floor's, and seed<s>/... of each network: see Forecaster.

    Raises
    ------
    UsageError
        For a device that is not here, or the backend `fused` where it cannot be had.
    """
    place = CPU if options.backend == "fused" and options.device == "auto" else device.chosen(options.device)
    arrays, logit = kind.floor(train, valid, options, ctx)
    arrays["unit"] = residual_units(arrays, train)
    fitted = batch(arrays, segments.segmented(train), logit[segments.source_rows(train)]).to(place)
    watched = batch(arrays, segments.segmented(valid)).to(place)
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    done, saved = _load(ctx)
    networks = range(options.seeds) if ctx.networks is None else ctx.networks
    with device.steady(options.threads):
        for seed in networks[len(done) :]:
            with device.seeded(place, int(ctx.rng(f"network {seed}").integers(2**62))):
                trainer = Trainer(fitted.x.shape[2], options, kind.build, place)
                trainer.warm_share = min(1.0, options.warm_sessions / len(np.unique(train.session)))
                if saved is not None:
                    trainer.restore(saved)
                    saved = None
                else:
                    before = ctx.before if options.warm_start and ctx.before is not None else {}
                    _begin(trainer, fitted, watched, widths, kind.weights(before, f"seed{seed}"))
                _train(trainer, fitted, watched, widths, ctx, done, f"network {seed + 1}/{options.seeds}")
            best = {name: value.cpu() for name, value in trainer.best_weights.items()}
            done.append({**kind.export(best, f"seed{seed}"), f"history/seed{seed}": np.array(trainer.history)})
    for part in done:
        arrays.update(part)
    return arrays


def batch(arrays: Arrays, panel: Panel, logit: Float | None = None) -> Batch:
    """The panel's sequences as one Batch. logit [n]: the floor's of the direction; None: by `arrays`."""
    floor, label = inference.heads(arrays, panel), arrays["floor/label"][rows_of(panel)]
    z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])[:, : panel.own]
    z[~known(panel)] = 0.0
    volatility_unit, spread_unit = arrays["unit"]
    columns = (floor[:, LOGIT] if logit is None else logit, np.where(known(panel), panel.up, np.nan),
               (panel.log_vol - floor[:, LOG_VOL]) / (label[:, 1] * volatility_unit),
               (panel.log_spread - floor[:, MEDIAN]) / (label[:, 3] * spread_unit))  # fmt: skip
    lengths = np.diff(panel.start)
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
    x = np.zeros((*inside.shape, panel.own), np.float32)
    x[inside] = z
    y = np.zeros((*inside.shape, len(LABELS)), np.float32)
    y[inside] = np.nan_to_num(np.column_stack([*columns, *(np.isfinite(column) for column in columns[1:])]))
    return Batch(torch.from_numpy(x), torch.from_numpy(y))


class Trainer:
    """One network on its way: everything that an epoch changes, so that a checkpoint can hold it whole."""

    def __init__(self, features: int, options: Train, build: Build = LstmNetwork, place: torch.device = CPU) -> None:
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
        self.is_warm, self.warm_share = False, 1.0
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
        """Take the weights of the fold before, a state dict; they need shorter epochs and fewer. Not those of a floor.

        watched, widths: validation rows, and as in losses.losses; floor: its loss on them, already judged.
        """
        fresh = _copy(self.mean)
        for net in (self.net, self.mean):
            net.load_state_dict(before)
        loss = float(mean_losses(self.mean, watched, widths).sum())
        if loss == floor:
            for net in (self.net, self.mean):
                net.load_state_dict(fresh)
            return
        self.judge(loss)
        self.since, self.is_warm = 0, True

    def state(self) -> dict[str, torch.Tensor]:
        """All of it as tensors, torch's generator included."""
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
        """Become what `state` was taken of; torch's generator too."""
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
    """The gradient without autograd, where the backend asks for it: None for autograd.

    Raises UsageError for the backend `fused` of a network or on a device that has none.
    """
    has_one = isinstance(net, LstmNetwork) and place.type == "cpu"
    if options.backend == "fused" and not has_one:
        raise UsageError(
            "train.backend=fused is not for this network and device", why="it fits LSTMs, on the processor",
            hint="--set train.backend=auto",
        )  # fmt: skip
    return FusedGradient(net) if has_one and options.backend != "torch" else None


def _begin(
    trainer: Trainer, data: Batch, watched: Batch, widths: Float, before: dict[str, torch.Tensor]
) -> None:  # fmt: skip
    """Epoch 0: the floor, which is what a new network is, and beside it the network of the fold before, if any.

    A network that says what its floor says has learned nothing: then the new one begins anew, and has its patience.
    """
    zeros = torch.zeros(*watched.x.shape[:2], len(CORRECTIONS), device=trainer.place)
    floor = float(losses(zeros, watched, widths).sum())
    zeros = torch.zeros(*data.x.shape[:2], len(CORRECTIONS), device=trainer.place)
    first = float(losses(zeros, data, widths).sum())
    trainer.judge(floor)
    trainer.history = [[0.0, first, floor, trainer.options.lr]]
    if before:
        trainer.begin_warm(before, watched, widths, floor)


def _train(
    trainer: Trainer, data: Batch, watched: Batch, widths: Float, ctx: Context, done: list[Arrays], label: str
) -> None:  # fmt: skip
    """Epochs until the validation loss has not fallen for `patience` of them; what is done before is saved with it."""
    options = trainer.options
    zeros = torch.zeros(*watched.x.shape[:2], len(CORRECTIONS), device=trainer.place)
    floor = losses(zeros, watched, widths)
    unsaved = 0

    def pause(rows: int) -> None:
        nonlocal unsaved
        unsaved += rows
        if ctx.checkpoint is not None and unsaved >= SAVE_EVERY:
            ctx.checkpoint.save(_dump(done, trainer))
            unsaved = 0

    going = trainer.is_unfinished()
    while going:
        loss = trainer.train_epoch(data, widths, pause)
        now = mean_losses(trainer.mean, watched, widths)
        trainer.history.append([float(trainer.epoch), loss, float(now.sum()), options.lr])
        going = trainer.judge(float(now.sum()))
        note = f"valid log-loss {now[0]:.4f}, floor {floor[0]:.4f}, loss {loss:.3f}"
        ctx.progress(label, trainer.epoch, options.epochs, note)
        pause(min(options.batch, len(data.x)) * data.x.shape[1])


def _dump(done: list[Arrays], trainer: Trainer) -> bytes:
    """The networks that are done and the one in progress."""
    out = {f"now/{name}": value.contiguous() for name, value in trainer.state().items()}
    for k, arrays in enumerate(done):
        out |= {f"done/{k}/{name}": torch.from_numpy(value) for name, value in arrays.items()}
    return safetensors.torch.save(out)


def _load(ctx: Context) -> tuple[list[Arrays], dict[str, torch.Tensor] | None]:
    """(networks that are done, state of the one in progress) of the checkpoint; ([], None) without one."""
    data = ctx.checkpoint.load() if ctx.resume and ctx.checkpoint is not None else None
    if data is None:
        return [], None
    found = safetensors.torch.load(data)
    done: list[Arrays] = [{} for _ in {key.split("/")[1] for key in found if key.startswith("done/")}]
    for key, value in found.items():
        if key.startswith("done/"):
            _, k, name = key.split("/", 2)
            done[int(k)][name] = value.numpy()
    return done, {key.removeprefix("now/"): value for key, value in found.items() if key.startswith("now/")}


def mean_losses(net: nn.Module, data: Batch, widths: Float) -> torch.Tensor:
    """[3] losses without dropout or gradients; widths: as in losses.losses."""
    with torch.inference_mode():
        return losses(net(data.x), data, widths)


def _copy(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def residual_units(arrays: Arrays, train: Panel) -> Float:
    """[2] sd of the floors' residuals (volatility, spread) in units of the labels' sd; 1 where there is none."""
    floor, label = inference.heads(arrays, train), arrays["floor/label"][rows_of(train)]
    errors = ((train.log_vol - floor[:, LOG_VOL]) / label[:, 1], (train.log_spread - floor[:, MEDIAN]) / label[:, 3])
    sds = [float(np.std(e[np.isfinite(e)])) if np.isfinite(e).any() else 0.0 for e in errors]
    return np.array([sd if sd > 0 else 1.0 for sd in sds])
