"""Shifts that are splits or units, what volume says of them, and the adjustments that are typed."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.quality import adjustments, bar_quality, splits
from hfm.fetch.quality.level_shifts import RATIOS
from hfm.plugins import RawBars
from tests.fetch.drive import raw, week

OVER = week(first="2026-02-02", last="2026-02-27")
"""Nineteen sessions."""
UNTIL = int(OVER.close[-1])
SPLIT = 11
"""Position of the session that is split."""
DAY = str(OVER.day[SPLIT])


def before(bars: RawBars, session: int = SPLIT) -> np.ndarray:
    return np.asarray(bars.time <= OVER.open[session])


def split(ratio: float, volume: float | None = None, session: int = SPLIT) -> RawBars:
    """Prices of a quiet market, before a session `ratio` times what they were; volumes `volume` times (None: by the
    ratio, as of a split)."""
    bars, early = raw(OVER), before(raw(OVER), session)
    prices = {n: np.where(early, getattr(bars, n) * ratio, getattr(bars, n)) for n in ("open", "high", "low", "close")}
    factor = 1 / ratio if volume is None else volume
    return replace(bars, **prices, volume=np.where(early, bars.volume * factor, bars.volume))


def said(bars: RawBars, *texts: str, symbols: tuple[str, ...] = ("SPY",)) -> list[str]:
    """What is said of the shifts of SPY's bars after the adjustments."""
    adjustments.check_adjustments(texts, symbols)
    bars, _ = adjustments.adjust(bars, texts, "SPY", OVER)
    grid, account = bar_quality.clean(bars, OVER, UNTIL)
    assert account.rejected == {}
    return splits.describe_shifts("SPY", account, grid, OVER, texts, symbols)


def test_a_quiet_market_needs_no_word() -> None:
    assert said(raw(OVER)) == []


@given(ratio=st.sampled_from(RATIOS), inverse=st.booleans(), unit=st.booleans(), session=st.integers(1, 18))
def test_a_split_is_refused_by_session_and_ratio_and_what_is_typed_mends_it(
    ratio: float, inverse: bool, unit: bool, session: int
) -> None:
    """Volume moves the other way, or stays where the unit changed: the next line gives the true bars again."""
    ratio = 1 / ratio if inverse else ratio
    bars = split(ratio, 1.0 if unit else None, session)
    with pytest.raises(DataError) as caught:
        said(bars)
    typed = caught.value.hint.removeprefix("--adjust ").split(", or ")[0]
    assert typed == f"{OVER.day[session]}={adjustments.ratio_text(ratio)}"
    assert said(bars, typed) == []
    mended, notes = adjustments.adjust(bars, (typed,), "SPY", OVER)
    true = raw(OVER)
    for name in ("open", "high", "low", "close"):  # in the unit of before: rows before the split are as they were
        assert np.allclose(getattr(mended, name), getattr(true, name) * ratio, rtol=1e-12)
    assert np.allclose(mended.volume, true.volume if unit else true.volume / ratio, rtol=1e-12)
    assert len(notes) == 1


def test_it_is_kept_where_that_is_typed_and_said() -> None:
    (text,) = said(split(10.0), "no")
    assert text.startswith(f"from {DAY} on, prices are 1/10 of those before")
    assert text.endswith("kept as asked: returns and costs hang on it")
    assert said(split(10.0), "SPY:no") == [text]
    with pytest.raises(DataError):
        said(split(10.0), "QQQ:no", symbols=("QQQ", "SPY"))


@pytest.mark.parametrize("drop", [0.5, 0.4, 0.3])
def test_a_crash_on_many_times_the_volume_is_news(drop: float) -> None:
    """Prices fall for good while turnover rises: kept, and named where it is large."""
    bars = split(1 / drop, 1.0)
    day = np.flatnonzero(~before(bars))
    volume = bars.volume.copy()
    volume[day] *= 20
    assert said(replace(bars, volume=volume))[0].startswith(f"from {DAY} on")


def test_a_leap_that_no_volume_explains_is_refused_though_no_split_is_near() -> None:
    with pytest.raises(DataError, match="no split is near") as caught:
        said(split(6.0))
    assert caught.value.hint == f"--adjust {DAY}=6, or --adjust no"


def test_without_volume_a_split_is_refused_too() -> None:
    bars = split(10.0)
    with pytest.raises(DataError):
        said(replace(bars, volume=np.zeros(len(bars.time))))


def test_two_splits_are_named_together() -> None:
    bars = split(10.0)
    early = before(bars, 4)
    prices = {n: np.where(early, getattr(bars, n) * 2, getattr(bars, n)) for n in ("open", "high", "low", "close")}
    bars = replace(bars, **prices, volume=np.where(early, bars.volume / 2, bars.volume))
    with pytest.raises(DataError) as caught:
        said(bars)
    both = caught.value.hint.split(", or ")[0]
    assert both == f"--adjust {OVER.day[4]}=2 --adjust {DAY}=10"
    assert said(bars, *both.removeprefix("--adjust ").split(" --adjust ")) == []
    with pytest.raises(DataError) as again:
        said(bars, f"{DAY}=10")
    assert again.value.hint.startswith(f"--adjust {DAY}=10 --adjust {OVER.day[4]}=2, or ")


def test_a_unit_that_changes_within_a_session_is_refused_by_its_instant() -> None:
    bars = raw(OVER)
    row = 5 * 78 + 40
    early = np.arange(len(bars.time)) < row
    prices = {n: np.where(early, getattr(bars, n) * 100, getattr(bars, n)) for n in ("open", "high", "low", "close")}
    bars = replace(bars, **prices)
    with pytest.raises(DataError) as caught:
        said(bars)
    typed = caught.value.hint.removeprefix("--adjust ").split(", or ")[0]
    assert typed == f"{np.datetime64(int(bars.time[row - 1]), 'ns').astype('datetime64[s]')}Z=100"
    assert said(bars, typed) == []


def test_after_many_lost_sessions_prices_may_be_elsewhere() -> None:
    """Two thirds of the price after three weeks without a bar are named, and not refused; the night after, they are."""
    bars = split(1.55, 1.0, 18)
    with pytest.raises(DataError):
        said(bars)
    keep = (bars.time <= OVER.open[1]) | (bars.time > OVER.open[18])
    names = ("time", "open", "high", "low", "close", "volume")
    assert len(said(RawBars(*(getattr(bars, n)[keep] for n in names)))) == 1


def test_most_bars_on_other_levels_are_refused_and_nothing_typed_helps() -> None:
    """Every third bar in pence: nobody can say which are right."""
    bars = raw(OVER)
    factor = np.where(np.arange(len(bars.time)) % 3 == 1, 100.0, 1.0)
    bars = replace(bars, **{n: getattr(bars, n) * factor for n in ("open", "high", "low", "close")})
    grid, account = bar_quality.clean(bars, OVER, UNTIL)
    with pytest.raises(DataError, match="stand on another level"):
        splits.describe_shifts("SPY", account, grid, OVER, (), ("SPY",))


@pytest.mark.parametrize("symbol", ["NVDA", "X:BTC/USD perp", "EUR USD", "NASDAQ:NVDA"])
def test_the_adjustment_of_one_of_several_symbols_can_be_typed_whatever_its_name(symbol: str) -> None:
    """The next line is words for a shell, and a symbol may hold colons and blanks."""
    grid, account = bar_quality.clean(split(10.0), OVER, UNTIL)
    with pytest.raises(DataError) as caught:
        splits.describe_shifts(symbol, account, grid, OVER, (), (symbol, "SPY"))
    first, second = (shlex.split(part) for part in caught.value.hint.split(", or "))
    assert (first[0], second) == ("--adjust", ["--adjust", f"{symbol}:no"])
    assert adjustments.parse_adjustments([first[1]]) == (set(), [adjustments.Adjustment(symbol, DAY, 10.0)])
    mended, notes = adjustments.adjust(split(10.0), [first[1]], symbol, OVER)
    assert len(notes) == 1
    assert np.allclose(mended.close, raw(OVER).close * 10, rtol=1e-12)


@pytest.mark.parametrize("ratio", [1.25, 1.2, 1.1, 0.8])
def test_a_small_split_on_a_quiet_night_is_named_and_not_refused(ratio: float) -> None:
    """Five for four, a dividend in shares: smaller than news may be, so it is kept; on a busy day it is news."""
    (text,) = said(split(ratio))
    assert text.startswith(f"from {DAY} on, prices are ")
    assert said(split(ratio), f"{DAY}={ratio:g}") == []
    bars = split(ratio, 1.0)
    day = (bars.time > OVER.open[SPLIT]) & (bars.time <= OVER.close[SPLIT])
    assert said(replace(bars, volume=np.where(day, bars.volume * 3, bars.volume))) == []


def test_a_session_a_third_off_is_named_at_both_its_nights() -> None:
    """Among nights that move as they do."""
    bars, session = raw(OVER), np.repeat(np.arange(len(OVER)), 78)
    level = np.exp(np.random.default_rng(4).normal(0, 3e-3, len(OVER)))
    level[SPLIT] *= 1.3
    prices = {n: getattr(bars, n) * level[session] for n in ("open", "high", "low", "close")}
    found = said(replace(bars, **prices))
    assert [text.split(" on, ")[0] for text in found] == [f"from {DAY}", f"from {OVER.day[SPLIT + 1]}"]
