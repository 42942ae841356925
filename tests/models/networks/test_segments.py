"""Long sequences in segments: every row once with its labels, the rows before it without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.models.networks import segments
from hfm.plugins import Panel
from tests.train.market import rows


def test_sessions_of_bars_stay_whole() -> None:
    """The very same panel."""
    panel = rows().panel
    assert segments.segmented(panel) is panel


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Panel:
    """Sessions of 26 bars, of which more than 20 count as long; the last has 15 rows."""
    monkeypatch.setattr(segments, "LONGEST", 20)
    monkeypatch.setattr(segments, "LENGTH", 8)
    monkeypatch.setattr(segments, "BURN_IN", 5)
    panel = rows().panel
    last = int(panel.start[-2]) + 15
    fields = {
        n: getattr(panel, n)[:last] for n in ("x", "slot", "spread_bps", "up", "ret_bps", "log_spread", "log_vol")
    }
    return replace(panel, **fields, start=np.append(panel.start[:-1], last))  # type: ignore[arg-type]  # arrays by name


def test_every_row_stands_in_one_segment_with_its_labels_and_warms_up_others_without(short: Panel) -> None:
    """Segments of 8 rows after 5 that repeat the ones before; the first of a session has none before it."""
    cut = segments.segmented(short)
    lengths = np.diff(cut.start)
    assert lengths[:5].tolist() == [8, 13, 13, 7, 8]
    assert lengths[-1] == 15
    labelled = np.isfinite(cut.log_vol)
    assert labelled.sum() == np.isfinite(short.log_vol).sum()
    np.testing.assert_array_equal(np.sort(cut.log_vol[labelled]), np.sort(short.log_vol[np.isfinite(short.log_vol)]))
    np.testing.assert_array_equal(cut.x[8:21], short.x[3:16])
    assert np.isnan(cut.log_vol[8:13]).all()
    assert len(cut.session) == len(cut.symbol) == len(lengths)
    assert (np.diff(cut.session) >= 0).all()


def test_an_empty_panel_stays_empty() -> None:
    """Validation of no session."""
    panel = rows().panel.of_sessions(3, 3)
    assert len(segments.segmented(panel).slot) == 0


def test_segments_cover_every_row_once_and_reach_back_no_further_than_their_session(short: Panel) -> None:
    """Sequence, first row of the warm-up, first row, end; also of an empty sequence."""
    found = segments.segments(np.append(short.start, short.start[-1]))
    owner, opened, begin, end = (np.array(column) for column in zip(*found, strict=True))
    rows_of = np.concatenate([np.arange(a, b) for a, b in zip(begin, end, strict=True)])
    np.testing.assert_array_equal(rows_of, np.arange(len(short.slot)))
    assert (opened >= short.start[np.minimum(owner, len(short.start) - 2)])[:-1].all()
    assert set(begin - opened) == {0, 5}
    assert owner[-1] == len(short.start) - 1
    assert begin[-1] == end[-1]
