"""The network alone; as a forecaster it inherits tests/contract."""

from __future__ import annotations

from hfm.models.networks.deeplob import DeepLobNetwork
from tests.contract.networks import NetworkContract


class TestDeepLob(NetworkContract):
    """Zero at first, causal, learnt whole."""

    net = DeepLobNetwork
