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
        return corrected(arrays, panel, self._said(arrays, panel))

    def _said(self, arrays: Arrays, panel: Panel) -> Float:
        """[n, 5] mean of the networks' corrections.

        One sequence at a time, on one thread of the processor: the bits do not depend on what else is asked.
        """
        import torch

        features, hidden, layers = (int(v) for v in arrays["shape"])
        count = len({name.partition("/")[0] for name in arrays if "/net/" in name})
        z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])[:, :features]
        z[~known(panel)] = 0.0
        out, threads = np.zeros((len(z), 5)), torch.get_num_threads()
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


def corrected(arrays: Arrays, panel: Panel, delta: Float) -> Float:
    """[n, 5] of plugins.HEADS: the floor's heads and the gates' shares of corrections delta [n, 5], as models.step has.

    With gates of 0 they are the floor's, bit for bit.
    """
    floor = inference.heads(arrays, panel)
    label, gates = arrays["floor/label"][rows_of(panel)], arrays.get("gates", np.ones(inference.GATES))
    out = floor.copy()
    out[:, 0] += gates[0] * delta[:, 0]
    out[:, 1] += gates[1] * arrays["unit"][0] * delta[:, 1] * label[:, 1]
    shift = gates[2] * arrays["unit"][1] * delta[:, 2] * label[:, 3]
    out[:, 2:] += shift[:, None]
    out[:, 2] -= (floor[:, 3] - floor[:, 2]) * np.expm1(gates[2] * delta[:, 3])
    out[:, 4] += (floor[:, 4] - floor[:, 3]) * np.expm1(gates[2] * delta[:, 4])
    out[:, 2], out[:, 4] = np.minimum(out[:, 2], out[:, 3]), np.maximum(out[:, 4], out[:, 3])
    return out
