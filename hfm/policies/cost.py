"""Trade the rows whose expected move exceeds the expected round trip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.plugins import Signals

ABS_OVER_SD = 0.8
"""E|r| / sd(r): sqrt(2/pi) = .798 of a normal return."""


@dataclass(frozen=True)
class Cost:
    """level: the multiple of the expected round trip that must be earned (1: break even)."""

    level: float = 1.0

    def weights(self, signals: Signals) -> npt.NDArray[np.int8]:
        """The sign of p_up - .5 where |2 p_up - 1| x .8 x ret_sd_bps > level x cost_bps, else 0; NaN is 0."""
        edge = (2.0 * signals.p_up - 1.0) * ABS_OVER_SD * signals.ret_sd_bps
        bar = self.level * signals.cost_bps
        return (edge > bar).astype(np.int8) - (edge < -bar).astype(np.int8)
