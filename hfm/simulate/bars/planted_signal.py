"""A planted signal: the price path is redrawn so that what can be known about the next return is known
exactly.

In standard units: r_{t+1} / sigma_{t+1} = rho d_t + sqrt(1 - rho^2) eta_{t+1}; a session's first return
carries no signal. The drive d is z (`linear`), z times a hidden sign (`switch`) or the product of z and a
second signal (`product`). Signals are AR(1) of .5 and sd 1, the sign a Markov chain that stays with STAY, all
stationary at each open. A share `carry` of the variance of the order-flow noise eps is z; of signed volume's
own noise, for `product`, the second signal. Axes: S sessions, T clock slots. In a hole the price stands
still: nothing of it is learnt later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hfm.arrays import Bool, Float
from hfm.simulate.bars.session_rng import Draws, ar1

Kind = Literal["linear", "switch", "product"]

PERSISTENCE = 0.5
STAY = 0.99
"""Probability that the hidden sign is the same a row later."""


class SignalShocks(NamedTuple):
    """[S, T] each, standard normal: shocks of z, of the return, of the second signal, and the carrier's own noise."""

    z: Float
    returns: Float
    second: Float
    carrier: Float


class SignalUniforms(NamedTuple):
    """[S, T] each, on [0, 1): for the row's high and low, and for the hidden sign."""

    high: Float
    low: Float
    sign: Float


NORMALS, UNIFORMS = len(SignalShocks._fields), len(SignalUniforms._fields)
"""Draws a slot."""


@dataclass(frozen=True)
class PlantedSignal:
    """[S, T]: the drive d; standardised returns (0 in holes); noise of OFI and of signed volume; z and the
    second signal.
    """

    drive: Float
    returns: Float
    eps: Float
    eps_signed: Float
    z: Float
    second: Float


def plant(draws: Draws, noise: Float, present: Bool, kind: Kind, rho: float, carry: float) -> PlantedSignal:
    """The signal and what it drives.

    Parameters
    ----------
    draws
        NORMALS and UNIFORMS a slot: SignalShocks and SignalUniforms.
    noise
        [S, T] order-flow noise without the signal, of sd 1.
    present
        [S, T] whether a row is there.
    kind
        What drives the returns: z, z times a hidden sign, or the product of two signals.
    rho
        Correlation of the drive with the next return.
    carry
        Share of the flow noise's variance that is the signal.

    Returns
    -------
    PlantedSignal
        [S, T], without a unit.
    """
    shock = SignalShocks(*draws.normal)
    z = ar1(shock.z, PERSISTENCE)
    # a share `carry` of the variance of the flow's noise is the signal
    eps = np.sqrt(carry) * z + np.sqrt(1.0 - carry) * noise
    eps_signed, second = eps, np.ones_like(z)
    if kind == "switch":
        second = regime(SignalUniforms(*draws.uniform).sign)
    elif kind == "product":
        second = ar1(shock.second, PERSISTENCE)
        eps_signed = np.sqrt(carry) * second + np.sqrt(1.0 - carry) * shock.carrier
    drive = z * second
    # r_t+1 / sigma_t+1 = rho d_t + sqrt(1 - rho^2) eta_t+1
    returns = shock.returns.copy()
    returns[:, 1:] = rho * drive[:, :-1] + np.sqrt(1.0 - rho * rho) * shock.returns[:, 1:]
    return PlantedSignal(drive, np.where(present, returns, 0.0), eps, eps_signed, z, second)


def regime(uniform: Float) -> Float:
    """The hidden sign: each as likely at the open, then the same with probability STAY.

    Parameters
    ----------
    uniform
        [S, T] in [0, 1).

    Returns
    -------
    Float
        [S, T] of +1 and -1.
    """
    flips = np.where(uniform >= STAY, -1.0, 1.0)
    flips[:, 0] = np.where(uniform[:, 0] < 0.5, 1.0, -1.0)
    return np.asarray(np.cumprod(flips, axis=1))


def path(open_: Float, returns: Float, sigma: Float, uniform: SignalUniforms) -> tuple[Float, Float, Float, Float]:
    """Open, high, low and close of the price that starts each session at `open_`.

    High and low are those of a Brownian bridge from the row's open to its close, each by its exact law: for a log move
    d of variance s^2 the maximum above the start is (d + sqrt(d^2 - 2 s^2 ln U)) / 2.

    Parameters
    ----------
    open_
        [S] currency.
    returns
        [S, T] standardised, 0 in holes.
    sigma
        [S, T] sd of the log move.
    uniform
        [S, T] in [0, 1), for high and low.

    Returns
    -------
    tuple[Float, Float, Float, Float]
        [S, T] each, currency; in a hole the price stands still.
    """
    move = returns * sigma
    end = np.cumsum(move, axis=1)
    start = end - move
    start[:, 0] = 0.0
    start[:, 1:] = end[:, :-1]
    # the maximum of a Brownian bridge of move d and variance s^2: P(max > m) = exp(-2 m (m - d) / s^2), here 1 - u; the
    # minimum is its mirror image
    spread = np.where(returns != 0.0, sigma, 0.0)
    up, down = (np.sqrt(move**2 - 2.0 * spread**2 * np.log(1.0 - u)) for u in (uniform.high, uniform.low))
    first = open_[:, None]
    opens, closes = first * np.exp(start), first * np.exp(end)
    high = np.maximum(first * np.exp(start + 0.5 * (move + up)), np.maximum(opens, closes))
    low = np.minimum(first * np.exp(start + 0.5 * (move - down)), np.minimum(opens, closes))
    return opens, high, low, closes
