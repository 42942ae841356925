"""The networks that torch alone runs, as forecasters: corrections to the logistic floor, like the LSTM's.

They are not stepped: a live row would need the whole session again. torch is imported when one is fitted or asked.
Their arrays: the floor's, `shape` (features, hidden, layers) and seed<s>/net/<name of a weight>.
Legend: n rows, F features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hfm.config import Train
from hfm.models import inference
from hfm.models.heads import CORRECTIONS, corrected
from hfm.models.linear.ridge import known, rows_of, standardise
from hfm.models.networks import segments
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context

if TYPE_CHECKING:
    from torch import nn


class Attention:
    """LSTM with causal attention pooling; mean of `seeds` networks."""

    base: ClassVar[str | None] = "logistic"
    deep, stepped = True, False
    members: ClassVar[tuple[str, ...]] = ()

    def build(self, features: int, hidden: int, layers: int, dropout: float) -> nn.Module:
        """A fresh network."""
        from hfm.models.networks import attention

        return attention.Attention(features, hidden, layers, dropout)

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """See Forecaster."""
        from hfm.models.networks import lstm_network
        from hfm.models.networks import trainer as fit

        arrays = fit.fit(train, valid, options, ctx, fit.Kind(self.build, lstm_network.plain))
        return {**arrays, "shape": np.array([train.own, options.hidden, options.layers])}

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        label_sd = arrays["floor/label"][rows_of(panel)][:, [1, 3]]
        return corrected(inference.heads(arrays, panel), self._corrections(arrays, panel), arrays, label_sd)

    def _corrections(self, arrays: Arrays, panel: Panel) -> Float:
        """[n, 5] mean of the networks' corrections.

        One sequence at a time, on one thread of the processor: the bits do not depend on what else is asked.
        """
        import torch

        features, hidden, layers = (int(v) for v in arrays["shape"])
        count = len({name.partition("/")[0] for name in arrays if "/net/" in name})
        z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])[:, :features]
        z[~known(panel)] = 0.0
        out, threads = np.zeros((len(z), len(CORRECTIONS))), torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for seed in range(count):
                net, start = self.build(features, hidden, layers, 0.0), f"seed{seed}/net/"
                net.load_state_dict({name.removeprefix(start): torch.from_numpy(value)
                                     for name, value in arrays.items() if name.startswith(start)})  # fmt: skip
                with torch.inference_mode():
                    for _, first, a, b in zip(*segments.pieces(panel.start), strict=True):
                        if b > a:
                            x = torch.tensor(z[first:b], dtype=torch.float32)
                            out[a:b] += net.eval()(x[None])[0, a - first :].double().numpy()
        finally:
            torch.set_num_threads(threads)
        return out / max(count, 1)


class Gru(Attention):
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078) in the place of the LSTM's; mean of `seeds` networks."""

    def build(self, features: int, hidden: int, layers: int, dropout: float) -> nn.Module:
        """A fresh network."""
        from hfm.models.networks import gru

        return gru.Gated(features, hidden, layers, dropout)


class Transformer(Attention):
    """Causal encoder; mean of `seeds` networks."""

    def build(self, features: int, hidden: int, layers: int, dropout: float) -> nn.Module:
        """A fresh network."""
        from hfm.models.networks import transformer

        return transformer.Transformer(features, hidden, layers, dropout)


class DeepLob(Attention):
    """Causal convolutions and an LSTM, made for order books; mean of `seeds` networks."""

    def build(self, features: int, hidden: int, layers: int, dropout: float) -> nn.Module:
        """A fresh network."""
        from hfm.models.networks import deeplob

        return deeplob.DeepLob(features, hidden, layers, dropout)
