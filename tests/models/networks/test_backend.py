"""train.backend: what `fused` and `auto` fit is what plain torch fits, within rounding; else one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hfm.errors import UsageError
from hfm.models.networks import batches, device, gru, lstm_network, trainer
from tests.models.networks.test_trainer import floor_arrays, parts
from tests.train.market import SMALL, market, small
from tests.train.test_stage import train

OPTIONS = replace(SMALL, epochs=3, seeds=1, dropout=0.0, lr=0.01, ema=0.5, patience=9)


def test_a_training_by_vectors_is_the_training_by_torch_within_rounding() -> None:
    """Three epochs without dropout, whose masks the two draw differently: losses and weights, which have moved; fused
    is auto, bit for bit."""
    rows, _ = parts()
    arrays = floor_arrays(rows)
    data, widths = batches.batch(arrays, rows), np.abs(np.diff(arrays["floor/residual"])) / arrays["unit"][1]
    losses, weights = {}, {}
    for backend in ("auto", "fused", "torch"):
        torch.manual_seed(3)
        network = trainer.Trainer(rows.own, replace(OPTIONS, backend=backend))  # type: ignore[arg-type]  # a word
        first = [p.detach().clone() for p in network.net.parameters()]
        losses[backend] = [network.train_epoch(data, widths) for _ in range(3)]
        weights[backend] = [p.detach().clone() for p in network.net.parameters()]
    assert losses["auto"] == losses["fused"]
    assert all(torch.equal(a, b) for a, b in zip(weights["auto"], weights["fused"], strict=True))
    np.testing.assert_allclose(losses["torch"], losses["fused"], rtol=1e-4)
    assert losses["torch"] != losses["fused"]  # rounding: the setting does change what computes
    start, fused, plain = (
        torch.cat([w.flatten() for w in part]) for part in (first, weights["fused"], weights["torch"])
    )
    assert (fused - plain).norm() < 0.05 * (plain - start).norm()  # Adam's steps grow where gradients are rounding


def test_torch_takes_nothing_of_the_vectors() -> None:
    """Neither the gradient nor the weights in one vector; auto takes both, of another network the vector alone."""
    assert trainer.Trainer(3, replace(OPTIONS, backend="torch")).fused is None
    assert len(trainer.Trainer(3, replace(OPTIONS, backend="torch")).weights) > 1
    assert trainer.Trainer(3, OPTIONS).fused is not None
    other = trainer.Trainer(3, OPTIONS, gru.GruNetwork)
    assert other.fused is None
    assert len(other.weights) == 1


@pytest.mark.parametrize(
    ("options", "match", "hint"),
    [
        ({"model": "gru"}, "there is no train.backend fused of gru", "--set train.backend=auto"),
        ({"also": ("transformer",)}, "fused of transformer", "--set train.backend=auto"),
        ({"device": "cuda"}, "there is no train.backend fused on cuda", "--device cpu"),
    ],
)
def test_fused_where_it_cannot_be_had_is_one_line_with_a_way_out(
    options: dict[str, object], match: str, hint: str
) -> None:
    """Before anything is fitted."""
    with pytest.raises(UsageError, match=match) as error:
        train(market()[0], small(backend="fused", **options))
    assert error.value.hint == hint


def test_a_network_of_a_plug_in_without_the_gradient_is_refused_when_it_is_fitted() -> None:
    """The trainer itself says so."""
    with pytest.raises(UsageError, match="not for this network") as error:
        trainer.fused_gradient(gru.GruNetwork(3, 8, 1, 0.0), replace(OPTIONS, backend="fused"), torch.device("cpu"))
    assert error.value.hint == "--set train.backend=auto"
    with pytest.raises(UsageError, match="not for this network"):
        net = lstm_network.LstmNetwork(3, 8, 1, 0.0)
        trainer.fused_gradient(net, replace(OPTIONS, backend="fused"), torch.device("meta"))


def test_the_setting_stands_in_the_checkpoint_where_it_was_chosen() -> None:
    """And only there: a checkpoint with the default is, byte for byte, that of before the setting."""
    quotes = market()[0]
    for backend in ("auto", "torch"):
        found, _ = train(quotes, small(epochs=1, seeds=1, backend=backend))
        assert found["train/model.json"]["options"].get("backend", "auto") == backend
    assert device.chosen("cpu").type == "cpu"
