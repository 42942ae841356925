"""The reasons of a verdict as sentences."""

from __future__ import annotations

from hfm.report import alpha_spending
from hfm.report.trial_returns import TrialReturns
from hfm.report.verdict_numbers import BestTrial, BounceTest, FamilyTest, TrialCounts, VerdictNumbers

SESSIONS, TRIPS, TRADED = 60, 100, 30
"""Fewest sessions, round trips and traded sessions for a judgement."""
UNCHECKED = (
    "The back-test is of a version that did not look for bid-ask bounce, of which closes of trades are full: "
    "hfm simulate, then hfm train, hfm backtest and hfm report."
)


def of_test(
    family: TrialReturns, best: BestTrial, test: FamilyTest, numbers: VerdictNumbers, *, supported: bool, bounced: bool
) -> list[str]:
    """The reasons where there was data enough for a test.

    Parameters
    ----------
    family : the trials.
    best, test, numbers : the best trial, the test, and all numbers.
    supported : whether an edge is supported.
    bounced : whether it is consistent with bid-ask bounce.

    Returns
    -------
    Sentences, the family's test first.
    """
    counts = numbers.counts
    small = test.p <= counts.level
    other = "" if family.user in (None, best.trial) else f" (not yours, {family.user})"
    limit = f"at most {counts.level:.2g} counts as an edge here" if small else (
        f"an edge needs at most {counts.level:.2g} here"
    )  # fmt: skip
    reasons = [
        f"The {counts.judged} trials that can be judged, over {len(family.sessions)} sessions beside their matched "
        f"exposure: p {p_text(test.p, counts.reps)} (t = {test.t:.2f} of them together, weighted by "
        f"what each had earned before); {limit}.",
        f"The best trial is {best.trial}{other}: net {best.net_return:+.2%} of fixed capital in {best.trips:,} round "
        f"trips on {best.traded_sessions} sessions, {best.excess_bps:+.2f} bp a session beside "
        f"its matched exposure (t = {test.best_t:.2f}, p {test.best_p:.3g} as the best of {counts.judged}).",
    ]
    reasons += _thin(family)
    if small and best.net_return <= 0:
        reasons.append(f"{best.trial} beats its matched exposure but earns nothing itself: net {best.net_return:+.2%}.")
    if small and numbers.bounce is not None:
        reasons.append(_bounce(family, numbers.bounce, bounced))
    if small and family.unchecked:
        reasons.append(UNCHECKED)
    if not supported:
        reasons.append(
            f"The smallest edge that this much data would show four times in five is a yearly Sharpe ratio of "
            f"{test.smallest_edge_sharpe:.1f} ({test.smallest_edge_bps:.2f} bp of capital a session at the "
            "risk of the best trial): smaller ones cannot be told from luck here."
        )
    return [*reasons, _level(counts), _deflated(best, test, counts)]


def nothing_traded(family: TrialReturns, trials: int) -> list[str]:
    """The reasons where no trial ever traded; trials: all on record."""
    if not family.names:
        return ["There is no trial: no back-test has been run over this data."]
    sessions = len(family.sessions)
    count = _count(sessions, "session")
    return [
        f"Nothing was ever traded: none of {len(family.names)} trials opened a position in {count}.",
        *([_few_sessions(sessions)] if sessions < SESSIONS else []),
        f"N = {trials} trials are on record for these symbols and sessions.",
    ]


def too_little_data(family: TrialReturns, busiest: BestTrial, judged: int) -> list[str]:
    """The reasons where sessions or trades are too few.

    Parameters
    ----------
    family : the trials.
    busiest : the one with most round trips.
    judged : trials with trades enough.

    Returns
    -------
    Sentences.
    """
    reasons = [_few_sessions(len(family.sessions))] if len(family.sessions) < SESSIONS else []
    what = (
        f"The busiest trial, {busiest.trial}, made {_count(busiest.trips, 'round trip')} on "
        f"{_count(busiest.traded_sessions, 'session')} and earned {busiest.net_return:+.2%} net of costs"
    )
    if judged:
        return [*reasons, f"{what}: enough trades, over too few sessions."]
    return [*reasons, f"{what}; a judgement needs {TRIPS} round trips on {TRADED} sessions."]


def p_text(p: float, reps: int) -> str:
    """A p-value of `reps` resamples as text: the smallest that there is stands for all smaller ones."""
    return f"= {p:.4f}" if p >= 1e-4 else f"< {max(p, 1.5 / reps):.1g}"


def _bounce(family: TrialReturns, bounce: BounceTest, bounced: bool) -> str:
    """What is left of the edge one row later and at the bars' own spread."""
    assert family.bounce is not None
    head = (
        f"Prices are those of trades, which bounce between bid and ask: one row later p is {bounce.p_late:.2g} "
        f"(the best trial keeps {bounce.late_share:.0%} of its excess, net {bounce.late_net_return:+.2%}), "
        f"with the bars' own half-spread of {family.bounce.half_spread_bps:.2f} bp charged "
        f"({family.bounce.ruled_by}) p is {bounce.p_charged:.2g} (net {bounce.charged_net_return:+.2%})"
    )
    if bounced:
        return f"{head}. The edge is consistent with bid-ask bounce, and only quotes could tell it from that."
    return f"{head}: the edge outlives both."


def _level(counts: TrialCounts) -> str:
    """How the level came about."""
    looks = counts.looks
    again = "" if looks == 1 else f", looked at {looks} times as sessions were added"
    sweeps = f", {counts.swept:,} of them thresholds of sweeps" if counts.swept else ""
    return (
        f"N = {counts.trials:,} trials on record for these symbols and sessions{sweeps}; this is configuration "
        f"{counts.rank} of those tried in this home{again}. Over all configurations and looks together an edge is "
        f"supported by chance in at most {alpha_spending.ALPHA:.0%} of cases; {counts.level:.2g} of that is left for "
        "this look. What was tried in another home, or not recorded, cannot be known here."
    )


def _deflated(best: BestTrial, test: FamilyTest, counts: TrialCounts) -> str:
    """The best trial beside the best of as many worthless ones."""
    return (
        f"The best of {counts.trials:,} worthless trials is expected at a yearly Sharpe of "
        f"{test.sharpe_hurdle:.2f}; this one has {best.sharpe:.2f} (deflated Sharpe {test.dsr:.2f})."
    )


def _thin(family: TrialReturns) -> list[str]:
    """That the user's own trial is too thin to be judged, where it is."""
    if family.user is None:
        return []
    k = family.names.index(family.user)
    trips, days = int(family.trips[:, k].sum()), int(family.traded[k])
    if trips >= TRIPS and days >= TRADED:
        return []
    made = f"made {_count(trips, 'round trip')} on {_count(days, 'session')}" if days else "never traded"
    return [f"Your trial, {family.user}, {made}: under {TRIPS} on {TRADED} sessions nothing can be said of it."]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _few_sessions(sessions: int) -> str:
    return (
        f"{_count(sessions, 'out-of-sample session')} of at least {SESSIONS}: with fewer, a test at p = .05 sees an "
        "edge in noise 27% of the time (6 sessions) or 10% (24)."
    )
