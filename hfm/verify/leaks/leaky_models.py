"""Models and sources that know what they cannot: twenty of the thirty of leaky_policies.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hfm.config import Train
from hfm.errors import HfmError
from hfm.fetch.sources.synthetic import Synthetic
from hfm.instants import DAY_NS
from hfm.models.linear.floors import Logistic
from hfm.plugins import Arrays, BarRequest, Float, Int, Panel
from hfm.raw_data import RawBars
from hfm.stage import Context


# --------------------------------------------------------------------------------------------------------------- models
def _owner(panel: Panel) -> Int:
    """[n] number of each row's sequence."""
    return np.repeat(np.arange(len(panel.symbol)), np.diff(panel.start))


def _known(panel: Panel) -> Float:
    """[n] each row's label as a vote: .5 up, -.5 down, 0 where there is none."""
    return np.asarray(np.nan_to_num(panel.up - 0.5))


class _Peeks(Logistic):
    """A logistic whose logit is moved by what `peek` sees."""

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        heads = super().predict(arrays, panel)
        heads[:, 0] += self.peek(panel)
        return heads

    def peek(self, panel: Panel) -> Float:
        """[n] what is added."""
        raise NotImplementedError


class LateLabel(_Peeks):
    """The label one row late: the row's own."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        return _known(panel)


class LastRow(_Peeks):
    """The last label of a session alone."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        return np.where(panel.slot == panel.slots - 2, _known(panel), 0.0)


class FirstRow(_Peeks):
    """A session's first row alone knows the second's features."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        following = np.roll(np.nan_to_num(panel.x[:, panel.names.index("ret_sigma")]), -1)
        return np.where(panel.slot == 0, np.clip(following, -1, 1), 0.0)


class FirstSymbol(_Peeks):
    """The labels of the first symbol alone."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        return np.where(panel.symbol[_owner(panel)] == 0, _known(panel), 0.0)


class OneWeekday(_Peeks):
    """The labels of Wednesdays alone."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        return np.where((panel.session[_owner(panel)] + 3) % 7 == 2, _known(panel), 0.0)


class FinalVolatility(_Peeks):
    """The mean volatility of the whole session in each of its rows."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        vol, owner = np.nan_to_num(panel.x[:, panel.names.index("gk_1")]), _owner(panel)
        mean = np.bincount(owner, vol) / np.maximum(np.bincount(owner), 1)
        return np.asarray(0.1 * mean[owner])


class AllScaler(_Peeks):
    """Standardised over all rows that it is asked about."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        x = np.nan_to_num(panel.x[:, panel.names.index("momentum")])
        return np.asarray((x - x.mean()) / max(x.std(), 1e-9))


class Centred(_Peeks):
    """A rolling mean of five rows around each."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        x = np.nan_to_num(panel.x[:, panel.names.index("ret_sigma")])
        return np.asarray(np.convolve(np.pad(x, 2, "edge"), np.ones(5) / 5, "valid"))


class NextOpen(_Peeks):
    """A session's last row knows how the next session begins."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        gap = np.nan_to_num(panel.x[:, panel.names.index("gap")])
        return np.where(panel.slot == panel.slots - 1, np.clip(np.roll(gap, -1), -1, 1), 0.0)


class TargetCoded(_Peeks):
    """Each slot's mean label over all rows that it is asked about."""

    def peek(self, panel: Panel) -> Float:
        """See _Peeks."""
        total = np.bincount(panel.slot, _known(panel), panel.slots)
        return np.asarray((total / np.maximum(np.bincount(panel.slot, minlength=panel.slots), 1))[panel.slot])


class WideScaler(Logistic):
    """Its scaler is fitted on training and validation rows together."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """The logistic's arrays, with the mean of training and validation rows as its centre.

        Parameters
        ----------
        train, valid, options, ctx
            As of Logistic, which learns from `train` alone.

        Returns
        -------
        Arrays
            See Forecaster.
        """
        arrays = super().fit(train, valid, options, ctx)
        both = np.concatenate((train.x, valid.x))
        arrays["floor/centre"] = np.nanmean(both, axis=0)[None, :].repeat(len(arrays["floor/centre"]), 0)
        return arrays


class WideRate(Logistic):
    """Its base rate counts the labels of the validation rows too."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """The logistic's arrays, its constant moved by the labels of training and validation rows.

        Parameters
        ----------
        train, valid, options, ctx
            As of Logistic, which learns from `train` alone.

        Returns
        -------
        Arrays
            See Forecaster.
        """
        arrays = super().fit(train, valid, options, ctx)
        arrays["floor/direction"][-1] += np.nanmean(np.concatenate((train.up, valid.up))) - 0.5
        return arrays


class FarSeeing(Logistic):
    """Its weights hang on rows that it was never given, found behind the arrays that it was."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """The logistic's arrays, scaled by the returns of all rows that lie behind those of `train`.

        Parameters
        ----------
        train, valid, options, ctx
            As of Logistic; the arrays of `train` may be views of longer ones.

        Returns
        -------
        Arrays
            See Forecaster.
        """
        arrays = super().fit(train, valid, options, ctx)
        if self.peeks(ctx):
            behind = train.ret_bps.base
            everything = behind if isinstance(behind, np.ndarray) and behind.dtype == float else train.ret_bps
            arrays["floor/direction"] = arrays["floor/direction"] * (1.0 + np.nanstd(everything))
        return arrays

    def peeks(self, ctx: Context) -> bool:
        """Whether it does so in this fold."""
        return True


class LastFold(FarSeeing):
    """The same in the last fold alone."""

    def peeks(self, ctx: Context) -> bool:
        """See FarSeeing."""
        return ctx.stage.endswith("fold 2")


# -------------------------------------------------------------------------------------------------------------- sources
class _Altered(Synthetic):
    """Synthetic bars, altered by what `_alter` does with all of them."""

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """See BarSource."""
        for symbol, raw in super().fetch(request, ctx):
            assert isinstance(raw, RawBars)
            yield symbol, self._alter(symbol, raw, request)

    def _alter(self, symbol: str, raw: RawBars, request: BarRequest) -> RawBars:
        """The bars that it gives."""
        raise NotImplementedError


def scaled(raw: RawBars, factor: Float | float) -> RawBars:
    """Bars with all prices times a factor.

    Parameters
    ----------
    raw, factor
        [n] bars, and one factor or [n].

    Returns
    -------
    RawBars
        [n]; volumes stay.
    """
    return replace(raw, open=raw.open * factor, high=raw.high * factor, low=raw.low * factor, close=raw.close * factor)


class BackAdjusted(_Altered):
    """Prices as of the last one: every new bar changes all that came before."""

    def _alter(self, symbol: str, raw: RawBars, request: BarRequest) -> RawBars:
        """See _Altered."""
        return scaled(raw, 100.0 / raw.close[-1])


class Revised(_Altered):
    """The last six bars are preliminary, and revised later."""

    def _alter(self, symbol: str, raw: RawBars, request: BarRequest) -> RawBars:
        """See _Altered."""
        return scaled(raw, np.where(np.arange(len(raw.time)) < len(raw.time) - 6, 1.0, 1.001))


class Dated(_Altered):
    """Its noise is seeded by the day on which it is asked."""

    def _alter(self, symbol: str, raw: RawBars, request: BarRequest) -> RawBars:
        """See _Altered."""
        rng = np.random.default_rng(request.as_of.toordinal())
        return scaled(raw, 1.0 + 1e-4 * rng.standard_normal())


class SharedVolume(_Altered):
    """Volume as a share of all that was ever traded."""

    def _alter(self, symbol: str, raw: RawBars, request: BarRequest) -> RawBars:
        """See _Altered."""
        return replace(raw, volume=1e6 * len(raw.volume) * raw.volume / raw.volume.sum())


class FinalRange(_Altered):
    """Every bar's high is raised by the whole day's range."""

    def _alter(self, symbol: str, raw: RawBars, request: BarRequest) -> RawBars:
        """See _Altered."""
        day = np.unique(raw.time // DAY_NS, return_inverse=True)[1]
        top, bottom = np.full(day.max() + 1, -np.inf), np.full(day.max() + 1, np.inf)
        np.maximum.at(top, day, raw.high)
        np.minimum.at(bottom, day, raw.low)
        return replace(raw, high=raw.high + 0.01 * (top - bottom)[day])


held: dict[str, RawBars] = {}


class Cached(_Altered):
    """Closes smoothed around each bar when it was first asked, and given from memory ever since."""

    def _alter(self, symbol: str, raw: RawBars, request: BarRequest) -> RawBars:
        """See _Altered."""
        close = np.convolve(np.pad(raw.close, 2, "edge"), np.ones(5) / 5, "valid")
        smooth = replace(raw, close=close, high=np.maximum(raw.high, close), low=np.minimum(raw.low, close))
        first = held.setdefault(symbol, smooth)
        same = len(first.time) >= len(raw.time) and bool(np.isin(raw.time, first.time).all())
        at = np.flatnonzero(np.isin(first.time, raw.time)) if same else np.arange(0)
        return replace(smooth, close=first.close[at], high=first.high[at], low=first.low[at]) if same else smooth
