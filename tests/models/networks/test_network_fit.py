"""Fitting networks: they learn what is there, keep the best epoch, and begin warm where a fold before has learned."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from hfm.config import Train
from hfm.models import inference
from hfm.models.networks import batches, lstm_network, network_fit, trainer
from hfm.plugins import Arrays, Panel
from hfm.stage import Context
from tests.models.networks.test_trainer import floor_arrays, parts
from tests.train.market import SMALL, rows


def learnable() -> tuple[Panel, Panel]:
    """Training and validation rows whose label follows the sign of a product of two features: no floor can see it."""
    panel = rows(sessions=40).panel
    x = panel.x.copy()
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (len(x), 2))
    x[np.isfinite(x[:, 0]), :2] = signs[np.isfinite(x[:, 0])]
    up = (signs[:, 0] * signs[:, 1] > 0).astype(float)
    made = replace(panel, x=x, up=np.where(np.isfinite(panel.up), up, np.nan))
    return made.of_sessions(0, 30), made.of_sessions(30, 40)


def test_the_network_learns_what_the_floor_cannot_see() -> None:
    """Loss falls below the floor's, validation with it."""
    train, valid = learnable()
    options = replace(SMALL, epochs=60, seeds=1, patience=60, hidden=16, lr=0.02, dropout=0.0, ema=0.9)
    arrays = network_fit.fit(train, valid, options, Context("train", seed=1))
    heads, truth = inference.heads(arrays, valid), valid.up
    good = np.isfinite(truth) & np.isfinite(heads[:, 0])
    assert ((heads[good, 0] > 0) == (truth[good] > 0)).mean() > 0.9


def test_the_weights_kept_are_those_of_the_best_epoch() -> None:
    """The stored network's validation loss is the least in its history, and training stops `patience` epochs later."""
    train, valid = parts()
    options = replace(SMALL, epochs=30, patience=3, seeds=1, lr=0.05)
    arrays = network_fit.fit(train, valid, options, Context("train", seed=2))
    history = arrays["history/seed0"]
    best = int(np.argmin(history[:, 2]))
    assert history[-1, 0] == min(best + 3, 30)
    net = lstm_network.LstmNetwork(train.own, options.hidden, options.layers, 0.0)
    net.load_state_dict(lstm_network.packed_weights(arrays, "seed0"))
    widths = np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    floor = {k: v for k, v in arrays.items() if k.startswith(("floor", "unit"))}
    assert (
        abs(float(trainer.mean_losses(net.eval(), batches.batch(floor, valid), widths).sum()) - history[best, 2]) < 1e-5
    )


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    """torch's generator is as it was."""
    train, valid = parts()
    before = torch.random.get_rng_state()
    network_fit.fit(train, valid, replace(SMALL, epochs=1, seeds=1), Context("train", seed=2))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_warm_network_begins_between_a_fresh_one_and_that_of_the_fold_before() -> None:
    """At a rate of nothing it stays there; it has the shorter patience, and the floor stands beside it."""
    train, valid = learnable()
    options = replace(SMALL, epochs=40, patience=9, warm_patience=2, seeds=1, hidden=16, lr=0.02, dropout=0.0, ema=0.9)
    cold = network_fit.fit(train, valid, options, Context("train", seed=2))
    assert cold["history/seed0"][:, 2].argmin() > 0
    weights = lstm_network.packed_weights(cold, "seed0")
    data = batches.batch({k: v for k, v in cold.items() if k.startswith(("floor", "unit"))}, valid)
    network = trainer.Trainer(train.own, options)
    fresh = {name: value.clone() for name, value in network.net.state_dict().items()}
    network.begin_warm(weights, data, np.ones(2), 0.0)
    for net in (network.net, network.mean):
        for name, value in net.state_dict().items():
            expected = 0.4 * weights[name] + 0.6 * fresh[name]
            torch.testing.assert_close(value, expected, atol=1e-6, rtol=0)
    warm = network_fit.fit(train, valid, replace(options, lr=1e-12), Context("train", seed=3, before=cold))
    assert len(warm["history/seed0"]) == 1 + options.warm_patience
    assert warm["history/seed0"][0, 2] == cold["history/seed0"][0, 2]  # epoch 0 is the floor in both
    better = network_fit.fit(train, valid, options, Context("train", seed=3, before=cold))["history/seed0"][:, 2]
    assert better.min() < better[0] - 0.02


def test_a_warm_network_worse_than_the_floor_is_not_kept() -> None:
    """The floor stays a candidate."""
    train, valid = learnable()
    options = replace(SMALL, epochs=3, warm_patience=2, seeds=1)
    cold = network_fit.fit(train, valid, options, Context("train", seed=2))
    wrong: Arrays = {**cold, "seed0/head/b": cold["seed0/head/b"] + 50.0}
    kept = network_fit.fit(train, valid, replace(options, lr=1e-12), Context("train", seed=3, before=wrong))
    assert not kept["seed0/head/w"].any()


def test_without_warm_start_nothing_of_the_fold_before_is_used() -> None:
    """The same bytes with it and without."""
    train, valid = parts()
    options = replace(SMALL, epochs=2, seeds=1, warm_start=False)
    alone, after = (network_fit.fit(train, valid, options, Context("train", before=b)) for b in (None, {"a": valid.up}))
    assert {k: v.tobytes() for k, v in alone.items()} == {k: v.tobytes() for k, v in after.items()}


def test_a_warm_epoch_is_of_the_sessions_asked_for_and_not_of_one_more() -> None:
    """The share is exact: in binary 120 / 157 of 157, rounded up, is 121."""
    for sessions in range(1, 2_000):
        assert math.ceil(network_fit.warm_share(Train(), sessions) * sessions) == min(sessions, 120)


def test_a_warm_epoch_passes_over_no_more_sessions_than_asked_for() -> None:
    """Drawn anew each time from all of them."""
    panel = rows(sessions=12).panel
    data = batches.batch(floor_arrays(panel), panel)
    network = trainer.Trainer(data.x.shape[2], replace(SMALL, batch=2), warm_share=Fraction(1, 4))
    network.is_warm = True
    seen: list[int] = []
    for _ in range(12):
        network.train_epoch(data, np.ones(2), lambda rows: seen.append(rows))
    assert len(seen) == 12 * (math.ceil(0.25 * len(data.x) / 2) - 1)  # a pause after each batch but the last
    network.is_warm = False
    seen.clear()
    network.train_epoch(data, np.ones(2), lambda rows: seen.append(rows))
    assert len(seen) == math.ceil(len(data.x) / 2) - 1
