"""The usual one-file recipe, as people write it: `python -m tests.bench.recipe BARS.csv PICTURE.png`.

One simulated spread, four features, windows of 20 bars through a Dataset and a DataLoader, an LSTM 2x64 with two heads,
25 epochs on one split, a threshold back-test, a picture. No folds, no seeds, no floors, no error bars: a peer in time,
not in what it says.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset

WINDOW, EPOCHS, BATCH = 20, 25, 32


class Network(torch.nn.Module):
    """An LSTM 2x64 whose last output gives the spread's change and the direction."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = torch.nn.LSTM(4, 64, 2, batch_first=True, dropout=0.2)
        self.spread, self.direction = torch.nn.Linear(64, 1), torch.nn.Linear(64, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(change of the spread [N], logit of its rise [N])."""
        last = self.cell(x)[0][:, -1]
        return self.spread(last)[:, 0], self.direction(last)[:, 0]


def simulated(bars: pd.DataFrame) -> pd.DataFrame:
    """Bars with a spread, an order flow and the four features."""
    rng = np.random.default_rng(7)
    change = bars["close"].pct_change()
    volatility = change.rolling(WINDOW).std()
    spread = 1e-3 + 2 * volatility
    spread = (spread + rng.normal(0, 0.1 * spread.std(), len(bars))).clip(lower=1e-4)
    flow = np.where(change > 0, 0.6, -0.4) * bars["volume"]
    ratio = bars["volume"] / bars["volume"].rolling(WINDOW).mean()
    momentum = bars["close"].pct_change(5)
    return bars.assign(spread=spread, volatility=volatility, flow=flow, ratio=ratio, momentum=momentum).dropna()


def main(source: str, picture: str) -> None:
    """Everything, start to finish."""
    torch.manual_seed(7)
    torch.set_num_threads(1)
    data = simulated(pd.read_csv(source))
    x = data[["ratio", "momentum", "volatility", "flow"]].to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    target = np.diff(data["spread"].to_numpy()) * 1e4
    windows = np.stack([x[i : i + WINDOW] for i in range(len(target) - WINDOW + 1)]).astype(np.float32)
    y = target[WINDOW - 1 :].astype(np.float32)
    cut = int(0.8 * len(y))
    train = TensorDataset(torch.from_numpy(windows[:cut]), torch.from_numpy(y[:cut]))
    network = Network()
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(EPOCHS):
        network.train()
        total = 0.0
        for xs, ys in DataLoader(train, batch_size=BATCH, shuffle=True):
            adam.zero_grad()
            change, logit = network(xs)
            loss = torch.nn.functional.mse_loss(change, ys)
            loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(logit, (ys > 0).float())
            loss.backward()
            adam.step()
            total += loss.item()
        losses.append(total)
        network.eval()
        with torch.no_grad():
            network(torch.from_numpy(windows[cut:]))
    with torch.no_grad():
        p = torch.sigmoid(network(torch.from_numpy(windows))[1]).numpy()
    returns = data["close"].pct_change().to_numpy()[WINDOW:]
    position = np.where(p > 0.6, 1, np.where(p < 0.4, -1, 0))
    earned = position[:-1] * returns[1:] * 0.998
    print(f"accuracy {((p > 0.5) == (y > 0))[cut:].mean():.2%}, return {earned.sum():.2%}")
    figure, axes = plt.subplots(2, 2, figsize=(15, 10))
    axes[0, 0].plot(losses)
    axes[0, 1].plot(np.cumsum(earned))
    axes[1, 0].plot(data["spread"].to_numpy())
    axes[1, 1].hist(p, bins=50)
    figure.savefig(picture, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:])
