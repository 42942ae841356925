"""Long where P(up) is above a level, short where it is below one less the level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.plugins import Signals


@dataclass(frozen=True)
class Threshold:
    """level: a probability in [0.5, 1)."""

    level: float

    def weights(self, signals: Signals) -> npt.NDArray[np.int8]:
        """1 where p_up > level, -1 where p_up < 1 - level, else 0; NaN is 0."""
        long = signals.p_up > self.level
        short = signals.p_up < 1.0 - self.level
        return long.astype(np.int8) - short.astype(np.int8)
