"""Training, labels a second: whole sessions against the usual Dataset/DataLoader of 20-bar windows, same LSTM 2x64.

Both sides take as many labels to a gradient step: 8 sessions of 78 rows, 624 windows; accuracy is then the same within
its error. A window of 20 rows has 20 times the arithmetic of its one label, so what is beyond 20 is speed.
A second pair of figures has one session a step against 64 windows: more steps a pass help both alike, and cost the
sessions more, since nothing is left to do side by side. A third has both as they come, 8 sessions against 32 windows,
which are twenty times the steps. With `--device` none of these: see device_training.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hfm.config import Train
from hfm.models.linear import floors
from hfm.models.networks import batches, device, losses, trainer
from hfm.plugins import Panel
from hfm.stage import Context
from tests.bench import device_training
from tests.bench.figure import Figure, rate
from tests.train.market import rows

SESSIONS, WINDOW, ROWS = 60, 20, 78
OPTIONS, OWN = Train(), 32
"""The default training; windows a step of the recipe as it is usually written."""
TOGETHER = 10
"""Passes of ours that are timed together, as they run in training. One alone is timed, too: it takes a fortieth of the
recipe's, and a third of it is the caches that the recipe has just filled with its own."""
PATIENCE, EPOCHS, TRIES = 15, 120, 2
"""Passes without a better validation loss after which either side stops, passes at most, networks averaged."""


class Windows(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Each row with its 20 latest rows as one sample, as the recipe has it."""

    def __init__(self, x: torch.Tensor, up: torch.Tensor) -> None:
        self.x, self.up = x, up

    def __len__(self) -> int:
        """Samples."""
        return len(self.x) - WINDOW + 1

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(window [20, F], whether the price went up after it)."""
        return self.x[i : i + WINDOW], self.up[i + WINDOW - 1]


class Usual(torch.nn.Module):
    """The recipe's network: the last output of an LSTM 2x64 over the window."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.cell = torch.nn.LSTM(features, 64, 2, batch_first=True, dropout=OPTIONS.dropout)
        self.head = torch.nn.Linear(64, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N] logits."""
        out: torch.Tensor = self.head(self.cell(x)[0][:, -1])[:, 0]
        return out


def figures() -> Iterator[Figure]:
    """Labels a second; a fold of 60 sessions x 50 epochs; the accuracy of both at their best validation loss."""
    panel = rows(3 * SESSIONS, signal="planted", rho=0.3, interval="5m").panel
    train, test = panel.of_sessions(1, 1 + SESSIONS), panel.of_sessions(1 + SESSIONS, 3 * SESSIONS)
    data, widths = _batch(train)
    labels = len(train.slot)
    samples = Windows(*_flat(train))
    with device.steady(1):
        for sessions, windows in ((OPTIONS.batch, ROWS * OPTIONS.batch), (1, 64), (OPTIONS.batch, OWN)):
            network = trainer.Trainer(train.own, dataclasses.replace(OPTIONS, batch=sessions))
            peer = Usual(train.own)
            adam = torch.optim.Adam(peer.parameters(), lr=1e-3)
            theirs, note = partial(_pass, peer, adam, samples, windows), f"DataLoader, {windows} 20-bar windows a step"
            for together in (TOGETHER, 1):
                name = f"train, labels ({sessions} sessions a step, passes together: {together})"
                found = rate(name, labels, partial(_passes, network, data, widths, together), theirs, note=note)
                yield dataclasses.replace(found, ours=found.ours * together, ratio=(found.ratio or 0.0) * together)
        yield _fold(data, widths, train.own, labels)
        yield _accuracy(train, test)


def figures_on(name: str, small: bool = False) -> Iterator[Figure]:
    """The rows of a device: see device_training."""
    yield from device_training.figures_on(name, device_training.SMALL if small else device_training.FULL)


def _batch(panel: Panel) -> tuple[losses.Batch, np.ndarray]:
    arrays = floors.Logistic().fit(panel, panel, OPTIONS, Context("bench"))
    arrays["unit"] = batches.residual_units(arrays, panel)
    return batches.batch(arrays, panel), np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]


def _flat(panel: Panel) -> tuple[torch.Tensor, torch.Tensor]:
    """(features, ups) of all rows one after the other; an unlabelled row counts as down, as the recipe has it."""
    x = panel.x[:, : panel.own]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    return torch.from_numpy(z.astype(np.float32)), torch.from_numpy(np.nan_to_num(panel.up).astype(np.float32))


def _passes(network: trainer.Trainer, data: losses.Batch, widths: np.ndarray, count: int) -> None:
    """So many epochs by sessions."""
    for _ in range(count):
        network.train_epoch(data, widths)


def _pass(net: Usual, adam: torch.optim.Optimizer, samples: Windows, windows: int) -> None:
    """One epoch of the recipe."""
    net.train()
    for x, up in DataLoader(samples, batch_size=windows, shuffle=True):
        adam.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x), up)
        torch.autograd.backward(loss)
        adam.step()


def _fold(data: losses.Batch, widths: np.ndarray, features: int, labels: int) -> Figure:
    """Processor seconds of 50 epochs over 60 sessions, no early stop."""
    taken = []
    for _ in range(3):
        network = trainer.Trainer(features, OPTIONS)
        start = time.process_time()
        for _ in range(50):
            network.train_epoch(data, widths)
        taken.append(time.process_time() - start)
    spread = max(taken) / min(taken)
    return Figure("train, 60 sessions x 50 epochs", "s", float(np.median(taken)), None, None, 50 * labels, spread)


def _accuracy(train: Panel, test: Panel) -> Figure:
    """Test accuracy of the bare network by sessions and of the recipe, each at its best validation pass."""
    learn, watch = train.of_sessions(0, SESSIONS - 12), train.of_sessions(SESSIONS - 12, SESSIONS)
    ours = [_by_sessions(learn, watch, test, k) for k in range(TRIES)]
    theirs = [_by_windows(learn, watch, test, k) for k in range(TRIES)]
    one, two = float(np.mean(ours)), float(np.mean(theirs))
    note = (f"peer: the windows, same labels a step; standard error {0.5 / np.sqrt(len(test.slot)):.4f}, "
            f"tries {', '.join(f'{v:.4f}' for v in ours)} and {', '.join(f'{v:.4f}' for v in theirs)}")  # fmt: skip
    return Figure("train, planted accuracy", "", one, two, one / two, len(test.slot), max(ours) / min(ours), note)


def _by_sessions(learn: Panel, watch: Panel, test: Panel, seed: int) -> float:
    """The bare network's: no floor below it, direction alone."""
    torch.manual_seed(seed)
    arrays = {**floors.Logistic().fit(learn, learn, OPTIONS, Context("bench")), "unit": np.ones(2)}
    data, seen, fresh = (_bare(batches.batch(arrays, part)) for part in (learn, watch, test))
    network, widths = trainer.Trainer(learn.own, OPTIONS), np.ones(2)

    def judged() -> tuple[float, float]:
        loss = float(trainer.mean_losses(network.mean, seen, widths)[0])
        with torch.inference_mode():
            return loss, _hits(network.mean(fresh.x)[..., 0], fresh)

    return _best(lambda: network.train_epoch(data, widths), judged)


def _by_windows(learn: Panel, watch: Panel, test: Panel, seed: int) -> float:
    """The recipe's."""
    torch.manual_seed(seed)
    peer, samples = Usual(learn.own), Windows(*_flat(learn))
    adam = torch.optim.Adam(peer.parameters(), lr=1e-3)

    def judged() -> tuple[float, float]:
        with torch.inference_mode():
            return _judge(peer.eval(), watch)[0], _judge(peer, test)[1]

    return _best(lambda: _pass(peer, adam, samples, ROWS * OPTIONS.batch), judged)


def _best(step: Callable[[], object], judged: Callable[[], tuple[float, float]]) -> float:
    """Test accuracy at the pass of the least validation loss; stops PATIENCE passes after it."""
    best, found, since = np.inf, 0.0, 0
    for _ in range(EPOCHS):
        step()
        loss, accuracy = judged()
        since += 1
        if loss < best:
            best, found, since = loss, accuracy, 0
        if since == PATIENCE:
            break
    return found


def _bare(data: losses.Batch) -> losses.Batch:
    """Without the floor's logit, and with the direction's labels alone."""
    y = data.y.clone()
    for name in ("logit", "has_vol", "has_spread"):
        y[..., losses.LABELS.index(name)] = 0
    return losses.Batch(data.x, y)


def _judge(net: Usual, panel: Panel) -> tuple[float, float]:
    """(log-loss, accuracy) of the recipe on labelled rows."""
    x, up = _flat(panel)
    logit = net(torch.stack([x[i : i + WINDOW] for i in range(len(x) - WINDOW + 1)]))
    good = torch.from_numpy(np.isfinite(panel.up[WINDOW - 1 :]))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit[good], up[WINDOW - 1 :][good])
    return float(loss), float(((logit > 0) == (up[WINDOW - 1 :] > 0.5))[good].float().mean())


def _hits(logit: torch.Tensor, data: losses.Batch) -> float:
    known = data.column("has_up")
    return float((((logit > 0) == (data.column("up") > 0.5)) * known).sum() / known.sum())
