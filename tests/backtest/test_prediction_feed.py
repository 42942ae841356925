"""Predictions of one model, session by session, and their places among the quotes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.backtest.prediction_feed import PredictionFeed, match_rows, row_index, symbol_numbers
from hfm.errors import DataError, UsageError
from tests.backtest import market

SYMBOLS = ["AAA", "BBB"]


def feed_of(predicted: pa.Table, model: str = "lstm") -> PredictionFeed:
    """The feed of a table in memory."""
    return PredictionFeed(tables.MemoryReader(predicted), model, SYMBOLS)


def test_numbers_follow_the_list_of_symbols() -> None:
    """Whatever the order of the column's own dictionary; unknown ones are -1."""
    column = pa.chunked_array([pa.array(["b", "a"]).dictionary_encode(), pa.array(["c", "b"]).dictionary_encode()])
    assert symbol_numbers(column, ["a", "b"]).tolist() == [1, 0, -1, 1]


def test_an_index_sorts_as_its_key() -> None:
    """By session, then symbol, then seq."""
    keys = [(session, symbol, seq) for session in (1, 2) for symbol in (0, 1) for seq in (0, 5)]
    index = row_index(*(np.array(column) for column in zip(*keys, strict=True)), 2)
    assert (np.diff(index) > 0).all()


def test_sessions_are_handed_out_once_and_in_order() -> None:
    """All that is left up to the session; nothing is left at the end."""
    quoted = market.walk(SYMBOLS, 4, 3)
    feed = feed_of(market.predictions(quoted, {"lstm": np.linspace(0.1, 0.9, 24), "other": 0.5}))
    days = np.unique(tables.arrays(quoted)["session"].astype("datetime64[D]").astype(np.int64))
    parts = [feed.until(int(day)) for day in (days[0], days[2], days[3])]
    assert [len(part.index) for part in parts] == [6, 12, 6]
    assert np.concatenate([part.data["p_up"] for part in parts]) == pytest.approx(np.linspace(0.1, 0.9, 24))
    assert (np.diff(np.concatenate([part.index for part in parts])) > 0).all()
    feed.finish()


def test_what_is_left_over_or_never_was_is_named() -> None:
    """A prediction after the last quote; a model without predictions; a table without any."""
    quoted = market.walk(SYMBOLS, 2, 3)
    predicted = market.predictions(quoted, {"lstm": 0.6})
    with pytest.raises(DataError, match=r"AAA .* seq 0 has no row in the quotes"):
        feed_of(predicted).finish()
    with pytest.raises(UsageError, match="no predictions of the model 'lsmt'") as caught:
        feed_of(predicted, "lsmt").finish()
    assert caught.value.hint == "--model lstm"
    with pytest.raises(DataError, match="no out-of-sample predictions"):
        feed_of(predicted.slice(0, 0)).finish()


def test_a_prediction_stands_on_its_own_quote_or_is_refused() -> None:
    """All rows as a slice where each has one; else its places; a wrong time is named with both."""
    quoted = market.walk(["AAA"], 2, 3)
    known = PredictionFeed(tables.MemoryReader(market.predictions(quoted, {"lstm": 0.6})), "lstm", ["AAA"]).until(2**31)
    assert match_rows(known.index, known.time, known, ["AAA"]) == slice(None)
    part = known.rows(slice(1, 4))
    place = match_rows(known.index, known.time, part, ["AAA"])
    assert isinstance(place, np.ndarray)
    assert place.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="is timed"):
        match_rows(known.index, known.time + 10**9, part, ["AAA"])
