"""Fits networks: whole sessions as padded, masked tensors, minibatches of sessions, early stopping.

All corrections start at zero, so epoch 0 is the floor; the weights kept are the moving average's at the epoch that is
best on the validation rows. Networks of a later fold begin between fresh weights and those of the fold before
(`train.warm_start`), which saw only earlier rows: they need fewer epochs (bench `walk-forward`: 1.7 times faster on one
worker; of each score the paired difference is on its page).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from hfm.config import Train
from hfm.models import stacking
from hfm.models.heads import CORRECTIONS
from hfm.models.networks import device, saved_fit, segments
from hfm.models.networks.batches import batch, residual_units
from hfm.models.networks.losses import Batch, losses
from hfm.models.networks.lstm_network import LstmNetwork, packable_arrays, packed_weights
from hfm.models.networks.trainer import Build, Trainer, mean_losses
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context

SAVE_EVERY = 500_000
"""Rows after which the work in progress is saved again: seconds of training."""


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
        the same bytes. networks: which of the `seeds`. before: the fit in whose networks these begin (`warm_start`).
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
    place = device.of_options(options)
    arrays, logit = kind.floor(train, valid, options, ctx)
    arrays["unit"] = residual_units(arrays, train)
    fitted = batch(arrays, segments.segmented(train), logit[segments.source_rows(train)]).to(place)
    watched = batch(arrays, segments.segmented(valid)).to(place)
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    saved = saved_fit.load(ctx)
    done = saved.done
    networks = range(options.seeds) if ctx.networks is None else ctx.networks
    before = ctx.before if options.warm_start and ctx.before is not None else {}
    share = warm_share(options, len(np.unique(train.session)))
    with device.steady(options.threads):
        for seed in networks[len(done) :]:
            with device.seeded(place, int(ctx.rng(f"network {seed}").integers(2**62))):
                trainer = Trainer(fitted.x.shape[2], options, kind.build, place, share)
                if saved.current is not None:
                    trainer.restore(saved.current)
                    saved.current = None
                else:
                    _begin(trainer, fitted, watched, widths, kind.weights(before, f"seed{seed}"))
                _train(trainer, fitted, watched, widths, ctx, done, f"network {seed + 1}/{options.seeds}")
            best = {name: value.cpu() for name, value in trainer.best_weights.items()}
            done.append({**kind.export(best, f"seed{seed}"), f"history/seed{seed}": np.array(trainer.history)})
    return {name: value for part in (arrays, *done) for name, value in part.items()}


def warm_share(options: Train, sessions: int) -> Fraction:
    """Of so many sessions, what an epoch of a network that begins warm passes over: `warm_sessions` of them at most."""
    return min(Fraction(1), Fraction(options.warm_sessions, sessions))


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
            ctx.checkpoint.save(saved_fit.dump(done, trainer.state()))
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
