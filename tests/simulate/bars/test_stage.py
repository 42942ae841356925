"""`bars` fidelity as a stage: the tables' keys, the oracle's ends, what the facts and the summary say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import artifacts, tables
from hfm.config import Simulate
from hfm.simulate.bars import stage, trailing_stats
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import GroupedReader, bar_table, edited

BARS = bar_table(12, ("AAA", "BBB"), slots=13, drop=(0, 40, 41))


def run(bars: pa.Table = BARS, sessions: int = 0, **settings: Any) -> tuple[list[tuple[str, Any]], Context]:
    """What the stage yields, in order, and its context."""
    ctx = Context("simulate", seed=7)
    reader = GroupedReader(bars, sessions) if sessions else MemoryReader(bars)
    return list(stage.run(reader, Simulate(**settings), ctx)), ctx


def test_each_group_gives_quotes_and_oracle_and_the_facts_come_last() -> None:
    """So that a reader of a stream has both of a row together."""
    names = [name for name, _ in run(sessions=5)[0]]
    assert names == [artifacts.QUOTES, artifacts.ORACLE] * 3 + [artifacts.FACTS]


@pytest.mark.parametrize("signal", ["none", "planted"])
def test_the_key_of_a_row_is_that_of_its_bar(signal: str) -> None:
    """Symbol, session, seq, time and is_last pass through; a row opens an interval before its time."""
    made = dict(run(signal=signal)[0])
    bars, quotes, oracle = (tables.arrays(t) for t in (BARS, made[artifacts.QUOTES], made[artifacts.ORACLE]))
    for name in ("symbol", "session", "seq", "time"):
        np.testing.assert_array_equal(quotes[name], bars[name])
        np.testing.assert_array_equal(oracle[name], bars[name])
    np.testing.assert_array_equal(quotes["is_last"], bars["is_last"])
    np.testing.assert_array_equal(quotes["time_open"], bars["time"] - 300 * 10**9)


def test_the_oracle_knows_a_planted_signal_but_nothing_beyond_a_session() -> None:
    """A probability for every row that has a next one; NaN at a session's last row, and everywhere of plain bars."""
    planted, plain = (tables.arrays(dict(run(signal=s)[0])[artifacts.ORACLE]) for s in ("planted", "none"))
    last = tables.arrays(BARS)["is_last"]
    for name in ("p_up", "p_up_latent"):
        np.testing.assert_array_equal(np.isnan(planted[name]), last)
        assert ((planted[name] > 0) & (planted[name] < 1))[~last].all()
        assert np.isnan(plain[name]).all()
    assert (plain["signal"] == 0).all()
    assert (planted["signal"] != 0).all()


def test_facts_say_what_they_were_made_with() -> None:
    """Sessions counted by day, the constants of the model, the look-back, and what is charged of observed bars."""
    document = dict(run(constants={"spread_sd": 0.2})[0])[artifacts.FACTS]
    assert (document["schema_version"], document["fidelity"], document["sessions"]) == (1, "bars", 12)
    assert document["constants"]["spread_sd"] == 0.2
    assert document["constants"]["look_back_sessions"] == trailing_stats.LOOK
    assert document["spread"] == {}
    observed = dict(run(bar_table(3, ("AAA",), slots=13, synthetic=False))[0])[artifacts.FACTS]
    assert observed["spread"]["AAA"]["sessions"] == 3


def test_a_fact_far_outside_is_named_in_the_summary() -> None:
    """A volume that is the same all day has no day shape: both facts of it, in words and in figures."""
    bars = bar_table(30, slots=26)
    made, ctx = run(edited(bars, volume=np.full(bars.num_rows, 1e6)))
    rows = dict(made)[artifacts.FACTS]["facts"]
    assert {"volume_first", "volume_last"} <= set(ctx.figures["facts_outside"])
    assert ctx.figures["facts"] == len(rows)
    assert ctx.figures["ofi_slope"] == rows["ofi_slope"]["value"]
    (line,) = [line for line in ctx.lines if line.startswith("facts: ")]
    assert line.startswith(f"facts: {sum(row['pass'] is True for row in rows.values())} inside their bands, outside")
    assert all(name in line for name in ctx.figures["facts_outside"])


def test_warnings_go_with_the_quotes() -> None:
    """The report reads them there: those of the bars first, then this stage's; without a warning nothing is added."""
    made, ctx = run(recipe="seed")
    assert ctx.warnings
    assert MemoryReader(dict(made)[artifacts.QUOTES]).meta.warnings == tuple(ctx.warnings)
    made, ctx = run()
    assert not ctx.warnings
    assert not MemoryReader(dict(made)[artifacts.QUOTES]).meta.warnings
