"""Where networks are fitted, and that a device changes nothing but the time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hfm import plugins
from hfm.errors import UsageError
from hfm.models.networks import device, lstm_network
from hfm.stage import Context
from tests.models.networks.test_trainer import parts
from tests.train.market import SMALL, market, rows, small
from tests.train.test_stage import train

GPU = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
NETWORKS = ("lstm", "gru", "attention", "transformer", "deeplob")
needs_gpu = pytest.mark.skipif(not GPU, reason="no graphics processor here")


def test_auto_is_the_processor_where_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fails for want of one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.chosen("auto") == device.chosen("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_here_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, with what to type."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError) as error:
        device.chosen(name)
    assert name in error.value.what
    assert "--device auto" in error.value.hint


def test_training_refuses_it_before_anything_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the model has no network."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("hfm.train.training_panel.read", None)
    with pytest.raises(UsageError):
        train(market()[0], small(device="cuda", model="har"))


def test_draws_go_on_where_they_were_and_the_callers_stay() -> None:
    """The state inside is saved and taken up; outside nothing has moved."""
    before = torch.random.get_rng_state()
    place = torch.device("cpu")
    with device.seeded(place, 5):
        torch.rand(3)
        state = device.draws(place)
        expected = torch.rand(4)
        torch.rand(9)
        device.draw_on(place, state)
        assert torch.equal(torch.rand(4), expected)
    assert torch.equal(before, torch.random.get_rng_state())


def test_numbers_too_small_to_matter_are_zero_inside_and_only_there() -> None:
    """Denormals."""
    small = torch.tensor([1e-39])
    with device.steady(1):
        assert not (small * 1.0).any()
        assert torch.get_num_threads() == 1
    assert (small * 1.0).any()


def test_the_processor_runs_in_full_precision() -> None:
    """bfloat16 is CUDA's alone."""
    with device.precision(torch.device("cpu")):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32


@needs_gpu
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_weights_give_the_same_values_on_a_gpu(name: str) -> None:
    """Within 1e-4 of the processor's, in full precision."""
    torch.manual_seed(0)
    model = plugins.find("models", name)()
    net = (lstm_network.LstmNetwork if name == "lstm" else model.build)(5, 64, 2, 0.0).eval()
    torch.nn.init.normal_(net.head.weight)
    x = torch.randn(4, 78, 5)
    with torch.inference_mode():
        here, there = net(x), net.to(GPU)(x.to(GPU)).cpu()
    assert (here - there).abs().max() < 1e-4


@needs_gpu
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_fitted_on_a_gpu_is_as_good(name: str) -> None:
    """Its least validation loss, within two standard deviations of seeds on the processor."""
    train, valid = parts()
    model = plugins.find("models", name)()
    options = replace(SMALL, seeds=4, epochs=8)
    best = {}
    for place in ("cpu", GPU):
        arrays = model.fit(train, valid, replace(options, device=place), Context("train", seed=1))
        best[place] = torch.tensor([arrays[f"history/seed{s}"][:, 2].min() for s in range(4)])
    assert abs(best["cpu"].mean() - best[GPU].mean()) < 2 * best["cpu"].std()


@needs_gpu
def test_predictions_of_a_network_fitted_on_a_gpu_are_the_processor_s() -> None:
    """Arrays come home: they are asked without the device."""
    train, valid = parts()
    arrays = plugins.find("models", "transformer")().fit(train, valid, replace(SMALL, device=GPU), Context("train"))
    assert all(hasattr(v, "tobytes") for v in arrays.values())
    plugins.find("models", "transformer")().predict(arrays, rows(symbols=("AAA", "BBB")).panel.of_sessions(15, 16))
