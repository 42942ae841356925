"""A planted signal: the price path is redrawn so that what can be known about the next return is known
exactly.

In standard units: r_{t+1} / sigma_{t+1} = rho z_t + sqrt(1 - rho^2) eta_{t+1}, z AR(1) of .5 and sd 1,
stationary at each open; a session's first return carries none of it. A share `carry` of the variance of the
order-flow noise eps is z. Axes: S sessions, T clock slots. In a hole the price stands still, so that nothing
of it can be learnt later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.simulate.noise import Draws, ar1

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

PERSISTENCE = 0.5
NORMALS, UNIFORMS = 2, 2
"""Draws a slot: shocks of z and of the return; uniforms for the row's high and low."""


@dataclass(frozen=True)
class Signal:
    """[S, T]: z, the standardised returns (0 in holes), and eps, the noise of order flow that carries z."""

    z: Float
    returns: Float
    eps: Float


def plant(draws: Draws, own: Float, present: Bool, rho: float, carry: float) -> Signal:
    """The signal and what it drives. draws: normals [2, S, T]; own [S, T]: order-flow noise without the
    signal."""
    z = ar1(draws.normal[0], PERSISTENCE)
    returns = draws.normal[1].copy()
    returns[:, 1:] = rho * z[:, :-1] + np.sqrt(1.0 - rho * rho) * draws.normal[1][:, 1:]
    return Signal(z, np.where(present, returns, 0.0), np.sqrt(carry) * z + np.sqrt(1.0 - carry) * own)


def path(open_: Float, returns: Float, sigma: Float, uniform: Float) -> tuple[Float, Float, Float, Float]:
    """Open, high, low, close [S, T] of the price that starts each session at open_ [S].

    High and low are those of a Brownian bridge from the row's open to its close, each by its exact law: for a
    log move d of variance s^2 the maximum above the start is (d + sqrt(d^2 - 2 s^2 ln U)) / 2. uniform: [2,
    S, T].
    """
    move = returns * sigma
    end = np.cumsum(move, axis=1)
    start = end - move
    start[:, 0] = 0.0
    start[:, 1:] = end[:, :-1]
    spread = np.where(returns != 0.0, sigma, 0.0)
    up, down = (np.sqrt(move**2 - 2.0 * spread**2 * np.log(1.0 - u)) for u in uniform)
    first = open_[:, None]
    opens, closes = first * np.exp(start), first * np.exp(end)
    high = np.maximum(first * np.exp(start + 0.5 * (move + up)), np.maximum(opens, closes))
    low = np.minimum(first * np.exp(start + 0.5 * (move - down)), np.minimum(opens, closes))
    return opens, high, low, closes


def p_up_latent(z: Float, rho: float) -> Float:
    """P(the next return is above 0) for one who knows z."""
    return normal_cdf(rho * z / np.sqrt(1.0 - rho * rho))


def p_up(signal: Signal, present: Bool, rho: float, carry: float) -> Float:
    """[S, T]: P(the next return is above 0) given the rows up to this one: the exact Kalman filter.

    Two things are published of z: eps_t, which follows from OFI, depth, return and sigma of the row, and the
    return itself, which carries rho z_{t-1}. Rows in holes say nothing.
    """
    sessions, slots = signal.z.shape
    mean, variance = np.zeros(sessions), np.ones(sessions)
    out = np.empty_like(signal.z)
    for t in range(slots):
        here = present[:, t]
        if t:
            mean, variance = _update(mean, variance, signal.returns[:, t], rho, 1.0 - rho * rho, here)
            mean, variance = PERSISTENCE * mean, PERSISTENCE**2 * variance + 1.0 - PERSISTENCE**2
        mean, variance = _update(mean, variance, signal.eps[:, t], np.sqrt(carry), 1.0 - carry, here)
        out[:, t] = normal_cdf(rho * mean / np.sqrt(1.0 - rho * rho + rho * rho * variance))
    return out


def _update(mean: Float, variance: Float, seen: Float, load: float, noise: float, here: Bool) -> tuple[Float, Float]:
    """Mean and variance of z after seeing load z + N(0, noise), where `here`."""
    gain = np.where(here, load * variance / (load * load * variance + noise), 0.0)
    return mean + gain * (seen - load * mean), np.maximum(variance * (1.0 - gain * load), 0.0)


def normal_cdf(x: Float) -> Float:
    """The standard normal distribution function, to 1e-15 (W. J. Cody 1969, through scipy's ndtr)."""
    from scipy.special import ndtr

    return np.asarray(ndtr(x))
