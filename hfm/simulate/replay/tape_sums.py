"""Running sums of a tape, of which rows of quotes are differences; they go on from part to part of a session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.arrays import Bool, Float
from hfm.simulate.replay.event_tape import Tape


@dataclass(frozen=True)
class RowsBefore:
    """What the rows before a tape's first event leave to those after it.

    rows: how many, of which the tape's first event closes the last. bid, ask, bps: known at that event. ofi: sum of the
    events before it; spread, known: integrals of the spread (bps ns), and of the time (ns) in which there is one, up to
    it; volume, signed, paid, weight: sums of the trades up to it. half: the last effective half-spread, NaN before the
    first.
    """

    rows: int
    bid: float
    ask: float
    bps: float
    ofi: float
    spread: float
    known: float
    volume: float
    signed: float
    paid: float
    weight: float
    half: float


@dataclass(frozen=True)
class TapeSums:
    """Of a tape of n events and m trades.

    bid, ask, bps: [n] known at each event. ofi: [n + 1] sum before each event. spread, known: [n] integrals up to each
    event, of clocked rows alone. volume, signed, paid, weight: [m + 1] sums before each trade. half: before the first.
    """

    bid: Float
    ask: Float
    bps: Float
    ofi: Float
    spread: Float
    known: Float
    volume: Float
    signed: Float
    paid: Float
    weight: Float
    half: float


def sums(tape: Tape, clocked: bool, before: RowsBefore | None = None) -> TapeSums:
    """The running sums that rows are differences of.

    Parameters
    ----------
    tape
        n events, m trades.
    clocked
        Whether the rows are on a clock.
    before
        What came before the tape; the sums go on from there, so that they are those of the whole, bit for bit.

    Returns
    -------
    TapeSums
    """
    bps = 1e4 * tape.spread / tape.mid
    two_sided, known = np.isfinite(tape.spread), np.isfinite(bps)
    signed = tape.sign != 0
    paid = np.where(signed, np.abs(tape.price - tape.before) * tape.size, 0.0)

    def start(name: str) -> float | None:
        return None if before is None else float(getattr(before, name))

    def lasting(values: Float, name: str) -> Float:
        return _running(np.diff(tape.time) * values[:-1], start(name)) if clocked else np.zeros(0)

    return TapeSums(
        bid=filled(tape.bid, two_sided, tape.first, start("bid")),
        ask=filled(tape.ask, two_sided, tape.first, start("ask")),
        bps=filled(bps, known, tape.first, start("bps")),
        ofi=_running(tape.ofi, start("ofi")),
        spread=lasting(np.where(known, bps, 0.0), "spread"),
        known=lasting(known.astype(float), "known"),
        volume=_running(tape.size, start("volume")),
        signed=_running(tape.sign * tape.size, start("signed")),
        paid=_running(paid, start("paid")),
        weight=_running(np.where(signed, tape.size, 0.0), start("weight")),
        half=np.nan if before is None else before.half,
    )


def _running(x: Float, before: float | None) -> Float:
    """[n + 1] sums of the values before each, one after the other."""
    return np.cumsum(np.concatenate(([before or 0.0], x)))


def filled(x: Float, known: Bool, first: int, before: float | None) -> Float:
    """Values, where they are not known the last that were.

    Parameters
    ----------
    x
        [n].
    known
        [n] whether each is.
    first
        Number of the first that is.
    before
        What was known before all of them; None: nothing.

    Returns
    -------
    Float
        [n].
    """
    last = np.maximum.accumulate(np.where(known, np.arange(len(x)), -1))
    out = x[np.maximum(last, first)]
    if before is not None:
        out[last < 0] = before
    return out
