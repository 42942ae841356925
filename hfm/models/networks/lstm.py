"""The LSTM, on top of its floors (models.stacking) or alone: fitted by torch, stepped without it."""

from __future__ import annotations

from typing import ClassVar

from hfm.config import Train
from hfm.models import inference
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context


class Lstm:
    """Multi-task LSTM, mean of `seeds` networks; with gates of 0 it is the floor of models.stacking."""

    base: ClassVar[str | None] = "logistic"
    deep, warm, stepped = True, True, True
    members: ClassVar[tuple[str, ...]] = ()
    backends: ClassVar[tuple[str, ...]] = ("torch", "fused")

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Fit the floor and the networks on it.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster.

        Returns
        -------
        arrays by name
            See network_fit.fit.
        """
        from hfm.models.networks import network_fit

        return network_fit.fit(train, valid, options, ctx)

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        return inference.heads(arrays, panel)


class Bare(Lstm):
    """The same LSTM with nothing below it but the training rows' means: what the network knows by itself.

    Validation does not shut it: its row beside the others' shows what the floors are worth.
    """

    base: ClassVar[str | None] = None

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Fit the networks on the training rows' means.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster.

        Returns
        -------
        arrays by name
            See network_fit.fit.
        """
        from hfm.models.networks import network_fit

        return network_fit.fit(train, valid, options, ctx, network_fit.BARE)
