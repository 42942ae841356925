"""The two markets of the demonstration, the settings of their runs, and what is told of a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hfm.config import Config

SOURCE = "synthetic"
SYMBOL = "DEMO"
"""A symbol that no market has: what is tried here is not counted among the trials of a user's own symbols."""
SESSIONS = 250
AS_OF = "2026-03-06T22:00:00Z"
"""The last session ends before it, so that the markets are the same on every day."""
RHO = 0.2
"""Correlation of the planted signal with the next standardised return: a perfect forecaster calls 56.4 % of moves."""
MODEL, THRESHOLD = "logistic", "q90"
SEED = 7


@dataclass(frozen=True)
class Market:
    """One of the two: its name, what simulate.signal is, and the verdict that it should have."""

    name: str
    signal: str
    expected: str

    @property
    def run(self) -> str:
        """The name of its run."""
        return f"demo-{self.name}"


SUPPORTED = "edge supported"
MARKETS = (Market("planted", "planted", SUPPORTED), Market("none", "none", "no edge found"))


def settings(market: Market, seed: int) -> Config:
    """The settings of a market's run.

    Parameters
    ----------
    market
        Which one.
    seed
        Of the bars, of what is simulated around them, and of the fits.

    Returns
    -------
    Config
        The same for both, but for the signal. No hfm.toml is read.
    """
    from hfm.config import Layer, load

    fetch = {"symbols": (SYMBOL,), "source": SOURCE, "sessions": SESSIONS, "as_of": AS_OF, "seed": seed}
    simulate = {"signal": market.signal, "rho": RHO, "seed": seed}
    return load([Layer("hfm demo", {
        "fetch": fetch, "simulate": simulate, "train": {"model": MODEL, "seed": seed},
        "backtest": {"threshold": THRESHOLD},
    })])  # fmt: skip


class WithInterval(NamedTuple):
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class MarketVerdict:
    """What the report of a market's run says.

    Attributes
    ----------
    market : its name; run_dir, page : absolute paths.
    label : edge supported, no edge found or insufficient data; expected : what it should be.
    accuracy : share of the directions that were called, with its 95 % interval; base_rate : beside it.
    net_return : fraction of the capital after costs, with its 95 % interval.
    round_trips, sessions : out of sample.
    p : of the test of the family; level : largest p that supports an edge; reps : resamples behind it.
    """

    market: str
    run_dir: str
    page: str
    label: str
    expected: str
    accuracy: WithInterval
    base_rate: float
    net_return: WithInterval
    round_trips: int
    sessions: int
    p: float
    level: float
    reps: int

    @classmethod
    def of_json(cls, body: dict[str, Any]) -> MarketVerdict:  # Any: JSON values
        """From its fields as JSON has them."""
        pairs = {name: WithInterval(*body[name]) for name in ("accuracy", "net_return")}
        return cls(**{**body, **pairs})

    @property
    def right(self) -> bool:
        """Whether it is what it should be."""
        return self.label == self.expected


def verdict(market: Market, run_dir: str, summary: dict[str, Any]) -> MarketVerdict:  # Any: JSON
    """The verdict of a market's run.

    Parameters
    ----------
    market
        Which one.
    run_dir
        The run's folder.
    summary
        report/summary.json.

    Returns
    -------
    MarketVerdict
        Its figures as they stand there.
    """
    from hfm.artifacts import PAGE

    headline, numbers = summary["headline"], summary["verdict"]["numbers"]
    accuracy, net = headline["accuracy_direction"], headline["return_net"]
    return MarketVerdict(
        market.name, run_dir, f"{run_dir}/{PAGE}", summary["verdict"]["label"], market.expected,
        WithInterval(accuracy["value"], accuracy["lo"], accuracy["hi"]), accuracy["floor"],
        WithInterval(net["value"], net["lo"], net["hi"]), int(summary["backtest"]["metrics"]["trips"]["value"]),
        int(numbers["sessions"]), numbers["p"], numbers["level"], int(numbers["reps"]),
    )  # fmt: skip
