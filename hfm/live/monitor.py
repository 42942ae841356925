"""The figures of a stream: counts, calibration drift, profit and loss, limits, latencies."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from hfm.arrays import Float
from hfm.ledger.reasons import LIMITS, NAMES
from hfm.live import sequence
from hfm.live.sequence import RowVerdict
from hfm.prometheus import MetricFamily, histogram
from hfm.tables.records import Values

BINS = 10
"""Of conf_rank, for the drift."""
BUCKETS = (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Upper borders of latencies, seconds."""
COUNTS = (sequence.OK, sequence.DUPLICATE, sequence.DISORDER, sequence.LATE, sequence.HALT, "invalid")


class Monitor:
    """Counts of a stream; `families` renders them for Prometheus."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self.gaps = self.missing = self.unfinished = self.half_days = self.signals = 0
        self.ranks = [0] * BINS
        self.limits: dict[int, int] = {bit: 0 for bit in NAMES if bit & LIMITS}
        self.first = self.equity = self.peak = self.drawdown = math.nan
        self.latencies = [0] * (len(BUCKETS) + 1)
        self.spent = 0.0

    def count(self, status: str) -> None:
        """One more line that was not taken."""
        self.counts[status] += 1

    def add(self, result: Values, row: Values, slots: int, verdict: RowVerdict) -> None:
        """One more row taken.

        Parameters
        ----------
        result : values of row_step.RESULT
            What it came to.
        row : values of QUOTE
            Itself.
        slots : int
            Of a full session.
        verdict : RowVerdict
            What stands before it.
        """
        self.counts[sequence.OK] += 1
        self.gaps += verdict.gap > 0
        self.missing += verdict.gap
        self.unfinished += verdict.unfinished
        self.half_days += row.is_last and row.seq + 1 < slots
        rank = result.conf_rank
        if rank == rank:
            self.ranks[min(int(rank * BINS), BINS - 1)] += 1
        self.signals += result.signal != 0
        mask = result.reason & LIMITS
        for bit in self.limits if mask else ():
            self.limits[bit] += bool(mask & bit)
        equity = result.equity
        if self.first != self.first:
            self.first = self.peak = equity - result.net_pnl
            self.drawdown = 0.0
        self.equity, self.peak = equity, max(self.peak, equity)
        self.drawdown = max(self.drawdown, 1.0 - equity / self.peak)

    def time(self, seconds: float) -> None:
        """One more latency."""
        self.latencies[bisect_left(BUCKETS, seconds)] += 1
        self.spent += seconds

    def drift(self) -> float:
        """Population stability index of the confidences against the fold's validation; NaN below 10 rows a bin."""
        # their ranks are uniform if nothing has changed; above 0.25 the model forecasts what it did not forecast then
        n = sum(self.ranks)
        if n < BINS * BINS:
            return math.nan
        share = np.maximum(np.array(self.ranks) / n, 1e-4)
        return float(np.sum((share - 1.0 / BINS) * np.log(share * BINS)))

    def summary(self) -> str:
        """The counts in one line."""
        parts = [f"{n} {name.replace('_', ' ')}" for name, n in self.counts.items() if n or name == sequence.OK]
        extra = {"gaps": self.gaps, "slots missing": self.missing, "sessions unfinished": self.unfinished,
                 "half days": self.half_days, "with a signal": self.signals}  # fmt: skip
        return "; ".join([", ".join(parts), *(f"{n} {name}" for name, n in extra.items() if n)])

    def families(self, model: str) -> list[MetricFamily]:
        """For metrics.prom; all of the stream so far."""
        rows = [({"verdict": name}, float(n)) for name, n in self.counts.items()]
        limits = [({"limit": NAMES[bit]}, float(n)) for bit, n in self.limits.items()]
        return [
            MetricFamily("hfm_stream_rows_total", "counter", "Lines by verdict (ok: taken).", rows),
            MetricFamily("hfm_stream_missing_slots_total", "counter", "Slots missing inside sessions.",
                   [({}, float(self.missing))]),
            MetricFamily("hfm_stream_early_closes_total", "counter", "Sessions that ended early.",
                   [({}, float(self.half_days))]),
            MetricFamily("hfm_stream_unfinished_total", "counter", "Sessions without their last row.",
                   [({}, float(self.unfinished))]),
            MetricFamily("hfm_stream_signals_total", "counter", "Rows with a signal.", [({}, float(self.signals))]),
            MetricFamily("hfm_stream_limits_total", "counter", "Rows on which a limit fired.", limits),
            MetricFamily("hfm_stream_confidence_psi", "gauge", "Drift of the confidences from validation.",
                   [({"model": model}, self.drift())]),
            MetricFamily("hfm_stream_pnl_currency", "gauge", "Net profit and loss.", [({}, self.equity - self.first)]),
            MetricFamily("hfm_stream_drawdown_ratio", "gauge", "Largest fall of equity from its peak.",
                   [({}, self.drawdown)]),
            histogram("hfm_stream_latency_seconds", "Time of a row from its line to its answer.", BUCKETS,
                      self.latencies, self.spent),
        ]  # fmt: skip

    def save(self) -> Float:
        """The state as one array, without the latencies, which belong to this process."""
        head = [self.gaps, self.missing, self.unfinished, self.half_days, self.signals]
        money = [self.first, self.equity, self.peak, self.drawdown]
        return np.array([*head, *money, *self.counts.values(), *self.ranks, *self.limits.values()], np.float64)

    def load(self, saved: Float) -> None:
        """Become what was saved.

        Parameters
        ----------
        saved : float64 [.]
            By `save`.
        """
        values = saved.tolist()
        self.gaps, self.missing, self.unfinished, self.half_days, self.signals = map(int, values[:5])
        self.first, self.equity, self.peak, self.drawdown = values[5:9]
        rest = [int(v) for v in values[9:]]
        self.counts = dict(zip(COUNTS, rest, strict=False))
        self.ranks = rest[len(COUNTS) : len(COUNTS) + BINS]
        self.limits = dict(zip(self.limits, rest[len(COUNTS) + BINS :], strict=True))
