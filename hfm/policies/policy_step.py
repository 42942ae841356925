"""The built-in policies for one row, as a kernel: what live calls. Equal to `propose` of the same policy."""

from __future__ import annotations

from collections.abc import Mapping

from hfm.kernels.jit import bare
from hfm.policies.cost import ABS_OVER_SD

THRESHOLD, QUANTILE, COST = 1.0, 2.0, 3.0
KINDS: Mapping[str, float] = {"threshold": THRESHOLD, "quantile": QUANTILE, "cost": COST}
"""Registry name -> code; a policy that is not here proposes through its own `propose`."""
_ABS_OVER_SD = ABS_OVER_SD


@bare
def propose(kind: float, level: float, p_up: float, conf_rank: float, ret_sd_bps: float, cost_bps: float) -> float:
    """1 long, -1 short, 0 flat; 0 where an input that the policy needs is NaN. level: of `cost`, its multiple."""
    up = down = False
    if kind == THRESHOLD:
        up, down = p_up > level, p_up < 1.0 - level
    elif kind == QUANTILE:
        up, down = conf_rank > level and p_up > 0.5, conf_rank > level and p_up < 0.5
    elif kind == COST:
        edge = (2.0 * p_up - 1.0) * _ABS_OVER_SD * ret_sd_bps
        up, down = edge > level * cost_bps, edge < -(level * cost_bps)
    return (1.0 if up else 0.0) - (1.0 if down else 0.0)
