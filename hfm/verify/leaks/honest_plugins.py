"""Fifty plug-ins that know nothing they should not, of different make: what `hfm verify --leaks` must not name.

Eighteen policies that decide row by row, eighteen models (some with a state that goes forward through a session, some
seeded, some that choose on validation rows), fourteen sources. A class is made on demand from a rule by its name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hfm.config import Train
from hfm.errors import HfmError
from hfm.fetch.sources.synthetic import Synthetic
from hfm.instants import DAY_NS
from hfm.models.linear.floors import Constant, Har, Logistic, Persistence
from hfm.plugins import Arrays, BarRequest, Float, Panel, Signals
from hfm.raw_data import BAR_COLUMNS, RawBars
from hfm.stage import Context
from hfm.verify.leaks.leaky_models import scaled


# ------------------------------------------------------------------------------------------------------------- policies
def _side(p: Float, where: npt.NDArray[np.bool_] | bool = True) -> Float:
    """The sign of P(up) - .5 where a condition holds; 0 where it is not known."""
    return np.asarray(np.where(where, np.sign(np.nan_to_num(p - 0.5)), 0.0))


def _coin(values: Float) -> Float:
    """[n] in [0, 1): a seeded draw that hangs on the row's own value alone."""
    return np.array([zlib.crc32(v.tobytes()) / 2**32 for v in np.asarray(values)])


POLICIES: dict[str, Callable[[Signals], Float]] = {
    "above_51": lambda s: _side(s.p_up, np.abs(s.p_up - 0.5) > 0.01),
    "above_53": lambda s: _side(s.p_up, np.abs(s.p_up - 0.5) > 0.03),
    "long_only": lambda s: np.maximum(_side(s.p_up), 0.0),
    "short_only": lambda s: np.minimum(_side(s.p_up), 0.0),
    "contrarian": lambda s: -_side(s.p_up),
    "always_long": lambda s: np.ones(len(s.p_up)),
    "never": lambda s: np.zeros(len(s.p_up)),
    "sure_50": lambda s: _side(s.p_up, s.conf_rank > 0.5),
    "sure_90": lambda s: _side(s.p_up, s.conf_rank > 0.9),
    "unsure": lambda s: _side(s.p_up, s.conf_rank < 0.5),
    "cost_aware": lambda s: _side(s.p_up, np.abs(2 * s.p_up - 1) * s.ret_sd_bps > s.cost_bps),
    "cheap": lambda s: _side(s.p_up, s.cost_bps < 3.0),
    "quiet": lambda s: _side(s.p_up, s.ret_sd_bps < 20.0),
    "wild": lambda s: _side(s.p_up, s.ret_sd_bps > 20.0),
    "coin": lambda s: np.sign(_coin(s.p_up) - 0.5),
    "half_coin": lambda s: _side(s.p_up, _coin(s.cost_bps) > 0.5),
    "ratio": lambda s: np.clip(np.rint(20 * np.nan_to_num(s.p_up - 0.5)), -1, 1),
    "two_rules": lambda s: _side(s.p_up, (s.conf_rank > 0.7) & (s.cost_bps < s.ret_sd_bps)),
}


class RowRule:
    """A policy whose rule stands in POLICIES under its name."""

    name: ClassVar[str]

    def weights(self, signals: Signals) -> npt.NDArray[np.int8]:
        """See Policy."""
        return POLICIES[self.name](signals).astype(np.int8)


# --------------------------------------------------------------------------------------------------------------- models
def _column(panel: Panel, name: str) -> Float:
    return np.asarray(np.nan_to_num(panel.x[:, panel.names.index(name)]))


def _forward(panel: Panel, rule: Callable[[Float], Float], name: str = "ret_sigma") -> Float:
    """[n] a rule that goes forward through each sequence of a feature."""
    values, out = _column(panel, name), np.zeros(len(panel.slot))
    for a, b in zip(panel.start[:-1].tolist(), panel.start[1:].tolist(), strict=True):
        out[a:b] = rule(values[a:b])
    return out


def _average(values: Float) -> Float:
    """Exponentially weighted mean of the rows so far."""
    out, level = np.empty(len(values)), 0.0
    for t, value in enumerate(values.tolist()):
        level = out[t] = 0.8 * level + 0.2 * value
    return out


def _rank(values: Float) -> Float:
    """Share of the rows so far that are below."""
    return np.array([np.mean(values[: t + 1] < v) for t, v in enumerate(values)])


def _before(panel: Panel) -> Float:
    """The label of the row before, which is known by now."""
    out = np.zeros(len(panel.slot))
    out[1:] = np.nan_to_num(panel.up[:-1] - 0.5)
    out[panel.start[:-1][panel.start[:-1] < len(out)]] = 0.0
    return out


def _noise(panel: Panel) -> Float:
    """Seeded by session and slot."""
    day = np.repeat(panel.session, np.diff(panel.start))
    return _coin(np.asarray(day * 1000 + panel.slot, float)) - 0.5


MODELS: dict[str, tuple[type[Constant], Callable[[Panel], Float]]] = {
    "plain": (Logistic, lambda p: np.zeros(len(p.slot))),
    "rate": (Constant, lambda p: np.zeros(len(p.slot))),
    "stays": (Persistence, lambda p: np.zeros(len(p.slot))),
    "har_drift": (Har, lambda p: np.full(len(p.slot), 0.05)),
    "weighted": (Logistic, lambda p: _forward(p, _average)),
    "so_far": (Logistic, lambda p: _forward(p, lambda v: np.cumsum(v) / np.arange(1, len(v) + 1))),
    "ranked": (Har, lambda p: _forward(p, _rank)),
    "highest": (Har, lambda p: 0.1 * _forward(p, np.maximum.accumulate)),
    "momentum": (Constant, lambda p: np.tanh(_column(p, "momentum"))),
    "reversal": (Constant, lambda p: -np.tanh(_column(p, "ret_sigma"))),
    "last_label": (Constant, _before),
    "by_slot": (Har, lambda p: 0.1 * np.cos(p.slot.astype(float))),
    "noisy": (Constant, _noise),
    "wide_spread": (Logistic, lambda p: np.where(p.spread_bps > 1.0, 0.1, -0.1)),
    "spread_walk": (Har, lambda p: _forward(p, _average, "log_spread")),
    "tuned": (Logistic, lambda p: np.zeros(len(p.slot))),
    "bagged": (Constant, lambda p: np.zeros(len(p.slot))),
    "slot_rates": (Constant, lambda p: np.zeros(len(p.slot))),
}


class Variant(Logistic):
    """A floor whose logit is moved by the rule that stands in MODELS under its name."""

    name: ClassVar[str]

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """The arrays of the floor it stands on; three of the variants do more.

        `tuned` chooses its weight on validation rows, `bagged` draws rows, `slot_rates` counts labels by slot.

        Parameters
        ----------
        train, valid
            Rows to fit on, and to choose on.
        options
            Of training.
        ctx
            Of the stage: its generator.

        Returns
        -------
        Arrays
            See Forecaster.
        """
        arrays = MODELS[self.name][0]().fit(train, valid, options, ctx)
        up = train.up[np.isfinite(train.up)]
        if self.name == "tuned":
            loss = [
                np.nanmean((valid.up - 0.5 - w * (np.nan_to_num(valid.up * 0 + 0.1))) ** 2) for w in (0.0, 0.5, 1.0)
            ]
            arrays["floor/direction"] = arrays["floor/direction"] * (0.0, 0.5, 1.0)[int(np.argmin(loss))]
        if self.name == "bagged":
            drawn = ctx.rng("all").choice(up, len(up))
            arrays["floor/direction"][-1] = drawn.mean() - 0.5
        if self.name == "slot_rates":
            known = np.nan_to_num(train.up - 0.5)
            count = np.bincount(train.slot, minlength=train.slots)
            arrays["rates"] = np.bincount(train.slot, known, train.slots) / np.maximum(count, 1)
        return arrays

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        base, rule = MODELS[self.name]
        heads = base().predict(arrays, panel)
        heads[:, 0] += rule(panel)
        if self.name == "slot_rates":
            heads[:, 0] += arrays["rates"][panel.slot]
        return heads


# -------------------------------------------------------------------------------------------------------------- sources
def _volume(raw: RawBars, volume: Float) -> RawBars:
    return replace(raw, volume=volume)


def _masked(raw: RawBars, keep: npt.NDArray[np.bool_]) -> RawBars:
    """The bars where keep [n] is true."""
    o, h, low, c, v = (getattr(raw, name)[keep] for name in ("open", "high", "low", "close", "volume"))
    return RawBars(raw.time[keep], o, h, low, c, v, raw.notes, raw.warnings)


def _day(raw: RawBars) -> npt.NDArray[np.int64]:
    return np.asarray(raw.time // DAY_NS)


def _drawn(raw: RawBars) -> RawBars:
    """A random walk of its own in each session, seeded by the day."""
    close, opening = np.empty(len(raw.time)), np.empty(len(raw.time))
    for day in np.unique(_day(raw)):
        rows = np.flatnonzero(_day(raw) == day)
        walk = 100 * np.exp(np.cumsum(np.random.default_rng(int(day)).normal(0, 1e-3, 400))[: len(rows)])
        close[rows], opening[rows] = walk, np.concatenate([[100.0], walk[:-1]])
    return replace(raw, open=opening, close=close, high=np.maximum(opening, close), low=np.minimum(opening, close))


def _adjusted(raw: RawBars) -> RawBars:
    """A split of five for four on a fixed day, carried forward: what came before stays. Larger ones are refused."""
    return scaled(raw, np.where(_day(raw) >= 20_500, 0.8, 1.0))


def _rounded(raw: RawBars) -> RawBars:
    o, h, low, c = (np.rint(getattr(raw, name) * 20) / 20 for name in ("open", "high", "low", "close"))
    return replace(raw, open=o, high=h, low=low, close=c)


SOURCES: dict[str, Callable[[RawBars], RawBars]] = {
    "as_is": lambda raw: raw,
    "doubled": lambda raw: scaled(raw, 2.0),
    "tiny": lambda raw: scaled(raw, 0.05),
    "split": _adjusted,
    "five_cents": _rounded,
    "walks": _drawn,
    "even_volume": lambda raw: _volume(raw, np.full(len(raw.volume), 1e5)),
    "lots": lambda raw: _volume(raw, np.rint(raw.volume / 100) * 100),
    "coarse_volume": lambda raw: _volume(raw, np.sqrt(raw.volume)),
    "holes": lambda raw: _masked(raw, (raw.time // 10**9 // 1800) % 29 != 0),
    "thin": lambda raw: _masked(raw, _coin(raw.time.astype(float)) > 0.03),
    "inverted": lambda raw: replace(
        raw, open=1e4 / raw.open, high=1e4 / raw.low, low=1e4 / raw.high, close=1e4 / raw.close
    ),
    "backwards": lambda raw: replace(raw, **{name: getattr(raw, name)[::-1] for name in BAR_COLUMNS}),
    "noted": lambda raw: replace(raw, notes=(*raw.notes, "as the vendor has them")),
}


class Altered(Synthetic):
    """Synthetic bars, altered by the rule that stands in SOURCES under its name."""

    name: ClassVar[str]

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """See BarSource."""
        for symbol, raw in super().fetch(request, ctx):
            assert isinstance(raw, RawBars)
            yield symbol, SOURCES[self.name](raw)


def __getattr__(name: str) -> Any:  # Any: the class that the registry's line names
    for known, base in ((POLICIES, RowRule), (MODELS, Variant), (SOURCES, Altered)):
        if name in known:
            return type(name, (base,), {"name": name, "__module__": __name__})
    raise AttributeError(name)
