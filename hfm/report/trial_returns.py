"""The trials table as matrices: what every trial earned in a session beyond holding what it held on average before.

The excess of a session is its net return on the session's opening equity, less (the trial's mean exposure to the symbol
over the sessions before) x the symbol's hold in that session, summed over symbols. The mean is of earlier sessions on
purpose: a session's own exposure moves with that session's return (whoever buys dips is long on falling days), and
would hand an edge to reversal rules where there is none. Returns are on the opening equity because positions are sized
by it: over fixed capital late sessions of a trial that grew would weigh more. Axes: S sessions, K trials of the family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm import tables
from hfm.tables import TableMeta

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
RUINED = 0.01
"""Share of the capital at which a trial has nothing left to trade with: its later returns count as 0."""


@dataclass(frozen=True)
class Bounce:
    """The family where closes are prices of trades, so that a forecast may be of the bid-ask bounce alone.

    Attributes
    ----------
    late : [S, K] excess with every signal acted on one row later; late_net : [K] its net return, over fixed capital.
    charged : [S, K] excess where every fill pays the half-spread that the bars show, or the user's costs if more;
        charged_net : [K] its net return, about, over fixed capital.
    half_spread_bps : that half-spread, largest of the symbols, in bp of the price.
    ruled_by : the estimator that it came from.
    """

    late: Float
    charged: Float
    late_net: Float
    charged_net: Float
    half_spread_bps: float
    ruled_by: str


@dataclass(frozen=True)
class Family:
    """The trials as matrices: gross, net [S, K] (fractions of fixed capital), excess [S, K] (see above), trips [S, K].

    exposure: mean signed position over fixed capital [K], symbols summed. bounce: None where mids are no trades'
    prices.
    """

    names: tuple[str, ...]
    sessions: Int
    exposure: Float
    gross: Float
    net: Float
    excess: Float
    trips: Int
    user: str | None
    year: float
    """Sessions of the calendar's year."""
    bounce: Bounce | None = None
    unchecked: bool = False
    """Whether closes are prices of trades and the back-test did not look for their bounce."""

    @property
    def traded(self) -> Int:
        """Sessions [K] in which a round trip ended or money moved."""
        return np.asarray(((self.trips > 0) | (self.net != 0)).sum(axis=0))


@dataclass(frozen=True)
class _Layout:
    """Where the rows of a trials table stand: session [n], trial [n], and the rows of each symbol."""

    row: Int
    column: Int
    shape: tuple[int, int]
    symbols: dict[str, npt.NDArray[np.bool_]]

    def matrix(self, values: Float) -> Float:
        """[S, K] sums of values [n]."""
        out = np.zeros(self.shape)
        np.add.at(out, (self.row, self.column), values)
        return out

    def of_symbol(self, symbol: str, values: Float) -> Float:
        """[S, K] of one symbol, 0 where it has no row."""
        mine, out = self.symbols[symbol], np.zeros(self.shape)
        np.add.at(out, (self.row[mine], self.column[mine]), values[mine])
        return out


def family(trials: pa.Table) -> Family:
    """The matrices of a trials table (any order of rows); a session without a row of a trial counts as flat."""
    data = tables.arrays(trials)
    sessions, row = np.unique(data["session"].astype("datetime64[D]").astype(np.int64), return_inverse=True)
    names = list(dict.fromkeys(data["trial"]))
    place = {name: k for k, name in enumerate(names)}
    layout = _Layout(
        row, np.array([place[name] for name in data["trial"]], np.int64), (len(sessions), len(names)),
        {str(symbol): data["symbol"] == symbol for symbol in dict.fromkeys(data["symbol"])},
    )  # fmt: skip
    user = data["trial"][data["user"].astype(bool)]
    meta = tables.meta_of(trials.schema)
    bounce = _bounce(layout, data, meta)
    return Family(
        tuple(names), sessions, layout.matrix(data["exposure"]).sum(axis=0) / max(len(sessions), 1),
        layout.matrix(data["gross_return"]), layout.matrix(data["net_return"]),
        _excess(layout, data, "net_return", "exposure"), layout.matrix(data["trips"]).astype(np.int64),
        str(user[0]) if user.size else None, float(meta.sessions_per_year), bounce,
        bounce is None and _of_trades(meta),
    )  # fmt: skip


def _opening(net: Float) -> Float:
    """[S, K] opening equity over fixed capital, from the session P&L; infinite once a trial is ruined."""
    equity = 1.0 + np.cumsum(net, axis=0) - net
    gone = np.maximum.accumulate(equity < RUINED, axis=0)
    return np.where(gone, np.inf, equity)


def _excess(layout: _Layout, data: dict[str, Any], earned: str, held: str) -> Float:  # Any: NumPy arrays
    """[S, K]: see the module."""
    net = layout.matrix(data[earned])
    opening = _opening(net)
    out = net / opening
    before = np.maximum(np.arange(layout.shape[0]), 1)[:, None]
    for symbol in layout.symbols:
        exposure = layout.of_symbol(symbol, data[held]) / opening
        mean = (np.cumsum(exposure, axis=0) - exposure) / before
        out -= mean * layout.of_symbol(symbol, data["hold_return"])
    return np.asarray(out)


def _of_trades(meta: TableMeta) -> bool:
    """Whether mids are prices of trades; of tables from before that was written down, where bars were observed."""
    observed = meta.synthetic is False and meta.fidelity in ("bars", "book")
    return observed if meta.mid_is_trade is None else meta.mid_is_trade


def _bounce(layout: _Layout, data: dict[str, Any], meta: TableMeta) -> Bounce | None:  # Any: NumPy arrays
    """The family against the bid-ask bounce; None where the table holds no delayed trials."""
    if "late_return" not in data or not np.isfinite(data["late_return"]).any():
        return None
    late = {
        name: np.nan_to_num(data[name]) for name in ("late_return", "late_exposure", "free_return", "free_turnover")
    }
    late["hold_return"] = data["hold_return"]
    opening = _opening(layout.matrix(late["free_return"]))
    extra = np.zeros(layout.shape)
    shown = meta.bounce or {}
    for symbol in layout.symbols:
        more = float(shown.get(symbol, {}).get("extra_bps", 0.0))
        extra += layout.of_symbol(symbol, late["free_turnover"]) * more * 1e-4 / opening
    worst: Mapping[str, Any] = max(shown.values(), key=lambda each: float(each["half_spread_bps"]), default={})
    return Bounce(
        _excess(layout, late, "late_return", "late_exposure"),
        _excess(layout, data, "net_return", "exposure") - extra,
        layout.matrix(late["late_return"]).sum(axis=0), (layout.matrix(data["net_return"]) - extra).sum(axis=0),
        float(worst.get("half_spread_bps", 0.0)), str(worst.get("ruled_by", "none")),
    )  # fmt: skip
