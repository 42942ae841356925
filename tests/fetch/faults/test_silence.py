"""Files of every kind at once, with and without a fault in them: exit 0 means that each bar is the true one."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfm.arrays import Int
from hfm.config import INTERVALS
from hfm.errors import HfmError
from hfm.fetch.sessions import sessions
from hfm.plugins import RawBars
from tests.conftest import Count
from tests.fetch.drive import fetch, raw
from tests.fetch.faults.clocks import STYLES, clock_columns
from tests.fetch.faults.writer import CHOICES, write

LATER = datetime(2027, 1, 1, tzinfo=UTC)
PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
SPANS = (("2026-03-02", "2026-03-13"), ("2026-03-23", "2026-04-02"), ("2026-10-26", "2026-11-06"))
"""Weeks around the clock changes of New York and of London, in spring and in autumn."""
MARKETS = {
    "XNYS": "America/New_York", "XLON": "Europe/London", "XTKS": "Asia/Tokyo", "XHKG": "Asia/Hong_Kong",
    "24/7": "UTC", "24/5": "UTC",
}  # fmt: skip
SCALES = (1.0, 0.011, 9.3, 470.0)
"""Times 100: prices of a pair of currencies, of stocks and of coins."""
FAULTS = ("none", "none", "none", "open", "close", "high", "low", "bar", "three", "session", "from", "split", "live",
          "twice", "filled", "shuffled")  # fmt: skip
FACTORS = (100.0, 0.01, 1000.0, 10.0, 0.1, 2.0, 0.5, 3.0, 1 / 3, 5.0)


def market(calendar: str, interval: str, span: tuple[str, str], scale: float) -> tuple[RawBars, Int]:
    """(bars in every slot in which one is due, prices of five digits, where each begins)."""
    over = sessions(calendar, INTERVALS[interval], *span)
    bars = raw(over)
    keep = over.holding(bars.time)[1]
    time, *prices, volume = (getattr(bars, name)[keep] for name in ("time", *VALUES))
    digits = 2 if scale >= 1 else 5
    prices = [np.round(price * scale, digits) for price in prices]
    noise = np.random.default_rng(1).integers(1, 40, len(time))
    index, seq, _, _ = over.grid(time)
    return RawBars(time, *prices, volume * noise + 7), over.open[index] + seq * over.interval


def spoiled(bars: RawBars, calendar: str, interval: str, span: tuple[str, str], fault: str, at: float, factor: float):  # type: ignore[no-untyped-def]  # DataFrame, ends, starts
    """The bars with one fault at about a share `at` of them, as a frame, and the rows' positions in the truth."""
    frame = pd.DataFrame({name: getattr(bars, name) for name in VALUES})
    n = len(frame)
    row = min(max(int(at * n), 1), n - 1)
    session = sessions(calendar, INTERVALS[interval], *span).grid(bars.time)[0]
    rows = np.arange(n) == row
    rows = {"three": (np.arange(n) >= row) & (np.arange(n) < row + 3), "session": session == session[row],
            "from": np.arange(n) >= row, "split": session >= session[row]}.get(fault, rows)  # fmt: skip
    order = np.arange(n)
    if rows.all():  # all of a file in another unit is as good as any
        fault = "none"
    if fault == "filled" and (n < 400 or not 0.5 < at < 0.9):  # little is known of a market by then, or little is left
        fault = "none"
    if fault in PRICES or fault in ("bar", "three", "session", "from", "split"):
        factor = {"high": max(factor, 1 / factor), "low": min(factor, 1 / factor)}.get(fault, factor)
        frame.loc[rows, [fault] if fault in PRICES else list(PRICES)] *= factor
        if fault == "split":
            frame.loc[rows, "volume"] = np.ceil(frame.loc[rows, "volume"] / factor)
        frame["high"], frame["low"] = frame[list(PRICES)].max(axis=1), frame[list(PRICES)].min(axis=1)
        frame = frame.round(8)
    if fault == "twice":
        order = np.insert(order, row, row)
    if fault == "filled":  # eleven bars; two or three no rule can tell from a quiet hour
        row = min(row, n - 12)
        last = slice(row + 1, row + 12)
        frame.loc[last, list(PRICES)] = frame.close[row]
    if fault == "shuffled":
        order = np.random.default_rng(row).permutation(n)
    return frame.iloc[order].reset_index(drop=True), order


def verdict(got: Any, bars: RawBars, known: bool) -> str:
    """What is wrong in silence; empty where nothing is."""
    named = bool(got.ctx.losses or got.ctx.warnings)
    time = got.column("time")
    place = np.minimum(np.searchsorted(bars.time, time), len(bars.time) - 1)
    if not np.array_equal(bars.time[place], time):
        return "" if named else "bars at other times"
    if len(time) != len(bars.time) and not named:
        return f"{len(bars.time) - len(time)} bars are missing"
    for name in VALUES if known else PRICES:
        if not np.allclose(got.column(name), getattr(bars, name)[place], rtol=1e-8) and not named:
            return f"another {name}"
    return ""


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Everything that makes a file: a market, its clock, its dialect, a fault."""
    calendar = draw(st.sampled_from(sorted(MARKETS)))
    dialect = st.fixed_dictionaries({}, optional={name: st.sampled_from(v) for name, v in CHOICES.items()})
    return {
        "calendar": calendar, "interval": draw(st.sampled_from(["1m", "5m", "15m", "1h"])),
        "span": draw(st.sampled_from(SPANS)), "scale": draw(st.sampled_from(SCALES)),
        "style": draw(st.sampled_from(STYLES)), "labels": draw(st.sampled_from(["start", "end", "inclusive"])),
        "zone": draw(st.sampled_from([MARKETS[calendar], "America/New_York", "UTC", "Asia/Tokyo"])),
        "dialect": draw(dialect), "told": draw(st.booleans()), "fault": draw(st.sampled_from(FAULTS)),
        "at": draw(st.floats(0.02, 0.98)),
        "factor": draw(st.sampled_from(FACTORS)),
    }  # fmt: skip


def tried(case: dict[str, Any], folder: Path) -> tuple[str, str]:
    """(outcome, what is wrong in silence) of one file. told: whether --label is given."""
    where = (case["calendar"], case["interval"], case["span"])
    bars, starts = market(*where, case["scale"])
    frame, order = spoiled(bars, *where, case["fault"], case["at"], case["factor"])
    columns, needed = clock_columns(bars.time[order], starts[order], case["style"], case["zone"], case["labels"])
    dialect, asked = case["dialect"], {"calendar": case["calendar"], "interval": case["interval"], **needed}
    if case["told"]:
        asked["label"] = "start" if case["labels"] == "start" else "end"
    if case["fault"] == "live":  # a quote in the middle of the last bar, as the newest row
        step = INTERVALS[case["interval"]] * 10**9 // 2
        more, _ = clock_columns(bars.time[-1:] - step, starts[-1:] + step, case["style"], case["zone"], case["labels"])
        columns = {name: [*values, *more[name]] for name, values in columns.items()}
        frame = pd.concat([frame, frame[-1:].assign(**dict.fromkeys(PRICES, frame.close.iloc[-1]), volume=0)])
    known = dialect.get("volume", "real") not in ("unknown", "absent", "beside")
    if len(columns) == 1:
        (values,) = columns.values()
        truth = {"SPY": frame.assign(timestamp=[str(v) for v in values])}
        path, more_settings = write(truth, folder, **dialect)
        asked |= more_settings
    else:
        path = folder / "bars.csv"
        pd.DataFrame({**columns, **{name: frame[name].to_numpy() for name in VALUES}}).to_csv(path, index=False)
        asked |= {"source": "file", "path": str(path), "symbols": ("SPY",)}
        known = True
    try:
        got = fetch(LATER, **asked)
    except HfmError:
        return "refused", ""
    return "read, and named" if got.ctx.losses or got.ctx.warnings else "read", verdict(got, bars, known)


def silent(case: dict[str, Any]) -> tuple[str, str]:
    folder = Path(tempfile.mkdtemp())
    try:
        return tried(case, folder)
    finally:
        shutil.rmtree(folder)


PLAIN: dict[str, Any] = {
    "calendar": "XNYS", "interval": "5m", "span": SPANS[0], "scale": 1.0, "style": "iso", "labels": "start",
    "zone": "America/New_York", "dialect": {}, "told": False, "fault": "none", "at": 0.5, "factor": 100.0,
}  # fmt: skip


@pytest.mark.parametrize(("change", "outcome"), [
    ({}, "read"), ({"fault": "shuffled"}, "read"), ({"labels": "end"}, "read"), ({"fault": "bar"}, "read, and named"),
    ({"fault": "split", "factor": 0.1}, "refused"), ({"fault": "live"}, "read, and named"),
    ({"dialect": {"delimiter": ";", "decimal": ","}}, "read"), ({"calendar": "24/7", "zone": "UTC"}, "refused"),
    ({"calendar": "24/7", "zone": "UTC", "told": True}, "read"),
])  # fmt: skip
def test_the_property_can_tell(change: dict[str, Any], outcome: str) -> None:
    """Clean files are read without a word, those with a fault are not: no case is right for nothing."""
    assert silent({**PLAIN, **change}) == (outcome, "")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=files())
def test_no_file_is_wrong_in_silence(case: dict[str, Any]) -> None:
    assert silent(case)[1] == ""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_none_of_two_thousand_files_is_wrong_in_silence(count: Count) -> None:
    """Markets x clocks x dialects x faults; at least a third of the files are read, so that this is no empty claim."""
    outcomes: dict[str, int] = {}

    @settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=files())
    def every(case: dict[str, Any]) -> None:
        outcome, wrong = silent(case)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        assert wrong == "", outcome

    every()
    total = sum(outcomes.values())
    assert total >= 2000
    assert outcomes["read"] + outcomes["read, and named"] > total / 3, outcomes
    count("files of every kind: none wrong in silence", total)
