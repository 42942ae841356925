"""P(the next return is above 0) given all that was published up to a row: exact filters for each kind of
planted signal.

Two things are published of the signals: eps_t (from OFI, depth, return and sigma of the row; signed volume's
own noise likewise) and the return itself, which carries rho d_{t-1}. Rows in holes say nothing. `linear`:
Kalman. `switch`: Hamilton where z is published whole, else a grid over z and the sign. `product`: closed
where both are published whole, else a grid over both. A grid's step is at most the sd of what it has to hold,
at which a sum of normal densities is exact to 1e-8. Axes: S sessions, T clock slots, K grid points.
"""

from __future__ import annotations

import numpy as np

from hfm.arrays import Bool, Float
from hfm.simulate.bars.planted_signal import PERSISTENCE, STAY, Kind, PlantedSignal

MOST = 0.9
"""Largest share below 1 that a grid can resolve."""
_REACH, _POINTS = 4.5, 31


def p_up(signal: PlantedSignal, present: Bool, kind: Kind, rho: float, carry: float) -> Float:
    """P(the next return is above 0), given the rows up to each row.

    Parameters
    ----------
    signal
        What was planted [S, T]; of it only what is published is read.
    present
        [S, T] whether a row is there; the others say nothing.
    kind, rho, carry
        Of the signal: see planted_signal.plant.

    Returns
    -------
    Float
        [S, T] probabilities, in holes too.
    """
    if kind == "linear":
        return _kalman(signal, present, rho, carry)
    if kind == "product":
        return p_up_latent(signal.drive, rho) if carry == 1.0 else _grid_product(signal, present, rho, carry)
    return _hamilton(signal, present, rho) if carry == 1.0 else _grid_switch(signal, present, rho, carry)


def p_up_latent(drive: Float, rho: float) -> Float:
    """P(the next return is above 0) for one who knows the drive.

    Parameters
    ----------
    drive
        [S, T].
    rho
        Correlation of the drive with the next return, below 1.

    Returns
    -------
    Float
        [S, T] probabilities.
    """
    return normal_cdf(rho * drive / np.sqrt(1.0 - rho * rho))


def normal_cdf(x: Float) -> Float:
    """The standard normal distribution function.

    Parameters
    ----------
    x
        Of any shape.

    Returns
    -------
    Float
        Of the same shape; NaN where x is.
    """
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def _kalman(signal: PlantedSignal, present: Bool, rho: float, carry: float) -> Float:
    """Slot by slot over all sessions, on transposed arrays, whose rows lie together in memory."""
    returns, eps, observation = (np.ascontiguousarray(x.T) for x in (signal.returns, signal.eps, present))
    slots, sessions = returns.shape
    means, variances = np.empty((slots, sessions)), np.empty((slots, sessions))
    mean, variance = np.zeros(sessions), np.ones(sessions)
    for t in range(slots):
        if t:  # correct z_t-1 by the return that it drives, then predict z_t
            mean, variance = _update(mean, variance, returns[t], rho, 1.0 - rho * rho, observation[t])
            mean, variance = _forward(mean, variance)
        # correct z_t by the order flow's noise, of which it is a share
        mean, variance = _update(mean, variance, eps[t], np.sqrt(carry), 1.0 - carry, observation[t])
        means[t], variances[t] = mean, variance
    # the next return is rho z + noise, and z normal
    up = normal_cdf(rho * means / np.sqrt(1.0 - rho * rho + rho * rho * variances))
    return np.ascontiguousarray(up.T)


def _forward(mean: Float, variance: Float) -> tuple[Float, Float]:
    """Mean and variance of z a row later."""
    return PERSISTENCE * mean, PERSISTENCE**2 * variance + 1.0 - PERSISTENCE**2


def _update(
    mean: Float, variance: Float, observation: Float, load: float, noise: float, valid: Bool
) -> tuple[Float, Float]:
    """Mean and variance of z after seeing load z + N(0, noise), where `valid`."""
    gain = np.where(valid, load * variance / np.maximum(load * load * variance + noise, 1e-300), 0.0)
    return mean + gain * (observation - load * mean), np.maximum(variance * (1.0 - gain * load), 0.0)


def _hamilton(signal: PlantedSignal, present: Bool, rho: float) -> Float:
    """The sign's probability (Hamilton 1989, section 4), z being published.

    After a hole the z of the row before is not known: it has the normal law that the z to both sides of it leave, and
    the sign is judged by that.

    Returns
    -------
    Float
        [S, T] P(the next return is above 0).
    """
    sessions, slots = signal.z.shape
    plus = np.full(sessions, 0.5)
    mean, variance = np.zeros(sessions), np.ones(sessions)  # of z one row back
    out = np.empty_like(signal.z)
    for t in range(slots):
        valid, z = present[:, t], signal.z[:, t]
        if t:
            mean, variance = _update(mean, variance, z, PERSISTENCE, 1.0 - PERSISTENCE**2, valid)
            # the return's likelihood ratio of + to -, z one row back being normal
            weight = 2.0 * rho * mean / (1.0 - rho * rho + rho * rho * variance)
            odds = np.exp(np.where(valid, weight * signal.returns[:, t], 0.0))
            plus = plus * odds / (plus * odds + 1.0 - plus)
            # the chain's step
            plus = STAY * plus + (1.0 - STAY) * (1.0 - plus)
            mean, variance = _forward(mean, variance)
        # z is published
        mean, variance = np.where(valid, z, mean), np.where(valid, 0.0, variance)
        up = normal_cdf(rho * mean / np.sqrt(1.0 - rho * rho + rho * rho * variance))
        out[:, t] = plus * up + (1.0 - plus) * (1.0 - up)
    return out


def _axis() -> tuple[Float, Float, Float]:
    """A signal's grid points [K], their stationary weights [K], and transition matrix [K, K]; rows sum to 1."""
    at = np.linspace(-_REACH, _REACH, _POINTS)
    start = np.exp(-0.5 * at**2)
    step = np.exp(-0.5 * (at[None, :] - PERSISTENCE * at[:, None]) ** 2 / (1.0 - PERSISTENCE**2))
    return at, start / start.sum(), step / step.sum(axis=1, keepdims=True)


def _bell(observation: Float, at: Float, variance: float) -> Float:
    """[S, *at]: the likelihood of what was seen [S] about each value, up to a constant."""
    return np.asarray(np.exp(-0.5 * (observation.reshape(-1, *[1] * at.ndim) - at) ** 2 / variance))


def _grid_switch(signal: PlantedSignal, present: Bool, rho: float, carry: float) -> Float:
    """Weights [S, 2, K] over the sign and z: by the return, a step of both, by the flow's noise."""
    at, start, step = _axis()
    drive = np.stack((at, -at))
    weight = np.broadcast_to(0.5 * start, (len(signal.z), 2, _POINTS)).copy()
    out = np.empty_like(signal.z)
    for t in range(signal.z.shape[1]):
        valid = present[:, t, None, None]
        if t:
            weight = weight * np.where(valid, _bell(signal.returns[:, t], rho * drive, 1.0 - rho * rho), 1.0)
            weight = (STAY * weight + (1.0 - STAY) * weight[:, ::-1]) @ step
        weight = weight * np.where(valid, _bell(signal.eps[:, t], np.sqrt(carry) * at[None, :], 1.0 - carry), 1.0)
        weight /= weight.sum(axis=(1, 2), keepdims=True)
        out[:, t] = (weight * p_up_latent(drive, rho)).sum(axis=(1, 2))
    return out


def _grid_product(signal: PlantedSignal, present: Bool, rho: float, carry: float) -> Float:
    """Weights [S, K, K] over the two signals: by the return, a step of both, by each one's own carrier."""
    at, start, step = _axis()
    drive = at[:, None] * at[None, :]
    weight = np.broadcast_to(np.outer(start, start), (len(signal.z), _POINTS, _POINTS)).copy()
    out = np.empty_like(signal.z)
    for t in range(signal.z.shape[1]):
        valid = present[:, t, None]
        if t:
            weight = weight * np.where(
                valid[:, :, None], _bell(signal.returns[:, t], rho * drive, 1.0 - rho * rho), 1.0
            )
            weight = step.T @ weight @ step
        for eps, side in ((signal.eps, 2), (signal.eps_signed, 1)):
            observation = np.where(valid, _bell(eps[:, t], np.sqrt(carry) * at, 1.0 - carry), 1.0)
            weight = weight * np.expand_dims(observation, side)
        weight /= weight.sum(axis=(1, 2), keepdims=True)
        out[:, t] = (weight * p_up_latent(drive, rho)).sum(axis=(1, 2))
    return out
