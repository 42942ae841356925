"""The floors, which any model must beat: constant, persistence, rule, har, logistic. All are linear and stepped.

Each fits the same arrays (`packed_model.pack` reads them): a scaler by symbol, direction weights, volatility and spread
weights with a time-of-day table, the labels' scale by symbol, residual quantiles of the spread. So the network can be
laid on any of them, and live runs them all through one kernel. HAR: Corsi 2009, J. Financial Econometrics 7(2),
doi:10.1093/jjfinec/nbp001, on Garman-Klass volatility, with a diurnal ridge.
Legend: n rows, F features, S symbols, K slots.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np

from hfm.config import Train
from hfm.features.batch import SIGNED
from hfm.models import inference
from hfm.models.linear.floor_arrays import base_logit, blank, fitted, with_residuals
from hfm.models.linear.ridge import (
    LabelScale,
    Mask,
    known,
    label_scale,
    logistic,
    ridge,
    rows_of,
    standardise,
)
from hfm.plugins import Arrays, Float, Int, Panel
from hfm.stage import Context

VOLATILITY = ("gk_1", "gk_3", "gk_12", "gk_78", "rv_1", "rv_12")
"""Regressors of the next row's log volatility."""
VOLATILITY_EVENTS = (
    *VOLATILITY,
    "log_spread",
    "spread_12",
    "spread_78",
    "depth",
    "age",
    "still",
    "wait",
    "pace_78",
    "jump",
)
"""The same of event rows: how far the mid moves next is a matter of the spread that it moves in."""
SPREAD = ("log_spread", "spread_3", "spread_12", "spread_78", "gk_1", "gk_3", "gk_12", "volume_ratio")
"""Regressors of the log spread at the horizon."""
SPREAD_SEED = (*SPREAD, "spread", "volatility", "log_volatility", "volatility_nights")
"""The same where the features are the mission's four: its recipe's spread is linear in that volatility, in bps."""
LEVEL = ("spread_78",)
"""What the level of the spread follows, beside the time of day: the one-line rule's model."""
LEVEL_SEED = ("volatility", "log_volatility", "volatility_nights")
"""The same where the features are the mission's four: there the level follows the volatility."""
NEEDED = tuple(
    name for name in dict.fromkeys((*VOLATILITY, *SPREAD_SEED, *LEVEL, *LEVEL_SEED)) if name != "volatility_nights"
)
"""Features that the floors read, whatever group the networks see; the mission's group has volatility_nights itself."""
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 1e6)
"""Ridge penalties of the logistic direction, tried by evidence."""


class Constant:
    """Says the training rows' means: base rate, mean log volatility, quantiles of the log spread."""

    base: ClassVar[str | None] = None
    deep, stepped = False, True
    members: ClassVar[tuple[str, ...]] = ()

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Take the training rows' means.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster; `train` alone is read.

        Returns
        -------
        arrays by name
            Of `blank`: the intercept of the logit and the scale of the labels say all.
        """
        arrays = blank(train, ctx)
        arrays["floor/direction"][-1] = base_logit(train)
        return with_residuals(arrays, train)

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        return inference.heads(arrays, panel)


class Persistence(Constant):
    """Says that volatility and spread stay what they are, and nothing (.5) of the direction."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Weigh the row's own volatility and spread by 1, in a scale that is theirs.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster; `train` alone is read.

        Returns
        -------
        arrays by name
            Of `blank`.
        """
        arrays = blank(train, ctx)
        own = "jump" if "jump" in train.names else "gk_1"  # of event rows: the next move is as large as the last
        gk, spread = train.names.index(own), train.names.index("log_spread")
        arrays["floor/vol"][gk] = arrays["floor/spread"][spread] = 1.0
        centre, factor = arrays["floor/centre"], arrays["floor/factor"]
        width = 1.0 / np.where(factor > 0, factor, 1.0)
        arrays["floor/label"] = np.column_stack(
            LabelScale(
                volatility_centre=centre[:, gk],
                volatility_sd=width[:, gk],
                spread_centre=centre[:, spread],
                spread_sd=width[:, spread],
            )
        )
        return with_residuals(arrays, train)


class SpreadRule(Constant):
    """Says that the spread returns to the level that its model gives it in this row, and nothing else."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Regress the spread on what its level follows.

        Parameters
        ----------
        train, valid, ctx
            See Forecaster; `train` alone is read.
        options : Train
            Of which `features` is read: the mission's group has a level of its own.

        Returns
        -------
        arrays by name
            Of `blank`. The volatility's scale is NaN, so that its head is; the quantiles lie around 0.
        """
        arrays = blank(train, ctx)
        picks = _columns(train, LEVEL_SEED if options.features == "seed" else LEVEL)
        scale = label_scale(arrays, train)
        level = (np.log(train.spread_bps) - scale.spread_centre) / scale.spread_sd
        z, rows = _design(arrays, train, level, picks)
        w, table = ridge(z, train.slot[rows], level[rows], train.slots)
        arrays["floor/spread"][picks], arrays["floor/spread_slot"] = w, table
        every = LabelScale(*arrays["floor/label"].T)
        every.volatility_centre[:] = every.volatility_sd[:] = np.nan
        with_residuals(arrays, train)
        low, _, high = np.abs(arrays["floor/residual"])
        arrays["floor/residual"] = np.array([-low, 0.0, high])
        return arrays


class Har(Constant):
    """HAR with a time-of-day table for log volatility and log spread; the base rate for the direction."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Regress log volatility and log spread on their own past and the time of day.

        Parameters
        ----------
        train, valid, ctx
            See Forecaster; `train` alone is read.
        options : Train
            Of which `features` is read: the mission's group has a spread of its own.

        Returns
        -------
        arrays by name
            Of `blank`.
        """
        arrays = blank(train, ctx)
        arrays["floor/direction"][-1] = base_logit(train)
        scale, spread = label_scale(arrays, train), SPREAD_SEED if options.features == "seed" else SPREAD
        volatility = VOLATILITY_EVENTS if set(VOLATILITY_EVENTS) <= set(train.names) else VOLATILITY
        log_vol = (train.log_vol - scale.volatility_centre) / scale.volatility_sd
        log_spread = (train.log_spread - scale.spread_centre) / scale.spread_sd
        for name, y, columns in (("vol", log_vol, volatility), ("spread", log_spread, spread)):
            picks = _columns(train, columns)
            z, rows = _design(arrays, train, y, picks)
            # Corsi's regression, in logs: on volatilities over spans of one row to a session, and on the time of day
            if rows.any():
                w, table = ridge(z, train.slot[rows], y[rows], train.slots)
                arrays[f"floor/{name}"][picks], arrays[f"floor/{name}_slot"] = w, table
        return with_residuals(arrays, train)


class Logistic(Har):
    """HAR's volatility and spread, and a ridge logistic regression of the direction.

    It reads the chosen features that are odd in price, all of them where none is: in a mirrored market the others are
    the same and cannot tell up from down, and each useless coefficient costs 1 / (2 n) nats.
    """

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Fit HAR, and the direction on what is odd in price.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster; `train` alone is fitted, and no row is spent on the penalty.

        Returns
        -------
        arrays by name
            Of `blank`, and `floor/penalty` [1].
        """
        arrays = fitted(ctx, "har", partial(super().fit, train, valid, options, ctx))
        own = signed(train)
        z, rows = _design(arrays, train, train.up, own)
        w, penalty = logistic(z, train.up[rows], PENALTIES)
        arrays["floor/direction"][own], arrays["floor/direction"][-1] = w[:-1], w[-1]
        arrays["floor/penalty"] = np.array([penalty])
        return arrays


def signed(train: Panel) -> Int:
    """Columns of the chosen features that are odd in price; of all of them where none is."""
    return np.array([i for i in range(train.own) if train.names[i] in SIGNED] or range(train.own))


def _design(arrays: Arrays, train: Panel, y: Float, columns: Int) -> tuple[Float, Mask]:
    """(z [m, len(columns)] of the rows that have all features and the label y, which rows [n] these are)."""
    rows = known(train) & np.isfinite(y)
    centre, factor = arrays["floor/centre"][:, columns], arrays["floor/factor"][:, columns]
    return standardise(train.x[rows][:, columns], rows_of(train)[rows], centre, factor), rows


def _columns(train: Panel, names: tuple[str, ...]) -> Int:
    return np.array([train.names.index(name) for name in names])
