"""Fits the recurrent network: whole sessions as padded, masked tensors, minibatches of sessions, early stopping.

Losses, each a mean over labelled rows in units of the floors' residuals: log-loss of the direction, half the squared
error of the log volatility, pinball loss of the log spread's quantiles. All corrections start at zero, so epoch 0 is
the floor; the weights kept are the moving average's at the epoch that is best on the validation rows.
Legend: N sequences, T rows of the longest, F features of the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from hfm.config import Train
from hfm.models import floors, step
from hfm.models.network import Recurrent, export
from hfm.models.ridge import known, rows_of, standardise
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context


@dataclass(frozen=True)
class Batch:
    """Sequences as tensors: x [N, T, F] (zeros in masked and padded rows), floors and targets [N, T] (NaN: no label).

    logit: the floor's; up: 1 or 0; vol, spread: label less floor, in units of the floor's residual sd.
    """

    x: torch.Tensor
    logit: torch.Tensor
    up: torch.Tensor
    vol: torch.Tensor
    spread: torch.Tensor

    def pick(self, index: torch.Tensor) -> Batch:
        """The sequences at `index`."""
        return Batch(self.x[index], self.logit[index], self.up[index], self.vol[index], self.spread[index])


def fit(train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
    """The floor's arrays and those of `options.seeds` networks on top of it: see Forecaster."""
    torch.set_num_threads(options.threads)
    arrays = floors.Logistic().fit(train, valid, options, ctx)
    arrays["unit"] = _units(arrays, train)
    learn, watch = batch(arrays, train), batch(arrays, valid)
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    for seed in range(options.seeds):
        number = int(ctx.rng(f"network {seed}").integers(2**62))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number)
            weights, history = _one(learn, watch, widths, options, ctx, seed)
        arrays.update(export(weights, f"seed{seed}"))
        arrays[f"history/seed{seed}"] = history
    return arrays


def batch(arrays: Arrays, panel: Panel) -> Batch:
    """The panel's sequences as one Batch."""
    said, label = step.heads(arrays, panel), arrays["floor/label"][rows_of(panel)]
    z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])[:, : panel.own]
    z[~known(panel)] = 0.0
    unit = arrays["unit"]
    columns = (said[:, 0], np.where(known(panel), panel.up, np.nan),
               (panel.log_vol - said[:, 1]) / (label[:, 1] * unit[0]),
               (panel.log_spread - said[:, 3]) / (label[:, 3] * unit[1]))  # fmt: skip
    lengths = np.diff(panel.start)
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
    x = np.zeros((*inside.shape, panel.own), np.float32)
    x[inside] = z
    padded = []
    for column in columns:
        grid = np.full(inside.shape, np.nan, np.float32)
        grid[inside] = column
        padded.append(torch.from_numpy(grid))
    return Batch(torch.from_numpy(x), *padded)


def losses(out: torch.Tensor, data: Batch, widths: Float) -> torch.Tensor:
    """[3] mean direction, volatility and spread loss of corrections out [N, T, 5]; 0 where nothing is labelled."""
    up = ~torch.isnan(data.up)
    direction = functional.binary_cross_entropy_with_logits(
        (data.logit + out[..., 0])[up], data.up[up], reduction="sum"
    )
    vol = ~torch.isnan(data.vol)
    volatility = 0.5 * (data.vol - out[..., 1])[vol].square().sum()
    spread = ~torch.isnan(data.spread)
    error = (data.spread - out[..., 2])[spread]
    below = error + float(widths[0]) * torch.exp(out[..., 3])[spread]
    above = error - float(widths[1]) * torch.exp(out[..., 4])[spread]
    pinball = _pinball(below, 0.1) + _pinball(error, 0.5) + _pinball(above, 0.9)
    return torch.stack(
        [direction / max(int(up.sum()), 1), volatility / max(int(vol.sum()), 1), pinball / max(int(spread.sum()), 1)]
    )


def _pinball(error: torch.Tensor, share: float) -> torch.Tensor:
    return torch.maximum(share * error, (share - 1) * error).sum()


def _one(
    learn: Batch, watch: Batch, widths: Float, options: Train, ctx: Context, seed: int
) -> tuple[dict[str, torch.Tensor], Float]:
    """(best averaged weights, history [epochs + 1, 4]) of one network; torch's generator is seeded by the caller."""
    net = Recurrent(learn.x.shape[2], options.hidden, options.layers, options.dropout)
    mean = Recurrent(learn.x.shape[2], options.hidden, options.layers, 0.0).eval()
    mean.load_state_dict(net.state_dict())
    adam = torch.optim.AdamW(net.parameters(), lr=options.lr, weight_decay=options.weight_decay, fused=True)
    floor = check(mean, watch, widths)
    best, kept, since, steps = float(floor.sum()), _copy(mean), 0, 0
    history = [[0.0, float(check(mean, learn, widths).sum()), best, options.lr]]
    for epoch in range(1, options.epochs + 1):
        total = 0.0
        for index in torch.split(torch.randperm(len(learn.x)), options.batch):
            steps += 1
            decay = min(options.ema, (1 + steps) / (10 + steps))
            total += _update(net, mean, adam, learn.pick(index), widths, options.clip, decay) * len(index)
        now = check(mean, watch, widths)
        history.append([float(epoch), total / len(learn.x), float(now.sum()), options.lr])
        since += 1
        if float(now.sum()) < best:
            best, kept, since = float(now.sum()), _copy(mean), 0
        ctx.progress(
            f"network {seed + 1}/{options.seeds}",
            epoch,
            options.epochs,
            f"loss {history[-1][1]:.4f} valid log-loss {now[0]:.4f} (floor {floor[0]:.4f})",
        )
        if since >= options.patience:
            break
    return kept, np.array(history)


def _update(
    net: Recurrent, mean: Recurrent, adam: torch.optim.Optimizer, data: Batch, widths: Float, clip: float, decay: float
) -> float:
    """One gradient step, then the moving average follows; the batch's loss."""
    adam.zero_grad()
    loss = losses(net(data.x), data, widths).sum()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
    adam.step()
    with torch.no_grad():
        torch._foreach_lerp_(list(mean.parameters()), list(net.parameters()), 1 - decay)
    return float(loss.detach())


def check(net: Recurrent, data: Batch, widths: Float) -> torch.Tensor:
    """[3] losses without dropout or gradients."""
    with torch.inference_mode():
        return losses(net(data.x), data, widths)


def _copy(net: Recurrent) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def _units(arrays: Arrays, train: Panel) -> Float:
    """[2] sd of the floors' residuals (volatility, spread) in units of the labels' sd; 1 where there is none."""
    said, label = step.heads(arrays, train), arrays["floor/label"][rows_of(train)]
    errors = ((train.log_vol - said[:, 1]) / label[:, 1], (train.log_spread - said[:, 3]) / label[:, 3])
    sds = [float(np.std(e[np.isfinite(e)])) if np.isfinite(e).any() else 0.0 for e in errors]
    return np.array([sd if sd > 0 else 1.0 for sd in sds])
