"""The sums behind the facts."""

from __future__ import annotations

import numpy as np

from hfm.config import Simulate
from hfm.simulate.bars import bar_sums
from hfm.simulate.bars.generator import SymbolSettings, new_symbol_state, simulate
from hfm.simulate.slot_grid import slot_grids
from hfm.stage import Context
from hfm.tables import arrays
from tests.bars import bar_table


def test_yesterday_is_carried_so_that_sessions_one_by_one_give_the_same_sums() -> None:
    """The autocorrelation a session apart needs the session before, whatever the groups."""
    table = bar_table(6, slots=20, drop=(25,))
    setting = SymbolSettings(Simulate(), 20, 300.0, like_spy=True)
    whole = {}
    for sessions in (6, 1):
        market, yesterday, found = new_symbol_state(20), np.full(20, np.nan), []
        starts = np.searchsorted(arrays(table)["session"], np.unique(arrays(table)["session"])[::sessions])
        for start, end in zip(starts, [*starts[1:], table.num_rows], strict=True):
            group = table.slice(start, end - start)
            for grid in slot_grids(group, 20):
                simulated, market = simulate(market, grid, arrays(group), setting, Context("simulate", 7))
                sums, yesterday = bar_sums.sums(simulated, setting, yesterday)
                found.append(sums)
        whole[sessions] = {name: np.concatenate([f[name] for f in found]) for name in found[0]}
    for name, sums in whole[6].items():
        np.testing.assert_allclose(whole[1][name], sums, rtol=1e-9, atol=1e-9, err_msg=name)
