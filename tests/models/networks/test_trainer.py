"""Fitting the network: it starts as the floor, learns what is there, and keeps the best epoch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hfm.models import inference
from hfm.models.linear import floors
from hfm.models.networks import batches, losses, lstm_network, trainer
from hfm.plugins import Arrays, Panel
from hfm.stage import Context
from tests.train.market import SMALL, rows


def parts() -> tuple[Panel, Panel]:
    """Training and validation rows of two symbols."""
    panel = rows(symbols=("AAA", "BBB")).panel
    return panel.of_sessions(0, 12), panel.of_sessions(12, 15)


def floor_arrays(train: Panel) -> Arrays:
    """The floor with the units that a network adds to it."""
    arrays = floors.Logistic().fit(train, train, SMALL, Context("train"))
    return {**arrays, "unit": batches.residual_units(arrays, train)}


def test_epoch_zero_is_the_floor() -> None:
    """A fresh network corrects nothing, and its validation loss is the floor's."""
    train, valid = parts()
    arrays = floor_arrays(train)
    fresh = lstm_network.LstmNetwork(train.own, 8, 2, 0.0)
    with_it = {**arrays, **lstm_network.packable_arrays(fresh.state_dict(), "seed0")}
    np.testing.assert_array_equal(inference.heads(with_it, valid), inference.heads(arrays, valid))


def test_the_losses_are_the_plain_ones() -> None:
    """Direction, volatility and spread of zero corrections, from the heads in NumPy."""
    train, valid = parts()
    arrays = floor_arrays(train)
    data = batches.batch(arrays, valid)
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    found = losses.losses(torch.zeros(*data.x.shape[:2], 5), data, widths).numpy()
    heads = inference.heads(arrays, valid)
    good = np.isfinite(valid.up) & np.isfinite(heads[:, 0])
    logit, up = heads[good, 0], valid.up[good]
    assert abs(found[0] - np.mean(np.logaddexp(0, logit) - up * logit)) < 1e-5
    label = arrays["floor/label"][np.repeat(valid.symbol, np.diff(valid.start))]
    error = (valid.log_vol - heads[:, 1]) / (label[:, 1] * arrays["unit"][0])
    assert abs(found[1] - 0.5 * np.nanmean(error**2)) < 1e-4
    gap = (valid.log_spread[:, None] - heads[:, 2:]) / (label[:, 3:] * arrays["unit"][1])
    share = np.array([0.1, 0.5, 0.9])
    assert abs(found[2] - np.nanmean(np.maximum(share * gap, (share - 1) * gap)) * 3) < 1e-4


def test_padding_adds_nothing() -> None:
    """A short session's losses are the same alone and beside a long one."""
    train, _ = parts()
    arrays = floor_arrays(train)
    data = batches.batch(arrays, train)
    assert data.x.shape[0] == len(train.symbol)
    lengths = np.diff(train.start)
    for i, n in enumerate(lengths):
        assert not data.column("has_vol")[i, n:].any()
        assert not data.x[i, n:].any()


def test_the_network_learns_what_the_floor_cannot_see() -> None:
    """A label that follows the sign of a product of two features: loss falls below the floor's, validation with it."""
    panel = rows(sessions=40).panel
    x = panel.x.copy()
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (len(x), 2))
    x[np.isfinite(x[:, 0]), :2] = signs[np.isfinite(x[:, 0])]
    up = (signs[:, 0] * signs[:, 1] > 0).astype(float)
    made = replace(panel, x=x, up=np.where(np.isfinite(panel.up), up, np.nan))
    options = replace(SMALL, epochs=60, seeds=1, patience=60, hidden=16, lr=0.02, dropout=0.0, ema=0.9)
    arrays = trainer.fit(made.of_sessions(0, 30), made.of_sessions(30, 40), options, Context("train", seed=1))
    heads = inference.heads(arrays, made.of_sessions(30, 40))
    truth = made.of_sessions(30, 40).up
    good = np.isfinite(truth) & np.isfinite(heads[:, 0])
    assert ((heads[good, 0] > 0) == (truth[good] > 0)).mean() > 0.9


def test_the_weights_kept_are_those_of_the_best_epoch() -> None:
    """The stored network's validation loss is the least in its history, and training stops `patience` epochs later."""
    train, valid = parts()
    options = replace(SMALL, epochs=30, patience=3, seeds=1, lr=0.05)
    arrays = trainer.fit(train, valid, options, Context("train", seed=2))
    history = arrays["history/seed0"]
    best = int(np.argmin(history[:, 2]))
    assert history[-1, 0] == min(best + 3, 30)
    net = lstm_network.LstmNetwork(train.own, options.hidden, options.layers, 0.0)
    kept = {k.removeprefix("seed0/"): torch.from_numpy(v) for k, v in arrays.items() if k.startswith("seed0/")}
    state = {"head.weight": kept["head/w"].T, "head.bias": kept["head/b"]}
    for k in range(options.layers):
        state |= {f"cell.weight_ih_l{k}": kept[f"l{k}/ih"].T, f"cell.weight_hh_l{k}": kept[f"l{k}/hh"].T,
                  f"cell.bias_ih_l{k}": kept[f"l{k}/b"], f"cell.bias_hh_l{k}": 0 * kept[f"l{k}/b"]}  # fmt: skip
    net.load_state_dict(state)
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    floor = {k: v for k, v in arrays.items() if k.startswith(("floor", "unit"))}
    assert (
        abs(float(trainer.mean_losses(net.eval(), batches.batch(floor, valid), widths).sum()) - history[best, 2]) < 1e-5
    )


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    """torch's generator is as it was."""
    train, valid = parts()
    before = torch.random.get_rng_state()
    trainer.fit(train, valid, replace(SMALL, epochs=1, seeds=1), Context("train", seed=2))
    assert torch.equal(before, torch.random.get_rng_state())
