"""What the networks of torch share as forecasters; their contract is in tests/contract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hfm import plugins
from hfm.errors import UsageError
from hfm.models import checkpoint as store
from hfm.models import inference
from hfm.models.heads import corrected
from hfm.models.linear.ridge import rows_of
from hfm.models.networks import batches, lstm_network, network_fit, trainer
from hfm.models.networks.torch_forecaster import TorchForecaster
from hfm.models.networks.transformer import Transformer
from hfm.plugins import Arrays
from hfm.stage import Context
from tests.models.networks.test_trainer import floor_arrays, parts
from tests.train.market import SMALL, market, rows, small
from tests.train.test_stage import train

NAMES = ("gru", "attention", "transformer", "deeplob")


def test_corrections_are_laid_on_the_floor_as_the_step_does_it() -> None:
    """The LSTM's own corrections by torch, added here, give the kernel's heads; half open gates too."""
    train, valid = parts()
    arrays = network_fit.fit(train, valid, replace(SMALL, seeds=1), Context("train", seed=1))
    floor: Arrays = {k: v for k, v in arrays.items() if not k.startswith(("seed", "history"))}
    data = batches.batch(floor, valid)
    from hfm.models import eager

    with torch.inference_mode():
        said = eager.network(arrays, "seed0")(data.x).double().numpy()
    inside = np.arange(data.x.shape[1]) < np.diff(valid.start)[:, None]
    for gates in (np.ones(3), np.array([0.25, 0.5, 0.75])):
        label_sd = floor["floor/label"][rows_of(valid)][:, [1, 3]]
        mine = corrected(inference.heads(floor, valid), said[inside], {**floor, "gates": gates}, label_sd)
        np.testing.assert_allclose(mine, inference.heads({**arrays, "gates": gates}, valid), atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_arrays_hold_the_network_and_its_size(name: str) -> None:
    """Rebuilt from the arrays alone, the validation loss is the least of the history."""
    train, valid = parts()
    model = plugins.find("models", name)()
    arrays = model.fit(train, valid, replace(SMALL, seeds=1, epochs=3, lr=0.02, ema=0.5), Context("train", seed=1))
    assert arrays["shape"].tolist() == [train.own, SMALL.hidden, SMALL.layers]
    net = model.build(*arrays["shape"].tolist(), 0.0)
    start = "seed0/net/"
    net.load_state_dict({k.removeprefix(start): torch.from_numpy(v) for k, v in arrays.items() if k.startswith(start)})
    floor = floor_arrays(train)
    widths = np.abs(np.diff(floor["floor/residual"])) / floor["unit"][1]
    loss = float(trainer.mean_losses(net.eval(), batches.batch(floor, valid), widths).sum())
    assert abs(loss - arrays["history/seed0"][:, 2].min()) < 1e-5
    assert loss < arrays["history/seed0"][0, 2]


def test_a_network_that_was_not_told_to_leaves_torch_s_threads_alone() -> None:
    """Asking runs on one thread; the caller's number is back afterwards."""
    train, valid = parts()
    model = Transformer()
    arrays = model.fit(train, valid, replace(SMALL, seeds=1, epochs=1, threads=2), Context("train", seed=1))
    model.predict(arrays, rows(symbols=("AAA", "BBB")).panel.of_sessions(15, 16))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)


class Masked(nn.Module):
    """A layer with buffers of bits and of whole numbers, as masks and positions are."""

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(features, hidden), lstm_network.zero_head(hidden)
        self.register_buffer("mask", torch.arange(hidden) % 2 == 0)
        self.register_buffer("place", torch.arange(hidden))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The corrections."""
        out: torch.Tensor = self.head(torch.where(self.mask, torch.tanh(self.inner(x)), 0.0))
        return out


class MaskedForecaster(TorchForecaster):
    """Its forecaster."""

    network = Masked


def test_a_warm_network_has_its_own_mask() -> None:
    """Only weights can stand between fresh ones and those of the fold before."""
    train, valid = parts()
    options, model = replace(SMALL, epochs=2, seeds=1, lr=0.02), MaskedForecaster()
    first = model.fit(train, valid, options, Context("train", seed=1))
    first["seed0/net/head.bias"] += 0.5
    second = model.fit(train, valid, options, Context("train", seed=2, before=first))
    for name in ("mask", "place"):
        np.testing.assert_array_equal(second[f"seed0/net/{name}"], first[f"seed0/net/{name}"])


def test_exported_weights_are_float32_under_their_own_names() -> None:
    """seed<s>/net/<name>."""
    found = lstm_network.plain_arrays(lstm_network.LstmNetwork(3, 4, 1, 0.0).state_dict(), "seed1")
    assert set(found) == {f"seed1/net/{n}" for n in (
        "cell.weight_ih_l0", "cell.weight_hh_l0", "cell.bias_ih_l0", "cell.bias_hh_l0", "head.weight", "head.bias"
    )}  # fmt: skip
    assert all(v.dtype == np.float32 for v in found.values())


def test_a_checkpoint_holds_it_and_live_is_refused_by_name() -> None:
    """Arrays go through safetensors and come back to the same heads; a row at a time it cannot be run."""
    found, _ = train(market()[0], small(model="transformer", epochs=1, seeds=1))
    checkpoint = store.load(found["train/model.safetensors"], found["train/model.json"])
    arrays, panel = checkpoint.part("final"), rows().panel.of_sessions(18, 21)
    heads = Transformer().predict(arrays, panel)
    assert np.isfinite(heads[np.isfinite(panel.x).all(axis=1)]).all()
    with pytest.raises(UsageError) as error:
        checkpoint.steps("final", "SPY")
    assert "transformer cannot be run a row at a time" in error.value.what
    assert checkpoint.steps("final", "SPY", "logistic")
