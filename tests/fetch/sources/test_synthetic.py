"""Invented bars: the same for the same seed, extended by more, and like a market where it matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.fetch.sessions import Sessions, recent, sessions
from hfm.fetch.sources.synthetic import bars, constants_of
from hfm.instants import instant_ns
from hfm.plugins import RawBars
from tests.fetch.drive import AS_OF, fetch

UNTIL = instant_ns(AS_OF)
CLOSES, VOLUMES = [550.96, 551.1698, 551.33], [1836995.0, 2567701.0, 1101623.0]
"""Of seed 7, SPY, 13 March 2026."""
COLUMNS = ("time", "open", "high", "low", "close", "volume")


def equal(a: RawBars, b: RawBars) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in COLUMNS)


def after(found: RawBars, start: int) -> RawBars:
    keep = found.time > start
    return RawBars(*(getattr(found, name)[keep] for name in COLUMNS))


def test_the_same_seed_and_dates_give_the_same_bars_and_others_do_not() -> None:
    """Seed, symbol and dates are all that counts."""
    over = recent("XNYS", 300, UNTIL, None, 5)
    assert equal(bars(7, "SPY", over, UNTIL), bars(7, "SPY", over, UNTIL))
    assert not np.array_equal(bars(8, "SPY", over, UNTIL).close[:300], bars(7, "SPY", over, UNTIL).close[:300])
    assert not np.array_equal(bars(7, "QQQ", over, UNTIL).close[:300], bars(7, "SPY", over, UNTIL).close[:300])


@pytest.mark.parametrize("until", ["2025-12-01", "2026-03-14"])
def test_a_longer_request_extends_and_never_changes(until: str) -> None:
    """Ten sessions are the last of sixty; a half day (28 November 2025) among them changes nothing."""
    end = instant_ns(datetime.fromisoformat(until).replace(tzinfo=UTC))
    short, long = (recent("XNYS", 300, end, None, n) for n in (10, 60))
    assert equal(bars(7, "SPY", short, end), after(bars(7, "SPY", long, end), int(short.open[0])))
    half = sessions("XNYS", 300, "2025-11-28", "2025-11-28")
    both = sessions("XNYS", 300, "2025-11-26", "2025-11-28")
    assert equal(bars(7, "SPY", half, UNTIL), after(bars(7, "SPY", both, UNTIL), int(half.open[0])))


def test_a_day_in_progress_is_the_first_part_of_the_day() -> None:
    """--as-of cuts, and changes nothing before."""
    over = sessions("XNYS", 300, "2026-03-13", "2026-03-13")
    noon = int(over.open[0]) + 150 * 60 * 10**9
    part, day = bars(7, "SPY", over, noon), bars(7, "SPY", over, UNTIL)
    assert part.time[-1] <= noon < day.time[-1]
    assert equal(part, RawBars(*(getattr(day, name)[: len(part.time)] for name in COLUMNS)))


def square(seed: int, over: Sessions) -> dict[str, np.ndarray]:
    """Columns [sessions, 78], NaN where a bar is missing or the day is short."""
    found = bars(seed, "SPY", over, UNTIL)
    index, seq, _, on = over.grid(found.time)
    assert on.all()
    out = {}
    for name in COLUMNS[1:]:
        out[name] = np.full((len(over), 78), np.nan)
        out[name][index, seq] = getattr(found, name)
    return out


def acf(x: np.ndarray, lag: int) -> float:
    x = x - x.mean()
    return float((x[lag:] * x[:-lag]).mean() / x.var())


def test_the_stylised_facts_hold_pooled_over_three_seeds() -> None:
    """Sixty sessions each: the U shapes, fat tails, clustering, nothing to predict in the returns."""
    facts: dict[str, list[float]] = {}
    for seed in (7, 8, 9):
        c = square(seed, recent("XNYS", 300, UNTIL, None, 60))
        log = np.log(c["close"])
        step = log - np.column_stack([np.log(c["open"][:, 0]), log[:, :-1]])
        r = step[np.isfinite(step)]
        halves = np.sqrt(np.nanvar(step, 0).reshape(13, 6).mean(1))
        volume = np.nanmean(c["volume"], 0).reshape(13, 6).mean(1)
        z = step / np.nanstd(step, 0) / np.nanstd(step, 1)[:, None]
        z = z[np.isfinite(z)]
        garman_klass = (
            0.5 * np.log(c["high"] / c["low"]) ** 2 - (2 * np.log(2) - 1) * np.log(c["close"] / c["open"]) ** 2
        )
        for name, value in {
            "open": halves[0] / halves[5:8].mean(),
            "first": volume[0] / volume.min(),
            "last": volume[-1] / volume.min(),
            "kurtosis": (r**4).mean() / r.var() ** 2 - 3,
            "standardised": (z**4).mean() / z.var() ** 2 - 3,
            "abs1": acf(abs(r), 1),
            "abs12": acf(abs(r), 12),
            "abs78": acf(abs(r), 78),
            "lag1": acf(r, 1) * np.sqrt(len(r)),
            "range": np.nanmean(garman_klass) / np.nanmean(step**2),
            "bp": 1e4 * r.std(),
        }.items():
            facts.setdefault(name, []).append(float(value))
    bands = {
        "open": (2, 4),
        "first": (2.5, 4.5),
        "last": (2.5, 4.5),
        "kurtosis": (4, 40),
        "standardised": (0.5, 6),
        "abs1": (0.15, 0.4),
        "abs12": (0.08, 0.3),
        "abs78": (0.05, 0.25),
        "range": (0.8, 1.25),
        "bp": (3, 20),
        "lag1": (-2.5, 2.5),
    }
    means = {name: float(np.mean(values)) for name, values in facts.items()}
    assert all(low <= means[name] <= high for name, (low, high) in bands.items()), means


def test_prices_are_on_the_cent_but_for_a_quarter_and_bars_are_in_order() -> None:
    """Off-book prints at a hundredth of a cent; high and low enclose the rest; a few bars miss, a few are silent."""
    found = bars(7, "SPY", recent("XNYS", 300, UNTIL, None, 255), UNTIL)
    cents = found.close * 100
    off = np.mean(abs(cents - np.rint(cents)) > 1e-6)
    assert 0.2 < off < 0.3
    assert (found.high >= np.maximum(found.open, found.close)).all()
    assert (found.low <= np.minimum(found.open, found.close)).all()
    assert 0 < (found.volume == 0).sum() < 60
    assert 0.99 < len(found.time) / 19_800 < 1


def test_the_draws_of_seed_7_are_those_of_every_release() -> None:
    """A run that names its seed can be made again: the last bars of a known day."""
    over = sessions("XNYS", 300, "2026-03-13", "2026-03-13")
    found = bars(7, "SPY", over, UNTIL)
    assert found.close[-3:] == pytest.approx(CLOSES, abs=1e-9)
    assert found.volume[-3:].tolist() == VOLUMES


def test_the_stage_marks_every_symbol_synthetic_and_loses_nothing() -> None:
    """Lower case, odd symbols, several at once; the gap is far below the limit."""
    got = fetch(source="synthetic", symbols=("spy", "BRK-B", "^GSPC", "7203.T", "SPY"))
    assert got.meta["synthetic"] is True
    assert got.meta["symbols"] == ["7203.T", "BRK-B", "SPY", "^GSPC"]
    assert not got.ctx.losses
    assert got.ctx.lines[0].startswith("SYNTHETIC: 30 calendar days gave 21 sessions")
    assert all(b"simulated" in field.metadata[b"provenance"] for field in got.bars.schema)
    assert max(q["gap"] for q in got.meta["quality"].values()) < 0.01


def test_days_without_end_and_minutes_work_too() -> None:
    """24/7 has 288 slots a day, weekends included, and half of them by noon; one-minute bars 390."""
    crypto = fetch(source="synthetic", symbols=("BTC-USD",), calendar="24/7", sessions=9)
    assert crypto.quality("BTC-USD")["expected"] == 8 * 288 + 144
    minutes = fetch(source="synthetic", symbols=("SPY",), interval="1m", sessions=2)
    assert minutes.quality()["expected"] == 780


def test_another_symbol_has_a_level_of_its_own_that_no_date_changes() -> None:
    """Constants depend on seed and symbol."""
    assert constants_of(7, "AAPL") == constants_of(7, "AAPL")
    assert constants_of(7, "AAPL") != constants_of(7, "MSFT")
    assert replace(constants_of(7, "SPY")) == constants_of(8, "SPY")


def test_days_before_the_generator_begins_are_said() -> None:
    """1970."""
    with pytest.raises(DataError, match="begin in 1970"):
        fetch(source="synthetic", symbols=("SPY",), as_of=datetime(1970, 1, 3, tzinfo=UTC))
