"""What every policy must keep; a new one is added to POLICIES and inherits the tests."""

from __future__ import annotations

import numpy as np

from hfm.plugins import Signals


def seen(p_up: object, conf_rank: object = 0.99, ret_sd_bps: object = 10.0, cost_bps: object = 1.0) -> Signals:
    """Signals of rows; scalars are repeated."""
    p = np.asarray(p_up, float)
    return Signals(p, *(np.broadcast_to(np.asarray(v, float), p.shape) for v in (conf_rank, ret_sd_bps, cost_bps)))
