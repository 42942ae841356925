"""The network alone; as a forecaster it inherits tests/contract."""

from __future__ import annotations

from hfm.models.networks.attention import AttentionNetwork
from tests.contract.networks import NetworkContract


class TestAttention(NetworkContract):
    """Zero at first, causal, learnt whole."""

    net = AttentionNetwork
