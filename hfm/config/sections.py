"""The settings of each stage: frozen dataclasses whose annotations are their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

INTERVALS = {"1m": 60, "2m": 120, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600}
"""Seconds of each bar interval."""


@dataclass(frozen=True)
class Fetch:
    """Where bars come from, and which."""

    symbols: tuple[str, ...] = ()
    """What to fetch, such as ["SPY", "QQQ"]."""
    source: str = "yahoo"
    """yahoo, synthetic or file; of order books lobster, binance, tardis or databento; or a plug-in's."""
    path: str | None = None
    """File or folder of the `file` source."""
    days: Annotated[int, Gt(0), Le(36500)] | None = None
    """Calendar days back from `as_of`; 30 where neither days nor sessions are given (a file: all of it)."""
    sessions: Annotated[int, Gt(0), Le(50000)] | None = None
    """Trading sessions back from `as_of`, instead of days."""
    interval: Literal["1m", "2m", "5m", "15m", "30m", "1h"] = "5m"
    """Length of a bar."""
    calendar: str = "XNYS"
    """A name of exchange_calendars; 24/7 for crypto."""
    tz: str | None = None
    """Time zone of a file's times where the file does not say."""
    label: Literal["auto", "start", "end"] = "auto"
    """Whether a file's times stand at the start or the end of each bar."""
    map: Mapping[str, str] = field(default_factory=dict)
    """Column names of a file: {"close": "Last", ...}; or positions, counted from 1."""
    no_volume: bool = False
    """Whether a file has no volume: it is 0 in every bar."""
    decimal: Literal["auto", "point", "comma"] = "auto"
    """Mark before the decimals of a file's numbers."""
    price_unit: Annotated[float, Gt(0)] | None = None
    """Currency of one unit of a file's prices, such as 1e-9; None: 1, or what the format says."""
    max_gap: Annotated[float, Ge(0), Le(1)] = 0.05
    """Largest share of bars that may miss inside the sessions present."""
    max_time: Annotated[float, Gt(0), Le(86400)] = 300.0
    """Seconds for all requests of a network source together."""
    as_of: str | None = None
    """ISO time to stand in for now; bars that end later are dropped."""
    adjust: tuple[str, ...] = ()
    """Splits and changes of unit: SESSION=RATIO multiplies all prices from SESSION on by RATIO; `no` keeps the prices
    as they are. SYMBOL: may stand before either."""
    rebase: bool = False
    """Whether a split in the overlap may rescale the archive's prices."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 7
    """Seed of the synthetic source."""


@dataclass(frozen=True)
class Simulate:
    """Microstructure around the bars."""

    fidelity: Literal["bars", "book", "replay"] = "bars"
    """bars: quotes around each bar; book: an order book, event by event; replay: a real book that was fetched."""
    recipe: Literal["calibrated", "seed"] = "calibrated"
    """calibrated, or seed, which is the original recipe."""
    signal: Literal["none", "planted"] = "none"
    """planted puts a signal of known strength into synthetic bars."""
    kind: Literal["linear", "switch", "product"] = "linear"
    """What drives the planted return: z, z times a hidden sign, or the product of two signals."""
    rho: Annotated[float, Gt(0), Lt(1)] = 0.1
    """Correlation of the planted signal with the next standardised return."""
    carry: Annotated[float, Gt(0), Le(1)] = 1.0
    """Share (lambda) of the order-flow noise that carries the planted signal."""
    spread_bps: Annotated[float, Gt(0), Le(1000)] | None = None
    """Mean quoted spread; None: the tick model of SPY for SPY, else the upper side of what the bars show. A claim gives
    way where the bars contradict it."""
    tick: Annotated[float, Gt(0), Le(10)] | None = None
    """Price increment in currency; None: each symbol's own, by its market's rule or from its earlier prices."""
    l3: bool = False
    """`book` keeps orders apart, first in first out, each with its number."""
    events: bool = False
    """`book` also writes every event of the order book."""
    prints: bool = False
    """`book` also writes every trade."""
    snapshots: bool = False
    """`book` also writes best prices and sizes once a second."""
    levels: Annotated[int, Gt(0), Le(50)] = 1
    """Price levels a side after each event written."""
    constants: Mapping[str, float] = field(default_factory=dict)
    """Constants of the model that a calibration froze (facts.json of a replayed run); empty: the built-in ones."""
    tables: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """`book`: laws of a real book's flow that a calibration froze (facts.json "tables"); empty: the built-in flow."""
    every: str = "event"
    """`replay`: one row a time stamp (event), or a clock: 100ms, 1s, 5m."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 7
    """Seed of the market."""


@dataclass(frozen=True)
class Train:
    """Models and how they are fitted."""

    model: str = "lstm"
    """The model that is traded, beside its floors: lstm, gbm, logistic and so on, or a plug-in's."""
    also: tuple[str, ...] = ()
    """Models that are fitted and scored beside it."""
    epochs: Annotated[int, Gt(0), Le(100000)] = 50
    """Passes over the data, at most."""
    seeds: Annotated[int, Gt(0), Le(64)] = 3
    """Networks averaged."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 7
    """Seed of all that a fit draws."""
    features: Literal["default", "seed", "book", "events"] = "default"
    """default is events where the rows are events of an order book."""
    target: Literal["auto", "horizon", "next-move"] = "auto"
    """What is forecast: the row `horizon` rows later, or the mid's next move in the session; auto: that where rows are
    events."""
    horizon: Annotated[int, Gt(0), Le(1000)] = 1
    """Rows ahead of each label (1 of the target next-move)."""
    split: Literal["auto", "sessions", "blocks"] = "auto"
    """What folds are made of: whole sessions, or blocks of clock time inside them; auto: these where rows are
    events."""
    block_s: Annotated[int, Ge(1), Le(86400)] = 300
    """Seconds of a block."""
    rows: Annotated[int, Ge(1000), Le(1_000_000_000)] = 500_000
    """Most rows of events that linear models are fitted to and scored on; of more, one in k is. Networks see all."""
    window: Annotated[int, Ge(0), Le(50000)] = 0
    """Sessions (blocks) of a rolling training window; 0: expanding."""
    hidden: Annotated[int, Gt(0), Le(1024)] = 64
    """Units of a layer of a network."""
    layers: Annotated[int, Gt(0), Le(8)] = 2
    """Layers of a network."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.3
    """Share of a network's units that each training step leaves out."""
    lr: Annotated[float, Gt(0), Le(1)] = 2e-3
    """Learning rate."""
    weight_decay: Annotated[float, Ge(0), Le(10)] = 1e-2
    """Decoupled decay of the weights (AdamW)."""
    batch: Annotated[int, Gt(0), Le(100000)] = 8
    """Sessions a gradient step."""
    clip: Annotated[float, Gt(0), Le(1000)] = 1.0
    """Largest norm of a gradient; a larger one is scaled down."""
    ema: Annotated[float, Ge(0), Lt(1)] = 0.99
    """Decay a step of the moving average of the weights, which is what forecasts; 0: none."""
    patience: Annotated[int, Gt(0), Le(100000)] = 8
    """Epochs without a better validation loss after which a network is done."""
    warm_start: bool = True
    """Networks of a later fold begin between fresh weights and those of the fold before, which saw only earlier rows;
    else each fold anew."""
    warm_patience: Annotated[int, Gt(0), Le(100000)] = 3
    """The same as patience, of a network that begins warm."""
    warm_sessions: Annotated[int, Gt(0), Le(1_000_000)] = 120
    """Most sessions that an epoch of such a network passes over, drawn anew each time from all that it may see."""
    threads: Annotated[int, Gt(0), Le(256)] = 1
    """Threads of one network."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where networks are fitted; auto: CUDA where there is one, else the processor."""
    backend: Literal["auto", "torch", "fused"] = "auto"
    """What fits them: torch is plain autograd; fused is the LSTM's gradient by vectors on the processor, the same
    within rounding; auto: fused where it can be had, else torch."""


@dataclass(frozen=True)
class Backtest:
    """The strategy, its fills and its costs."""

    model: str | None = None
    """Whose predictions; None: the trained model."""
    sweep: Annotated[int, Ge(1), Le(100_000)] | None = None
    """Quantile thresholds to show beside the trial, evenly spaced; none is chosen, but N counts them all."""
    threshold: str = "0.6"
    """P in [0.5, 1), a quantile q50..q99.9 of the validation confidence, or cost."""
    fill: Literal["next-open", "next-mid", "cross", "passive", "close"] = "next-open"
    """close fills at the signal's own close and needs allow_lookahead."""
    allow_lookahead: bool = False
    """Permit fill close; the results carry a mark."""
    queue: bool = False
    """passive: an order also waits for its turn at its price; needs the event rows of a replayed order book."""
    fee_bps: Annotated[float, Ge(0), Le(1000)] = 0.05
    """Fee a side, in bp of notional."""
    spread_share: Annotated[float, Ge(0), Le(1)] = 0.75
    """Effective over quoted half-spread at a fill."""
    cash: Annotated[float, Gt(0), Le(1e15)] = 1_000_000.0
    """Starting capital, in currency."""
    lot: Annotated[float, Gt(0), Le(1e9)] | None = None
    """Units of which a position is a multiple; None: whole ones, of coins (calendar 24/7) parts down to 1e-8."""
    size: Annotated[float, Gt(0), Le(1)] = 1.0
    """Share of the session's opening equity in a full position."""
    borrow: Annotated[float, Ge(0), Le(10)] = 0.0025
    """Yearly rate on shorts held overnight (0.0025 is .25 %)."""
    impact: Annotated[float, Ge(0), Le(100)] = 0.7
    """Y of the square-root law: Y x daily volatility x sqrt(shares / average daily volume) over the price."""
    hold_overnight: bool = False
    """Keep positions over the close."""
    sizing: Literal["fixed", "vol", "kelly"] = "fixed"
    """vol and kelly take up to `size`, by the forecast standard deviation of the return."""
    vol_target: Annotated[float, Gt(0), Le(10)] = 0.1
    """Yearly volatility of the capital that vol sizing aims at (0.1 is 10 %)."""
    kelly: Annotated[float, Gt(0), Le(1)] = 0.25
    """Share of the Kelly bet, mean over variance of the return after costs."""
    max_position: Annotated[float, Gt(0)] | None = None
    """Shares in one symbol. Limits that are None are off."""
    max_gross: Annotated[float, Gt(0)] | None = None
    """Sum of |position x price| over the session's opening equity."""
    max_net: Annotated[float, Gt(0)] | None = None
    """|sum of position x price| over the session's opening equity."""
    participation: Annotated[float, Gt(0), Le(1)] | None = None
    """Share of the previous row's volume in one fill."""
    max_turnover: Annotated[float, Gt(0)] | None = None
    """Notional traded a session over its opening equity; what reduces a position passes."""
    max_spread_bps: Annotated[float, Gt(0)] | None = None
    """Quoted spread beyond which no position is opened or added to."""
    max_age_s: Annotated[float, Ge(0)] | None = None
    """Seconds between a decision and its fill beyond which no position is opened."""
    collar: Annotated[float, Gt(0)] | None = None
    """Move of the mid between a decision and its fill, as a fraction, beyond which the fill waits."""
    throttle: Annotated[int, Gt(0)] | None = None
    """Least rows between two new positions in one symbol."""
    daily_loss: Annotated[float, Gt(0), Lt(1)] | None = None
    """Loss since the session's open, as a fraction, that ends trading for the session."""
    max_drawdown: Annotated[float, Gt(0), Lt(1)] | None = None
    """Fall from the peak, as a fraction, that halts trading until it is released by name."""


@dataclass(frozen=True)
class Report:
    """Inference behind the verdict."""

    reps: Annotated[int, Ge(100), Le(1000000)] = 20_000
    """Resamples of the test behind the verdict; more are drawn where its level is smaller than they resolve."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 7
    """Seed of the resamples."""


@dataclass(frozen=True)
class Config:
    """All sections; the run records it whole."""

    fetch: Fetch = Fetch()
    simulate: Simulate = Simulate()
    train: Train = Train()
    backtest: Backtest = Backtest()
    report: Report = Report()


BEFORE_IT_EXISTED: dict[str, dict[str, object]] = {"train": {"warm_start": False, "rows": 1_000_000_000}}
"""Section -> key -> what hfm did in runs that are older than the setting, where that is not its default."""
