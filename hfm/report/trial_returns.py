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
class BounceReturns:
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
class TrialReturns:
    """The trials of a family as matrices.

    Attributes
    ----------
    names : [K]; sessions : [S] days since 1970.
    exposure : [K] mean signed position over fixed capital, symbols summed.
    gross, net : [S, K] fractions of fixed capital.
    excess : [S, K] see the module.
    trips : [S, K] round trips ended.
    user : name of the user's own trial; None where the table does not say.
    bounce : None where mids are no prices of trades.
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
    bounce: BounceReturns | None = None
    unchecked: bool = False
    """Whether closes are prices of trades and the back-test did not look for their bounce."""

    @property
    def traded(self) -> Int:
        """Sessions [K] in which a round trip ended or money moved."""
        return np.asarray(((self.trips > 0) | (self.net != 0)).sum(axis=0))


@dataclass(frozen=True)
class _TrialMatrix:
    """Where the rows [n] of a trials table stand in a matrix [S, K]: session and trial of each; rows by symbol."""

    session: Int
    trial: Int
    sessions: int
    trials: int
    symbols: dict[str, npt.NDArray[np.bool_]]

    def sums(self, values: Float, rows: npt.NDArray[np.bool_] | slice = slice(None)) -> Float:
        """Sums by session and trial.

        Parameters
        ----------
        values : [n].
        rows : those that count.

        Returns
        -------
        [S, K], 0 where there is no row.
        """
        out = np.zeros((self.sessions, self.trials))
        np.add.at(out, (self.session[rows], self.trial[rows]), values[rows])
        return out


def trial_returns(trials: pa.Table) -> TrialReturns:
    """The matrices of a trials table.

    Parameters
    ----------
    trials : rows in any order; a session without a row of a trial counts as flat.

    Returns
    -------
    Sessions in order, trials in the order of their first rows.
    """
    data = tables.arrays(trials)
    sessions, session = np.unique(data["session"].astype("datetime64[D]").astype(np.int64), return_inverse=True)
    names = list(dict.fromkeys(data["trial"]))
    place = {name: k for k, name in enumerate(names)}
    matrix = _TrialMatrix(
        session, np.array([place[name] for name in data["trial"]], np.int64), len(sessions), len(names),
        {str(symbol): data["symbol"] == symbol for symbol in dict.fromkeys(data["symbol"])},
    )  # fmt: skip
    user = data["trial"][data["user"].astype(bool)]
    meta = tables.meta_of(trials.schema)
    bounce = _bounce(matrix, data, meta)
    return TrialReturns(
        tuple(names), sessions, matrix.sums(data["exposure"]).sum(axis=0) / max(len(sessions), 1),
        matrix.sums(data["gross_return"]), matrix.sums(data["net_return"]),
        _excess(matrix, data, "net_return", "exposure"), matrix.sums(data["trips"]).astype(np.int64),
        str(user[0]) if user.size else None, float(meta.sessions_per_year), bounce,
        bounce is None and _mid_is_trade(meta),
    )  # fmt: skip


def _opening(net: Float) -> Float:
    """[S, K] opening equity over fixed capital, from the session P&L; infinite once a trial is ruined."""
    equity = 1.0 + np.cumsum(net, axis=0) - net
    ruined = np.maximum.accumulate(equity < RUINED, axis=0)
    return np.where(ruined, np.inf, equity)


def _excess(matrix: _TrialMatrix, data: dict[str, Any], returns: str, exposures: str) -> Float:  # Any: NumPy arrays
    """[S, K] excess returns, see the module; returns, exposures: names of columns."""
    net = matrix.sums(data[returns])
    opening = _opening(net)
    out = net / opening
    before = np.maximum(np.arange(matrix.sessions), 1)[:, None]
    for rows in matrix.symbols.values():
        exposure = matrix.sums(data[exposures], rows) / opening
        mean = (np.cumsum(exposure, axis=0) - exposure) / before
        out -= mean * matrix.sums(data["hold_return"], rows)
    return np.asarray(out)


def _mid_is_trade(meta: TableMeta) -> bool:
    """Whether mids are prices of trades; of tables from before that was written down, where bars were observed."""
    observed = meta.synthetic is False and meta.fidelity in ("bars", "book")
    return observed if meta.mid_is_trade is None else meta.mid_is_trade


def _bounce(
    matrix: _TrialMatrix, data: dict[str, Any], meta: TableMeta
) -> BounceReturns | None:  # Any: NumPy arrays, JSON
    """The family against the bid-ask bounce; None where the table holds no delayed trials."""
    if "late_return" not in data or not np.isfinite(data["late_return"]).any():
        return None
    late = {
        name: np.nan_to_num(data[name]) for name in ("late_return", "late_exposure", "free_return", "free_turnover")
    }
    late["hold_return"] = data["hold_return"]
    opening = _opening(matrix.sums(late["free_return"]))
    extra = np.zeros((matrix.sessions, matrix.trials))
    shown = meta.bounce or {}
    for symbol, rows in matrix.symbols.items():
        more = float(shown.get(symbol, {}).get("extra_bps", 0.0))
        extra += matrix.sums(late["free_turnover"], rows) * more * 1e-4 / opening
    worst: Mapping[str, Any] = max(shown.values(), key=lambda each: float(each["half_spread_bps"]), default={})
    return BounceReturns(
        _excess(matrix, late, "late_return", "late_exposure"),
        _excess(matrix, data, "net_return", "exposure") - extra,
        matrix.sums(late["late_return"]).sum(axis=0), (matrix.sums(data["net_return"]) - extra).sum(axis=0),
        float(worst.get("half_spread_bps", 0.0)), str(worst.get("ruled_by", "none")),
    )  # fmt: skip
