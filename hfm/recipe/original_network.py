"""The original one-file recipe's network, trained and evaluated as it was, so that its figures stand beside others.

It is no forecaster: its scalers see the whole sample, and it forecasts rows that it was fitted on. An LSTM 2x64
over windows of 20 rows of four features, scaled to [0, 1] over the whole sample; two heads, the spread's size and
whether it widens; Adam 1e-3, batches of 32, 25 epochs over the first four fifths of the rows.
Legend: n rows, W windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hfm.plugins import Float

WINDOW, EPOCHS, BATCH, RATE, DROPOUT, WIDTH = 20, 25, 32, 1e-3, 0.2, 64
TRAINED = 0.8
"""Share of the labelled rows, from the first on, that are fitted."""


@dataclass(frozen=True)
class InSampleForecast:
    """p_widen: [n], NaN in the first 20 rows; P(the spread widens) of a row, from the 20 rows before it.

    split: the first row that was not fitted.
    """

    p_widen: Float
    split: int


class WindowedLstm(nn.Module):
    """[W, 20, 4] float32 -> (spread [W, 1], logits of falls and widens [W, 2])."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, WIDTH, 2, dropout=DROPOUT, batch_first=True)
        self.spread = nn.Linear(WIDTH, 1)
        self.direction = nn.Linear(WIDTH, 2)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both heads on the last row of each window."""
        y = self.dropout(self.lstm(x)[0][:, -1, :])
        return self.spread(y), self.direction(y)


def in_sample_forecast(
    features: Float, spread: Float, seed: int, threads: int, report: Callable[[int], None]
) -> InSampleForecast:
    """Train on the first rows, then forecast all rows.

    Parameters
    ----------
    features : float64 [n, 4]
        Finite; n above 50.
    spread : float64 [n]
        In bps, finite. The label of row t is whether spread[t + 1] > spread[t]; its window ends at row t - 1.
    seed : int
        Of torch's generator; the caller's is left alone.
    threads : int
        Of torch.
    report : callable
        Called with the number of epochs done.

    Returns
    -------
    InSampleForecast
    """
    torch.set_num_threads(threads)
    x = torch.from_numpy(_scaled(features).astype(np.float32))
    size = torch.from_numpy(_scaled(spread[:, None])[:-1, 0].astype(np.float32))
    widens = torch.from_numpy((np.diff(spread) > 0).astype(np.int64))
    split = int((len(x) - 1) * TRAINED)
    windows = x.unfold(0, WINDOW, 1).transpose(1, 2)  # window w: rows w to w + 19, and speaks of row w + 20
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = WindowedLstm(x.shape[1])
        adam = torch.optim.Adam(net.parameters(), lr=RATE)
        for epoch in range(EPOCHS):
            _epoch(net, adam, windows[: split - WINDOW], size[WINDOW:split], widens[WINDOW:split])
            report(epoch + 1)
    net.eval()
    p = np.full(len(x), np.nan)
    with torch.inference_mode():
        logits = torch.cat([net(part)[1] for part in torch.split(windows[:-1], 512)])
        p[WINDOW:] = torch.softmax(logits, 1)[:, 1].double().numpy()
    return InSampleForecast(p, split)


def _epoch(
    net: WindowedLstm, adam: torch.optim.Adam, windows: torch.Tensor, size: torch.Tensor, widens: torch.Tensor
) -> None:
    """One pass in random order, drawing from torch's generator what a DataLoader over these rows would draw."""
    net.train()
    _draw()  # a loader's seed for its workers
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(_draw()))
    for batch in torch.split(order, BATCH):
        adam.zero_grad()
        spread, direction = net(windows[batch])
        loss = functional.mse_loss(spread.squeeze(1), size[batch]) + functional.cross_entropy(direction, widens[batch])
        torch.autograd.backward(loss)
        adam.step()
    _draw()  # that of the validation rows, which were looked at after every epoch


def _draw() -> int:
    return int(torch.empty((), dtype=torch.int64).random_().item())


def _scaled(columns: Float) -> Float:
    """Each column [n, k] to [0, 1] over the whole sample; 0 where it never changes."""
    low, width = columns.min(axis=0), np.ptp(columns, axis=0)
    return np.asarray((columns - low) / np.where(width > 0, width, 1.0))
