"""The verdict on hand-made tables of trials."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.report.verdict import family, judge, leakage


def trials(
    net: np.ndarray,
    *,
    exposure: float | np.ndarray = 0.0,
    hold: np.ndarray | float = 0.0,
    trips: int | np.ndarray = 3,
    symbols: tuple[str, ...] = ("SPY",),
    user: int = 0,
    year: float = 252.0,
) -> pa.Table:
    """A trials table of net [S, K]: the same rows for each symbol."""
    sessions, count = net.shape
    shape = (sessions, len(symbols), count)
    day = np.datetime64("2024-01-02") + np.arange(sessions)
    names = np.array([f"q{k}" for k in range(count)], object)

    def spread(value: float | np.ndarray) -> np.ndarray:
        value = np.asarray(value, float)
        return np.broadcast_to(value[:, None] if value.ndim else value, shape).ravel()

    columns = {
        "symbol": np.broadcast_to(np.array(symbols, object)[None, :, None], shape).ravel(),
        "session": np.repeat(day, len(symbols) * count),
        "seq": 0,
        "time": np.repeat(day.astype("datetime64[ns]"), len(symbols) * count),
        "trial": np.broadcast_to(names, shape).ravel(),
        "user": np.broadcast_to(np.arange(count) == user, shape).ravel(),
        "net_return": spread(net),
        "gross_return": spread(net),
        "exposure": spread(exposure),
        "hold_return": spread(hold),
        "trips": spread(trips).astype(np.int64),
    }
    return tables.build(tables.TRIALS, columns, {"sessions_per_year": year})


def noise(sessions: int, count: int = 5, seed: int = 1, drift: float = 0.0) -> np.ndarray:
    """Session returns of sd 30 bp."""
    return np.random.default_rng(seed).normal(drift, 30e-4, (sessions, count))


def test_a_clear_edge_is_supported_and_the_best_trial_is_named() -> None:
    """Trial 3 earns half a sd a session; the user asked for another one, and is told."""
    net = noise(100)
    net[:, 3] += 15e-4
    got = judge(trials(net, user=1), reps=2000)
    assert got.label == "edge supported"
    assert got.numbers["best_trial"] == "q3"
    assert got.numbers["p"] <= 0.01
    assert "q3 (not yours, q1)" in got.reasons[1]


def test_noise_is_no_edge_and_the_smallest_edge_that_could_be_shown_is_named() -> None:
    """The quoted edge is the critical t plus the power's z, in bp a session."""
    got = judge(trials(noise(100)), tried=40, reps=2000)
    assert got.label == "no edge found"
    assert got.numbers["trials"] == 40
    need = (got.numbers["t_needed"] + 0.8416) * 30 / math.sqrt(100)
    assert got.numbers["smallest_edge_bps"] == pytest.approx(need, rel=0.3)
    assert any("smallest edge" in r for r in got.reasons)


def test_a_family_that_only_loses_does_not_lower_the_bar() -> None:
    """Trials far below zero: p near 1, and the t and the edge that would be needed are those of a worthless family."""
    bad, fair = (judge(trials(noise(100, 3, seed=5, drift=d)), reps=2000).numbers for d in (-40e-4, 0.0))
    assert bad["p"] > 0.5
    assert bad["t_needed"] == pytest.approx(fair["t_needed"], abs=0.02)
    assert bad["smallest_edge_bps"] == pytest.approx(fair["smallest_edge_bps"], rel=0.15)


def test_the_quoted_edge_is_shown_about_four_times_in_five() -> None:
    """Markets that hold exactly the quoted edge are found with the power that the page promises."""
    need = judge(trials(noise(100)), reps=1000).numbers["smallest_edge_bps"] * 1e-4
    shown = []
    for seed in range(50):
        net = noise(100, seed=100 + seed)
        net[:, 2] += need
        shown.append(judge(trials(net), reps=300).numbers["p"] <= 0.01)
    assert 0.6 < np.mean(shown) < 0.95


@pytest.mark.parametrize("sessions", [1, 2, 15, 59])
def test_too_few_sessions_is_insufficient_whatever_they_earn(sessions: int) -> None:
    """Below sixty sessions no profit is an edge; the count stands in the first reason."""
    got = judge(trials(noise(sessions) + 0.01, trips=20))
    assert got.label == "insufficient data"
    assert got.reasons[0].startswith(f"{sessions} out-of-sample session")


def test_too_few_trades_is_insufficient_however_long() -> None:
    """A lucky pair of trades in 200 sessions is no evidence."""
    net, trips = np.zeros((200, 3)), np.zeros((200, 3), np.int64)
    net[[5, 9], 1], trips[[5, 9], 1] = 0.02, 1
    got = judge(trials(net, trips=trips))
    assert got.label == "insufficient data"
    assert (got.numbers["best_trial"], got.numbers["best_trips"], got.numbers["best_traded_sessions"]) == (
        "q1",
        2,
        2,
    )


def test_a_thin_lucky_trial_does_not_hide_the_ones_that_can_be_judged() -> None:
    """Busy losing trials are judged although a trial with two lucky trades looks better; all count in N."""
    net, trips = noise(100, 4, drift=-5e-4), np.full((100, 4), 3)
    net[:, 3], trips[:, 3] = 0.0, 0
    net[[5, 9], 3], trips[[5, 9], 3] = 0.02, 1
    got = judge(trials(net, trips=trips, user=3), reps=500)
    assert got.label == "no edge found"
    assert any(reason.startswith("Your trial, q3, made 2 round trips on 2 sessions") for reason in got.reasons)
    assert (got.numbers["judged"], got.numbers["trials"]) == (3, 4)


def test_a_family_of_one_is_judged_too() -> None:
    """One trial alone: the same test, no share of overfitting."""
    got = judge(trials(noise(100, 1)), reps=300)
    assert got.label == "no edge found"
    assert got.numbers["pbo"] is None
    assert 1.5 < got.numbers["t_needed"] < 3.0


def test_a_run_that_never_trades_says_so() -> None:
    """No trial opened a position: nothing to judge, and the page says why."""
    got = judge(trials(np.zeros((100, 11)), trips=0))
    assert got.label == "insufficient data"
    assert "Nothing was ever traded" in got.reasons[0]
    assert judge(trials(np.zeros((100, 11)), trips=0).slice(0, 0)).label == "insufficient data"


def test_riding_a_rising_market_is_no_edge() -> None:
    """Always long in a market that rises 20 bp a session beats cash, and not its matched exposure."""
    hold = noise(200, 1, seed=5, drift=20e-4)
    own = hold + np.random.default_rng(7).normal(0, 3e-4, (200, 1))
    got = judge(trials(np.hstack([own, own]), exposure=1.0, hold=np.hstack([hold, hold])), reps=1000)
    assert got.numbers["best_net_return"] > 0.2
    assert got.label == "no edge found"


def test_beating_the_match_while_losing_money_is_no_edge() -> None:
    """Short half of a rising market, less badly than holding short: p is small, net is negative."""
    hold = noise(200, 1, seed=5, drift=20e-4)
    net = -0.5 * hold + np.random.default_rng(7).normal(5e-4, 5e-4, (200, 1))
    got = judge(trials(net, exposure=-0.5, hold=hold), reps=1000)
    assert got.numbers["p"] <= 0.01
    assert got.label == "no edge found"
    assert any("earns nothing itself" in r for r in got.reasons)


def test_a_reversal_rule_on_a_random_walk_gets_no_edge_from_the_match() -> None:
    """Long after a fall, short after a rise, inside the session: the match must not reward it."""
    rng = np.random.default_rng(9)
    p = []
    for _ in range(40):
        first, second = rng.normal(0, 20e-4, (2, 100, 1))
        side = -np.sign(first)
        table = trials(side * second, exposure=side / 2, hold=first + second)
        p.append(judge(table, reps=300).numbers["p"])
    assert np.mean(np.array(p) <= 0.1) <= 0.25
    assert 0.3 < np.mean(p) < 0.7


def test_symbols_are_summed_and_matched_each_with_its_own_hold() -> None:
    """Two symbols of the same rows: the portfolio's net is twice one's, its excess too."""
    net, hold = noise(70, 2), noise(70, 1, seed=3)
    one = family(trials(net, exposure=0.3, hold=np.hstack([hold, hold])))
    two = family(trials(net, exposure=0.3, hold=np.hstack([hold, hold]), symbols=("QQQ", "SPY")))
    assert two.net == pytest.approx(2 * one.net)
    assert two.excess == pytest.approx(2 * one.excess)
    assert one.excess == pytest.approx(net - 0.3 * hold)


def test_the_verdict_is_a_pure_function_and_is_json() -> None:
    """The same table gives the same document twice; every number survives JSON; row order does not matter."""
    table = trials(noise(80))
    first, second = (
        judge(table, reps=500).document(),
        judge(table.take(np.arange(table.num_rows)[::-1]), reps=500).document(),
    )
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    assert first["label"] == second["label"]
    assert first["numbers"]["p"] == pytest.approx(second["numbers"]["p"], abs=0.05)


@pytest.mark.parametrize(
    ("change", "flagged"),
    [({}, True), ({"planted": True}, False), ({"interval_s": 60}, False), ({"spread_bps": 40.0}, False),
     ({"empty": 0.1}, False), ({"right": 8100}, False)],
)  # fmt: skip
def test_leakage_is_flagged_only_where_no_honest_run_gets(change: dict[str, float], flagged: bool) -> None:
    """54 % of 15,400 liquid five-minute bars is too good; on other bars, or with a planted signal, it may
    be.
    """
    facts = {
        "right": 8316,
        "n": 15_400,
        "interval_s": 300,
        "spread_bps": 0.5,
        "empty": 0.0,
        "planted": False,
    } | change
    text = leakage(facts.pop("right"), facts.pop("n"), **facts)
    assert (text is not None) is flagged
    assert text is None or "hfm verify --run" in text


def test_a_year_has_the_sessions_of_its_calendar() -> None:
    """A market that never closes has 365; yearly ratios of the same sessions grow with the root."""
    net = np.random.default_rng(3).normal(2e-4, 1e-3, (80, 2))
    short, long = (judge(trials(net, year=year)).numbers for year in (252.0, 365.0))
    for name in ("best_sharpe", "smallest_edge_sharpe", "sharpe_hurdle"):
        assert long[name] / short[name] == pytest.approx((365 / 252) ** 0.5)
    assert long["p"] == short["p"]
