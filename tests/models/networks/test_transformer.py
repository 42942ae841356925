"""The network alone; as a forecaster it inherits tests/contract."""

from __future__ import annotations

from hfm.models.networks.transformer import Transformer
from tests.contract.networks import NetworkContract


class TestTransformer(NetworkContract):
    """Zero at first, causal, learnt whole."""

    net = Transformer
