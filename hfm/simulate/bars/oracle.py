"""What a perfect forecaster of the next row's spread would say, in `bars` fidelity.

It knows the law of x (see micro.spread) and its AR part; the next row's volatility and volume it must
forecast, by the row's own forecast sigma and the last volume. Axes: S sessions, T clock slots.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.simulate.bars import micro
from hfm.simulate.bars.trailing_stats import SPREAD_CURVE, Levels, curve

Float = npt.NDArray[np.float64]

# Next row's deviations given what is known, fitted on a year of SPY: ln GK on ln sigma, volume on its last value.
VOL_SLOPE, VOL_SHIFT, VOL_SD = 1.03, -0.19, 0.37
SIZE_SLOPE, SIZE_SD = 0.58, 0.455


def log_spread(levels: Levels, spread: micro.Spread, model: micro.Model, price: Float) -> tuple[Float, Float]:
    """Mean and sd [S, T] of the next row's ln spread in bps given the row; NaN in the last slot.

    ln(1 + e^x) is taken to the second order in the forecast error of x. a: [S, 1]; price [S, T]: mid at the
    close.
    """
    slots = price.shape[1]
    mean, sd = np.full(price.shape, np.nan), np.full(price.shape, np.nan)
    # the level is the row's own: in a symbol's first session the next row's holds that row's volatility
    forecast = levels.ln_sigma[:, 1:] - levels.level_vol[:, :-1] - levels.phi_vol[:, 1:]
    phi = curve(SPREAD_CURVE, slots)[1:]
    x = (
        spread.a
        + model.on_volatility * (VOL_SHIFT + VOL_SLOPE * forecast)
        + model.on_volume * SIZE_SLOPE * spread.dev_size[:, :-1]
        + phi
        + model.spread_ar * spread.u[:, :-1]
    )
    variance = (
        (model.on_volatility * VOL_SD) ** 2
        + (model.on_volume * SIZE_SD) ** 2
        + (1.0 - model.spread_ar**2) * model.spread_sd**2
    )
    excess = np.exp(x)
    slope = excess / (1.0 + excess)
    mean[:, :-1] = np.log1p(excess) + 0.5 * slope * (1.0 - slope) * variance + np.log(1e4 * model.tick / price[:, :-1])
    sd[:, :-1] = slope * np.sqrt(variance)
    return mean, sd
