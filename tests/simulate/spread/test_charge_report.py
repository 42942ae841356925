"""What is said of the spreads that are charged."""

from __future__ import annotations

from hfm import tables
from hfm.config import Simulate
from hfm.simulate.bars import bar_stream
from hfm.simulate.spread import charge_report, spread_claims
from hfm.stage import Context
from tests.bars import bar_table
from tests.simulate.bounce import Make, bars, table
from tests.simulate.spread.test_spread_claims import run


def test_the_quotes_say_what_is_charged_and_whether_mids_are_trades() -> None:
    """meta of observed and of invented bars."""
    meta = tables.MemoryReader(run(table(bars(Make(3.0), 12, 26, 0)))[0]).meta
    assert meta.mid_is_trade is True
    assert set((meta.spread or {})["XYZ"]) == {"bps", "claimed_bps", "upper_bps", "ruled_by"}
    assert (meta.spread or {})["XYZ"]["claimed_bps"] is None
    meta = tables.MemoryReader(run(bar_table(3))[0]).meta
    assert meta.mid_is_trade is False
    assert meta.spread is None


def test_of_up_to_three_symbols_each_has_a_line_and_of_more_their_range() -> None:
    """Lowest and highest, by name."""
    reader = tables.MemoryReader(table(bars(Make(3.0), 12, 26, 0)))
    one = spread_claims.charges(reader, Simulate(), bar_stream.calibrated(Simulate()))["XYZ"]
    few, many = Context("simulate"), Context("simulate")
    charge_report.report_charges({"A": one, "B": one}, few)
    charge_report.report_charges(dict.fromkeys("ABCD", one), many)
    assert len(few.lines) == 2
    assert len(many.lines) == 1
    assert "(A)" in many.lines[0]
    assert "(D)" in many.lines[0]
