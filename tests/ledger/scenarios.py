"""One market for each limit in which it fires, and what must happen then. `module`: the kernel, jitted or not.

Each also runs with the limit off, to show that it is the limit that does it.
"""

from __future__ import annotations

import dataclasses
from types import ModuleType

import numpy as np
import pytest

from hfm.ledger import reasons
from hfm.ledger.account import halt, release, state_new
from hfm.tables.records import Records
from tests.ledger.market import FREE, day, play, turned

LONG = [1.0] * 10


def flagged(out: Records, bit: int) -> list[int]:
    """Rows whose reason has the bit."""
    return np.flatnonzero(out["reason"].astype(int) & bit).tolist()


def held(out: Records) -> list[float]:
    return out["position"].tolist()


def max_position(module: ModuleType) -> None:
    rows = day([100.0] * 4, LONG[:4])
    out, _, _ = play(rows, dataclasses.replace(FREE, max_position=30.0), module=module)
    assert held(out) == [0, 30, 30, 0]
    assert flagged(out, reasons.MAX_POSITION) == [0]
    assert held(play(rows, FREE, module=module)[0])[1] == 100


def _pair(signals: tuple[list[float], list[float]]) -> Records:
    """Two symbols at 100 and 50, rows in time order."""
    a, b = day([100.0] * 4, signals[0]), day([50.0] * 4, signals[1], symbol=1)
    return turned(a, b)


def max_gross(module: ModuleType) -> None:
    rows = _pair((LONG[:4], [-1.0] * 4))
    out, _, _ = play(rows, dataclasses.replace(FREE, max_gross=0.75), symbols=2, module=module)
    assert held(out)[2:4] == [50, -50]  # 50 % long, 25 % short
    assert flagged(out, reasons.MAX_GROSS) == [1]
    assert held(play(rows, FREE, symbols=2, module=module)[0])[2:4] == [50, -100]


def max_net(module: ModuleType) -> None:
    settings = dataclasses.replace(FREE, max_net=0.6)
    out, _, _ = play(_pair((LONG[:4], LONG[:4])), settings, symbols=2, module=module)
    assert held(out)[2:4] == [50, 20]  # 50 % and 10 %
    assert flagged(out, reasons.MAX_NET) == [1]
    out, _, _ = play(_pair((LONG[:4], [-1.0] * 4)), settings, symbols=2, module=module)
    assert held(out)[2:4] == [50, -100]  # the other side nets out
    assert not flagged(out, reasons.MAX_NET)


def throttle(module: ModuleType) -> None:
    rows = day([100.0] * 8, [1, -1, 1, -1, 1, -1, 1, 0])
    out, _, _ = play(rows, dataclasses.replace(FREE, throttle=3), module=module)
    assert held(out) == [0, 100, 0, 0, -100, 0, 0, 0]  # a turn within three rows closes, and opens nothing
    assert flagged(out, reasons.THROTTLE) == [1, 2, 4, 5]
    assert held(play(rows, FREE, module=module)[0])[:4] == [0, 100, -100, 100]


def participation(module: ModuleType) -> None:
    rows = day([100.0] * 8, [1, 1, 1, 1, 1, 1, 0, 0])
    rows["volume"] = [200, 300, 0, np.nan, 400, 1e9, 1e9, 1e9]
    out, _, _ = play(rows, dataclasses.replace(FREE, participation=0.1), module=module)
    assert held(out) == [0, 20, 50, 50, 50, 90, 100, 0]
    assert flagged(out, reasons.PARTICIPATION) == [1, 2, 3, 4, 5]
    assert held(play(rows, FREE, module=module)[0])[1] == 100


def max_turnover(module: ModuleType) -> None:
    rows = np.concatenate([day([100.0] * 6, [1, 0, 1, 1, 0, 0]), day([100.0] * 3, LONG[:3], session=1)])
    out, _, _ = play(rows, dataclasses.replace(FREE, max_turnover=2.5), module=module)
    assert held(out) == [0, 100, 0, 50, 50, 0, 0, 100, 0]  # in 1, out 2, in again to 2.5, and the next day anew
    assert set(flagged(out, reasons.TURNOVER)) >= {3, 4}
    assert held(play(rows, FREE, module=module)[0])[3] == 100


def max_spread_bps(module: ModuleType) -> None:
    rows = day([100.0] * 5, LONG[:5], half=0.01)
    rows["bid_open"][1:3], rows["ask_open"][1:3] = 99.9, 100.1
    settings = dataclasses.replace(FREE, max_spread_bps=10.0)
    out, _, _ = play(rows, settings, module=module)
    assert held(out) == [0, 0, 0, 100, 0]
    assert flagged(out, reasons.WIDE_SPREAD) == [1, 2]
    rows["bid_open"][1:3], rows["ask_open"][1:3] = 99.99, 100.01
    rows["target"][2], rows["bid_open"][3] = 0, 99.0
    assert held(play(rows, settings, module=module)[0]) == [0, 100, 100, 0, 0]  # a wide spread does not hold one in
    assert held(play(day([100.0] * 5, LONG[:5]), FREE, module=module)[0])[1] == 100


def max_age_s(module: ModuleType) -> None:
    rows = day([100.0] * 12, LONG[:1] + [1.0] * 11)[[0, 6, 7, 11]]  # half an hour without rows, then 15 minutes
    out, _, _ = play(rows, dataclasses.replace(FREE, max_age_s=600.0), module=module)
    assert held(out) == [0, 0, 100, 0]
    assert flagged(out, reasons.STALE) == [1]
    assert held(play(rows, FREE, module=module)[0])[1] == 100


def collar(module: ModuleType) -> None:
    rows = day([100.0] * 4, LONG[:4])
    rows[1] = day([106.0, 106.0], LONG[:2])[0]
    rows["seq"][1] = 1
    for place in ("mid_open", "bid_open", "ask_open"):
        rows[place][2:] = 106.0
    out, _, _ = play(rows, dataclasses.replace(FREE, collar=0.05), module=module)
    assert out["qty_open"].tolist() == [0, 0, 100, 0]
    assert flagged(out, reasons.COLLAR) == [1]
    assert play(rows, FREE, module=module)[0]["qty_open"][1] == 100


def daily_loss(module: ModuleType) -> None:
    rows = np.concatenate([day([100.0, 100.0, 97.0, 97.0, 97.0], LONG[:5]), day([97.0] * 3, LONG[:3], session=1)])
    out, _, _ = play(rows, dataclasses.replace(FREE, daily_loss=0.02), module=module)
    assert held(out) == [0, 100, 100, 0, 0, 0, 100, 0]
    assert flagged(out, reasons.DAILY_LOSS) == [2, 3, 4]
    back = day([100.0, 100.0, 97.0, 100.0, 100.0, 100.0], LONG[:6])
    back["bid_open"][3] = np.nan  # the exit waits, the price comes back: out all the same
    assert held(play(back, dataclasses.replace(FREE, daily_loss=0.02), module=module)[0]) == [0, 100, 100, 100, 0, 0]
    assert held(play(rows, FREE, module=module)[0])[3] == 100


def max_drawdown(module: ModuleType) -> None:
    first = day([100.0, 100.0, 97.0, 97.0, 97.0], LONG[:5])
    rows = np.concatenate([first, day([97.0] * 3, LONG[:3], session=1)])
    settings = dataclasses.replace(FREE, max_drawdown=0.02)
    out, _, state = play(rows, settings, module=module)
    assert held(out) == [0, 100, 100, 0, 0, 0, 0, 0]  # the latch holds the next day
    assert set(flagged(out, reasons.DRAWDOWN)) >= {2, 3, 5, 6}
    assert not release(state, "daily loss")
    again = day([97.0] * 3, LONG[:3], session=2)
    assert held(play(again, settings, state=state.copy(), module=module)[0]) == [0, 0, 0]
    assert release(state, "drawdown")
    assert held(play(again, settings, state=state, module=module)[0]) == [0, 100, 0]
    assert held(play(rows, FREE, module=module)[0])[3] == 100


def by_hand(module: ModuleType) -> None:
    state = state_new(FREE.cash, 1)
    _, _, state = play(day([100.0] * 9, LONG[:9])[:3], state=state, module=module)
    halt(state)
    rest = day([100.0] * 9, LONG[:9])[3:]
    out, _, state = play(rest, state=state, module=module)
    assert held(out) == [0] * 6
    assert flagged(out, reasons.MANUAL) == [0, 1, 2, 3, 4]
    assert release(state, "halted by hand")
    assert held(play(day([100.0] * 3, LONG[:3], session=1), state=state, module=module)[0]) == [0, 100, 0]


def prices(module: ModuleType) -> None:
    for bad in (np.nan, np.inf, -np.inf, 0.0, -100.0):
        for place in ("mid_open", "bid_open", "ask_open"):
            rows = day([100.0] * 4, LONG[:4])
            rows[place][1] = bad
            out, _, _ = play(rows, module=module)
            assert held(out) == [0, 0, 100, 0], (bad, place)
            assert flagged(out, reasons.NO_PRICE) == [1]
        rows = day([100.0] * 4, LONG[:4])
        rows["mid_close"][0] = bad
        assert held(play(rows, module=module)[0]) == [0, 0, 100, 0]


SCENARIOS = (
    max_position, max_gross, max_net, throttle, participation, max_turnover, max_spread_bps, max_age_s, collar,
    daily_loss, max_drawdown, by_hand, prices,
)  # fmt: skip

MUTANTS = {
    "max_position": ("params.max_position", "np.inf"),
    "max_gross": ("params.max_gross", "np.inf"),
    "max_net": ("params.max_net", "np.inf"),
    "throttle": ("params.throttle", "0.0"),
    "participation": ("params.participation < np.inf", "False"),
    "max_turnover": ("params.max_turnover", "np.inf"),
    "max_spread_bps": ("params.max_spread_bps", "np.inf"),
    "max_age_s": ("params.max_age_ns", "np.inf"),
    "collar": ("params.collar", "np.inf"),
    "daily_loss": ("params.daily_loss", "np.inf"),
    "the daily loss's latch": ("book.stopped_session == row.session", "False"),
    "max_drawdown": ("params.max_drawdown", "np.inf"),
    "the halt's latch": ("book.halt != 0", "False"),
    "the price check": ("not quoted(row.mid_open, row.bid_open, row.ask_open)", "False"),
    "the price check of the size": ("row.mid_close > 0.0 and row.mid_close < np.inf", "True"),
}
"""What is taken out of hfm/risk/limits.py, and what stands in its place: some scenario must fail for each."""


def fails(module: ModuleType) -> list[str]:
    """Names of the scenarios that `module` does not pass."""
    broken = []
    for scenario in SCENARIOS:
        try:
            with np.errstate(all="ignore"):
                scenario(module)
        except (AssertionError, ValueError, OverflowError, IndexError, pytest.fail.Exception):
            broken.append(scenario.__name__)
    return broken
