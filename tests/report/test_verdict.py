"""The verdict on hand-made tables of trials."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from hfm import tables
from hfm.report.verdict import Label, Verdict, judge, with_verification
from hfm.report.verdict_numbers import TrialCounts, VerdictNumbers
from hfm.stage import Look, Record, Verification
from hfm.tables.json_document import from_json
from tests.report.trials import noise, trials


def test_a_clear_edge_is_supported_and_the_best_trial_is_named() -> None:
    """Trial 3 earns six tenths of a sd a session; the user asked for another one, and is told."""
    net = noise(100)
    net[:, 3] += 18e-4
    got = judge(trials(net, user=1), reps=2000)
    assert got.label == "edge supported"
    assert got.numbers.document()["best_trial"] == "q3"
    assert got.numbers.document()["p"] <= got.numbers.document()["level"]
    assert "q3 (not yours, q1)" in got.reasons[1]


def test_noise_is_no_edge_and_the_smallest_edge_that_could_be_shown_is_named() -> None:
    """The quoted edge is the critical t plus the power's z, in bp a session."""
    got = judge(trials(noise(100)), record=Record(trials=40), reps=2000)
    assert got.label == "no edge found"
    assert got.numbers.document()["trials"] == 40
    need = (got.numbers.document()["t_needed"] + 0.8416) * 30 / math.sqrt(100)
    assert got.numbers.document()["smallest_edge_bps"] == pytest.approx(need, rel=0.3)
    assert any("smallest edge" in r for r in got.reasons)


def test_a_family_that_only_loses_does_not_lower_the_bar() -> None:
    """Trials far below zero: p near 1, and the t that would be needed is that of a worthless family."""
    bad, fair = (judge(trials(noise(100, 3, seed=5, drift=d)), reps=4000).numbers.document() for d in (-40e-4, 0.0))
    assert bad["p"] > 0.5
    assert bad["t_needed"] == pytest.approx(fair["t_needed"], abs=0.25)


def test_the_quoted_edge_is_shown_about_four_times_in_five() -> None:
    """Families that hold exactly the quoted edge, all trials alike, are found with the power that the page promises."""
    numbers = judge(trials(noise(100)), reps=5000).numbers.document()
    need = numbers["smallest_edge_sharpe"] / math.sqrt(252) * 30e-4
    shown = []
    for seed in range(60):
        common = np.random.default_rng(100 + seed).normal(need, 30e-4, (100, 1))
        got = judge(trials(np.hstack([common] * 4)), reps=5000).numbers.document()
        shown.append(got["p"] <= got["level"])
    assert 0.65 < np.mean(shown) < 0.93


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
    numbers = got.numbers.document()
    assert (numbers["best_trial"], numbers["best_trips"], numbers["best_traded_sessions"]) == (
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
    assert (got.numbers.document()["judged"], got.numbers.document()["trials"]) == (3, 4)


def test_a_family_of_one_is_judged_too() -> None:
    """One trial alone: the same test, no share of overfitting."""
    got = judge(trials(noise(100, 1)), reps=300)
    assert got.label == "no edge found"
    assert got.numbers.document()["pbo"] is None
    assert 1.5 < got.numbers.document()["t_needed"] < 3.0


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
    assert got.numbers.document()["best_net_return"] > 0.2
    assert got.label == "no edge found"


def test_beating_the_match_while_losing_money_is_no_edge() -> None:
    """Short half of a rising market, less badly than holding short: p is small, net is negative."""
    hold = noise(200, 1, seed=5, drift=20e-4)
    net = -0.5 * hold + np.random.default_rng(7).normal(5e-4, 5e-4, (200, 1))
    got = judge(trials(net, exposure=-0.5, hold=hold), reps=1000)
    assert got.numbers.document()["p"] <= got.numbers.document()["level"]
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
        p.append(judge(table, reps=1000).numbers.document()["p"])
    assert np.mean(np.array(p) <= 0.1) <= 0.25
    assert 0.3 < np.mean(p) < 0.7


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


def test_a_year_has_the_sessions_of_its_calendar() -> None:
    """A market that never closes has 365; yearly ratios of the same sessions grow with the root."""
    net = np.random.default_rng(3).normal(2e-4, 1e-3, (80, 2))
    short, long = (judge(trials(net, year=year)).numbers.document() for year in (252.0, 365.0))
    for name in ("best_sharpe", "smallest_edge_sharpe", "sharpe_hurdle"):
        assert long[name] / short[name] == pytest.approx((365 / 252) ** 0.5)
    assert long["p"] == short["p"]


# ------------------------------------------------------------------------------------------------ what was tried before
def test_who_tries_more_needs_more() -> None:
    """The same trials: an edge of the first configuration is none of the fortieth, and the page says why."""
    net = noise(100, seed=3)
    net += np.random.default_rng(4).normal(6e-4, 5e-4, (100, 1))
    first, late = (judge(trials(net), record=Record(12 * k, k, k)) for k in (1, 40))
    assert (first.label, late.label) == ("edge supported", "no edge found")
    assert late.numbers.document()["level"] == pytest.approx(first.numbers.document()["level"] * 2 / (40 * 41))
    assert any("configuration 40" in reason for reason in late.reasons)
    assert any("another home" in reason and "cannot be known" in reason for reason in first.reasons)


def test_nights_of_one_configuration_cost_little() -> None:
    """Sixty looks before this one are one hypothesis: far less is needed than after sixty configurations."""
    looks = (Look(140, 140), *(Look(140 + k, 1) for k in range(1, 60)))
    table = trials(noise(200))
    once, nights, tries = (
        judge(table, record=record).numbers.document()["t_needed"]
        for record in (Record(), Record(looks=looks, added=1), Record(rank=61))
    )
    assert once + 0.2 < nights < tries - 0.2


# --------------------------------------------------------------------------------------------------------------- bounce
def test_an_edge_that_is_gone_one_row_late_is_bounce() -> None:
    """Prices of trades: an excess is an edge where it outlives a row's delay and the bars' own spread, else none."""
    net = noise(120, 4, seed=8) + 15e-4
    gone, kept = noise(120, 4, seed=9), net * 0.8
    exposure = np.zeros((120, 4))
    free = {"free_return": net, "free_turnover": np.full((120, 4), 4.0)}
    shown = {"SPY": {"half_spread_bps": 2.0, "ruled_by": "Roll", "extra_bps": 0.5}}

    def verdict(late: np.ndarray, extra: float) -> tuple[str, str]:
        known = {"SPY": shown["SPY"] | {"extra_bps": extra}}
        got = judge(trials(net, late_return=late, late_exposure=exposure, shown=known, **free))
        return got.label, next((r for r in got.reasons if "bounce" in r), "")

    assert verdict(kept, 0.5)[0] == "edge supported"
    label, reason = verdict(gone, 0.5)
    assert label == "no edge found"
    assert "consistent with bid-ask bounce" in reason
    assert verdict(kept, 4.0)[0] == "no edge found"  # 4 x 4 bp a session are more than the 15 that it earns
    assert judge(trials(net)).label == "edge supported"  # mids that are known do not bounce


def test_a_back_test_that_did_not_look_for_bounce_supports_nothing_on_prices_of_trades() -> None:
    """Tables of an older version, on observed bars: the reason says what to run."""
    table = trials(noise(120, 4, seed=8) + 15e-4)
    meta = tables.meta_of(table.schema)
    columns = {name: table.column(name) for name in table.column_names}
    observed = tables.build(tables.TRIALS, columns, dataclasses.replace(meta, synthetic=False, fidelity="bars"))
    invented = tables.build(tables.TRIALS, columns, dataclasses.replace(meta, synthetic=True, fidelity="bars"))
    assert judge(invented).label == "edge supported"
    found = judge(observed)
    assert found.label == "no edge found"
    assert any("hfm backtest" in reason for reason in found.reasons)


def test_an_enormous_edge_is_found_whatever_was_tried() -> None:
    """The sixtieth configuration can still be supported: no level is below what p can be."""
    net = noise(200, seed=3) + 40e-4
    assert judge(trials(net), record=Record(700, 60, 60), reps=1000).label == "edge supported"


LEAK = "backtest: signal of SPY 2026-02-24 row 3 knows what comes later (gone, it is another)"


def verdict_of(label: Label) -> Verdict:
    """One with a reason."""
    return Verdict(label, ("p < 0.0001.",), VerdictNumbers(from_json(TrialCounts, {})))


def never() -> Verification | None:
    """Must not be asked."""
    raise AssertionError


@pytest.mark.parametrize("label", ["no edge found", "insufficient data"])
def test_a_verdict_without_an_edge_is_not_asked_and_not_changed(label: Label) -> None:
    """It costs nothing."""
    assert with_verification(verdict_of(label), never) == (verdict_of(label), None)


def test_an_edge_says_that_its_run_passed() -> None:
    """Nothing of it hangs on the seed: the same run writes the same bytes."""
    found, document = with_verification(verdict_of("edge supported"), lambda: Verification(29, 1))
    assert found.label == "edge supported"
    assert "in this very run, and not found: all 29 tests" in found.reasons[-1]
    assert document == {"passed": True, "tests": 29, "failed": []}
    again = with_verification(verdict_of("edge supported"), lambda: Verification(29, 2))
    assert again == (found, document)


def test_an_edge_that_was_not_looked_into_says_so() -> None:
    """With the command."""
    found, document = with_verification(verdict_of("edge supported"), lambda: None)
    assert found.label == "edge supported"
    assert "has not been looked for" in found.reasons[-1]
    assert "hfm verify --run" in found.reasons[-1]
    assert document == {"passed": None}


@pytest.mark.parametrize("checked", [Verification(29, 7, (LEAK, "another")), Verification(0, 7)])
def test_an_edge_that_looks_ahead_is_none(checked: Verification) -> None:
    """The leak stands first; a run in which nothing could be tested has passed nothing."""
    found, document = with_verification(verdict_of("edge supported"), lambda: checked)
    assert found.label == "no edge found"
    assert (LEAK if checked.failed else "nothing to test") in found.reasons[0]
    assert "--seed 7" in found.reasons[0]
    assert document is not None
    assert document["passed"] is False
