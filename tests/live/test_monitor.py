"""What a stream counts."""

from __future__ import annotations

import math
import shutil
import subprocess

import numpy as np
import pytest

from hfm.ledger import reasons
from hfm.live.monitor import Monitor
from hfm.live.quote_rows import CODEC
from hfm.live.row_step import RESULT, RESULTS
from hfm.live.sequence import OK, RowVerdict
from hfm.prometheus import render
from hfm.tables.records import QUOTE, Values


def taken(rank: float, equity: float, net: float, reason: int = 0) -> tuple[Values, Values]:
    """Results and row of one taken row."""
    result = next(RESULTS.all(np.zeros(1, RESULT)))
    result = result._replace(conf_rank=rank, equity=equity, net_pnl=net, reason=reason)
    return result, next(CODEC.all(np.zeros(1, QUOTE)))


def test_drift_is_none_for_uniform_ranks_and_large_for_confident_ones() -> None:
    """Population stability index over ten bins; not a number while there are few rows."""
    rng = np.random.default_rng(0)
    calm, loud = Monitor(), Monitor()
    assert math.isnan(calm.drift())
    for rank in rng.uniform(0, 1, 4000):
        calm.add(*taken(rank, 1.0, 0.0), 78, RowVerdict(OK))
        loud.add(*taken(0.9 + 0.1 * rank, 1.0, 0.0), 78, RowVerdict(OK))
    assert calm.drift() < 0.01
    assert loud.drift() > 1.0


def test_profit_drawdown_limits_and_latencies_are_counted_and_saved() -> None:
    """And rendered as Prometheus reads them."""
    monitor = Monitor()
    for equity, net in ((101.0, 1.0), (110.0, 9.0), (99.0, -11.0), (104.0, 5.0)):
        monitor.add(*taken(0.5, equity, net, reasons.THROTTLE | reasons.SIGNAL), 78, RowVerdict(OK))
    monitor.time(3e-5)
    assert (monitor.first, monitor.equity) == (100.0, 104.0)
    assert math.isclose(monitor.drawdown, 0.1)
    text = render(monitor.families("lstm/final"), {})
    assert 'hfm_stream_limits_total{limit="throttle"} 4' in text
    assert 'hfm_stream_latency_seconds_bucket{le="5e-05"} 1' in text
    other = Monitor()
    other.load(monitor.save())
    other.latencies, other.spent = monitor.latencies, monitor.spent
    assert render(other.families("lstm/final"), {}) == text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_every_family() -> None:
    """Names, units and types as Prometheus' own linter wants them."""
    monitor = Monitor()
    for rank in np.linspace(0, 1, 200):
        monitor.add(*taken(rank, 1.0, 0.0), 78, RowVerdict(OK))
    text = render(monitor.families("lstm/final"), {"run": "r"})
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
