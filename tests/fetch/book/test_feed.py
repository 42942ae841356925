"""Two feeds of one venue, by hand."""

from __future__ import annotations

import numpy as np

from hfm.fetch.book import feed
from hfm.fetch.book.book_events import CODE

DAY = 86_400_000_000_000


def trades(*time: int) -> feed.FeedTrades:
    """Buys of 1 at 101."""
    n = len(time)
    return feed.FeedTrades(np.array(time, np.int64), np.full(n, 101.0), np.ones(n), np.full(n, -1, np.int8))


def test_all_rows_of_a_message_show_the_book_after_all_of_it() -> None:
    """The best bid goes and a lower one comes: no row without a bid between them. What changes nothing is no row."""
    message, side = np.array([0, 0, 1, 1, 1]), np.array([1, -1, 1, 1, -1], np.int8)
    price, size = np.array([100.0, 101, 100, 99, 101]), np.array([5.0, 5, 0, 2, 5])
    book = feed.from_updates(feed.LevelUpdates(message, message * 10, np.zeros(5, bool), side, price, size), 1)
    assert book.event.tolist() == [CODE["add"], CODE["add"], CODE["delete"], CODE["add"]]
    assert book.levels[:, book.state].T.tolist() == [[100, 5, 101, 5]] * 2 + [[99, 2, 101, 5]] * 2
    assert book.size.tolist() == [5, 5, 5, 2]
    assert book.counts == {"level_updates": 5, "without_effect": 1}


def test_a_snapshot_in_parts_begins_anew_once() -> None:
    """Two messages of one snapshot add up; a later one after changes starts from nothing."""
    message = np.array([0, 1, 2, 3])
    whole = np.array([True, True, False, True])
    price = np.array([100.0, 99, 98, 90])
    book = feed.from_updates(feed.LevelUpdates(message, message, whole, np.ones(4, np.int8), price, np.ones(4)), 3)
    assert np.nan_to_num(book.levels[0::4, book.state]).T.tolist() == [
        [100, 0, 0], [100, 99, 0], [100, 99, 98], [90, 0, 0],
    ]  # fmt: skip
    assert [int(code) for code in book.event] == [CODE[w] for w in ("snapshot", "snapshot", "add", "snapshot")]


def test_feeds_merge_by_time_and_split_by_day() -> None:
    """A trade before its state of the same instant; the book goes over midnight; counts are said once."""
    levels = np.array([[100.0, 100.5], [1, 1], [101, 101], [1, 1]])
    states = feed.from_states(np.array([10, DAY + 5]), levels)
    made = list(feed.merge_feeds(states, [trades(5, 10, DAY + 1), trades(20)], ("note",)))
    assert [str(raw.session) for raw in made] == ["1970-01-01", "1970-01-02"]
    execute, whole = CODE["execute"], CODE["snapshot"]
    assert [raw.event.tolist() for raw in made] == [[execute, execute, whole, execute], [execute, whole]]
    assert np.nan_to_num(made[0].levels[0]).tolist() == [0, 0, 100, 100]
    assert made[1].levels[0].tolist() == [100, 100.5]
    assert made[0].tick == 0.5
    assert made[0].notes == ("note",)


def test_no_rows_are_no_session() -> None:
    """An empty feed."""
    none = np.zeros(0, np.int64)
    empty = feed.from_updates(feed.LevelUpdates(none, none, none > 0, none.astype(np.int8), none * 1.0, none * 1.0), 2)
    assert list(feed.merge_feeds(empty, [], ())) == []
