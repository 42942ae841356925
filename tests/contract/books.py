"""What every source of order books promises. A new one inherits BookContract, and gives source and request_."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hfm import tables
from hfm.errors import DataError, HfmError, UsageError
from hfm.fetch.book import book_events
from hfm.plugins import BarRequest, BookSource
from hfm.raw_data import RawBook
from hfm.stage import Context

COLUMNS = ("time", "event", "side", "price", "size", "levels")


def taken(source: BookSource, request: BarRequest) -> list[tuple[str, RawBook]]:
    """What a source gives; no error among it."""
    found = []
    for symbol, raw in source.books(request, Context("fetch", as_of=request.as_of)):
        assert not isinstance(raw, HfmError), raw
        found.append((symbol, raw))
    return found


class BookContract:
    """Tests of one source. `source`: an instance; `request_`: a request of two symbols or more that are there."""

    def test_it_says_what_it_is(self, source: BookSource) -> None:
        """A book source reads files: no archive; its calendar is its own or the request's."""
        assert source.network is False
        assert source.synthetic is False
        assert source.calendar is None or isinstance(source.calendar, str)

    def test_sessions_come_in_order_with_the_same_levels(self, source: BookSource, request_: BarRequest) -> None:
        """By session, then symbol, each once; every symbol asked for."""
        found = taken(source, request_)
        keys = [(str(raw.session), symbol) for symbol, raw in found]
        assert keys == sorted(set(keys))
        assert {symbol for symbol, _ in found} == set(request_.symbols)
        assert len({len(raw.levels) for _, raw in found}) == 1

    def test_columns_are_of_one_length_and_their_kinds(self, source: BookSource, request_: BarRequest) -> None:
        """Times never run back; codes and sides are known ones; sizes are not negative."""
        for _, raw in taken(source, request_):
            n = len(raw.time)
            assert n > 0
            assert raw.time.dtype == np.int64
            assert raw.event.dtype == raw.side.dtype == np.int8
            assert raw.price.dtype == raw.size.dtype == raw.levels.dtype == np.float64
            assert {len(raw.event), len(raw.side), len(raw.price), len(raw.size), raw.levels.shape[1]} == {n}
            assert raw.order_id is None or (raw.order_id.dtype == np.int64 and len(raw.order_id) == n)
            assert (np.diff(raw.time) >= 0).all()
            assert ((raw.event >= 0) & (raw.event < len(tables.BOOK_EVENTS))).all()
            assert np.isin(raw.side, [-1, 0, 1]).all()
            assert (raw.size >= 0).all()
            assert raw.tick > 0
            assert raw.session.dtype == np.dtype("datetime64[D]")

    def test_levels_go_outwards_and_an_empty_one_has_no_size(self, source: BookSource, request_: BarRequest) -> None:
        """Best first; behind an empty level all are empty."""
        for _, raw in taken(source, request_):
            for base, way in ((0, -1), (2, 1)):
                price, size = raw.levels[base::4], raw.levels[base + 1 :: 4]
                assert (size[np.isnan(price)] == 0).all()
                assert (size[~np.isnan(price)] > 0).all()
                assert not (np.isnan(price[:-1]) & ~np.isnan(price[1:])).any()
                steps = way * np.diff(price, axis=0)
                assert (steps[~np.isnan(steps)] > 0).all()

    def test_the_same_request_gives_the_same_events(self, source: BookSource, request_: BarRequest) -> None:
        """No clock, no leftover of the call before."""
        for (_, one), (_, other) in zip(taken(source, request_), taken(source, request_), strict=True):
            for name in COLUMNS:
                assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)

    def test_one_symbol_alone_gives_what_it_gives_among_others(self, source: BookSource, request_: BarRequest) -> None:
        """Up to the levels that all have."""
        for symbol in request_.symbols:
            alone = taken(source, replace(request_, symbols=(symbol,)))
            among = [(name, raw) for name, raw in taken(source, request_) if name == symbol]
            for (_, one), (_, other) in zip(alone, among, strict=True):
                assert np.array_equal(one.time, other.time)
                assert np.array_equal(one.levels[: len(other.levels)], other.levels, equal_nan=True)

    def test_a_symbol_that_is_not_there_is_named_and_spoils_no_other(
        self, source: BookSource, request_: BarRequest
    ) -> None:
        """Its answer is an error with a hint."""
        asked = replace(request_, symbols=(*request_.symbols, "NOPE"))
        found = list(source.books(asked, Context("fetch", as_of=asked.as_of)))
        wrong = [(symbol, error) for symbol, error in found if isinstance(error, HfmError)]
        assert [symbol for symbol, _ in wrong] == ["NOPE"]
        assert "NOPE" in wrong[0][1].what
        assert wrong[0][1].hint
        assert len(found) == len(taken(source, request_)) + 1

    def test_a_path_that_says_nothing_is_refused(
        self, source: BookSource, request_: BarRequest, tmp_path: Path
    ) -> None:
        """None, nowhere, an empty folder."""
        (tmp_path / "empty").mkdir()
        for path, kind in ((None, UsageError), (tmp_path / "no", DataError), (tmp_path / "empty", DataError)):
            with pytest.raises(kind):
                list(source.books(replace(request_, path=path and str(path)), Context("fetch")))

    def test_the_table_takes_what_it_gives(self, source: BookSource, request_: BarRequest) -> None:
        """By the schema of its levels."""
        for symbol, raw in taken(source, request_):
            tables.check(book_events.group(raw, symbol, tables.TableMeta()), tables.book(len(raw.levels) // 4))
