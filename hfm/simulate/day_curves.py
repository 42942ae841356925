"""Built-in time-of-day curves of spread, volatility and volume, where a symbol's own sessions do not give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hfm.arrays import Float

# Half-hour curves of SPY, 09:30 to 16:00, from a year of trades and quotes.
SPREAD_CURVE = (2.55, 1.59, 1.36, 0.99, 0.89, 0.85, 0.69, 0.68, 0.69, 0.91, 0.72, 0.61, 0.48)
VOLATILITY_CURVE = (2.18, 1.68, 1.50, 0.94, 0.96, 0.92, 0.74, 0.56, 0.73, 0.77, 0.63, 0.63, 0.76)
VOLUME_CURVE = (1.76, 1.13, 1.42, 0.85, 0.98, 0.66, 0.64, 0.50, 0.70, 0.83, 0.81, 0.80, 1.92)
"""Half-hours of SPY, 09:30 to 16:00, from a year of trades and quotes; 1 is a mean half-hour."""


def day_curve(values: Sequence[float], slots: int) -> Float:
    """Logarithm of a built-in curve at each clock slot.

    Parameters
    ----------
    values
        Of equal parts of a session.
    slots
        T.

    Returns
    -------
    Float
        [T]; linear in ln between the middles of the parts, and on beyond the ends.
    """
    at = (np.arange(slots) + 0.5) / slots * len(values) - 0.5  # 0 at the middle of the first part
    left = np.clip(np.floor(at).astype(int), 0, len(values) - 2)
    logs = np.log(values)
    return np.asarray(logs[left] + (at - left) * (logs[left + 1] - logs[left]))
