"""Parts of folds: whole sessions, or blocks of clock time with their purge and their lead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hfm.plugins import Panel
from hfm.train import fold_rows
from tests.train.market import rows

SESSIONS = rows(symbols=("AAA", "BBB")).panel


def blocked() -> Panel:
    """The same with three blocks a session, and labels known ten rows later at most."""
    third = np.minimum(SESSIONS.slot // 9, 2)
    day = np.searchsorted(np.unique(SESSIONS.session), np.repeat(SESSIONS.session, np.diff(SESSIONS.start)))
    block = 3 * day + third
    known = 3 * day + np.minimum((SESSIONS.slot + 1) // 9, 2)
    return replace(SESSIONS, block=block, known=np.where(np.isfinite(SESSIONS.log_vol), known, -1))


def test_without_blocks_a_part_is_whole_sessions() -> None:
    """All symbols of the sessions, no other; nothing purged, nothing led."""
    place, part = fold_rows.place(SESSIONS, 5, 7), fold_rows.part(SESSIONS, 5, 7)
    days = np.repeat(SESSIONS.session, np.diff(SESSIONS.start))
    assert set(days[place]) == set(np.unique(SESSIONS.session)[5:7])
    np.testing.assert_array_equal(part.x, SESSIONS.x[place])
    np.testing.assert_array_equal(fold_rows.purged_part(SESSIONS, 5, 7).up, part.up)
    led = fold_rows.lead(SESSIONS, 5, 7)
    assert led.inside.all()
    np.testing.assert_array_equal(led.panel.slot, part.slot)
    np.testing.assert_array_equal(fold_rows.cluster(SESSIONS)[place], np.repeat(part.session, np.diff(part.start)))


def test_blocks_cut_every_symbols_session_at_the_same_time() -> None:
    """Blocks 4 to 7 are the later two thirds of one session and the first two of the next, of both symbols."""
    panel = blocked()
    part, place = fold_rows.part(panel, 4, 8), fold_rows.place(panel, 4, 8)
    assert part.block is not None
    assert set(part.block) == {4, 5, 6, 7}
    assert len(part.session) == len(part.symbol) == len(part.start) - 1 == 4
    np.testing.assert_array_equal(part.up, panel.up[place])
    assert (np.delete(np.diff(part.slot), part.start[1:-1] - 1) == 1).all()


def test_labels_known_after_the_part_are_purged_from_what_is_learnt() -> None:
    """The last row of block 31 is labelled by the first of block 32: masked in all four labels, and no other is."""
    panel = blocked()
    part, learnt = fold_rows.part(panel, 30, 32), fold_rows.purged_part(panel, 30, 32)
    assert part.known is not None
    late = part.known >= 32
    assert late.sum() == 2
    for name in fold_rows.LABELS:
        before, after = getattr(part, name), getattr(learnt, name)
        assert np.isnan(after[late]).all()
        np.testing.assert_array_equal(after[~late], before[~late])
    assert np.isfinite(part.log_vol[late]).all()


def test_a_lead_begins_at_the_open_of_the_sessions_that_the_part_touches() -> None:
    """Of block 5 alone the whole session is there, inside only its own rows; nothing later is."""
    led = fold_rows.lead(blocked(), 5, 6)
    assert led.panel.block is not None
    assert set(led.panel.block) == {3, 4, 5}
    np.testing.assert_array_equal(led.inside, led.panel.block == 5)
    assert (led.panel.slot[led.panel.start[:-1]] == 0).all()
