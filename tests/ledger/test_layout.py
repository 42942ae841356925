"""What stands where in the flat arrays: every place once, blocks that do not overlap, the table's order."""

from __future__ import annotations

import pytest

from hfm import tables
from hfm.config import Backtest
from hfm.ledger import layout as at
from hfm.ledger.account import params_new, state_new


@pytest.mark.parametrize(
    ("prefix", "size"),
    [("R_", "ROW"), ("P_", "PARAMS"), ("B_", "BLOCK"), ("O_", "OUT"), ("T_", "TRADE"), ("SUM_", "SUMS")],
)
def test_places_are_taken_once_and_without_a_hole(prefix: str, size: str) -> None:
    """0 to size - 1, each by one name."""
    places = sorted(v for k, v in vars(at).items() if k.startswith(prefix) and isinstance(v, int))
    assert places == list(range(getattr(at, size)))


def test_the_head_of_the_state_leaves_room_before_the_first_block() -> None:
    """S_ places are distinct and below HEAD; a state of three symbols is the head and three blocks."""
    places = [v for k, v in vars(at).items() if k.startswith("S_")]
    assert len(set(places)) == len(places)
    assert max(places) < at.HEAD
    assert state_new(1.0, 3).size == at.HEAD + 3 * at.BLOCK
    assert params_new(Backtest(), 3, 0.01).size == at.PARAMS + 3
    assert params_new(Backtest(), 3, (0.1, 0.2, 0.3))[at.TICKS :].tolist() == [0.1, 0.2, 0.3]


def test_results_stand_in_the_order_of_the_ledgers_table() -> None:
    """Its columns from `signal` on, under the same names."""
    names = {v: k.removeprefix("O_").lower() for k, v in vars(at).items() if k.startswith("O_")}
    spelt = {"spread": "spread_cost", "gross": "gross_pnl", "net": "net_pnl", "mid_open": "mid_at_open",
             "mid_close": "mid_at_close"}  # fmt: skip
    assert [spelt.get(names[i], names[i]) for i in range(at.OUT)] == list(tables.LEDGER.names[6:])


def test_an_edge_can_be_told_from_every_signal() -> None:
    """Codes are a signal -1, 0, 1 and EDGE or not: six different numbers, those with EDGE above 1."""
    codes = {signal + edge for signal in (-1, 0, 1) for edge in (0, at.EDGE)}
    assert len(codes) == 6
    assert all((code > 1) == (code - at.EDGE in (-1, 0, 1)) for code in codes)
