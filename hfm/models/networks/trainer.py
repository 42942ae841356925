"""Fits a network: whole sessions as padded, masked tensors, minibatches of sessions, early stopping.

All corrections start at zero, so epoch 0 is the floor; the weights kept are the moving average's at the epoch that is
best on the validation rows.
Legend: N sequences, T rows of the longest, F features of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import safetensors.torch
import torch
from torch import nn

from hfm.config import Train
from hfm.models import inference, stacking
from hfm.models.linear.ridge import known, rows_of, standardise
from hfm.models.lstm_cpu.adamw import Descent
from hfm.models.lstm_cpu.gradient import Gradient, flatten
from hfm.models.networks import device, segments
from hfm.models.networks.losses import LABELS, Batch, losses
from hfm.models.networks.lstm_network import CORRECTIONS, Recurrent, export
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context

SAVE_EVERY = 500_000
"""Rows after which the work in progress is saved again: seconds of training."""


@dataclass(frozen=True)
class Kind:
    """A sort of network. build: (features, hidden, layers, dropout) -> module [N, T, F] -> [N, T, 5], zero at first.

    export: its state dict and a prefix -> arrays. floor: (train, valid, options, ctx) -> what it corrects.
    """

    build: Callable[[int, int, int, float], nn.Module]
    export: Callable[[dict[str, torch.Tensor], str], Arrays]
    floor: Callable[[Panel, Panel, Train, Context], stacking.Floor] = stacking.stacked


LSTM = Kind(Recurrent, export)
BARE = Kind(Recurrent, export, stacking.constant)
CPU = torch.device("cpu")


def fit(train: Panel, valid: Panel, options: Train, ctx: Context, kind: Kind = LSTM) -> Arrays:
    """The floor's arrays and those of `options.seeds` networks on top of it: see Forecaster.

    With a checkpoint in ctx the work in progress is saved every SAVE_EVERY rows; with ctx.resume it goes on from there,
    to the same bytes.
    """
    place = device.chosen(options.device)
    arrays, logit = kind.floor(train, valid, options, ctx)
    arrays["unit"] = _units(arrays, train)
    learn = batch(arrays, segments.cut(train), logit[segments.places(train)]).to(place)
    watch = batch(arrays, segments.cut(valid)).to(place)
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    done, saved = _load(ctx)
    with device.steady(options.threads):
        for seed in range(len(done), options.seeds):
            with device.seeded(place, int(ctx.rng(f"network {seed}").integers(2**62))):
                network = Fitting(learn.x.shape[2], options, kind.build, place)
                if saved is not None:
                    network.restore(saved)
                    saved = None
                _run(network, learn, watch, widths, ctx, done)
            kept = {name: value.cpu() for name, value in network.kept.items()}
            done.append({**kind.export(kept, f"seed{seed}"), f"history/seed{seed}": np.array(network.history)})
    for part in done:
        arrays.update(part)
    return arrays


def batch(arrays: Arrays, panel: Panel, logit: Float | None = None) -> Batch:
    """The panel's sequences as one Batch. logit [n]: what the floor says of the direction; None: by `arrays`."""
    said, label = inference.heads(arrays, panel), arrays["floor/label"][rows_of(panel)]
    z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])[:, : panel.own]
    z[~known(panel)] = 0.0
    unit = arrays["unit"]
    columns = (said[:, 0] if logit is None else logit, np.where(known(panel), panel.up, np.nan),
               (panel.log_vol - said[:, 1]) / (label[:, 1] * unit[0]),
               (panel.log_spread - said[:, 3]) / (label[:, 3] * unit[1]))  # fmt: skip
    lengths = np.diff(panel.start)
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
    x = np.zeros((*inside.shape, panel.own), np.float32)
    x[inside] = z
    y = np.zeros((*inside.shape, len(LABELS)), np.float32)
    y[inside] = np.nan_to_num(np.column_stack([*columns, *(np.isfinite(column) for column in columns[1:])]))
    return Batch(torch.from_numpy(x), torch.from_numpy(y))


class Fitting:
    """One network on its way: everything that an epoch changes, so that a checkpoint can hold it whole."""

    def __init__(
        self, features: int, options: Train, build: Callable[[int, int, int, float], nn.Module] = Recurrent,
        place: torch.device = CPU,
    ) -> None:  # fmt: skip
        self.options, self.place = options, place
        self.net = build(features, options.hidden, options.layers, options.dropout).to(place)
        self.mean = build(features, options.hidden, options.layers, 0.0).to(place).eval()
        self.mean.load_state_dict(self.net.state_dict())
        self.weights, self.averages = (
            [flatten(net)] if place.type == "cpu" else list(net.parameters()) for net in (self.net, self.mean)
        )
        self.descent = Descent(self.weights, options)
        self.quick = Gradient(self.net) if isinstance(self.net, Recurrent) and place.type == "cpu" else None
        self.kept = _copy(self.mean)
        self.history: list[list[float]] = []
        self.epoch, self.since, self.best = 0, 0, float("inf")
        self.order: torch.Tensor | None = None  # of an epoch in progress; at, summed: how far it is
        self.at, self.summed = 0, 0.0

    def take_epoch(self, learn: Batch, widths: Float, pause: Callable[[int], None] = lambda rows: None) -> float:
        """Pass over all sequences once, in random order; the mean loss. After a pause in the middle it goes on there.

        pause: told after each batch how many rows it had; it may save the state.
        """
        if self.order is None:
            self.order, self.at, self.summed = torch.randperm(len(learn.x)), 0, 0.0
        while self.at < len(self.order):
            index = self.order[self.at : self.at + self.options.batch].to(self.place)
            self.summed += self._update(learn, index, widths) * len(index)
            self.at += len(index)
            if self.at < len(self.order):
                pause(len(index) * learn.x.shape[1])
        self.order = None
        self.epoch += 1
        return self.summed / len(learn.x)

    def _update(self, learn: Batch, index: torch.Tensor, widths: Float) -> float:
        """One gradient step by the sequences at `index`, then the moving average follows; their loss."""
        if self.quick is not None:
            loss = self.quick.take(learn, index, widths)
        else:
            data = learn.pick(index)
            for weight in self.weights:
                weight.grad = None if weight.grad is None else weight.grad.zero_()
            with device.precision(self.place):
                out = self.net(data.x)
            whole = losses(out.float(), data, widths).sum()
            torch.autograd.backward(whole)
            loss = float(whole.detach())
        self.descent.step(self.averages)
        return loss

    def judge(self, loss: float) -> bool:
        """Keep the averaged weights if their validation loss is the best so far; whether to go on."""
        self.since += 1
        if loss < self.best:
            self.best, self.kept, self.since = loss, _copy(self.mean), 0
        return self.since < self.options.patience and self.epoch < self.options.epochs

    def state(self) -> dict[str, torch.Tensor]:
        """All of it as tensors, torch's generator included."""
        parts = {"net": self.net.state_dict(), "mean": self.mean.state_dict(), "kept": self.kept}
        out = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
        out |= {f"descent/{name}": value for name, value in self.descent.state().items()}
        numbers = [float(self.epoch), float(self.descent.steps), float(self.since), self.best]
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
        self.kept = {name: value.to(self.place) for name, value in parts["kept"].items()}
        epoch, steps, since, self.best = saved["numbers"].tolist()
        self.epoch, self.since = int(epoch), int(since)
        self.descent.restore(parts["descent"], int(steps))
        self.history = saved["history"].tolist()
        if "order" in saved:
            self.order, self.at, self.summed = saved["order"], int(saved["at"]), float(saved["summed"])
        device.draw_on(self.place, saved)


def _run(network: Fitting, learn: Batch, watch: Batch, widths: Float, ctx: Context, done: list[Arrays]) -> None:
    """Epochs until the validation loss has not fallen for `patience` of them; what is done before is saved with it."""
    options = network.options
    floor = losses(torch.zeros(*watch.x.shape[:2], CORRECTIONS, device=network.place), watch, widths)
    if not network.history:
        network.judge(float(floor.sum()))
        network.history = [[0.0, float(check(network.mean, learn, widths).sum()), float(floor.sum()), options.lr]]
    unsaved = 0

    def pause(rows: int) -> None:
        nonlocal unsaved
        unsaved += rows
        if ctx.checkpoint is not None and unsaved >= SAVE_EVERY:
            ctx.checkpoint.save(_dump(done, network))
            unsaved = 0

    going = network.since < options.patience and network.epoch < options.epochs
    while going:
        loss = network.take_epoch(learn, widths, pause)
        now = check(network.mean, watch, widths)
        network.history.append([float(network.epoch), loss, float(now.sum()), options.lr])
        going = network.judge(float(now.sum()))
        note = f"valid log-loss {now[0]:.4f}, floor {floor[0]:.4f}, loss {loss:.3f}"
        ctx.progress(f"network {len(done) + 1}/{options.seeds}", network.epoch, options.epochs, note)
        pause(min(options.batch, len(learn.x)) * learn.x.shape[1])


def _dump(done: list[Arrays], network: Fitting) -> bytes:
    """The networks that are done and the one in progress."""
    out = {f"now/{name}": value.contiguous() for name, value in network.state().items()}
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


def check(net: nn.Module, data: Batch, widths: Float) -> torch.Tensor:
    """[3] losses without dropout or gradients."""
    with torch.inference_mode():
        return losses(net(data.x), data, widths)


def _copy(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _units(arrays: Arrays, train: Panel) -> Float:
    """[2] sd of the floors' residuals (volatility, spread) in units of the labels' sd; 1 where there is none."""
    said, label = inference.heads(arrays, train), arrays["floor/label"][rows_of(train)]
    errors = ((train.log_vol - said[:, 1]) / label[:, 1], (train.log_spread - said[:, 3]) / label[:, 3])
    sds = [float(np.std(e[np.isfinite(e)])) if np.isfinite(e).any() else 0.0 for e in errors]
    return np.array([sd if sd > 0 else 1.0 for sd in sds])
