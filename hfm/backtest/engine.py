"""Runs the user's trial, the family and its delayed copies through the ledger, panel by panel.

Axes: K trials, then LAGS delayed copies of the user's; n rows; B (session, symbol) blocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hfm.backtest import bounce, family, ledger_tables
from hfm.backtest.bounce import Bounce
from hfm.backtest.family import Trial
from hfm.backtest.joined_panel import JoinedPanel
from hfm.backtest.prior_sessions import PriorSessions
from hfm.backtest.session_sums import LedgerSums
from hfm.backtest.sweep.summary_ledger import LedgerRows, rows_new, summarise_weights, workspace
from hfm.backtest.sweep.thresholds import Sweep
from hfm.config import Backtest
from hfm.errors import DataError
from hfm.kernels.jit import frozen
from hfm.ledger.account import ledger, params_new, state_new, states_new
from hfm.ledger.fills import Expectation, expected_costs
from hfm.ledger.ledger_records import BLOCK_SUMS, LEDGER_RESULT, ROUND_TRIP, Record
from hfm.ledger.round_trips import valued
from hfm.ledger.units import lot_size, tick_sizes
from hfm.orders import step
from hfm.plugins import Signals, Weights
from hfm.tables import TableMeta
from hfm.tables.records import Records

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
LAGS = 3
"""Rows by which the user's signals are also delayed: 1 to LAGS."""


@dataclass(frozen=True)
class Result:
    """What happened in one panel.

    Ledger rows [n] of LEDGER_RESULT in the table's order, overwritten by the next panel's, and the family's sums
    [K + LAGS, B] of BLOCK_SUMS.
    """

    out: Records
    sums: Records
    bounce: dict[str, Float]
    """Further columns of the trials, [K, B] each; empty where mids are no prices of trades."""


@dataclass(frozen=True)
class Observed:
    """A panel and what its policies may see.

    Of each row [n], from earlier sessions: daily volatility (0.01 is 1 %), average daily volume (units), usual spread
    (bps).
    """

    panel: JoinedPanel
    signals: Signals
    sigma_day: Float
    adv: Float
    level: Float


class Engine:
    """The states of all ledgers, carried from panel to panel."""

    def __init__(self, settings: Backtest, symbols: Sequence[str], meta: TableMeta, horizon: int) -> None:
        if not meta.slots_per_year > 0:
            raise DataError("the quotes do not say how many rows a year has", hint="hfm simulate")
        self.settings, self.symbols, self.horizon = settings, tuple(symbols), horizon
        self.trials: list[Trial] = family.members(settings.threshold)
        self.user = next(k for k, t in enumerate(self.trials) if t.user)
        self.session_sums = LedgerSums(len(symbols), meta.block_s)
        self.trips = np.empty(0, ROUND_TRIP)
        """Ended round trips that have not been taken yet, sorted by entry."""
        self.nets: list[Float] = []
        """Net of each ended round trip, currency."""
        self.entries: list[Int] = []
        """When each was entered: the session, or the block of clock time (session_sums.block_s)."""
        self.proposed = np.zeros(len(self.trials), np.int64)
        """Rows with a proposal, by trial."""
        self._history = PriorSessions(len(symbols), _slots(meta))
        self.volume = False
        """Whether any session says how much is traded a day."""
        self.lot = lot_size(settings, meta.calendar)
        shape = (len(symbols), tick_sizes(meta, symbols), float(meta.slots_per_year) / horizon, self.lot)
        own, base = params_new(settings, *shape), params_new(base_settings(settings), *shape)
        count = len(self.trials)
        self._params = np.stack([*[base] * count, *[own] * LAGS])
        self._params["keep_trips"] = False
        self._states = states_new(count + LAGS, settings.cash, len(symbols))
        self._own, self._state = own, state_new(settings.cash, len(symbols))
        self.bounce = Bounce(base_settings(settings), count, symbols, meta) if bounce.possible(meta) else None
        self.sweep = self._sweep_new()
        self._room: dict[str, Records] = {}
        self._rows = rows_new(0)

    def _sweep_new(self) -> Sweep | None:
        """The ledgers of the sweep that the settings ask for, under the user's own fill, sizing and limits."""
        count = self.settings.sweep
        levels = np.arange(count or 0) / (count or 1)
        return Sweep(levels, self._own, self.settings.cash, len(self.symbols)) if count else None

    def observe(self, panel: JoinedPanel) -> Observed | None:
        """The panel's out-of-sample sessions and what the policies may see of them; None where it has none."""
        sigma_day, adv, level = self._history.before(panel, self.horizon)
        starts = np.flatnonzero(np.diff(panel.session, prepend=-1))
        keep = np.repeat(np.logical_or.reduceat(panel.predicted, starts), np.diff(starts, append=len(panel.seq)))
        if not keep.any():
            return None
        if not keep.all():
            panel, sigma_day, adv, level = panel.select(keep), sigma_day[keep], adv[keep], level[keep]
        seen = family.inputs(panel, self._cost_bps(panel, sigma_day, adv))
        return Observed(panel, seen, sigma_day, adv, level)

    def take(self, panel: JoinedPanel) -> tuple[JoinedPanel, Result] | None:
        """The panel's out-of-sample sessions and what happened in them; None where it has none."""
        found = self.observe(panel)
        if found is None:
            return None
        panel, seen = found.panel, found.signals
        self.volume |= bool((found.adv > 0).any())
        proposals = family.targets(self.trials, panel, seen)
        self.proposed += [np.count_nonzero(weights) for weights in proposals]
        order = ledger_tables.time_order(panel)
        if len(self._rows.full) < len(panel.seq):
            self._rows = rows_new(len(panel.seq) + len(panel.seq) // 4)
        rows = self._rows.part(slice(len(panel.seq)))
        ledger_tables.kernel_rows(panel, found.sigma_day, found.adv, seen.cost_bps, order, rows)
        result = self._ledgers(panel, rows, proposals, order)
        self.session_sums.add(panel, result.out, order, found.level)
        return panel, result

    def _space(self, name: str, dtype: np.dtype[np.void], count: int) -> Records:
        """Records that each panel uses again: clearing new memory takes the system longer than the work."""
        held = self._room.get(name)
        if held is None or len(held) < count:
            held = self._room[name] = np.empty(count + count // 4, dtype)
        return held[:count]

    def _cost_bps(self, panel: JoinedPanel, sigma_day: Float, adv: Float) -> Float:
        """Expected round trip [n] of a full position, as the ledger charges it, as known at the row's close (bp)."""
        s, q = self.settings, panel.quotes
        rule = Expectation(s.cash * s.size / len(self.symbols), s.fee_bps, s.spread_share, s.impact)
        out = np.empty(len(adv))
        bid, ask, mid, volume, sigma = frozen((q["bid_close"], q["ask_close"], q["mid_close"], adv, sigma_day))
        expected_costs(rule, bid, ask, mid, volume, sigma, out)
        return out

    def _ledgers(self, panel: JoinedPanel, rows: LedgerRows, proposals: Sequence[Weights], order: Int | None) -> Result:
        own = proposals[self.user]
        late = [family.delayed(own, panel.borders, lag) for lag in range(1, LAGS + 1)]
        edge, space = ledger_tables.edges(rows.full), workspace(len(own))
        n, blocks = len(own), len(panel.borders) - 1
        sums = np.zeros((len(self._params), blocks), BLOCK_SUMS)
        for k, signal in enumerate([*proposals, *late]):
            weights = signal if order is None else signal[order]
            summarise_weights(ledger(self._states, k), self._params[k], rows, weights, edge, sums[k], space)
        if self.sweep is not None:
            score = np.sign(panel.forecasts["p_up"] - 0.5) * panel.forecasts["conf_rank"]
            self.sweep.take(rows, score if order is None else score[order])
        rows.full["target"] = own if order is None else own[order]
        out, trips = self._space("out", LEDGER_RESULT, n), self._space("trips", ROUND_TRIP, 2 * n + 2)
        ended = step.loop(self._state, self._own, rows.full, out, trips)
        self._ended(trips[:ended])
        if order is not None:
            back = np.empty_like(out)
            back[order] = out
            out = back
        if self.bounce is None:
            return Result(out, sums, {})
        self.bounce.own(panel, out)
        return Result(out, sums, self.bounce.take(panel, rows, proposals, order, space))

    def _ended(self, trips: Records) -> None:
        self.trips = ledger_tables.by_entry(np.concatenate([self.trips, trips]))
        self.nets.append(trips["net"].copy())
        entered, block_s = trips["session"].copy(), self.session_sums.block_s
        if block_s is not None:
            entered = trips["time"] // (block_s * 10**9)
        self.entries.append(entered)

    def ready(self) -> Records:
        """Ended trips [m] of sessions in which no trip is still under way; each is handed out once."""
        symbols = self._state.symbol
        open_since = symbols["trip_session"][symbols["qty"] != 0]
        cut = int(np.searchsorted(self.trips["session"], open_since.min())) if open_since.size else len(self.trips)
        ready, self.trips = self.trips[:cut], self.trips[cut:]
        return ready

    def rest(self, last: JoinedPanel) -> Records:
        """What is left at the end of the data; trips still under way are valued at the last mark."""
        ends: list[Record] = []
        for s in range(len(self.symbols)):
            trip = valued(self._state, s)
            if trip is not None:
                mine = np.flatnonzero(last.symbol == s)
                row = int(mine[-1]) if mine.size else len(last.symbol) - 1
                trip.exit_session = last.session[row]
                trip.exit_time = last.time[row]
                ends.append(trip)
        if ends:
            self._ended(np.array(ends, ROUND_TRIP))
            self._state.symbol["qty"] = 0.0
        return self.ready()


def base_settings(settings: Backtest) -> Backtest:
    """The fill, sizing and limits under which all trials are compared, with the user's own costs and capital."""
    plain = Backtest()
    own = ("model", "threshold", "fee_bps", "spread_share", "borrow", "impact", "cash", "lot")
    return dataclasses.replace(plain, **{name: getattr(settings, name) for name in own})


def apart(settings: Backtest) -> list[str]:
    """The user's own settings under which the trials are not compared: "fill cross"."""
    base, judged = base_settings(settings), ("sweep", "allow_lookahead")
    own = [field.name for field in dataclasses.fields(settings) if field.name not in judged]
    return [f"{name} {getattr(settings, name)}" for name in own if getattr(settings, name) != getattr(base, name)]


def _slots(meta: TableMeta) -> int:
    """Slots of a session that have a usual spread each; event rows have no slots, and one usual spread."""
    return 1 if meta.every == "event" else meta.slots_per_session or 1
