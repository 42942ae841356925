"""The network alone; as a forecaster it inherits tests/contract."""

from __future__ import annotations

from hfm.models.networks.gru import GruNetwork
from tests.contract.networks import NetworkContract


class TestGru(NetworkContract):
    """Zero at first, causal, learnt whole."""

    net = GruNetwork
