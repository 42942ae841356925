"""Rows in blocks of clock time whose next move follows a rule that is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from hfm.plugins import Panel
from hfm.train.training_panel import TrainingRows
from tests.train.market import rows


@cache
def market_in_blocks(signal: str, sessions: int = 120, seed: int = 0) -> TrainingRows:
    """Five-minute rows, a block a session: the move follows the order flow (`linear`), its size beyond a threshold
    alone (`threshold`), or nothing (`none`)."""
    data = rows(sessions, interval="5m")
    panel = data.panel
    z = panel.x[:, panel.names.index("ofi")]
    z = (z - np.nanmean(z)) / np.nanstd(z)
    logit = {"linear": 1.5 * z, "threshold": np.where(np.abs(z) > 0.6, 1.5, -1.5), "none": 0.0 * z}[signal]
    up = (np.random.default_rng(seed).random(len(z)) < 1 / (1 + np.exp(-logit))).astype(float)
    block = np.repeat(np.arange(len(panel.start) - 1), np.diff(panel.start))
    known = np.isfinite(panel.up) & np.isfinite(z)
    return replace(data, panel=replace(panel, up=np.where(known, up, np.nan), block=block, known=block))


def in_blocks(signal: str, sessions: int = 120, seed: int = 0) -> Panel:
    """Their panel."""
    return market_in_blocks(signal, sessions, seed).panel
