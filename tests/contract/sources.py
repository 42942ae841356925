"""What every source of bars promises. A new one inherits SourceContract and gives the fixtures source and request_."""

from __future__ import annotations

import numpy as np

from hfm import tables
from hfm.errors import HfmError
from hfm.fetch import sessions, stage
from hfm.fetch.quality import bar_quality
from hfm.instants import instant_ns
from hfm.plugins import BarRequest, BarSource, RawBars
from hfm.stage import Context

COLUMNS = ("time", "open", "high", "low", "close", "volume")


def taken(source: BarSource, request: BarRequest) -> dict[str, RawBars | HfmError]:
    """What a source gives, each symbol once."""
    found = list(source.fetch(request, Context("fetch", as_of=request.as_of)))
    assert len({symbol for symbol, _ in found}) == len(found)
    return dict(found)


class SourceContract:
    """Tests of one source. `source`: an instance; `request_`: a request that it can answer, whole sessions, two symbols
    or one, 300 s bars, days or sessions given."""

    def test_it_says_whether_it_is_a_vendor_and_whether_it_is_invented(self, source: BarSource) -> None:
        """Two class attributes decide on the archive and on the mark SYNTHETIC."""
        assert isinstance(source.network, bool)
        assert isinstance(source.synthetic, bool)

    def test_it_answers_each_symbol_once_with_columns_of_one_length(
        self, source: BarSource, request_: BarRequest
    ) -> None:
        """int64 times, float64 values, notes in words."""
        found = taken(source, request_)
        assert set(found) == set(request_.symbols)
        for bars in found.values():
            assert isinstance(bars, RawBars)
            assert bars.time.dtype == np.int64
            assert {getattr(bars, name).dtype for name in COLUMNS[1:]} == {np.dtype(np.float64)}
            assert len({len(getattr(bars, name)) for name in COLUMNS}) == 1
            assert len(bars.time) > 0
            assert all(isinstance(note, str) for note in bars.notes)

    def test_its_times_are_the_ends_of_bars(self, source: BarSource, request_: BarRequest) -> None:
        """On the calendar's grid of ends: a day's first bar ends one interval after the open, its last at the close."""
        until = instant_ns(request_.as_of)
        for bars in taken(source, request_).values():
            assert isinstance(bars, RawBars)
            over = sessions.span(request_.calendar, request_.interval_s, int(bars.time.min()), until)
            grid, account = bar_quality.clean(bars, over, until)
            assert account.rejected == {}
            assert account.outside < len(bars.time) / 2
            assert np.isin(over.close[np.unique(grid.index)], grid.time).mean() > 0.9
            assert grid.seq.min() == 0

    def test_the_same_request_gives_the_same_bars(self, source: BarSource, request_: BarRequest) -> None:
        """No clock, no order of sets, no leftover of the call before."""
        one, other = taken(source, request_), taken(source, request_)
        for symbol, bars in one.items():
            assert all(np.array_equal(getattr(bars, name), getattr(other[symbol], name)) for name in COLUMNS)

    def test_the_stage_takes_what_it_gives(self, source: BarSource, request_: BarRequest) -> None:
        """A table by the schema, and no loss."""
        found = taken(source, request_)
        bars = {symbol: bars for symbol, bars in found.items() if isinstance(bars, RawBars)}
        until = instant_ns(request_.as_of)
        over = sessions.span(
            request_.calendar, request_.interval_s, min(int(b.time.min()) for b in bars.values()), until
        )
        grids = {symbol: bar_quality.clean(b, over, until)[0] for symbol, b in bars.items()}
        for group in stage.groups(grids, over, tables.TableMeta(synthetic=source.synthetic)):
            tables.check(group, tables.BARS)
