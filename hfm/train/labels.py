"""Labels: what the row `horizon` rows later will have said. Known only from then on, and nowhere else in the package.

A row is labelled where rows t..t+h stand in consecutive clock slots of one session of one symbol; elsewhere NaN. The
price label is also NaN where the mid did not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfm.plugins import Float, Int

NO_TIME = np.iinfo(np.int64).min
"""A time that is not known (NaT)."""


@dataclass(frozen=True, slots=True)
class Labels:
    """[n] each. up: 1, 0; ret_bps; log_spread in log bps; log_vol in log bps; time: int64 ns UTC, NO_TIME: no label."""

    up: Float
    ret_bps: Float
    log_spread: Float
    log_vol: Float
    time: Int


def labels(mid: Float, levels: Float, time: Int, seq: Int, start: Int, horizon: int) -> Labels:
    """Labels of rows in the order of the quotes table; start: [S+1] borders of the (session, symbol) sequences.

    mid: [n] mid at the close. levels: [n, 2] the row's own log quoted spread and log volatility (Garman-Klass 1980,
    eq. 20, floored: feature gk_1), which become the labels of the row h before.
    """
    n = len(mid)
    up, ret, spread, vol = (np.full(n, np.nan) for _ in range(4))
    when = np.full(n, NO_TIME)
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    here = np.arange(max(n - horizon, 0))
    here = here[(owner[here] == owner[here + horizon]) & (seq[here + horizon] == seq[here] + horizon)]
    there = here + horizon
    ret[here] = 1e4 * np.log(mid[there] / mid[here])
    moved = here[ret[here] != 0]
    up[moved] = ret[moved] > 0
    spread[here], vol[here], when[here] = levels[there, 0], levels[there, 1], time[there]
    return Labels(up, ret, spread, vol, when)
