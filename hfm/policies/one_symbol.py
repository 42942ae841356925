"""Policies of one symbol as allocators, and the built-in ones for one row as a kernel.

A policy sees each row alone, so that the back-test asks it about all rows at once and live about one. A plug-in written
for the method `propose`, which gave signs, goes on through SignPolicy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.errors import UsageError
from hfm.kernels.jit import bare
from hfm.plugins import Allocator, Float, Policy, Risk, Signals, Weights
from hfm.policies.cost import ABS_OVER_SD


@dataclass(frozen=True)
class OneSymbol:
    """The allocator that asks a policy about each symbol alone."""

    policy: Policy
    name: str = ""
    """As it is registered; one that is not in KINDS gets arrays of its own, which it may write to."""

    def weights(self, signals: Signals) -> Weights:
        """The policy's weights, checked: what back-test, live and verify ask.

        A bad answer is the UsageError of `checked`.

        Parameters
        ----------
        signals
            [n] each, of any symbols and instants.

        Returns
        -------
        Weights
            [n] in [-1, 1].
        """
        asked = signals if self.name in KINDS else _copied(signals)
        return checked(self.policy.weights(asked), len(signals.p_up), self.name)

    def targets(self, signals: Signals, positions: Float, risk: Risk) -> Weights:
        """The policy's weights, whatever is held.

        Parameters
        ----------
        signals
            [S] each.
        positions, risk
            Not looked at.

        Returns
        -------
        Weights
            [S] in [-1, 1].
        """
        return self.weights(signals)


@dataclass(frozen=True)
class SignPolicy:
    """A plug-in whose `propose` gives 1, -1 or 0 a row, as a policy. Deprecated: give `weights`."""

    plugin: Any  # Any: a third party's

    def weights(self, signals: Signals) -> npt.NDArray[Any]:  # Any: of the dtype that it gives
        """The signs as full positions; of a number between two of them what is before its point, one sign for all."""
        proposed = np.asarray(self.plugin.propose(signals))
        return np.broadcast_to(np.trunc(proposed) if proposed.dtype.kind == "f" else proposed, signals.p_up.shape)


def allocator(plugin: Any, name: str) -> Allocator:  # Any: whatever stands in the registry
    """A plug-in of the group `hfm.policies` as an allocator, by the method that it has.

    Parameters
    ----------
    plugin
        An Allocator (`targets`), a Policy (`weights`), or one of before (`propose`).
    name
        As it is registered, for the message.

    Returns
    -------
    Allocator
        The plug-in itself, or what asks it about each symbol alone.

    Raises
    ------
    UsageError
        Where it has none of the methods.
    """
    if hasattr(plugin, "targets"):
        found: Allocator = plugin
        return found
    if hasattr(plugin, "weights"):
        return OneSymbol(plugin, name)
    if hasattr(plugin, "propose"):
        return OneSymbol(SignPolicy(plugin), name)
    raise UsageError(f"policy {name!r} has neither `weights` nor `targets`", hint="give it `weights(signals)`")


def deprecated(chosen: Allocator) -> bool:
    """Whether a plug-in is taken through the method of before."""
    return isinstance(chosen, OneSymbol) and isinstance(chosen.policy, SignPolicy)


def checked(weights: Any, count: int, name: str = "") -> Weights:  # Any: a third party's
    """An allocator's answer, checked; NaN and what is masked is flat.

    Parameters
    ----------
    weights
        What it gave; NaN is flat.
    count
        How many it was asked for.
    name
        The policy's as it is registered, for the message.

    Returns
    -------
    Weights
        [count] as int8 where all are -1, 0 or 1, else as float64.

    Raises
    ------
    UsageError
        For another number of weights, for what are no real numbers, or for one outside [-1, 1].
    """
    policy = f"policy {name}" if name else "the policy"
    given = _numbers(weights, policy)
    if given.shape != (count,):
        raise UsageError(f"{policy} gave weights of shape {given.shape} for {count} rows", hint="give one weight a row")
    if given.dtype == np.int8 and not ((given < -1) | (given > 1)).any():
        return given
    shares: Float = np.nan_to_num(given.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf)
    if (np.abs(shares) > 1.0).any():
        largest = float(shares[np.argmax(np.abs(shares))])
        raise UsageError(
            f"{policy} gave a target weight of {largest:.16g}", hint="give shares of a full position, -1 to 1"
        )
    signs = shares.astype(np.int8)
    return signs if (signs == shares).all() else shares


def _numbers(weights: Any, policy: str) -> npt.NDArray[Any]:  # Any: a third party's, of any real dtype
    """What an allocator gave as an array of booleans, integers or floats; NaN where it is masked or None."""
    try:
        if np.ma.isMaskedArray(weights):
            weights = np.ma.filled(weights.astype(np.float64), np.nan)
        given = np.asarray(weights)
        given = given.astype(np.float64) if given.dtype == object and given.ndim else given
    except (TypeError, ValueError):
        raise UsageError(f"{policy} gave weights that are no numbers", hint="give one weight a row") from None
    if given.dtype.kind not in "biuf" and given.ndim:
        raise UsageError(f"{policy} gave weights of type {given.dtype}", hint="give floats, or int8 of -1, 0 and 1")
    return given


def _copied(signals: Signals) -> Signals:
    """The same values in arrays of their own: a plug-in that writes to them changes nothing for who comes after it."""
    return Signals(*(np.array(getattr(signals, field.name)) for field in fields(signals)))


THRESHOLD, QUANTILE, COST = 1.0, 2.0, 3.0
KINDS: Mapping[str, float] = {"threshold": THRESHOLD, "quantile": QUANTILE, "cost": COST}
"""Registry name -> code; a policy that is not here answers through its own `weights`."""


@bare
def row_weight(kind: float, level: float, p_up: float, conf_rank: float, ret_sd_bps: float, cost_bps: float) -> float:
    """A built-in policy's target weight for one row, equal to its `weights`.

    Parameters
    ----------
    kind
        Of KINDS.
    level
        The policy's; of `cost` its multiple.
    p_up, conf_rank
        In [0, 1]; NaN where not known, which is flat for a policy that needs it.
    ret_sd_bps, cost_bps
        Forecast sd of the return, and expected round trip; likewise.

    Returns
    -------
    float
        1 long, -1 short, 0 flat.
    """
    up = down = False
    if kind == THRESHOLD:
        up, down = p_up > level, p_up < 1.0 - level
    elif kind == QUANTILE:
        up, down = conf_rank > level and p_up > 0.5, conf_rank > level and p_up < 0.5
    elif kind == COST:
        edge = (2.0 * p_up - 1.0) * ABS_OVER_SD * ret_sd_bps
        up, down = edge > level * cost_bps, edge < -(level * cost_bps)
    return (1.0 if up else 0.0) - (1.0 if down else 0.0)
