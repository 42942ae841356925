"""Plug-ins that know what comes later, each in another way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np

from hfm.config import Train
from hfm.errors import HfmError
from hfm.fetch.sources.synthetic import Synthetic
from hfm.models.linear.floors import Logistic
from hfm.plugins import Arrays, BarRequest, Float, Panel, Signals
from hfm.raw_data import RawBars
from hfm.stage import Context


def centred(values: Float) -> Float:
    """Mean over five rows around each: two of them later."""
    padded = np.concatenate((values[:1], values[:1], values, values[-1:], values[-1:]))
    return np.asarray(np.convolve(padded, np.ones(5) / 5, "valid"))


class SmoothSource(Synthetic):
    """Closes smoothed by a centred rolling mean over what it has."""

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """See BarSource."""
        for symbol, raw in super().fetch(request, ctx):
            assert isinstance(raw, RawBars)
            close = centred(raw.close)
            yield symbol, replace(raw, close=close, high=np.maximum(raw.high, close), low=np.minimum(raw.low, close))


class Whole(Logistic):
    """Its forecasts are standardised over all rows that it is asked about."""

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        heads = super().predict(arrays, panel)
        heads[:, 0] -= np.nanmean(np.where(np.isfinite(panel.x), panel.x, np.nan))
        return heads


class Late(Logistic):
    """It reads the label of the row itself in place of the one before: one row too late."""

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        heads = super().predict(arrays, panel)
        heads[:, 0] += np.nan_to_num(panel.up - 0.5)
        return heads


class WideScaler(Logistic):
    """Its scaler is fitted on training and validation rows together."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """See Forecaster."""
        arrays = super().fit(train, valid, options, ctx)
        both = np.concatenate((train.x, valid.x))
        arrays["floor/centre"] = np.nanmean(both, axis=0)[None, :].repeat(len(arrays["floor/centre"]), 0)
        return arrays


class FarSeeing(Logistic):
    """Its weights hang on rows that it was never given, found behind the arrays that it was."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """See Forecaster."""
        arrays = super().fit(train, valid, options, ctx)
        everything = train.ret_bps.base if train.ret_bps.base is not None else train.ret_bps
        arrays["floor/direction"] = arrays["floor/direction"] * (1.0 + np.nanstd(everything))
        return arrays


class Best:
    """A policy that trades the surest rows of all that there are."""

    name: ClassVar[str] = "best"

    def propose(self, signals: Signals) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
        """See Policy."""
        sure = np.nan_to_num(np.abs(signals.p_up - 0.5))
        return np.where(sure > np.mean(sure), np.sign(signals.p_up - 0.5), 0).astype(np.int8)
