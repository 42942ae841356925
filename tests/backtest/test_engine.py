"""The user's ledger, the family and the delayed copies run over the same rows, panel by panel."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest.engine import LAGS, Engine, _slots, base_settings
from hfm.backtest.joined_panel import RESTING, JoinedPanel, panels
from hfm.config import Backtest
from tests.backtest import market
from tests.ledger.market import assert_records_equal

NAMES = ["AAA", "BBB"]


@pytest.fixture(scope="module")
def quoted() -> pa.Table:
    return market.walk(NAMES, 6, 12, seed=3)


def panels_of(quoted: pa.Table, keep: np.ndarray | None = None) -> list[JoinedPanel]:
    p = 0.5 + np.random.default_rng(2).normal(0, 0.06, quoted.num_rows)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5}, keep)
    return list(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "lstm", NAMES, RESTING))


def engine(quoted: pa.Table, **settings: object) -> Engine:
    chosen = {"threshold": "0.52", **settings}
    return Engine(Backtest(**chosen), NAMES, tables.MemoryReader(quoted).meta, 1)  # type: ignore[arg-type]  # few


def test_the_users_trial_in_the_family_is_its_ledger_where_it_adds_nothing(quoted: pa.Table) -> None:
    """Under the base fill and sizing: the sums of its columns, block by block."""
    (panel,) = panels_of(quoted)
    runner = engine(quoted)
    taken = runner.take(panel)
    assert taken is not None
    out, sums = taken[1].out, taken[1].sums
    assert sums.shape == (len(runner.trials) + LAGS, 12)
    net = np.add.reduceat(out["net_pnl"], panel.borders[:-1])
    np.testing.assert_allclose(sums["net"][runner.user], net, atol=1e-6)
    assert np.abs(net).max() > 1.0


def test_panels_change_nothing_but_where_the_work_is_cut(quoted: pa.Table) -> None:
    """Two panels in the same memory give the ledger of one; earlier results may be overwritten, not wrong."""
    (panel,) = panels_of(quoted)
    whole, parts = engine(quoted), engine(quoted)
    one = whole.take(panel)
    assert one is not None
    border = panel.session >= np.unique(panel.session)[2]
    found = []
    for keep in (~border, border):
        taken = parts.take(panel.select(keep))
        assert taken is not None
        found.append(taken[1].out.copy())
    assert_records_equal(np.concatenate(found), one[1].out)
    assert_records_equal(whole.ready(), parts.ready())


def test_a_panel_without_predictions_only_teaches_history(quoted: pa.Table) -> None:
    """None comes back, and the sessions after it know yesterday's volume: impact is charged from the first trade on."""
    keep = np.arange(quoted.num_rows) >= 48
    (panel,) = panels_of(quoted, keep)
    early = panel.session < np.unique(panel.session)[2]
    runner, fresh = engine(quoted), engine(quoted)
    assert runner.take(panel.select(early)) is None
    known, unknown = runner.take(panel.select(~early)), fresh.take(panel.select(~early))
    assert known is not None
    assert unknown is not None
    first = known[0].session == known[0].session[0]
    assert known[1].out["impact"][first].sum() > unknown[1].out["impact"][first].sum() == 0


def test_trips_wait_for_those_under_way_before_them(quoted: pa.Table) -> None:
    """Sessions with an open trip are not handed out; at the end it is valued at its mark, and nothing is left."""
    (panel,) = panels_of(quoted)
    runner = engine(quoted, hold_overnight=True)
    assert runner.take(panel) is not None
    ready = runner.ready()
    rest = runner.rest(panel)
    assert len(rest) > 0
    total = np.concatenate([ready, rest])
    assert total["net"].sum() == pytest.approx(runner.session_sums.get("net").sum(), abs=1e-6)
    assert (np.diff(total["session"]) >= 0).all()


def test_all_trials_are_compared_at_the_same_fill_and_limits() -> None:
    """The costs and the capital are the user's own, all else is plain."""
    own = Backtest(cash=5e5, fee_bps=1.0, fill="passive", sizing="kelly", max_position=10.0, threshold="q95")
    base = base_settings(own)
    assert (base.cash, base.fee_bps, base.threshold) == (5e5, 1.0, "q95")
    assert (base.fill, base.sizing, base.max_position) == ("next-open", "fixed", None)


def test_event_rows_have_one_usual_spread_and_bars_one_a_slot() -> None:
    """The running count of an event row is no time of day."""
    assert _slots(tables.TableMeta(slots_per_session=78)) == 78
    assert _slots(tables.TableMeta(slots_per_session=23_400, every="event")) == 1
    assert _slots(tables.TableMeta(slots_per_session=390, every="60s")) == 390
