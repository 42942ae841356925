"""Adjustments as they are typed: what is read, what is refused, and that no row hangs on what comes later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import ConfigError
from hfm.fetch.quality import adjustments
from hfm.plugins import RawBars
from tests.fetch.drive import raw
from tests.fetch.quality.test_splits import DAY, OVER, said, split


@pytest.mark.parametrize("text", ["foo", "2026-02-17", "2026-02-17=", "2026-02-17=0", "x=2", "2026-02-17=-2", "=2",
                                  "2026-02-17=1/0", "2026-02-17=nan", "QQQ:2026-13-01=2"])  # fmt: skip
def test_an_unclear_adjustment_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="neither SESSION=RATIO nor no"):
        adjustments.parse_adjustments([text])


@pytest.mark.parametrize(("text", "symbol", "ratio"), [
    ("2026-02-17=10", None, 10.0), ("SPY:2026-02-17=3/2", "SPY", 1.5), ("BTC/USDT:2026-02-17T14:30Z=1/1000",
    "BTC/USDT", 0.001), ("2026-02-17T14:30:00-05:00=10:1", None, 10.0), ("2026-02-17=0.1", None, 0.1),
])  # fmt: skip
def test_an_adjustment_is_read(text: str, symbol: str | None, ratio: float) -> None:
    (one,) = adjustments.parse_adjustments([text])[1]
    assert (one.symbol, one.ratio) == (symbol, ratio)


def test_a_symbol_must_be_named_where_there_are_several_and_must_be_there() -> None:
    with pytest.raises(ConfigError, match="names no symbol") as caught:
        adjustments.check_adjustments([f"{DAY}=10"], ["QQQ", "SPY"])
    assert caught.value.hint == f"--adjust QQQ:{DAY}=10"
    with pytest.raises(ConfigError, match="that is not there"):
        adjustments.check_adjustments([f"IWM:{DAY}=10"], ["QQQ", "SPY"])
    adjustments.check_adjustments([f"SPY:{DAY}=10"], ["QQQ", "SPY"])


def test_a_day_without_a_session_stands_for_the_next() -> None:
    """2026-02-14 is a Saturday, and the Monday a holiday; a split before the span changes nothing, nor one after it."""
    assert said(split(10.0, session=10), "2026-02-14=10") == []
    assert OVER.day[10] == np.datetime64("2026-02-17")
    for text, count in (("2020-08-31=4", 0), ("2026-03-02=10", 1)):
        bars, notes = adjustments.adjust(raw(OVER), [text], "SPY", OVER)
        assert len(notes) == count
        assert (bars.close == raw(OVER).close).all()


@pytest.mark.parametrize("typed", [(f"{DAY}=10",), (f"{DAY}=10", f"{OVER.day[14]}=1/3")])
def test_no_adjusted_row_hangs_on_what_comes_later(typed: tuple[str, ...]) -> None:
    """The bars up to any session are those that a file that ends there gives, before the split and after it."""
    bars = split(10.0)
    whole, _ = adjustments.adjust(bars, typed, "SPY", OVER)
    for session in range(1, 19):
        keep = bars.time <= OVER.close[session]
        names = ("time", "open", "high", "low", "close", "volume")
        part = RawBars(*(getattr(bars, n)[keep] for n in names))
        cut, _ = adjustments.adjust(part, typed, "SPY", OVER.pick(slice(0, session + 1)))
        for name in names:
            assert (getattr(cut, name) == getattr(whole, name)[keep]).all()


@given(st.integers(1, 400), st.integers(1, 40))
def test_a_ratio_is_typed_as_it_is_read(a: int, b: int) -> None:
    (one,) = adjustments.parse_adjustments([f"2026-02-17={adjustments.ratio_text(a / b)}"])[1]
    assert one.ratio == pytest.approx(a / b, rel=1e-5)


def test_of_two_adjustments_of_a_session_the_last_holds() -> None:
    """What is typed again with a next line is not divided by twice."""
    assert said(split(10.0), f"{DAY}=10", f"{DAY}=10") == []
    assert said(split(10.0), f"{DAY}=3", f"SPY:{DAY}=10") == []
