"""What the forecasters share whose network only torch runs: corrections to the logistic floor, like the LSTM's.

They are not stepped: a live row would need the whole session again (`hfm export` makes a graph for that). A network is
one file, a class with `network`, and a line in the registry. Their arrays: the floor's, `shape` (features, hidden,
layers) and seed<s>/net/<name of a weight>.
Legend: n rows, F features.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import nn

from hfm.config import Train
from hfm.models import inference
from hfm.models.heads import CORRECTIONS, corrected
from hfm.models.linear.ridge import known, label_scale, rows_of, standardise
from hfm.models.networks import network_fit, segments
from hfm.models.networks.lstm_network import plain_arrays, plain_weights
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context


class TorchForecaster:
    """Mean of `seeds` networks, each (features, hidden, layers, dropout) -> module [N, T, F] -> [N, T, 5]."""

    base: ClassVar[str | None] = "logistic"
    deep, warm, stepped = True, True, False
    members: ClassVar[tuple[str, ...]] = ()
    backends: ClassVar[tuple[str, ...]] = ("torch",)
    network: ClassVar[type[nn.Module]]

    def build(self, features: int, hidden: int, layers: int, dropout: float) -> nn.Module:
        """A fresh network.

        Parameters
        ----------
        features, hidden, layers : int
            F, H and how many layers.
        dropout : float
            Share of units that are left out at a time while it is fitted.

        Returns
        -------
        Module
            [N, T, F] -> [N, T, 5] CORRECTIONS, zeros at first.
        """
        return self.network(features, hidden, layers, dropout)

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Fit the floor and the networks on it.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster.

        Returns
        -------
        arrays by name
            See the module.
        """
        kind = network_fit.NetworkKind(self.build, plain_arrays, plain_weights)
        arrays = network_fit.fit(train, valid, options, ctx, kind)
        return {**arrays, "shape": np.array([train.own, options.hidden, options.layers])}

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        scale = label_scale(arrays, panel)
        label_sd = np.column_stack([scale.volatility_sd, scale.spread_sd])
        return corrected(inference.heads(arrays, panel), self._corrections(arrays, panel), arrays, label_sd)

    def networks(self, arrays: Arrays) -> list[nn.Module]:
        """The fitted networks, dropout off."""
        shape = (int(v) for v in arrays["shape"])
        features, hidden, layers = shape
        out = []
        for seed in range(len({name.partition("/")[0] for name in arrays if "/net/" in name})):
            net = self.build(features, hidden, layers, 0.0)
            net.load_state_dict(plain_weights(arrays, f"seed{seed}"))
            out.append(net.eval())
        return out

    def _corrections(self, arrays: Arrays, panel: Panel) -> Float:
        """The mean of the networks' corrections.

        One sequence at a time, on one thread of the processor: the bits do not depend on what else is asked.

        Returns
        -------
        float64 [n, 5]
            CORRECTIONS.
        """
        z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])
        z = z[:, : int(arrays["shape"][0])]
        z[~known(panel)] = 0.0
        out, threads, nets = np.zeros((len(z), len(CORRECTIONS))), torch.get_num_threads(), self.networks(arrays)
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                for net in nets:
                    for segment in segments.segments(panel.start):
                        first, a, b = segment.warm_up, segment.first, segment.end
                        if b > a:
                            x = torch.tensor(z[first:b], dtype=torch.float32)
                            out[a:b] += net(x[None])[0, a - first :].double().numpy()
        finally:
            torch.set_num_threads(threads)
        return out / max(len(nets), 1)
