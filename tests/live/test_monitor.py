"""What a stream counts."""

from __future__ import annotations

import math
import shutil
import subprocess

import numpy as np
import pytest

from hfm.ledger import reasons
from hfm.ledger import records as rec
from hfm.live import row_step
from hfm.live.monitor import Gauge
from hfm.prometheus import render


def taken(
    rank: float, equity: float, net: float, reason: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Results, the ledger's result and the row of one taken row."""
    out, row = np.zeros(row_step.OUT), np.zeros(row_step.ROW)
    out[row_step.R_RANK] = rank
    result = np.zeros(1, rec.LEDGER_RESULT)
    result["equity"], result["net_pnl"], result["reason"] = equity, net, reason
    return out, result, row


def test_drift_is_none_for_uniform_ranks_and_large_for_confident_ones() -> None:
    """Population stability index over ten bins; not a number while there are few rows."""
    rng = np.random.default_rng(0)
    calm, loud = Gauge(), Gauge()
    assert math.isnan(calm.drift())
    for rank in rng.uniform(0, 1, 4000):
        calm.add(*taken(rank, 1.0, 0.0), 78, (0, False))
        loud.add(*taken(0.9 + 0.1 * rank, 1.0, 0.0), 78, (0, False))
    assert calm.drift() < 0.01
    assert loud.drift() > 1.0


def test_profit_drawdown_limits_and_latencies_are_counted_and_saved() -> None:
    """And rendered as Prometheus reads them."""
    gauge = Gauge()
    for equity, net in ((101.0, 1.0), (110.0, 9.0), (99.0, -11.0), (104.0, 5.0)):
        gauge.add(*taken(0.5, equity, net, reasons.THROTTLE | reasons.SIGNAL), 78, (0, False))
    gauge.time(3e-5)
    assert (gauge.first, gauge.equity) == (100.0, 104.0)
    assert math.isclose(gauge.drawdown, 0.1)
    text = render(gauge.families("lstm/final"), {})
    assert 'hfm_stream_limits_total{limit="throttle"} 4' in text
    assert 'hfm_stream_latency_seconds_bucket{le="5e-05"} 1' in text
    other = Gauge()
    other.load(gauge.save())
    other.latencies, other.spent = gauge.latencies, gauge.spent
    assert render(other.families("lstm/final"), {}) == text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_every_family() -> None:
    """Names, units and types as Prometheus' own linter wants them."""
    gauge = Gauge()
    for rank in np.linspace(0, 1, 200):
        gauge.add(*taken(rank, 1.0, 0.0), 78, (0, False))
    text = render(gauge.families("lstm/final"), {"run": "r"})
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
