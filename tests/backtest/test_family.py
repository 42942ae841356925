"""The family of trials, and delays."""

from __future__ import annotations

import numpy as np
import pytest

from hfm import tables
from hfm.backtest import family
from hfm.backtest.engine import Engine
from hfm.backtest.joined_panel import panels
from hfm.config import Backtest
from hfm.errors import UsageError
from hfm.plugins import Float, Risk, Signals
from tests.backtest import market


def test_the_family_is_always_the_same_and_holds_the_users_own() -> None:
    """Seven quantiles, three probabilities, cost; another threshold is one more."""
    names = [t.name for t in family.members("0.6")]
    assert names == ["cost", "p0.52", "p0.55", "p0.6", "q0.5", "q0.6", "q0.7", "q0.8", "q0.9", "q0.95", "q0.975"]
    assert [t.name for t in family.members("0.6") if t.user] == ["p0.6"]
    assert [t.name for t in family.members("q97.5") if t.user] == ["q0.975"]
    assert len(family.members("q97.5")) == 11
    other = family.members("0.57")
    assert len(other) == 12
    assert [t.name for t in other] == sorted(t.name for t in other)


def test_the_expected_round_trip_is_what_the_ledger_would_charge() -> None:
    """Twice .75 x half the quoted spread, the fee, the impact."""
    quoted = market.quotes(market.keys(["A"], 1, 2), np.array([100.0, 100.0]), np.array([100.0, 100.0]), half=0.02)
    panel = next(
        panels(tables.MemoryReader(quoted), tables.MemoryReader(market.predictions(quoted, {"m": 0.6})), "m", ["A"])
    )
    engine = Engine(Backtest(fee_bps=0.3, impact=0.5), ["A"], tables.MemoryReader(quoted).meta, 1)
    cost = engine._cost_bps(panel, np.array([0.01, 0.02]), np.array([4e8, 0.0]))  # 10,000 shares: .5 x 1 % x .005
    assert family.inputs(panel, cost).cost_bps == pytest.approx([0.75 * 4 + 2 * (0.3 + 0.25), 0.75 * 4 + 0.6])


@pytest.mark.parametrize("lag", [0, 1, 2, 3, 5])
def test_a_delay_does_not_cross_sessions(lag: int) -> None:
    """The first rows of each block have no signal yet."""
    signal = np.array([1, 2, 3, 4, 5, 6, 7], np.int8)
    out = family.delayed(signal, np.array([0, 4, 7]), lag)
    expected = [([0] * lag + [1, 2, 3, 4])[:4], ([0] * lag + [5, 6, 7])[:3]]
    assert out.tolist() == expected[0] + expected[1]


class Fewer:
    """An allocator: half a position in each symbol of an instant, and out again where it holds one."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def targets(self, signals: Signals, positions: Float, risk: Risk) -> Float:
        self.asked.append(len(positions))
        assert len(risk.sd_bps) == len(signals.p_up)
        return np.where(positions > 0, 0.0, 0.5)


def test_an_allocator_is_asked_instant_by_instant_and_told_what_it_gave_last() -> None:
    """All symbols of an instant at once, in their order; every session begins flat."""
    quoted = market.walk(["A", "B"], 2, 3)
    predicted = market.predictions(quoted, {"m": 0.6})
    panel = next(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "m", ["A", "B"]))
    plugin = Fewer()
    trial = family.Trial("fewer", "fewer", None, plugin, True)
    (weights,) = family.targets([trial], panel, family.inputs(panel, np.ones(12)))
    assert plugin.asked == [2] * 6
    assert weights.tolist() == [0.5, 0.0, 0.5] * 4


class Answer:
    """An allocator that gives the same answer at each instant."""

    def __init__(self, answer: list[float]) -> None:
        self.answer = answer

    def targets(self, signals: Signals, positions: Float, risk: Risk) -> Float:
        return np.array(self.answer)


@pytest.mark.parametrize("answer", [[0.5], [0.5, 0.5, 0.5], [0.5, 1.5], [-2.0, 0.0]])
def test_an_allocator_s_answer_is_checked_at_each_instant(answer: list[float]) -> None:
    """One weight a symbol, none spread over the others; never more than a full position."""
    quoted = market.walk(["A", "B"], 2, 3)
    predicted = market.predictions(quoted, {"m": 0.6})
    panel = next(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "m", ["A", "B"]))
    trial = family.Trial("answer", "answer", None, Answer(answer), True)
    with pytest.raises(UsageError):
        family.targets([trial], panel, family.inputs(panel, np.ones(12)))


def test_a_policy_asked_instant_by_instant_gives_what_it_gives_at_once() -> None:
    """The one-symbol case of an allocator."""
    quoted = market.walk(["A", "B"], 2, 3)
    predicted = market.predictions(quoted, {"m": 0.6})
    panel = next(panels(tables.MemoryReader(quoted), tables.MemoryReader(predicted), "m", ["A", "B"]))
    known = family.inputs(panel, np.ones(12))
    one = family.trial("0.52")

    class Instants:
        targets = one.allocator.targets

    by_instants = family.Trial("instants", "instants", None, Instants(), True)
    at_once, again = family.targets([one, by_instants], panel, known)
    assert at_once.any()
    np.testing.assert_array_equal(at_once, again)
