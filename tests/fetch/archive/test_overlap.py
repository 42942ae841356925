"""Fresh bars meet archived ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.fetch.archive.overlap import merge, scaled
from hfm.plugins import BAR_COLUMNS, RawBars
from tests.fetch.drive import raw, week

BARS = raw(week())


def part(first: int, last: int) -> RawBars:
    return BARS.take(np.arange(first, last))


def equal(a: RawBars, b: RawBars) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in BAR_COLUMNS)


def test_the_union_is_in_order_and_only_new_times_are_added() -> None:
    """Archived 0 to 299, fresh 200 to 389: all bars once, 90 added."""
    merged = merge(part(0, 300), part(200, 390), "SPY", rebase=False)
    assert equal(merged.bars, BARS)
    assert equal(merged.added, part(300, 390))
    assert (merged.common, merged.revised.size, merged.ratio) == (100, 0, 1.0)


def test_holes_inside_the_archive_are_filled() -> None:
    """A bar that the vendor had lost and has again."""
    old = BARS.take(np.delete(np.arange(390), 50))
    merged = merge(old, BARS, "SPY", rebase=False)
    assert equal(merged.bars, BARS)
    assert merged.added.time.tolist() == [BARS.time[50]]


def test_differences_of_float32_are_agreement() -> None:
    """One part in a hundred thousand: the first-seen values stay, nothing is reported."""
    fresh = replace(BARS, close=BARS.close * (1 + 1e-5))
    merged = merge(part(0, 200), fresh, "SPY", rebase=False)
    assert not merged.revised.size
    assert (merged.bars.close[:200] == BARS.close[:200]).all()


def test_a_revised_bar_keeps_its_first_seen_value_and_is_reported() -> None:
    """One close 1 % higher than it was."""
    close = BARS.close.copy()
    close[150] *= 1.01
    merged = merge(part(0, 200), replace(BARS, close=close), "SPY", rebase=False)
    assert merged.revised.tolist() == [BARS.time[150]]
    assert merged.bars.close[150] == BARS.close[150]


@pytest.mark.parametrize(("ratio", "said"), [(0.5, "2:1"), (0.1, "10:1"), (2 / 3, "3:2"), (8.0, "1:8")])
def test_a_constant_ratio_is_a_split_and_refused_without_rebase(ratio: float, said: str) -> None:
    """The message names the split and the flag; with it the archive is scaled and nothing jumps."""
    fresh = scaled(BARS, ratio)
    with pytest.raises(DataError, match="times what they were") as e:
        merge(part(0, 200), fresh, "SPY", rebase=False)
    assert said in e.value.why
    assert "--rebase" in e.value.hint
    merged = merge(part(0, 200), fresh, "SPY", rebase=True)
    assert merged.ratio == pytest.approx(ratio)
    assert np.allclose(merged.bars.close, fresh.close, rtol=1e-12)
    assert np.allclose(merged.bars.volume, fresh.volume, rtol=1e-12)


def test_an_overlap_that_disagrees_for_no_reason_is_refused() -> None:
    """Another instrument under the same name: neither revisions nor a split, with or without rebase."""
    for rebase in (False, True):
        with pytest.raises(DataError, match="are different now"):
            merge(part(0, 200), replace(BARS, **_noise()), "SPY", rebase)


def _noise() -> dict[str, np.ndarray]:
    factor = np.exp(np.random.default_rng(0).normal(0, 0.05, 390))
    return {name: getattr(BARS, name) * factor for name in BAR_COLUMNS[1:5]}


def test_a_handful_of_common_bars_says_nothing_of_a_ratio() -> None:
    """Nine revised bars are revisions."""
    merged = merge(part(0, 9), scaled(BARS, 0.5), "SPY", rebase=False)
    assert merged.revised.size == 9


def test_nothing_archived_and_nothing_fresh() -> None:
    """Empty on either side."""
    none = part(0, 0)
    assert equal(merge(none, BARS, "SPY", rebase=True).bars, BARS)
    assert equal(merge(BARS, none, "SPY", rebase=True).bars, BARS)
    assert equal(RawBars.concat([none, BARS]), BARS)
