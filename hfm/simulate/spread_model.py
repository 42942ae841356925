"""The constants of the calibrated model of spread, depth and order flow, and what a calibration may set them to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.arrays import Float

LN_EXCESS = float(np.log(0.15))
CAP_TICKS = 10.0
"""Widest quoted spread less a tick."""
DEPTH_SPY = 1000.0
R2_FLOW = 0.20
MEAN_EXCESS = 1.16
"""E e^(x - a) on SPY: what the spread's mean, less a tick, is above tick e^a."""


@dataclass(frozen=True)
class SpreadModel:
    """The model's constants; the defaults are SPY's, from a year of trades and quotes.

    tick: currency, or [S, 1] of each session. ln_excess: ln of the typical quoted spread less one tick, in ticks. on_*:
    elasticities of that excess, depth_on_volatility that of depth. *_ar, *_sd: of the AR(1) that is left. effective:
    effective over quoted spread. r2_*: share of the row's return variance that OFI, and signed volume, explain. depth:
    shares a side; None: SPY's for SPY, else what gives signed volume its share of volume.
    """

    tick: float | Float = 0.01
    ln_excess: float = LN_EXCESS
    on_volatility: float = 0.8
    on_volume: float = -0.2
    spread_ar: float = 0.45
    spread_sd: float = 0.31
    effective: float = 0.75
    r2_ofi: float = 0.60
    r2_flow: float = R2_FLOW
    depth: float | None = None
    depth_ar: float = 0.6
    depth_sd: float = 0.35
    depth_on_volatility: float = -0.8


RANGES: dict[str, tuple[float, float]] = {
    "ln_excess": (-10.0, 10.0), "on_volatility": (-3.0, 3.0), "on_volume": (-3.0, 3.0), "spread_ar": (-0.99, 0.99),
    "spread_sd": (0.0, 3.0), "effective": (0.0, 2.0), "r2_ofi": (0.001, 0.999), "r2_flow": (0.001, 0.999),
    "depth": (1e-9, 1e12), "depth_ar": (-0.99, 0.99), "depth_sd": (0.0, 3.0), "depth_on_volatility": (-3.0, 3.0),
}  # fmt: skip
"""What a calibration may set, and within which bounds."""
