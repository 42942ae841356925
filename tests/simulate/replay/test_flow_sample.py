"""What a replay keeps for the calibration, whatever the parts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hfm.simulate.replay import event_tape, flow_sample
from hfm.simulate.replay.flow_sample import FlowSample
from hfm.simulate.replay.studies import SessionStates
from tests.orderbook import OPEN, SECOND
from tests.simulate.replay.test_stage import wild

END = OPEN + 3600 * SECOND


def sampled(sessions: int, rows: int, most: int, monkeypatch: pytest.MonkeyPatch) -> FlowSample:
    """Of sessions of 300 events each, in parts of so many."""
    monkeypatch.setattr(flow_sample, "MOST", most)
    sample = FlowSample(0.01, 12)
    for seed in range(sessions):
        book, before, states = wild(300, seed), None, SessionStates(OPEN, END)
        sample.begin_session(OPEN, END)
        for i in range(0, 300, rows):
            group, final = book.slice(i, rows), i + rows >= 300
            tape = event_tape.read(group, 1, before)
            assert tape is not None
            before = event_tape.end_of(tape, before)
            states.take(tape, final)
            sample.take(tape, group, final)
        sample.end_session(states)
    return sample


@pytest.mark.parametrize("most", [50, 299, 300, 450, 10_000])
@pytest.mark.parametrize("rows", [20, 77])
def test_parts_leave_what_the_whole_leaves(rows: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first events, not one more than are kept, and the five-minute rows of all."""
    found, whole = (sampled(2, size, most, monkeypatch) for size in (rows, 300))
    assert len(found.events) == len(whole.events)
    for (one, even, halves), (other, even_too, halves_too) in zip(found.events, whole.events, strict=True):
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)
        np.testing.assert_array_equal(even, even_too)
        assert halves == halves_too
    assert sum(len(one.time) for one, _, _ in found.events) == min(most, 2 * 299)
    assert len(found.sessions) == 2
    for (seq, columns), (seq_too, columns_too) in zip(found.sessions, whole.sessions, strict=True):
        np.testing.assert_array_equal(seq, seq_too)
        for name, column in columns.items():
            np.testing.assert_array_equal(column, columns_too[name], err_msg=name)


def test_a_session_that_was_not_ended_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one begins anew."""
    sample = sampled(1, 100, 10_000, monkeypatch)
    book = wild(300, 9)
    tape = event_tape.read(book, 1)
    assert tape is not None
    sample.take(tape, book, False)
    sample.begin_session(OPEN, END)
    assert len(sample.sessions) == len(sample.events) == 1
