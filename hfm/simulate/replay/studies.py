"""Facts of a replayed book: what its order flow explains, what its trades cost, over half-hours.

A figure is the mean over half-hour windows of all sessions and symbols; its error is theirs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hfm.arrays import Bool, Int
from hfm.instants import SECOND_NS
from hfm.simulate.replay.event_tape import Tape

WINDOW = 1800 * SECOND_NS
SCALES = (10, 60, 300)
"""Seconds of the intervals over which OFI and mid change are compared."""
LATER = 10 * SECOND_NS
"""After which the mid says what a trade's spread came to (the realised half-spread)."""
_LABELS = {
    **{f"ofi_r2_{s}s": f"R2 of the mid's change on OFI, {s} s" for s in SCALES},
    "spread": "mean quoted spread, currency",
    "spread_ticks": "mean quoted spread, ticks",
    "one_tick": "share of time at one tick",
    "effective": "effective half-spread, share-weighted, currency",
    "realised": f"realised half-spread after {LATER // SECOND_NS} s, currency",
    "sign_ac1": "lag-1 autocorrelation of trade signs",
    "sign_ac10": "lag-10 autocorrelation of trade signs",
}


class Studies:
    """Collects figures of half-hour windows, session by session."""

    def __init__(self) -> None:
        self._windows: dict[str, list[float]] = {name: [] for name in _LABELS}
        self.sessions = 0

    def add(self, tape: Tape, start: int, end: int, tick: float) -> None:
        """Take one session of one symbol.

        Parameters
        ----------
        tape
            Its events.
        start, end
            Its open and close, ns UTC.
        tick
            Currency.
        """
        self.sessions += 1
        for begin in range(start, end, WINDOW):
            stop = min(begin + WINDOW, end)
            if begin < tape.time[tape.first] - WINDOW or stop > tape.time[-1] + WINDOW:
                continue
            inside = (tape.time[tape.at] > begin) & (tape.time[tape.at] <= stop)
            for name, value in (
                _flow(tape, begin, stop) | _quoted(tape, begin, stop, tick) | _paid(tape, inside)
            ).items():
                if math.isfinite(value):
                    self._windows[name].append(value)

    def document(self) -> dict[str, Any]:  # Any: JSON
        """facts.json: no band is asked of a real book."""
        rows = {}
        for name, values in self._windows.items():
            n = len(values)
            mean = float(np.mean(values)) if n else math.nan
            error = float(np.std(values, ddof=1) / math.sqrt(n)) if n > 2 else math.nan
            rows[name] = {
                "label": _LABELS[name], "value": _json(mean), "se": _json(error), "band": None, "pass": None,
                "of": "observed", "windows": n,
            }  # fmt: skip
        return {"schema_version": 1, "fidelity": "replay", "sessions": self.sessions, "facts": rows, "constants": {}}


def _json(x: float) -> float | None:
    return float(f"{x:.6g}") if math.isfinite(x) else None


def _state(tape: Tape, times: Int) -> Int:
    """The event whose state holds at each time, -1 before the first two-sided quote."""
    at = np.searchsorted(tape.time, times, "right") - 1
    return np.where(at >= tape.first, at, -1)


def _flow(tape: Tape, begin: int, stop: int) -> dict[str, float]:
    """R2 of the mid's change on OFI over the window, at each scale (Cont, Kukanov and Stoikov 2014, eq. 5)."""
    out = {}
    total = np.cumsum(tape.ofi)
    for scale in SCALES:
        at = _state(tape, np.arange(begin, stop + 1, scale * SECOND_NS))
        at = at[at >= 0]
        # eq. 5: the mid's change over an interval on its OFI
        flow, move = np.diff(total[at]), np.diff(tape.mid[at])
        moved = len(at) > 3 and flow.std() > 0 and move.std() > 0
        out[f"ofi_r2_{scale}s"] = float(np.corrcoef(flow, move)[0, 1] ** 2) if moved else math.nan
    return out


def _quoted(tape: Tape, begin: int, stop: int, tick: float) -> dict[str, float]:
    """The quoted spread, at each second of the window."""
    at = _state(tape, np.arange(begin + SECOND_NS, stop + 1, SECOND_NS))
    spread = tape.spread[at[at >= 0]]
    spread = spread[np.isfinite(spread)]
    if not len(spread):
        return {}
    one = float(np.mean(spread < 1.5 * tick))
    return {"spread": float(spread.mean()), "spread_ticks": float(spread.mean() / tick), "one_tick": one}


def _paid(tape: Tape, inside: Bool) -> dict[str, float]:
    """Effective and realised half-spread of the window's trades, and the memory of their signs."""
    sign, size, price = tape.sign[inside], tape.size[inside], tape.price[inside]
    if len(sign) < 12 or not np.any(sign):
        return {}
    later = tape.mid[_state(tape, tape.time[tape.at[inside]] + LATER)]
    known = sign != 0
    weight = size * known
    total = weight.sum()
    out = {
        "effective": float((weight * sign * (price - tape.before[inside])).sum() / total),
        "realised": float((weight * sign * (price - later)).sum() / total),
    }
    for lag in (1, 10):
        a, b = sign[:-lag], sign[lag:]
        varied = a.std() > 0 and b.std() > 0
        out[f"sign_ac{lag}"] = float(np.corrcoef(a, b)[0, 1]) if varied else math.nan
    return out
