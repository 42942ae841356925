"""The family of policies that every back-test tries, so that the count of trials is honest, and their signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hfm.backtest.joined_panel import JoinedPanel
from hfm.plugins import Allocator, Risk, Signals, Weights
from hfm.policies.choice import choose
from hfm.policies.one_symbol import OneSymbol, checked

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Sign = npt.NDArray[np.int8]
QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)
PROBABILITIES = (0.52, 0.55, 0.6)


@dataclass(frozen=True)
class Trial:
    """One policy of the family; kind and level as they stand in the journal."""

    name: str
    kind: str
    level: float | None
    allocator: Allocator
    user: bool

    @property
    def words(self) -> dict[str, object]:
        """The policy in plain values."""
        return {"kind": self.kind, "level": self.level}


def trial(text: str, user: bool = False) -> Trial:
    """The trial of a threshold: "0.55", "q90", "cost" or the name of another policy that needs no level.

    An unknown policy, or one that needs a level, is the UsageError of hfm.policies.choice.choose.

    Parameters
    ----------
    text
        The threshold.
    user
        Whether it is the user's own.

    Returns
    -------
    Trial
        Its name is the policy's: p0.55, q0.9, cost.
    """
    chosen = choose(text)
    return Trial(chosen.name, chosen.kind, chosen.level, chosen.allocator, user)


TEXTS = (*(f"q{100 * q:g}" for q in QUANTILES), *(f"{p:g}" for p in PROBABILITIES), "cost")
"""The policies that every back-test tries, as a user would type them."""


def names() -> frozenset[str]:
    """The names of the policies that every back-test tries."""
    return frozenset(trial(text).name for text in TEXTS)


def members(threshold: str) -> list[Trial]:
    """The family, sorted by name; the user's own policy is marked, and added where it is not among them."""
    own = trial(threshold, user=True)
    others = [t for t in map(trial, TEXTS) if t.name != own.name]
    return sorted([own, *others], key=lambda t: t.name)


def inputs(panel: JoinedPanel, cost_bps: Float) -> Signals:
    """What the policies may look at, all as known at the row's close.

    Parameters
    ----------
    panel
        n rows.
    cost_bps
        [n] expected round trip, bp; NaN where not known.

    Returns
    -------
    Signals
        [n] each; NaN where there is no prediction.
    """
    f = panel.forecasts
    return Signals(f["p_up"], f["conf_rank"], f["ret_sd_bps"], cost_bps)


def targets(trials: Sequence[Trial], panel: JoinedPanel, seen: Signals) -> list[Weights]:
    """Each trial's target weights for each row of a panel.

    Parameters
    ----------
    trials
        K of them.
    panel
        n rows.
    seen
        [n] what the policies may look at.

    Returns
    -------
    list[Weights]
        K arrays [n] in the panel's order: shares of a full position in [-1, 1].
    """
    return [_asked(item, panel, seen) for item in trials]


def _asked(item: Trial, panel: JoinedPanel, seen: Signals) -> Weights:
    """The weights of all rows, checked: of a policy of one symbol at once, else instant by instant."""
    allocator = item.allocator
    if isinstance(allocator, OneSymbol):
        return allocator.weights(seen)
    out = np.zeros(len(seen.p_up))
    held = np.zeros(int(panel.symbol.max(initial=-1)) + 1)
    session = -1
    order = np.lexsort((panel.symbol, panel.time))
    for rows in np.split(order, np.flatnonzero(np.diff(panel.time[order])) + 1):
        if rows.size and panel.session[rows[0]] != session:
            session = int(panel.session[rows[0]])
            held[:] = 0.0
        some = Signals(*(getattr(seen, field.name)[rows] for field in fields(seen)))
        symbols = panel.symbol[rows]
        weights = allocator.targets(some, held[symbols], Risk(some.ret_sd_bps))
        out[rows] = held[symbols] = checked(weights, rows.size, item.name)
    return checked(out, len(out), item.name)


def delayed(signal: Weights, borders: Int, lag: int) -> Weights:
    """Weights as they stood some rows earlier in the same (session, symbol) block.

    Parameters
    ----------
    signal
        [n] weights.
    borders
        [B + 1] of the blocks.
    lag
        Rows, 0 or more.

    Returns
    -------
    Weights
        [n]; 0 before a block's first row.
    """
    if lag == 0:
        return signal
    out = np.zeros_like(signal)
    out[lag:] = signal[:-lag]
    row = np.arange(len(signal)) - np.repeat(borders[:-1], np.diff(borders))
    out[row < lag] = 0
    return out
