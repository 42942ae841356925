"""Training, labels a second: whole sessions against the usual Dataset/DataLoader of 20-bar windows, same LSTM 2x64."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hfm.config import Train
from hfm.models import fit, floors
from hfm.plugins import Panel
from hfm.stage import Context
from tests.bench.figure import Figure, rate
from tests.train.market import rows

SESSIONS, WINDOW, BATCH = 60, 20, 64
OPTIONS = Train()


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
    """Labels a second; a fold of 60 sessions x 50 epochs; the accuracy of both after the same passes."""
    torch.set_num_threads(1)
    panel = rows(3 * SESSIONS, signal="planted", rho=0.3, interval="5m").panel
    train, test = panel.of_sessions(1, 1 + SESSIONS), panel.of_sessions(1 + SESSIONS, 3 * SESSIONS)
    data, widths = _batch(train)
    labels = len(train.slot)
    network = fit.Fitting(train.own, OPTIONS)
    peer = Usual(train.own)
    adam = torch.optim.Adam(peer.parameters(), lr=1e-3)
    samples = Windows(*_flat(train))
    yield rate("train, labels", labels, lambda: network.take_epoch(data, widths),
               lambda: _pass(peer, adam, samples), note="DataLoader of 20-bar windows", times=3)  # fmt: skip
    yield _fold(data, widths, train.own, labels)
    yield _accuracy(train, test)


def _batch(panel: Panel) -> tuple[fit.Batch, np.ndarray]:
    arrays = floors.Logistic().fit(panel, panel, OPTIONS, Context("bench"))
    arrays["unit"] = fit._units(arrays, panel)
    return fit.batch(arrays, panel), np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]


def _flat(panel: Panel) -> tuple[torch.Tensor, torch.Tensor]:
    """(features, ups) of all rows one after the other; an unlabelled row counts as down, as the recipe has it."""
    x = panel.x[:, : panel.own]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    return torch.from_numpy(z.astype(np.float32)), torch.from_numpy(np.nan_to_num(panel.up).astype(np.float32))


def _pass(net: Usual, adam: torch.optim.Optimizer, samples: Windows) -> None:
    """One epoch of the recipe."""
    net.train()
    for x, up in DataLoader(samples, batch_size=BATCH, shuffle=True):
        adam.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x), up)
        torch.autograd.backward(loss)
        adam.step()


def _fold(data: fit.Batch, widths: np.ndarray, features: int, labels: int) -> Figure:
    """Processor seconds of 50 epochs over 60 sessions, no early stop."""
    taken = []
    for _ in range(3):
        network = fit.Fitting(features, OPTIONS)
        start = time.process_time()
        for _ in range(50):
            network.take_epoch(data, widths)
        taken.append(time.process_time() - start)
    spread = max(taken) / min(taken)
    return Figure("train, 60 sessions x 50 epochs", "s", float(np.median(taken)), None, None, 50 * labels, spread)


def _accuracy(train: Panel, test: Panel) -> Figure:
    """Test accuracy of the bare network by sessions and of the recipe, each at its best validation epoch."""
    learn, watch = train.of_sessions(0, SESSIONS - 12), train.of_sessions(SESSIONS - 12, SESSIONS)
    torch.manual_seed(0)
    arrays = {**floors.Logistic().fit(learn, learn, OPTIONS, Context("bench")), "unit": np.ones(2)}
    data, seen, fresh = (fit.batch(arrays, part) for part in (learn, watch, test))
    network, nothing = fit.Fitting(train.own, OPTIONS), torch.zeros_like(data.logit)
    bare, widths = dataclasses.replace(data, logit=nothing, has_vol=nothing, has_spread=nothing), np.ones(2)
    best, ours = np.inf, 0.0
    for _ in range(40):
        network.take_epoch(bare, widths)
        loss = float(fit.check(network.mean, dataclasses.replace(seen, logit=torch.zeros_like(seen.logit)), widths)[0])
        if loss < best:
            with torch.inference_mode():
                best, ours = loss, _hits(network.mean(fresh.x)[..., 0], fresh)
    theirs = _peer_accuracy(learn, watch, test)
    note = f"each at its best epoch on 12 sessions; standard error {0.5 / np.sqrt(len(test.slot)):.4f}"
    return Figure("train, planted accuracy", "", ours, theirs, ours / theirs, len(test.slot), 1.0, note)


def _peer_accuracy(learn: Panel, watch: Panel, test: Panel) -> float:
    """The recipe's, at its best of 12 epochs."""
    peer, best, found = Usual(learn.own), np.inf, 0.0
    adam = torch.optim.Adam(peer.parameters(), lr=1e-3)
    for _ in range(12):
        _pass(peer, adam, Windows(*_flat(learn)))
        with torch.inference_mode():
            loss, _ = _judge(peer.eval(), watch)
            if loss < best:
                best, found = loss, _judge(peer, test)[1]
    return found


def _judge(net: Usual, panel: Panel) -> tuple[float, float]:
    """(log-loss, accuracy) of the recipe on labelled rows."""
    x, up = _flat(panel)
    logit = net(torch.stack([x[i : i + WINDOW] for i in range(len(x) - WINDOW + 1)]))
    good = torch.from_numpy(np.isfinite(panel.up[WINDOW - 1 :]))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit[good], up[WINDOW - 1 :][good])
    return float(loss), float(((logit > 0) == (up[WINDOW - 1 :] > 0.5))[good].float().mean())


def _hits(logit: torch.Tensor, data: fit.Batch) -> float:
    return float((((logit > 0) == (data.up > 0.5)) * data.has_up).sum() / data.has_up.sum())
