"""The tick size of each symbol: what its market's rule sets, or the increment that its earlier prices show.

A session's tick hangs on sessions strictly before it (of a symbol's first session on its first row alone), so that it
does not change when bars are appended. Axes: S sessions of one symbol, K candidate ticks.

US stocks: a cent from one dollar on, else .0001, whatever their prints (17 CFR 242.612, Rule 612: prints inside a cent
are midpoints and price improvement). Elsewhere: the coarsest candidate of which nearly all earlier prices are
multiples, where that many multiples are no chance. Prices that show no grid (adjusted, averaged) are taken to move by
their sixth significant digit, which is the pipette of a currency pair; in Tokyo by its table.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hfm.arrays import Bool, Float
from hfm.config import Simulate
from hfm.errors import UsageError
from hfm.simulate.slot_grid import SlotGrid, slot_grids
from hfm.tables import Array, Reader, arrays

CENT = 0.01
US = frozenset({"XNYS", "NYSE", "XNAS", "NASDAQ", "BATS", "XASE", "AMEX", "ARCX"})
TOKYO = frozenset({"XTKS", "JPX", "XJPX"})
TOKYO_PRICES = (1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6)
TOKYO_TICKS = (0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0, 1000.0)
"""Tick sizes of TOPIX 500 stocks at prices up to each of TOKYO_PRICES yen, the finest of the exchange's tables."""
CANDIDATES = np.array(
    sorted(
        {float(f"{m}e{k}") for k in range(-10, 4) for m in (1, 2, 2.5, 5)} | {2.0**-k for k in range(1, 9)},
        reverse=True,
    )
)
"""[K] coarsest first: 1, 2, 2.5 and 5 in each decade, and the halves down to 1/256 of bonds and grains."""
ON_GRID = 0.99
"""Share of prices that must be multiples of a tick: bad prints and a rare finer one are none."""
CHANCE = 0.01
"""Probability below which it is no chance that all prices are multiples of a coarser tick than the usual one."""
RULE_HOLDS, HARMLESS, ABSURD = 0.2, 1e-3, 0.02
"""A rule's tick stands where this share of prices lies on it, or where it is so small a part of the price; one that
prices without any grid contradict gives way only where it is absurd beside them."""
WINDOW = 256
"""Sessions looked back on."""
ROWS = 16
"""Rows of a session whose prices are looked at."""
FLOAT32 = 2.0**-24
"""Largest relative error of a price that was stored in 32 bits."""
_DIGITS = 1e-8
"""A grid as fine as this part of the price is no tick, but the digits of a number."""
_PRICES = ("open", "high", "low", "close")
_G10 = frozenset({"USD", "EUR", "JPY", "GBP", "CHF", "AUD", "NZD", "CAD", "SEK", "NOK"})


@dataclass(frozen=True)
class TickSizes:
    """Tick sizes of a symbol, currency: days [S], size [S]; where there are no days, `last` holds for all."""

    last: float = CENT
    days: Array = field(default_factory=lambda: np.empty(0, "datetime64[D]"))
    size: Float = field(default_factory=lambda: np.empty(0))

    def of(self, days: Array) -> Float:
        """Tick sizes of some of the sessions.

        Parameters
        ----------
        days
            [S] sessions that have a size.

        Returns
        -------
        Float
            [S, 1] currency.
        """
        if not len(self.days):
            return np.full((len(days), 1), self.last)
        return np.asarray(self.size[np.searchsorted(self.days, days)][:, None])


def tick_sizes(bars: Reader, sim: Simulate) -> dict[str, TickSizes]:
    """Tick sizes by symbol, from one pass over bars; invented bars have cents, and simulate.tick stands above all.

    A simulate.tick that is above a price is a UsageError (_below).

    Parameters
    ----------
    bars
        fetch/bars.parquet.
    sim
        The configuration.

    Returns
    -------
    dict[str, TickSizes]
        By symbol, of each session.
    """
    meta = bars.meta
    if meta.synthetic:
        return dict.fromkeys(meta.symbols, TickSizes(CENT if sim.tick is None else sim.tick))
    pasts: dict[str, list[tuple[Array, Float, Float]]] = {}
    calendar, slots = meta.calendar, meta.slots_per_session
    for group in bars.groups(("symbol", "session", "seq", *_PRICES)):
        columns = arrays(group, _PRICES)
        for grid in slot_grids(group, slots):
            prices = [grid.matrix(columns[name]) for name in _PRICES]
            past = pasts.setdefault(grid.symbol, [])
            first = prices[0][np.arange(len(grid.days)), grid.present().argmax(axis=1)]
            if sim.tick is not None:
                _below(grid, first, sim.tick)
                continue
            past.append((grid.days, first, _evidence(grid, prices, not past, calendar in US)))
    if sim.tick is not None:
        return dict.fromkeys(meta.symbols, TickSizes(sim.tick))
    return {symbol: _sizes(calendar, past) for symbol, past in pasts.items()}


def _below(grid: SlotGrid, price: Float, tick: float) -> None:
    """Raise UsageError where a session's first price is below the tick that was asked for."""
    if (price < tick).any():
        raise UsageError(
            f"simulate.tick is {tick:g}, above the price of {grid.symbol} ({float(price.min()):g})",
            hint="--set simulate.tick=none",
        )


def _sizes(calendar: str, past: list[tuple[Array, Float, Float]]) -> TickSizes:
    """The tick of each session. past: by group days, first prices and evidence, the extra row of _evidence in front."""
    days, price, evidence = (np.concatenate([part[k] for part in past]) for k in range(3))
    running = np.cumsum(evidence[1:], axis=0)  # whole numbers: exact, however the sessions come in groups
    before = np.concatenate((evidence[:1], running[:-1]))
    before[WINDOW + 1 :] -= running[: -WINDOW - 1]
    size = tick_size(calendar, price, before)
    return TickSizes(float(size[-1]), days, size)


def tick_size(calendar: str, price: Float, evidence: Float) -> Float:
    """Tick sizes of sessions, by their market's rule and the evidence of earlier prices.

    Parameters
    ----------
    calendar
        Names the market.
    price
        [S] at which the sessions open, currency.
    evidence
        [S, 1 + K] sums of grid_counts before each session.

    Returns
    -------
    Float
        [S] currency.
    """
    shown = _shown(price, evidence)
    rule = market_rule(calendar, price)
    if rule is None:
        return np.where(shown > 0, shown, _usual(price))
    place = np.searchsorted(-CANDIDATES, -rule * (1 + 1e-9))
    on_rule = evidence[np.arange(len(price)), 1 + place]
    holds = (on_rule >= RULE_HOLDS * np.maximum(evidence[:, 0], 1.0)) | (rule < HARMLESS * price)
    otherwise = np.where(shown > 0, shown, np.where(rule < ABSURD * price, rule, _usual(price)))
    least = np.maximum(rule, np.minimum(shown, CENT) if calendar in US else shown)
    return np.where(holds, least, otherwise)


def market_rule(calendar: str, price: Float) -> Float | None:
    """The finest tick at which a market quotes.

    Parameters
    ----------
    calendar
        Names the market.
    price
        [S] currency.

    Returns
    -------
    Float | None
        [S] currency; None where its rule is not known.
    """
    if calendar in US:
        return np.where(price < 1.0, 1e-4, CENT)
    if calendar in TOKYO:
        return np.array(TOKYO_TICKS)[np.searchsorted(TOKYO_PRICES, price)]
    return None


def _usual(price: Float) -> Float:
    """[S] the sixth significant digit of a price: .00001 of EURUSD, .001 of USDJPY, .1 to 1 of a Bitcoin."""
    return np.asarray(10.0 ** (np.floor(np.log10(price)) - 5.0))


def _shown(price: Float, evidence: Float) -> Float:
    """The coarsest candidate that nearly all earlier prices are multiples of, 0 where there is none.

    That n prices of the usual tick d are all multiples of a coarser c has probability (d / c)^n.

    Returns
    -------
    Float
        [S] currency.
    """
    count, on = evidence[:, :1], evidence[:, 1:]
    surprise = count * np.log(CANDIDATES / _usual(price)[:, None])
    coarse = _usual(price)[:, None] * (1 + 1e-9) < CANDIDATES
    good = (count > 0) & (on >= ON_GRID * count) & (~coarse | (surprise >= -np.log(CHANCE)))
    return np.where(good.any(axis=1), CANDIDATES[good.argmax(axis=1)], 0.0)


def _evidence(grid: SlotGrid, prices: list[Float], first: bool, us: bool) -> Float:
    """[S, 1 + K] grid_counts (see there) of each session; of a symbol's first group that of its first row in front."""
    slots = np.unique(np.linspace(0, grid.slots - 1, ROWS).astype(int))
    sample = np.stack([p[:, slots] for p in prices], axis=2).reshape(len(grid.days), -1)
    if first:
        opening = np.full((1, sample.shape[1]), np.nan)
        opening[0, :4] = [p[0, grid.present()[0].argmax()] for p in prices]
        sample = np.concatenate((opening, sample))
    return grid_counts(sample, us)


def grid_counts(prices: Float, us: bool = False) -> Float:
    """How many prices differ from the one before, and how many of these are multiples of each candidate.

    A session whose prices all fit in 32 bits may owe its last digits to that.

    Parameters
    ----------
    prices
        [S, P] in the order in which they were made, NaN for none.
    us
        Whether, where a fifth are multiples of a cent and none is below a dollar, the other candidates are not tried:
        what divides a cent counts as full.

    Returns
    -------
    Float
        [S, 1 + K].
    """
    changed = np.isfinite(prices) & (prices > 0)
    changed[:, 1:] &= prices[:, 1:] != prices[:, :-1]
    changed[:, :1] = False  # a price that never moves shows nothing
    price = np.where(changed, prices, 1.0)
    single = (price.astype(np.float32).astype(np.float64) == price).all(axis=1, keepdims=True)
    noise = np.where(single, FLOAT32, 2.0**-50) * price
    out = np.zeros((len(prices), 1 + len(CANDIDATES)))
    out[:, 0] = changed.sum(axis=1)
    look = np.ones(len(prices), bool)
    if us:
        cents = _multiples(price, noise, changed, CENT)
        look = (cents < RULE_HOLDS * np.maximum(out[:, 0], 1.0)) | (changed & (prices < 1.0)).any(axis=1)
        divides = np.abs(CENT / CANDIDATES - np.rint(CENT / CANDIDATES)) < 1e-6
        out[:, 1:] = np.where(divides & (CANDIDATES <= CENT * (1 + 1e-9)), out[:, :1], 0.0)
    if look.any():
        price, noise, changed = price[look], noise[look], changed[look]
        for k, tick in enumerate(CANDIDATES):
            out[look, 1 + k] = _multiples(price, noise, changed, float(tick))
    return out


def _multiples(price: Float, noise: Float, changed: Bool, tick: float) -> Float:
    """[S] how many of the fresh prices are multiples of tick, where their own noise lets that be seen."""
    if not ((price * _DIGITS < tick) & (price > 0.5 * tick) & changed).any():
        return np.zeros(len(price))
    steps = price / tick
    near = np.abs(steps - np.rint(steps)) <= noise / tick + 1e-6
    visible = (noise < 0.25 * tick) & (price * _DIGITS < tick) & (steps > 0.5)
    return np.asarray((near & visible & changed).sum(axis=1), np.float64)


def pip(symbol: str) -> float | None:
    """The pip of a pair of G10 currencies, however a vendor spells it.

    Parameters
    ----------
    symbol
        EURUSD, EUR/USD, EUR_USD, EURUSD=X, C:EURUSD, FX:EURUSD, EURUSD.FXCM, JPY=X (dollars in yen).

    Returns
    -------
    float | None
        .01 per yen, else .0001; None for the rest.
    """
    name = symbol.upper().rsplit(":", 1)[-1]
    if name.endswith("=X"):
        name = name[:-2]
        name = f"USD{name}" if len(name) == 3 else name
    name = name.replace("/", "").replace("_", "").replace("-", "").split(".", 1)[0]
    base, quote = name[:3], name[3:]
    if base == quote or base not in _G10 or quote not in _G10:
        return None
    return 0.01 if quote == "JPY" else 1e-4
