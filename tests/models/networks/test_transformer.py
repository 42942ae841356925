"""The network alone; as a forecaster it inherits tests/contract."""

from __future__ import annotations

from hfm.models.networks.transformer import TransformerNetwork
from tests.contract.networks import NetworkContract


class TestTransformer(NetworkContract):
    """Zero at first, causal, learnt whole."""

    net = TransformerNetwork
