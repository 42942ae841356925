"""Sums over all sessions are taken one by one, so that cuts between panels change no bit."""

from __future__ import annotations

import numpy as np

from hfm.backtest.engine import LAGS
from hfm.backtest.totals import Totals
from hfm.ledger import ledger_records as rec
from tests.backtest import market
from tests.backtest.test_session_sums import panel_of


def test_cuts_between_panels_change_no_bit() -> None:
    """Sums of the family, exposure and hold by block, and the count of sessions."""
    panel = panel_of(market.walk(["AAA", "BBB"], 4, 5), 0.5)
    rng = np.random.default_rng(4)
    sums, out = np.zeros((2 + LAGS, 8), rec.BLOCK_SUMS), np.zeros(40, rec.LEDGER_RESULT)
    for records, names in ((sums, rec.BLOCK_SUMS.names or ()), (out, ("position", "mark"))):
        for name in names:
            records[name] = rng.normal(0, 1e5, records.shape)
    whole, parts = Totals(2), Totals(2)
    whole.add(panel, sums, out)
    late = panel.session > np.unique(panel.session)[0]
    parts.add(panel.select(~late), sums[:, :2], out[~late])
    parts.add(panel.select(late), sums[:, 2:], out[late])
    for name in rec.BLOCK_SUMS.names or ():
        np.testing.assert_array_equal(whole.sums[name], parts.sums[name])
        np.testing.assert_allclose(whole.sums[name], sums[name].sum(axis=1))
    for name in ("exposure", "hold", "session", "symbol"):
        np.testing.assert_array_equal(*(np.concatenate(getattr(t, name)) for t in (whole, parts)))
    assert whole.sessions == parts.sessions == 4


def test_exposure_is_the_mean_position_at_its_mark() -> None:
    """By (session, symbol) block, in currency."""
    panel = panel_of(market.walk(["AAA", "BBB"], 2, 4), 0.5)
    out = np.zeros(16, rec.LEDGER_RESULT)
    out["position"][:4], out["mark"][:4] = [0, 10, 10, 0], 5.0
    totals = Totals(1)
    totals.add(panel, np.zeros((1 + LAGS, 4), rec.BLOCK_SUMS), out)
    assert np.concatenate(totals.exposure).tolist() == [25.0, 0.0, 0.0, 0.0]
