"""What is summed by session is what the ledger's rows say, and hits are counted against outcomes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest.joined_panel import JoinedPanel, panels
from hfm.backtest.session_sums import GrowingArray, LedgerSums
from hfm.ledger import ledger_records as rec
from hfm.ledger import reasons
from tests.backtest import market

NAMES = ["AAA", "BBB"]


def panel_of(quoted: pa.Table, p: np.ndarray | float) -> JoinedPanel:
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.6})
    return next(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "lstm", NAMES))


def taken(panel: JoinedPanel, out: np.ndarray) -> LedgerSums:
    session_sums = LedgerSums(2)
    session_sums.add(panel, out, np.argsort(panel.time, kind="stable"), np.full(len(out), 1.5))
    return session_sums


def test_money_is_summed_by_session_over_all_symbols() -> None:
    """Each cost apart; notional from both fills, NaN prices of fills that were none left out."""
    panel = panel_of(market.walk(NAMES, 3, 4), 0.5)
    out = np.zeros(24, rec.LEDGER_RESULT)
    out["px_open"] = out["px_close"] = np.nan
    out["fee"], out["net_pnl"] = 1.0, np.arange(24)
    out["qty_open"][3], out["px_open"][3] = -10.0, 5.0
    out["qty_close"][23], out["px_close"][23] = 2.0, 7.0
    out["reason"][8:16] = reasons.MAX_GROSS | reasons.STALE
    session_sums = taken(panel, out)
    assert session_sums.get("fee").tolist() == [8.0] * 3
    assert session_sums.get("net").tolist() == [28.0, 92.0, 156.0]
    assert session_sums.get("notional").tolist() == [50.0, 0.0, 14.0]
    assert session_sums.reason_rows(reasons.MAX_GROSS) == session_sums.reason_rows(reasons.STALE) == 8
    assert session_sums.reason_rows(reasons.MAX_NET) == 0
    assert (session_sums.rows, session_sums.predicted) == (24, 24)


def test_hits_are_counted_where_there_is_an_outcome() -> None:
    """A call of .5 is half right; rows without a label count neither way; the floor beside."""
    quoted = market.walk(NAMES, 2, 4)
    panel = panel_of(quoted, 0.5)
    up = panel.y_up == 1
    labels = int(np.isfinite(panel.y_up).sum())
    assert labels == 12
    session_sums = taken(panel, np.zeros(16, rec.LEDGER_RESULT))
    assert session_sums.get("hits").sum() == labels / 2
    assert session_sums.get("floor_hits").sum() == up.sum()  # the constant model says .6: always up
    right = panel_of(quoted, np.where(np.nan_to_num(panel.y_up, nan=0.0) > 0, 0.9, 0.2))
    signal = np.zeros(16, rec.LEDGER_RESULT)
    signal["signal"][:5] = 1.0
    session_sums = taken(right, signal)
    assert session_sums.get("hits").sum() == labels
    assert session_sums.get("traded").sum() == np.isfinite(panel.y_up[:5]).sum()
    assert session_sums.get("traded_hits").sum() == up[:5].sum()
    assert session_sums.largest == pytest.approx((0.9, 0.8))


def test_equity_is_taken_once_an_instant_after_all_its_symbols() -> None:
    """Two symbols of one instant share it: what stands after the second counts."""
    panel = panel_of(market.walk(NAMES, 2, 4), 0.5)
    out = np.zeros(16, rec.LEDGER_RESULT)
    order = np.argsort(panel.time, kind="stable")
    out["equity"][order] = np.arange(16)
    session_sums = taken(panel, out)
    assert session_sums.equity.get().tolist() == [1, 3, 5, 7, 9, 11, 13, 15]


def test_an_instant_knows_its_session_across_panels() -> None:
    """Sessions of unequal length, taken in two panels; the first of a session is in it, the last too."""
    session_sums = LedgerSums(2)
    for sessions in (3, 2):
        panel = panel_of(market.walk(NAMES, sessions, 4), 0.5)
        session_sums.add(
            panel,
            np.zeros(8 * sessions, rec.LEDGER_RESULT),
            np.argsort(panel.time, kind="stable"),
            np.ones(8 * sessions),
        )
    assert [session_sums.session_of(i) for i in range(20)] == [i // 4 for i in range(20)]


@pytest.mark.parametrize("kind", [np.float64, np.int8])
def test_a_series_is_its_pieces_one_after_the_other(kind: type) -> None:
    """Whatever their lengths, empty ones too, and what was read before it grew is not what it reads."""
    rng = np.random.default_rng(4)
    pieces = [rng.integers(-1, 2, n).astype(kind) for n in (0, 3, 0, 1, 700, 2, 64, 5_000)]
    series = GrowingArray()
    for piece in pieces:
        series.add(piece)
        piece_then = series.get().copy()
    np.testing.assert_array_equal(series.get(), np.concatenate(pieces))
    assert series.get().dtype == kind
    np.testing.assert_array_equal(piece_then, series.get())


def test_outcomes_are_kept_by_symbol_for_the_permutation() -> None:
    """Signs come back as numbers, in order, of the predicted rows."""
    panel = panel_of(market.walk(NAMES, 2, 4), np.linspace(0.1, 0.9, 16))
    (first, _), (second, returns) = taken(panel, np.zeros(16, rec.LEDGER_RESULT)).signal_series("call", "ret")
    mine = panel.symbol == 1
    np.testing.assert_array_equal(first, np.sign(panel.forecasts["p_up"][~mine] - 0.5))
    np.testing.assert_array_equal(second, np.sign(panel.forecasts["p_up"][mine] - 0.5))
    np.testing.assert_array_equal(returns, panel.forecasts["y_ret_bps"][mine])


def test_a_symbol_without_a_prediction_is_a_part_too() -> None:
    """It has no row to shift: the permutation must not say more than it would with it."""
    quoted = market.walk(NAMES, 2, 4)
    keep = np.array(quoted.column("symbol").to_pylist()) == NAMES[0]
    panel = next(panels(
        tables.MemoryReader(quoted), tables.MemoryReader(market.predictions(quoted, {"lstm": 0.6}, keep)), "lstm", NAMES
    ))  # fmt: skip
    signal_series = taken(panel, np.zeros(16, rec.LEDGER_RESULT)).signal_series("call", "up")
    assert [len(a) for a, _ in signal_series] == [len(b) for _, b in signal_series] == [8, 0]


def test_hits_are_summed_by_block_where_predictions_were_split_by_them() -> None:
    """Rows of one clock time in one session, of all symbols; by session the sums are what they were."""
    quoted = market.walk(NAMES, 3, 40)
    panel = panel_of(quoted, np.random.default_rng(5).uniform(0.3, 0.7, 240))
    out, order = np.zeros(240, rec.LEDGER_RESULT), np.argsort(panel.time, kind="stable")
    whole, cut = LedgerSums(2), LedgerSums(2, block_s=900)
    for session_sums in (whole, cut):
        session_sums.add(panel, out, order, np.full(240, 1.5))
    key = list(zip(panel.session.tolist(), (panel.time // (900 * 10**9)).tolist(), strict=True))
    labelled = np.isfinite(panel.y_up)
    want = [sum(1 for k, use in zip(key, labelled, strict=True) if use and k == unit) for unit in sorted(set(key))]
    assert cut.unit("labels").tolist() == want
    assert len(want) > 3 * 5
    for name in ("labels", "hits", "floor_hits"):
        assert cut.get(name).tolist() == whole.get(name).tolist() == whole.unit(name).tolist()
    assert cut.days().tolist() == whole.days().tolist()
