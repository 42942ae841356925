"""The original recipe's network: a slow copy of how it was trained, with a DataLoader, gives the same figures."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hfm.recipe import original_network


def market(n: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Four features of which the first moves the spread a little."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(n, 4)) * np.array([1.0, 1e-3, 1e-4, 1e5])
    return x, 12.0 + np.abs(np.roll(x[:, 0], 1)) + 0.1 * rng.normal(size=n)


def slowly(x: np.ndarray, spread: np.ndarray, seed: int, epochs: int) -> np.ndarray:
    """P(the spread widens) [n - 20], window by window, trained with torch's own loaders."""
    scaled = ((x - x.min(0)) / (x.max(0) - x.min(0))).astype(np.float32)
    size = ((spread - spread.min()) / (spread.max() - spread.min())).astype(np.float32)
    split = int((len(x) - 1) * 0.8)
    rows = range(20, len(x) - 1)
    windows = torch.tensor(np.stack([scaled[i - 20 : i] for i in rows]))
    sizes, widens = torch.tensor(size[20:-1]), torch.tensor(np.array([spread[i + 1] > spread[i] for i in rows]))
    seen = split - 20
    torch.manual_seed(seed)
    net = original_network.WindowedLstm(4)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    train = DataLoader(TensorDataset(windows[:seen], sizes[:seen], widens[:seen].long()), 32, shuffle=True)
    valid = DataLoader(TensorDataset(windows[seen + 20 :], widens[seen + 20 :]), 32)
    for _ in range(epochs):
        net.train()
        for a, b, c in train:
            adam.zero_grad()
            first, second = net(a)
            (nn.MSELoss()(first.squeeze(), b) + nn.CrossEntropyLoss()(second, c)).backward()
            adam.step()
        net.eval()
        for _ in valid:
            pass
    with torch.no_grad():
        return torch.cat([torch.softmax(net(w[None])[1], 1)[:, 1] for w in windows]).numpy()


def test_it_says_what_a_loader_and_a_loop_over_windows_say(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """The same random draws in the same order: three epochs give the same probabilities, to float32's rounding."""
    monkeypatch.setattr(original_network, "EPOCHS", 3)
    x, spread = market()
    heard: list[int] = []
    found = original_network.in_sample_forecast(x, spread, 23, 1, heard.append)
    assert heard == [1, 2, 3]
    assert found.split == 127
    assert np.isnan(found.p_widen[:20]).all()
    np.testing.assert_allclose(found.p_widen[20:-1], slowly(x, spread, 23, 3), atol=2e-6)


def test_the_callers_own_randomness_is_left_alone(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """torch's generator is the same after as before, and another seed gives another network."""
    monkeypatch.setattr(original_network, "EPOCHS", 1)
    x, spread = market()
    before = torch.random.get_rng_state()
    first, second = (original_network.in_sample_forecast(x, spread, seed, 1, lambda _: None).p_widen for seed in (1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.nanmax(np.abs(first - second)) > 1e-3
