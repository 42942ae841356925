"""Many levels' ledgers side by side, for sweeps: what one row does to all of them is the processor's vector work.

The slow twin is hfm.orders.step.loop; tests/backtest/sweep/test_batched_ledger.py and test_thresholds.py compare
them. Left out: all but a plain rule, which is one symbol, fixed size, flat overnight, fills at the next open, and no
limit but a maximal position. Where more is asked for - a position carried into a session, a close without a price -
`run` stops, and the step itself takes that row. It buys 4.5 times the speed of the summary ledger at 1,000 levels and
3.4 times at 50 (bench `sweep`), which alone would be below 50 times vectorbt.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernels.jit import bare
from hfm.ledger import ledger_records as rec
from hfm.ledger.fills import fill_price, half_spread, impact, position_size, quoted
from hfm.ledger.ledger_records import LedgerState, Record
from hfm.orders.order_records import NEW, NONE
from hfm.tables.records import Records, RecordType, nested_dtype

Float = npt.NDArray[np.float64]
LANES = 64
"""Ledgers side by side: so few that they stay in the processor's nearest memory."""
BATCH: RecordType = nested_dtype([
    *((name, "f8", (LANES,)) for name in ("level", "cash", "qty", "target", "open_equity", "trips")), ("session", "i8"),
])  # fmt: skip
"""Of each ledger: its level, cash, position and target, equity at the session's open, and round trips ended; of all of
them the session of the last row seen."""


@bare
def run(batch: Records, params: Records, rows: Records, score: Float, start: int) -> int:
    """Carry the ledgers through rows for as long as the rule is a plain one.

    Parameters
    ----------
    batch
        [1] of BATCH, updated.
    params
        [1] of PARAMS.
    rows
        [n] of LEDGER_ROW.
    score
        [n]: long where it is above a ledger's level, short where it is below minus it; NaN is flat.
    start
        The first row to take.

    Returns
    -------
    int
        The row at which it stopped, which it has not taken; n if at none.
    """
    b, rule = batch[0], params[0]
    for i in range(start, score.size):
        row, close = rows[i], rows[i].mid_close
        if not (close > 0.0 and close < np.inf):
            return i
        if row.session != b.session:
            busy = 0.0
            for j in range(LANES):
                busy += abs(b.qty[j]) + abs(b.target[j])
            if busy != 0.0:
                return i
            b.session = row.session
            for j in range(LANES):
                b.open_equity[j] = b.cash[j]
        if quoted(row.mid_open, row.bid_open, row.ask_open):
            _fill(b, rule, row, rule.fill_mode, row.mid_open, row.bid_open, row.ask_open)
        if not row.is_last:
            s = score[i]
            for j in range(LANES):
                up, down, target = s > b.level[j], s < -b.level[j], b.target[j]
                new = min(position_size(rule, 1.0, b.open_equity[j], close), rule.max_position)
                new_long, new_short = target if target > 0.0 else new, target if target < 0.0 else -new
                b.target[j] = new_long if up else (new_short if down else 0.0)
        else:
            for j in range(LANES):
                b.target[j] = 0.0
            if quoted(close, row.bid_close, row.ask_close):
                _fill(b, rule, row, rec.FILL_CROSS, close, row.bid_close, row.ask_close)
    return score.size


@bare
def _fill(b: Record, rule: Record, row: Record, fill: int, mid: float, bid: float, ask: float) -> None:
    """Bring every position to its target at mid, bid and ask (currency), by a mode FILL_..."""
    orders = 0
    for j in range(LANES):
        orders += 1 if b.target[j] != b.qty[j] else 0
    if orders == 0:  # in most rows: spares the square roots
        return
    buy = half_spread(fill, rule.spread_share, 1.0, mid, bid, ask)
    sell = half_spread(fill, rule.spread_share, -1.0, mid, bid, ask)
    for j in range(LANES):
        before = b.qty[j]
        want = b.target[j] - before
        size = abs(want)
        slip = (buy if want > 0.0 else sell) + impact(mid, rule.impact, row.sigma_day, size, row.adv)
        fee = rule.fee * size * fill_price(mid, slip, want)
        b.cash[j] -= want * mid + size * slip + fee
        b.trips[j] += 1.0 if before * want < 0.0 and size >= abs(before) else 0.0
        b.qty[j] = b.target[j]


def load(states: LedgerState, levels: Float) -> Records:
    """Lay ledgers side by side.

    Parameters
    ----------
    states
        k ledgers of one symbol: book [k], symbol and order [k, 1]; k is at most LANES.
    levels
        [k] of each.

    Returns
    -------
    Records
        [1] of BATCH; lanes without a ledger never trade.
    """
    batch, position, order = np.zeros(1, BATCH), states.symbol[:, 0], states.order[:, 0]
    batch["level"] = np.inf
    for name, values in (
        ("level", levels), ("cash", states.book["cash"]), ("open_equity", states.book["open_equity"]),
        ("qty", position["qty"]), ("target", order["target"]),
    ):  # fmt: skip
        batch[name][0, : len(levels)] = values
    batch["session"] = position["session"][0]
    return batch


def save(batch: Records, states: LedgerState, rows: Records) -> None:
    """Put the ledgers back into their states, which have seen `rows` meanwhile; orders that have ended are not kept.

    Parameters
    ----------
    batch
        [1] of BATCH.
    states
        Those of `load`, updated.
    rows
        [1 or more] of LEDGER_ROW.
    """
    book, position, order, k, last = states.book, states.symbol[:, 0], states.order[:, 0], len(states.book), rows[-1]
    book["cash"], book["open_equity"] = batch["cash"][0, :k], batch["open_equity"][0, :k]
    position["qty"], order["target"] = batch["qty"][0, :k], batch["target"][0, :k]
    order["weight"] = np.sign(order["target"])
    order["qty"] = order["leaves"] = order["target"] - position["qty"]
    order["state"], order["filled"] = np.where(order["leaves"] != 0.0, NEW, NONE), 0.0
    book["session"] = position["session"] = batch["session"][0]
    position["rows"] += len(rows)
    position["mark"], order["volume"], order["decided"] = last.mid_close, last.volume, last.time
    order["bid"], order["ask"] = last.bid_close, last.ask_close
