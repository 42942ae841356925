"""Facts of a replayed book: what its order flow explains, what its trades cost, over half-hours.

A figure is the mean over half-hour windows of all sessions and symbols; its error is theirs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hfm.arrays import Float, Int
from hfm.instants import SECOND_NS
from hfm.simulate.replay.event_tape import Tape
from hfm.tables import Array

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


class SessionStates:
    """What the studies ask of a session that comes in parts: its state at each second, and its trades.

    Axes: K seconds, from the open to the close, both included; m trades.
    """

    def __init__(self, start: int, end: int) -> None:
        """Nothing read yet; start, end: its open and close, ns UTC."""
        self.start = start
        self.grid = np.arange(start, end + 1, SECOND_NS)
        k = len(self.grid)
        self.known = np.zeros(k, np.bool_)
        """[K] whether a two-sided quote came up to then."""
        self.ofi, self.mid, self.spread = np.zeros(k), np.full(k, np.nan), np.full(k, np.nan)
        """[K] order-flow imbalance since the first event, mid and spread."""
        self.first_time = self.last_time = 0
        """ns UTC of the first two-sided quote and of the last event."""
        self._seconds = 0  # that are known
        self._last = (0.0, np.nan, np.nan)  # ofi, mid, spread after the last event; without one no mid
        self._trades: list[list[Array]] = []
        self._open: list[Int] = []  # times at which a mid is asked for that did not come yet
        self._later: list[Float] = []

    def take(self, tape: Tape, final: bool) -> None:
        """The next part.

        Parameters
        ----------
        tape
            Its events.
        final
            Whether no event follows.
        """
        begins = not self._trades
        if begins:
            self.first_time = int(tape.time[tape.first])
        self.last_time = int(tape.time[-1])
        total = np.cumsum(np.concatenate((self._last[:1], tape.ofi)))
        # 1. the seconds that no later event can change
        end = len(self.grid) if final else int(np.searchsorted(self.grid, tape.time[-1], "left"))
        seconds = slice(self._seconds, max(end, self._seconds))
        at = np.searchsorted(tape.time, self.grid[seconds], "right") - 1
        self.known[seconds] = (at >= tape.first) if begins else True
        states = ((self.ofi, total[1:]), (self.mid, tape.mid), (self.spread, tape.spread))
        for (column, values), before in zip(states, self._last, strict=True):
            column[seconds] = np.where(at >= 0, values[np.maximum(at, 0)], before)
        self._seconds = seconds.stop
        # 2. trades, and the mids after those whose time has come
        self._trades.append([tape.time[tape.at], tape.sign, tape.size, tape.price, tape.before])
        self._open.append(tape.time[tape.at] + LATER)
        wanted = np.concatenate(self._open)
        ready = len(wanted) if final else int(np.searchsorted(wanted, tape.time[-1], "left"))
        at = np.searchsorted(tape.time, wanted[:ready], "right") - 1
        mid = np.where(at >= 0, tape.mid[np.maximum(at, 0)], self._last[1])
        if begins:
            mid[at < tape.first] = np.nan
        self._later.append(mid)
        self._open = [wanted[ready:]]
        self._last = (float(total[-1]), float(tape.mid[-1]), float(tape.spread[-1]))

    def trades(self) -> tuple[Array, ...]:
        """[m] time, sign, size, price, mid before, and mid later (before the first quote: the session's last)."""
        later = np.concatenate(self._later)
        later[np.isnan(later)] = self._last[1]
        return (*(np.concatenate(columns) for columns in zip(*self._trades, strict=True)), later)


class Studies:
    """Collects figures of half-hour windows, session by session."""

    def __init__(self) -> None:
        self._windows: dict[str, list[float]] = {name: [] for name in _LABELS}
        self.sessions = 0

    def add(self, states: SessionStates, start: int, end: int, tick: float) -> None:
        """Take one session of one symbol.

        Parameters
        ----------
        states
            All of its parts.
        start, end
            Its open and close, ns UTC.
        tick
            Currency.
        """
        self.sessions += 1
        time, *rest = states.trades()
        for begin in range(start, end, WINDOW):
            stop = min(begin + WINDOW, end)
            if begin < states.first_time - WINDOW or stop > states.last_time + WINDOW:
                continue
            inside = (time > begin) & (time <= stop)
            for name, value in (
                _flow(states, begin, stop) | _quoted(states, begin, stop, tick) | _paid(*(x[inside] for x in rest))
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


def _state(states: SessionStates, times: Int) -> Int:
    """Whole seconds as places in the states, but those before the first two-sided quote."""
    at = (times - states.start) // SECOND_NS
    return np.asarray(at[states.known[at]])


def _flow(states: SessionStates, begin: int, stop: int) -> dict[str, float]:
    """R2 of the mid's change on OFI over the window, at each scale (Cont, Kukanov and Stoikov 2014, eq. 5)."""
    out = {}
    for scale in SCALES:
        at = _state(states, np.arange(begin, stop + 1, scale * SECOND_NS))
        # eq. 5: the mid's change over an interval on its OFI
        flow, move = np.diff(states.ofi[at]), np.diff(states.mid[at])
        moved = len(at) > 3 and flow.std() > 0 and move.std() > 0
        out[f"ofi_r2_{scale}s"] = float(np.corrcoef(flow, move)[0, 1] ** 2) if moved else math.nan
    return out


def _quoted(states: SessionStates, begin: int, stop: int, tick: float) -> dict[str, float]:
    """The quoted spread, at each second of the window."""
    at = _state(states, np.arange(begin + SECOND_NS, stop + 1, SECOND_NS))
    spread = states.spread[at]
    spread = spread[np.isfinite(spread)]
    if not len(spread):
        return {}
    one = float(np.mean(spread < 1.5 * tick))
    return {"spread": float(spread.mean()), "spread_ticks": float(spread.mean() / tick), "one_tick": one}


def _paid(sign: Float, size: Float, price: Float, before: Float, later: Float) -> dict[str, float]:
    """Effective and realised half-spread of the window's trades, and the memory of their signs."""
    if len(sign) < 12 or not np.any(sign):
        return {}
    known = sign != 0
    weight = size * known
    total = weight.sum()
    out = {
        "effective": float((weight * sign * (price - before)).sum() / total),
        "realised": float((weight * sign * (price - later)).sum() / total),
    }
    for lag in (1, 10):
        a, b = sign[:-lag], sign[lag:]
        varied = a.std() > 0 and b.std() > 0
        out[f"sign_ac{lag}"] = float(np.corrcoef(a, b)[0, 1]) if varied else math.nan
    return out
