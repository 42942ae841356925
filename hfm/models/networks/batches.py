"""What networks are fitted on: a panel's sequences as padded, masked tensors, in units of the floor's residuals.

Legend: N sequences, T rows of the longest, F features of the network, n rows of the panel.
"""

from __future__ import annotations

import numpy as np
import torch

from hfm.models import inference
from hfm.models.heads import columns_of
from hfm.models.linear.ridge import known, label_scale, rows_of, standardise
from hfm.models.networks.losses import LABELS, Batch
from hfm.plugins import Arrays, Float, Panel


def residual_units(arrays: Arrays, train: Panel) -> Float:
    """[2] sd of the floors' residuals (volatility, spread) in units of the labels' sd; 1 where there is none."""
    floor, scale = columns_of(inference.heads(arrays, train)), label_scale(arrays, train)
    errors = (
        (train.log_vol - floor.log_vol) / scale.volatility_sd,
        (train.log_spread - floor.median) / scale.spread_sd,
    )
    sds = [float(np.std(e[np.isfinite(e)])) if np.isfinite(e).any() else 0.0 for e in errors]
    return np.array([sd if sd > 0 else 1.0 for sd in sds])


def batch(arrays: Arrays, panel: Panel, logit: Float | None = None) -> Batch:
    """The panel's sequences as one Batch, on the processor.

    Parameters
    ----------
    arrays : arrays by name
        Of the floor that the network corrects, with `unit` (`residual_units`).
    panel : Panel
        Of n rows. What is NaN in a row or a label becomes 0, and its `has_` column says so.
    logit : float64 [n], optional
        The floor's of the direction; None: by `arrays`.

    Returns
    -------
    Batch
        Labels less what the floor says, in units of its residuals.
    """
    floor, scale = columns_of(inference.heads(arrays, panel)), label_scale(arrays, panel)
    z = standardise(panel.x, rows_of(panel), arrays["floor/centre"], arrays["floor/factor"])[:, : panel.own]
    z[~known(panel)] = 0.0
    volatility_unit, spread_unit = arrays["unit"]
    columns = (floor.logit if logit is None else logit, np.where(known(panel), panel.up, np.nan),
               (panel.log_vol - floor.log_vol) / (scale.volatility_sd * volatility_unit),
               (panel.log_spread - floor.median) / (scale.spread_sd * spread_unit))  # fmt: skip
    lengths = np.diff(panel.start)
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
    x = np.zeros((*inside.shape, panel.own), np.float32)
    x[inside] = z
    y = np.zeros((*inside.shape, len(LABELS)), np.float32)
    y[inside] = np.nan_to_num(np.column_stack([*columns, *(np.isfinite(column) for column in columns[1:])]))
    return Batch(torch.from_numpy(x), torch.from_numpy(y))
