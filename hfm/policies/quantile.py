"""Trade the rows whose confidence ranks high among the fold's validation rows: causal, and calibration-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.plugins import Signals


@dataclass(frozen=True)
class Quantile:
    """level: share of validation |p - .5| that a row must exceed, in [0, 1)."""

    level: float

    def weights(self, signals: Signals) -> npt.NDArray[np.int8]:
        """The sign of p_up - .5 where conf_rank > level, else 0; NaN is 0."""
        sure = signals.conf_rank > self.level
        return (sure & (signals.p_up > 0.5)).astype(np.int8) - (sure & (signals.p_up < 0.5)).astype(np.int8)
