"""What the report reads from bars and quotes, against values known by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.report import market_data
from hfm.tables import MemoryReader, TableMeta
from tests.report.builder import make


def bars(rows: list[tuple[str, str, int, float, float, bool]]) -> MemoryReader:
    """Bars (symbol, session, seq, open, close, is_last) of 09:30-10:30 New York in 15-minute slots."""
    symbol, session, seq, opened, closed, last = zip(*rows, strict=True)
    day = np.array(session, "datetime64[D]")
    time = day.astype("datetime64[ns]") + ((14 * 60 + 30) + (np.array(seq) + 1) * 15) * np.timedelta64(60, "s")
    meta = TableMeta(interval_s=900, slots_per_session=4, tz="America/New_York", synthetic=False)
    columns = {
        "symbol": np.array(symbol, object),
        "session": day,
        "seq": np.array(seq),
        "time": time,
        "open": np.array(opened),
        "high": np.maximum(opened, closed),
        "low": np.minimum(opened, closed),
        "close": np.array(closed),
        "volume": 10.0,
        "is_last": np.array(last),
    }
    return MemoryReader(tables.build(tables.BARS, columns, meta, "observed"))


def test_a_half_day_is_short_and_a_hole_is_missing() -> None:
    """Two slots on a half day are all there is; slot 1 of a full day is a hole; the clock starts at 09:30."""
    seen = market_data.load(
        {
            "fetch/bars.parquet": bars(
                [
                    ("SPY", "2024-01-02", 0, 100.0, 101.0, False),
                    ("SPY", "2024-01-02", 2, 101.0, 100.0, False),
                    ("SPY", "2024-01-02", 3, 100.0, 100.0, True),
                    ("SPY", "2024-01-03", 0, 100.0, 102.0, False),
                    ("SPY", "2024-01-03", 1, 102.0, 102.0, True),
                ]
            )
        }
    )
    assert seen.due_S.tolist() == [4, 2]
    assert seen.bars_S.tolist() == [3, 2]
    assert seen.clock == pytest.approx([9.5, 9.75, 10.0, 10.25])
    assert np.isnan(seen.move_ST[0, 1])
    assert seen.move_ST[0, 0] == pytest.approx(1e4 * np.log(1.01))
    assert seen.slot_move[0] == pytest.approx(1e4 * (np.log(1.01) + np.log(1.02)) / 2)
    assert seen.slot_spread is None


def test_the_next_bar_is_never_that_of_another_session_symbol_or_beyond_a_hole() -> None:
    """Order flow that equals the next bar's move has R2 1 there, and pairs end at each close, symbol and hole."""
    run = make(sessions=4, symbols=("QQQ", "SPY"))
    quotes = run["simulate/quotes.parquet"].read()
    data = tables.arrays(quotes, ["mid_open", "mid_close"])
    move = np.log(data["mid_close"] / data["mid_open"])
    ticked = np.append(move[1:], 0.0)
    ticked[77::78] = 0.5 * move.std()
    place = quotes.schema.get_field_index("ofi")
    quotes = quotes.set_column(place, quotes.schema.field(place), pa.array(ticked))
    holed = quotes.filter(pa.array(np.arange(len(ticked)) % 78 != 40))
    seen = market_data.load(run | {"simulate/quotes.parquet": MemoryReader(holed)})
    assert seen.next_bar is not None
    assert seen.next_bar.rows == 8 * (77 - 2)
    # OFI is in units of its symbol's first session: within one symbol the relation is exact
    one = holed.filter(pa.array(np.array(holed.column("symbol").cast(pa.string()).to_pylist()) == "SPY"))
    alone = market_data.load(run | {"simulate/quotes.parquet": MemoryReader(one)})
    assert alone.next_bar is not None
    assert alone.next_bar.r2 == pytest.approx(1.0, abs=1e-9)
    assert alone.same_bar is not None
    assert alone.same_bar.r2 < 0.05


def test_flow_bins_are_means_with_their_errors() -> None:
    """Fifteen bins of equal count; y = 2 z gives a straight line and R2 1."""
    z = np.random.default_rng(1).normal(size=3000)
    found = market_data._flow(z, 2 * z)
    assert found is not None
    assert found.mean == pytest.approx(2 * found.z * z.std())
    assert found.r2 == pytest.approx(1.0)
    assert market_data._flow(z, np.zeros(3000)) is None
    assert market_data._flow(z[:10], z[:10]) is None
