"""The verdict: does this run show an edge? A pure function of the trials table and of what is on record.

An edge is supported where three things hold. The family of trials, as one series weighted by the past (see
randomization), earns more than its matched exposure with a p of at most the level that this look at this configuration
has left (see spending). Its best trial earns money after costs. And where closes are prices of trades, the same holds
with every signal one row late, and with the bars' own half-spread charged at every fill: otherwise the edge is
consistent with bid-ask bounce. Axes: S sessions, K trials of the family.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hfm.policies.multiple_testing import sharpe_hurdle
from hfm.report import alpha_spending, randomization, statistics
from hfm.report.randomization import Randomization
from hfm.report.statistics import NORMAL
from hfm.report.trial_returns import Family, Float, Int, family
from hfm.stage import Record

Label = Literal["insufficient data", "edge supported", "no edge found"]
SESSIONS, TRIPS, TRADED, POWER = 60, 100, 30, 0.8
"""Fewest sessions, round trips and traded sessions; power of the smallest edge that is quoted."""
EXCEEDING = 20
"""Resamples at or beyond the level that a p-value is to rest on."""
MOST_REPS = 100_000


@dataclass(frozen=True)
class Verdict:
    """The label, a sentence for each reason, the numbers in them, and warnings about the data itself."""

    label: Label
    reasons: tuple[str, ...]
    numbers: dict[str, Any]  # Any: JSON values
    flags: tuple[str, ...] = ()
    family: Family | None = field(default=None, compare=False)
    test: Randomization | None = field(default=None, compare=False)

    def document(self) -> dict[str, Any]:  # Any: JSON values
        """The verdict as it stands in summary.json."""
        return {
            "label": self.label,
            "reasons": list(self.reasons),
            "numbers": self.numbers,
            "flags": list(self.flags),
        }


UNCHECKED = (
    "The back-test is of a version that did not look for bid-ask bounce, of which closes of trades are full: "
    "hfm simulate, then hfm train, hfm backtest and hfm report."
)
NOTHING = Record()
"""The first look at the first configuration."""


def judge(trials: pa.Table, *, record: Record = NOTHING, reps: int = 10_000, seed: int = 7) -> Verdict:
    """The verdict on a trials table.

    Parameters
    ----------
    trials : the table of a back-test.
    record : what was tried before on the same data.
    reps, seed : of the resampling; more are drawn where the level is too small for so many.

    Notes
    -----
    Trials that never trade leave the matrix, as do those too thin to be judged (under TRIPS round trips or TRADED
    traded sessions) while others can be: a lucky pair of trades is no best trial. All of them count in N.
    """
    fam = family(trials)
    trips, traded = fam.trips.sum(axis=0), fam.traded
    level = alpha_spending.critical_p(record, max(len(fam.sessions), 1))
    numbers: dict[str, Any] = {
        "sessions": len(fam.sessions), "trials": max(record.trials, len(fam.names)), "family": len(fam.names),
        "judged": 0, "level": level, "rank": record.rank, "configurations": record.configurations,
        "looks": len(record.looks) + 1, "swept": record.swept, "user_trial": fam.user,
        "reps": int(np.clip(math.ceil(EXCEEDING / level), reps, MOST_REPS)),
    }  # fmt: skip
    if not traded.sum():
        return Verdict("insufficient data", tuple(_never(fam, numbers["trials"])), numbers, family=fam)
    able = np.flatnonzero((trips >= TRIPS) & (traded >= TRADED) & (fam.excess.std(axis=0) > 0))
    numbers["judged"] = len(able)
    if len(able) and len(fam.sessions) >= SESSIONS:
        test = randomization.family_test(fam.excess[:, able], numbers["reps"], seed)
        best = int(able[int(_t(fam.excess[:, able]).argmax())])
        numbers |= _of_trial(fam, best) | _of_test(fam, able, best, test, numbers)
        return _decide(fam, best, numbers | _of_bounce(fam, able, best, numbers, seed), test)
    moved = np.flatnonzero(traded)
    best = int(moved[int(trips[moved].argmax())])
    numbers |= _of_trial(fam, best)
    return Verdict("insufficient data", tuple(_little(fam, numbers, len(able))), numbers, family=fam)


def _t(excess_SK: Float) -> Float:
    """[K] studentised means of columns with variance."""
    return np.asarray(excess_SK.mean(axis=0) / excess_SK.std(axis=0, ddof=1) * math.sqrt(len(excess_SK)))


def _decide(fam: Family, best: int, numbers: dict[str, Any], test: Randomization) -> Verdict:  # Any: JSON values
    """The label where there is data enough."""
    level, net, name = numbers["level"], numbers["best_net_return"], fam.names[best]
    small = numbers["p"] <= level
    bounced = small and fam.bounce is not None and not _outlives(numbers)
    found = small and net > 0 and not bounced and not fam.unchecked
    other = "" if fam.user in (None, name) else f" (not yours, {fam.user})"
    limit = f"at most {level:.2g} counts as an edge here" if small else f"an edge needs at most {level:.2g} here"
    reasons = [
        f"The {numbers['judged']} trials that can be judged, over {len(fam.sessions)} sessions beside their matched "
        f"exposure: p {chance(numbers['p'], numbers['reps'])} (t = {numbers['t']:.2f} of them together, weighted by "
        f"what each had earned before); {limit}.",
        f"The best trial is {name}{other}: net {net:+.2%} of fixed capital in {numbers['best_trips']:,} round trips "
        f"on {numbers['best_traded_sessions']} sessions, {numbers['best_excess_bps']:+.2f} bp a session beside "
        f"its matched exposure (t = {numbers['best_t']:.2f}, p {numbers['best_p']:.3g} as the best of "
        f"{numbers['judged']}).",
    ]
    reasons += _thin(fam)
    if small and net <= 0:
        reasons.append(f"{name} beats its matched exposure but earns nothing itself: net {net:+.2%}.")
    if small and fam.bounce is not None:
        reasons.append(_bounce_reason(fam, numbers, bounced))
    if small and fam.unchecked:
        reasons.append(UNCHECKED)
    if not found:
        reasons.append(
            f"The smallest edge that this much data would show four times in five is a yearly Sharpe ratio of "
            f"{numbers['smallest_edge_sharpe']:.1f} ({numbers['smallest_edge_bps']:.2f} bp of capital a session at the "
            "risk of the best trial): smaller ones cannot be told from luck here."
        )
    reasons += [_spent(numbers), _deflated(numbers)]
    label: Label = "edge supported" if found else "no edge found"
    return Verdict(label, tuple(reasons), numbers, family=fam, test=test)


def _outlives(numbers: dict[str, Any]) -> bool:  # Any: JSON values
    """Whether family and best trial earn one row late, and at the bars' own half-spread."""
    p = max(numbers["p_late"], numbers["p_charged"])
    earned = min(numbers["late_net_return"], numbers["charged_net_return"], numbers["late_share"])
    return bool(p <= numbers["level"] and earned > 0)


def _bounce_reason(fam: Family, numbers: dict[str, Any], bounced: bool) -> str:  # Any: JSON values
    """What is left of the edge one row later and at the bars' own spread."""
    assert fam.bounce is not None
    head = (
        f"Prices are those of trades, which bounce between bid and ask: one row later p is {numbers['p_late']:.2g} "
        f"(the best trial keeps {numbers['late_share']:.0%} of its excess, net {numbers['late_net_return']:+.2%}), "
        f"with the bars' own half-spread of {fam.bounce.half_spread_bps:.2f} bp charged ({fam.bounce.ruled_by}) p is "
        f"{numbers['p_charged']:.2g} (net {numbers['charged_net_return']:+.2%})"
    )
    if bounced:
        return f"{head}. The edge is consistent with bid-ask bounce, and only quotes could tell it from that."
    return f"{head}: the edge outlives both."


def _spent(numbers: dict[str, Any]) -> str:  # Any: JSON values
    """How the level came about."""
    rank, looks = numbers["rank"], numbers["looks"]
    again = "" if looks == 1 else f", looked at {looks} times as sessions were added"
    sweeps = f", {numbers['swept']:,} of them thresholds of sweeps" if numbers["swept"] else ""
    return (
        f"N = {numbers['trials']:,} trials on record for these symbols and sessions{sweeps}; this is configuration "
        f"{rank} of those tried in this home{again}. Over all configurations and looks together an edge is supported "
        f"by chance in at most {alpha_spending.ALPHA:.0%} of cases; {numbers['level']:.2g} of that is left for this look. "
        "What was tried in another home, or not recorded, cannot be known here."
    )


def _deflated(numbers: dict[str, Any]) -> str:  # Any: JSON values
    """The best trial beside the best of as many worthless ones."""
    return (
        f"The best of {numbers['trials']:,} worthless trials is expected at a yearly Sharpe of "
        f"{numbers['sharpe_hurdle']:.2f}; this one has {numbers['best_sharpe']:.2f} (deflated Sharpe "
        f"{numbers['dsr']:.2f})."
    )


def _thin(fam: Family) -> list[str]:
    """That the user's own trial is too thin to be judged, where it is."""
    if fam.user is None:
        return []
    k = fam.names.index(fam.user)
    trips, days = int(fam.trips[:, k].sum()), int(fam.traded[k])
    if trips >= TRIPS and days >= TRADED:
        return []
    made = f"made {_count(trips, 'round trip')} on {_count(days, 'session')}" if days else "never traded"
    return [f"Your trial, {fam.user}, {made}: under {TRIPS} on {TRADED} sessions nothing can be said of it."]


def interval(found: Verdict, reps: int, seed: int) -> dict[str, float]:
    """The best trial's yearly Sharpe ratio (of its excess): 95 % bootstrap interval; empty where nothing was tested.

    Beside the verdict, not part of it.
    """
    if found.test is None or found.family is None:
        return {}
    excess = found.family.excess[:, found.family.names.index(found.numbers["best_trial"])]
    low, high = statistics.sharpe_interval(excess, reps, seed)
    root = math.sqrt(found.family.year)
    return {"best_sharpe_lo": low * root, "best_sharpe_hi": high * root}


def chance(p: float, reps: int) -> str:
    """A p-value of `reps` resamples as text: the smallest that there is stands for all smaller ones."""
    return f"= {p:.4f}" if p >= 1e-4 else f"< {max(p, 1.5 / reps):.1g}"


def _of_trial(fam: Family, k: int) -> dict[str, Any]:  # Any: JSON values
    excess = fam.excess[:, k]
    sd = float(excess.std(ddof=1)) if len(excess) > 1 else 0.0
    return {
        "best_trial": fam.names[k],
        "best_trips": int(fam.trips[:, k].sum()),
        "best_traded_sessions": int(fam.traded[k]),
        "best_net_return": float(fam.net[:, k].sum()),
        "best_excess_bps": float(excess.mean()) * 1e4,
        "best_sharpe": float(excess.mean()) / sd * math.sqrt(fam.year) if sd > 0 else None,
    }


def _of_test(
    fam: Family, able: Int, best: int, test: Randomization, numbers: dict[str, Any]
) -> dict[str, Any]:  # Any: JSON values
    k = int(np.flatnonzero(able == best)[0])
    sessions, excess = len(fam.sessions), fam.excess[:, best]
    critical = test.critical(numbers["level"] * randomization.WEIGHT)
    need = (critical + NORMAL.inv_cdf(POWER)) / math.sqrt(test.sessions)
    pbo = statistics.overfitting(fam.excess[:, able])
    return {
        "p": test.p,
        "p_series": test.p_series,
        "p_signs": test.p_signs,
        "p_bootstrap": test.p_bootstrap,
        "t": test.t,
        "t_needed": critical,
        "best_t": float(_t(excess[:, None])[0]),
        "best_p": float(test.largest_p[k]),
        "smallest_edge_bps": need * float(excess.std(ddof=1)) * 1e4,
        "smallest_edge_sharpe": need * math.sqrt(fam.year),
        "psr": statistics.probabilistic_sharpe(excess),
        "dsr": statistics.deflated_sharpe(excess, numbers["trials"]),
        "sharpe_hurdle": sharpe_hurdle(numbers["trials"], sessions) * math.sqrt(fam.year),
        "pbo": None if math.isnan(pbo) else pbo,
    }


def _of_bounce(
    fam: Family, able: Int, best: int, numbers: dict[str, Any], seed: int
) -> dict[str, Any]:  # Any: JSON values
    """The family one row later and at the bars' own spread; empty where nothing hangs on it, or mids are known."""
    if fam.bounce is None or numbers["p"] > numbers["level"]:
        return {}
    reps = numbers["reps"]
    late, charged = fam.bounce.late, fam.bounce.charged
    kept = float(late[:, best].mean()) * 1e4 / numbers["best_excess_bps"] if numbers["best_excess_bps"] > 0 else 0.0
    return {
        "p_late": randomization.family_test(late[:, able], reps, seed).p,
        "p_charged": randomization.family_test(charged[:, able], reps, seed).p,
        "late_share": kept,
        "late_net_return": float(fam.bounce.late_net[best]),
        "charged_net_return": float(fam.bounce.charged_net[best]),
        "shown_half_spread_bps": fam.bounce.half_spread_bps,
    }


def _never(fam: Family, tried: int) -> list[str]:
    if not fam.names:
        return ["There is no trial: no back-test has been run over this data."]
    sessions = len(fam.sessions)
    return [
        f"Nothing was ever traded: none of {len(fam.names)} trials opened a position in {_count(sessions, 'session')}.",
        *([_few(sessions)] if sessions < SESSIONS else []),
        f"N = {tried} trials are on record for these symbols and sessions.",
    ]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _few(sessions: int) -> str:
    return (
        f"{_count(sessions, 'out-of-sample session')} of at least {SESSIONS}: with fewer, a test at p = .05 sees an "
        "edge in noise 27% of the time (6 sessions) or 10% (24)."
    )


def _little(fam: Family, numbers: dict[str, Any], able: int) -> list[str]:  # Any: JSON values
    reasons = [_few(len(fam.sessions))] if len(fam.sessions) < SESSIONS else []
    what = (
        f"The busiest trial, {numbers['best_trial']}, made {_count(numbers['best_trips'], 'round trip')} on "
        f"{_count(numbers['best_traded_sessions'], 'session')} and earned {numbers['best_net_return']:+.2%} net "
        "of costs"
    )
    if able:
        return [*reasons, f"{what}: enough trades, over too few sessions."]
    return [*reasons, f"{what}; a judgement needs {TRIPS} round trips on {TRADED} sessions."]
