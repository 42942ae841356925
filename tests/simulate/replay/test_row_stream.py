"""Rows of a session in parts, whatever the parts."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.simulate.replay import event_tape, intervals
from hfm.simulate.replay.event_tape import Tape
from hfm.simulate.replay.row_stream import QuoteRows, RowStream
from tests.orderbook import DAY, OPEN, SECOND, book_table
from tests.simulate.replay.test_stage import wild


def parts_of(count: int, seed: int, cuts: list[int]) -> list[Tape]:
    """A session's tape, cut there."""
    book, found, end = wild(count, seed), list[Tape](), None
    for a, b in zip([0, *cuts], [*cuts, count], strict=True):
        tape = event_tape.read(book.slice(a, b - a), 1, end)
        assert tape is not None
        end = event_tape.end_of(tape, end)
        found.append(tape)
    return found


def together(found: list[QuoteRows]) -> dict[str, np.ndarray]:
    """The columns of all rows."""
    out = {name: np.concatenate([part.columns[name] for part in found]) for name in found[0].columns}
    return out | {k: np.concatenate([getattr(part.rows, k) for part in found]) for k in ("seq", "t_open", "t_close")}


@pytest.mark.parametrize("every", [None, 3 * SECOND, 60 * SECOND, 900 * SECOND])
@pytest.mark.parametrize("seed", range(4))
def test_rows_are_those_of_the_whole(every: int | None, seed: int) -> None:
    """To the bit, at cuts that are drawn; a row is given once, and none before it is complete."""
    cuts = np.sort(np.random.default_rng(seed).choice(np.arange(20, 600), 9, replace=False)).tolist()
    tapes, (whole,) = parts_of(600, seed, cuts), parts_of(600, seed, [])
    stream, found = RowStream(OPEN, OPEN + 3600 * SECOND, every), list[QuoteRows]()
    for k, tape in enumerate(tapes):
        got = stream.take(tape, k == len(tapes) - 1)
        if got is not None:
            found.append(got)
            assert k == len(tapes) - 1 or got.rows.t_close[-1] < tape.time[-1]
    once = RowStream(OPEN, OPEN + 3600 * SECOND, every).take(whole, True)
    assert once is not None
    want = together([once])
    for name, column in together(found).items():
        np.testing.assert_array_equal(column, want[name], err_msg=name)
    rows = intervals.by_event(whole) if every is None else intervals.by_clock(whole, OPEN, OPEN + 3600 * SECOND, every)
    np.testing.assert_array_equal(want["seq"], rows.seq)


def test_a_part_that_completes_no_row_makes_none() -> None:
    """All in the first five minutes: nothing, until it is the last."""
    tape = event_tape.read(book_table(DAY), 1)
    assert tape is not None
    stream = RowStream(OPEN, OPEN + 3600 * SECOND, 300 * SECOND)
    assert stream.take(tape, False) is None
    got = stream.take(event_tape.cut(tape, 8), True)
    assert got is not None
    assert got.rows.seq.tolist() == [0]
    assert got.columns["volume"].tolist() == [65.0]
