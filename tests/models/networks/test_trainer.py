"""Fitting the network: it starts as the floor, learns what is there, and keeps the best epoch."""

from __future__ import annotations

import numpy as np
import torch

from hfm.models import inference
from hfm.models.linear import floors
from hfm.models.networks import batches, losses, lstm_network
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
