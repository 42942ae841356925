"""The family once more, where closes are prices of trades: what of it is the bounce between bid and ask?

A close is a trade at the bid or at the ask, so the next close tends back: a forecast of that earns nothing that could
be had (Roll 1984, Journal of Finance 39(4), 1127-1139, doi:10.1111/j.1540-6261.1984.tb03897.x). Beside the family run:
the same signals one row late, the same signals without costs (their return and turnover, from which any cost follows),
and the bounce floor: a rule that only knows the last return's sign. Axes: K trials; n rows; B (session, symbol) blocks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.backtest import family
from hfm.backtest.joined_panel import JoinedPanel
from hfm.backtest.ledger_tables import edges
from hfm.backtest.sweep.summary_ledger import LedgerRows, Workspace, summarise_weights
from hfm.config import Backtest
from hfm.ledger.account import ledger, params_new, states_new
from hfm.ledger.ledger_records import BLOCK_SUMS, HOT_ROW
from hfm.ledger.units import lot_size, tick_sizes
from hfm.plugins import Weights
from hfm.tables import TableMeta
from hfm.tables.metrics_document import BounceFloor, Metrics
from hfm.tables.records import Records

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
FEE = 1e-12
"""Fee a side of the ledgers without costs, as a fraction: so small that it moves no size, and the notional follows."""


@dataclass(frozen=True)
class Shown:
    """What the bars of a symbol show of its spread: half of it in bp, the estimator, and what is not charged of it."""

    half_spread_bps: float
    ruled_by: str
    extra_bps: float


class Bounce:
    """The ledgers beside the family's, carried from panel to panel, and the sums that metrics.json takes."""

    def __init__(self, base: Backtest, trials: int, symbols: Sequence[str], meta: TableMeta) -> None:
        """Ledgers without positions.

        Parameters
        ----------
        base
            The settings under which trials are compared.
        trials
            K.
        symbols
            The run's.
        meta
            Of the quotes.
        """
        free = dataclasses.replace(base, spread_share=0.0, impact=0.0, borrow=0.0, fee_bps=FEE * 1e4)
        self._cash, self._trials = base.cash, trials
        self.shown = shown(meta, symbols, base.spread_share)
        lot = lot_size(base, meta.calendar)
        late, costless = (params_new(each, len(symbols), tick_sizes(meta, symbols), lot=lot) for each in (base, free))
        self._params = np.stack([late] * trials + [costless] * trials + [late])
        self._params["keep_trips"] = False
        self._states = states_new(2 * trials + 1, base.cash, len(symbols))
        self.reversal = np.zeros(2)
        """Net and gross of the rule that knows the last return's sign, currency."""
        self._calls = np.zeros(2)
        self.extreme = 0.0
        """What the user's fills at opens would have lost at the worse extreme of their rows, currency."""

    def take(
        self, panel: JoinedPanel, rows: LedgerRows, proposals: Sequence[Weights], order: Int | None, space: Workspace
    ) -> dict[str, Float]:
        """Run the ledgers beside the family's over a panel.

        Parameters
        ----------
        panel
            n rows, B blocks.
        rows
            The same in time order; their targets are overwritten.
        proposals
            K target weights [n], of each trial, in the table's order.
        order
            See ledger_tables.time_order.
        space
            See summary_ledger.workspace.

        Returns
        -------
        dict[str, Float]
            Columns of the trials table, each [K, B] over fixed capital: late_return, late_exposure, free_return,
            free_turnover.
        """
        late = [family.delayed(signal, panel.borders, 1) for signal in proposals]
        against = reversal(panel)
        sums = np.zeros((len(self._params), len(panel.borders) - 1), BLOCK_SUMS)
        edge, costless = edges(rows.full), at_mids(rows)
        for k, signal in enumerate([*late, *proposals, against]):
            weights = signal if order is None else signal[order]
            priced = costless if self._trials <= k < 2 * self._trials else rows
            summarise_weights(ledger(self._states, k), self._params[k], priced, weights, edge, sums[k], space)
        self.reversal += [_added(sums["net"][-1]), _added(sums["gross"][-1])]
        up = np.nan_to_num(2.0 * panel.y_up - 1.0)
        called = (against != 0) & (up != 0.0)
        self._calls += [np.count_nonzero(called & (against == up)), np.count_nonzero(called)]
        count, cash = self._trials, self._cash
        delayed, free = sums[:count], sums[count : 2 * count]
        return {
            "late_return": delayed["net"] / cash,
            "late_exposure": delayed["held"] / np.diff(panel.borders) / cash,
            "free_return": free["gross"] / cash,
            "free_turnover": (free["gross"] - free["net"]) / FEE / cash,
        }

    def own(self, panel: JoinedPanel, results: Records) -> None:
        """Take the user's own ledger of the panel.

        Parameters
        ----------
        panel
            n rows.
        results
            [n] of LEDGER_RESULT in the panel's order.
        """
        traded = results["qty_open"]
        worse = np.where(traded > 0, panel.quotes["trade_high"], panel.quotes["trade_low"])
        loss = traded * (worse - panel.quotes["mid_open"])
        self.extreme += float(np.sum(loss[(traded != 0) & np.isfinite(loss)]))

    @property
    def accuracy(self) -> float | None:
        """Share of labelled rows that the reversal rule calls right; None where it calls none."""
        return float(self._calls[0] / self._calls[1]) if self._calls[1] else None


def _added(values: Float) -> float:
    """The sum of values [B], one by one."""
    return float(np.cumsum(values)[-1])


def at_mids(rows: LedgerRows) -> LedgerRows:
    """The same rows with bid and ask at the mid, wherever there are both: the last fill of a session crosses them."""
    out = LedgerRows(rows.full.copy(), rows.hot.copy())
    for when in ("open", "close"):
        mid, bid, ask = (f"{side}_{when}" for side in ("mid", "bid", "ask"))
        quoted = np.isfinite(out.full[bid]) & np.isfinite(out.full[ask])
        for name in (bid, ask):
            out.full[name][quoted] = out.full[mid][quoted]
            if name in (HOT_ROW.names or ()):
                out.hot[name] = out.full[name]
    out.full["cash_dividend"] = 0.0  # net less gross is then the fee alone
    return out


def reversal(panel: JoinedPanel) -> family.Sign:
    """[n] the opposite of the last return's sign: of the row's close over the close before it in the same block."""
    close = panel.quotes["mid_close"]
    move = np.diff(close, prepend=close[:1])
    move[panel.borders[:-1]] = 0.0
    return np.asarray(-np.sign(np.nan_to_num(move)), np.int8)


def possible(meta: TableMeta) -> bool:
    """Whether the mids of the quotes are prices of trades, so that a forecast may be of their bounce."""
    return bool(meta.mid_is_trade)


def shown(meta: TableMeta, symbols: Sequence[str], spread_share: float) -> dict[str, Shown]:
    """What the bars of each symbol show of its spread, as the quotes' metadata hold it.

    These are effective spreads: what a fill pays whose share of the quoted one is the default.

    Parameters
    ----------
    meta
        Of the quotes.
    symbols
        The run's.
    spread_share
        Effective over quoted half-spread, as asked for; `extra_bps` is what a fill does not pay of what is shown.

    Returns
    -------
    dict[str, Shown]
        By symbol; 0 bp where the quotes say nothing.
    """
    usual = Backtest().spread_share
    out = {}
    for symbol in symbols:
        entry = (meta.spread or {}).get(symbol, {})
        half, charged = (0.5 * float(entry.get(name) or 0.0) for name in ("upper_bps", "bps"))
        out[symbol] = Shown(half, str(entry.get("ruled_by", "none")), max(half - spread_share / usual * charged, 0.0))
    return out


def document(bounce: Bounce, metrics: Metrics, cash: float) -> BounceFloor:
    """The entry `bounce` of metrics.json: the floor, and what part of the user's gross return disappears.

    Parameters
    ----------
    bounce : after the last panel.
    metrics : the rest of metrics.json.
    cash : starting capital, currency.

    Returns
    -------
    The floor, and the shares that are left; None where no gross return was earned.
    """
    gross = float(metrics.costs.gross)
    half = max((each.half_spread_bps for each in bounce.shown.values()), default=0.0)
    late = float(metrics.sensitivity.delay[1].gross_return) * cash
    charged = gross - float(metrics.notional) * half * 1e-4

    def share(left: float) -> float | None:
        return left / gross if gross > 0 else None

    return BounceFloor(
        reversal_net=float(bounce.reversal[0]) / cash,
        reversal_gross=float(bounce.reversal[1]) / cash,
        reversal_accuracy=bounce.accuracy,
        half_spread_bps=half,
        spread={symbol: dataclasses.asdict(each) for symbol, each in bounce.shown.items()},
        kept_extreme=share(gross - bounce.extreme),
        kept_late=share(late),
        kept_charged=share(charged),
    )


def message(entry: BounceFloor) -> str:
    """The sentence beside the figures of a back-test: the bounce floor, and what is left of the gross return."""

    def share(kept: float | None) -> str:
        return f"{100 * kept:.0f} %" if kept is not None and kept > 0 else "nothing"

    accuracy = entry.reversal_accuracy
    right = "" if accuracy is None or math.isnan(accuracy) else f", right in {100 * accuracy:.1f} % of rows"
    text = (
        f"prices are those of trades; a rule that only calls the opposite of the last return{right}, would have made "
        f"{100 * entry.reversal_net:.2f} % net at these costs"
    )
    if entry.kept_late is None:
        return text
    return (
        f"{text}; of this trial's gross return {share(entry.kept_late)} is left one row late, "
        f"{share(entry.kept_extreme)} at the worse extreme of the next row, and {share(entry.kept_charged)} at the "
        f"half-spread that the bars show ({entry.half_spread_bps:.2f} bp)"
    )
