"""The verdict: does this run show an edge? A pure function of the trials table, and a flag for leakage.

d is what every trial earned in a session beyond what its mean exposure would have earned by holding: net
return less (the trial's mean exposure to the symbol over all sessions) x the symbol's hold in that session,
summed over symbols. The mean is over all sessions on purpose: a session's own exposure moves with that
session's return (whoever buys dips is long on falling days), and would hand an edge to reversal rules where
there is none. Axes: S sessions, K trials of the family. Returns are fractions of fixed capital.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.policies.luck import sharpe_hurdle
from hfm.report import statistics
from hfm.report.statistics import NORMAL, Float, Int, Superiority

Label = Literal["insufficient data", "edge supported", "no edge found"]
SESSIONS, TRIPS, TRADED, LEVEL, POWER = 60, 100, 30, 0.01, 0.8
"""Fewest sessions, round trips and traded sessions; largest p; power of the smallest edge that is quoted."""
LEAK, LIQUID_BPS, LIQUID_EMPTY = 0.525, 10.0, 0.01
"""Accuracy that liquid 5-minute bars do not give; median spread and share of empty bars that still count as
liquid.
"""


@dataclass(frozen=True)
class Family:
    """The trials as matrices: gross, net, excess [S, K] (fractions of fixed capital), trips [S, K].

    exposure: mean signed position over fixed capital [K], symbols summed.
    """

    names: tuple[str, ...]
    sessions: Int
    exposure: Float
    gross: Float
    net: Float
    excess: Float
    trips: Int
    user: str | None
    year: float
    """Sessions of the calendar's year."""

    @property
    def traded(self) -> Int:
        """Sessions [K] in which a round trip ended or money moved."""
        return np.asarray(((self.trips > 0) | (self.net != 0)).sum(axis=0))


@dataclass(frozen=True)
class Verdict:
    """The label, a sentence for each reason, the numbers in them, and warnings about the data itself."""

    label: Label
    reasons: tuple[str, ...]
    numbers: dict[str, Any]  # Any: JSON values
    flags: tuple[str, ...] = ()
    family: Family | None = field(default=None, compare=False)
    test: Superiority | None = field(default=None, compare=False)

    def document(self) -> dict[str, Any]:  # Any: JSON values
        """The verdict as it stands in summary.json."""
        return {
            "label": self.label,
            "reasons": list(self.reasons),
            "numbers": self.numbers,
            "flags": list(self.flags),
        }


def family(trials: pa.Table) -> Family:
    """The matrices of a trials table (any order of rows); a session without a row of a trial counts as
    flat.
    """
    data = tables.arrays(trials)
    sessions, row = np.unique(data["session"].astype("datetime64[D]").astype(np.int64), return_inverse=True)
    names = list(dict.fromkeys(data["trial"]))
    place = {name: k for k, name in enumerate(names)}
    column = np.array([place[name] for name in data["trial"]], np.int64)
    shape = (len(sessions), len(names))
    gross, net, excess, trips = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
    exposure = np.zeros(shape[1])
    np.add.at(gross, (row, column), data["gross_return"])
    np.add.at(net, (row, column), data["net_return"])
    np.add.at(trips, (row, column), data["trips"])
    for symbol in dict.fromkeys(data["symbol"]):
        here = data["symbol"] == symbol
        mean = np.bincount(column[here], data["exposure"][here], minlength=shape[1]) / max(shape[0], 1)
        exposure += mean
        np.add.at(excess, (row[here], column[here]), mean[column[here]] * -data["hold_return"][here])
    user = data["trial"][data["user"].astype(bool)]
    own = str(user[0]) if user.size else None
    year = float(tables.header(trials.schema)["meta"]["sessions_per_year"])
    return Family(tuple(names), sessions, exposure, gross, net, net + excess, trips, own, year)


def judge(trials: pa.Table, *, tried: int = 0, reps: int = 10_000, seed: int = 7) -> Verdict:
    """The verdict on a trials table alone.

    tried: N, distinct trials on record for the same data (at least the family itself). reps, seed: of the
    bootstrap. Trials that never trade leave the matrix, as do those too thin to be judged (under 100 round
    trips or 30 traded sessions) while others can be: a lucky pair of trades is no best trial. All of them
    count in N.
    """
    fam = family(trials)
    tried = max(tried, len(fam.names))
    trips, traded = fam.trips.sum(axis=0), fam.traded
    numbers: dict[str, Any] = {"sessions": len(fam.sessions), "trials": tried, "family": len(fam.names),
                               "judged": 0, "level": LEVEL, "reps": reps, "user_trial": fam.user}  # fmt: skip
    if not traded.sum():
        return Verdict("insufficient data", tuple(_never(fam, tried)), numbers, family=fam)
    able = np.flatnonzero((trips >= TRIPS) & (traded >= TRADED) & (fam.excess.std(axis=0) > 0))
    numbers["judged"] = len(able)
    if len(able) and len(fam.sessions) >= SESSIONS:
        test = statistics.superiority(np.ascontiguousarray(fam.excess[:, able]), reps, seed)
        best = int(able[int(test.t_K.argmax())])
        numbers |= _of_trial(fam, best) | _of_test(fam, able, best, test, tried)
        return _decide(fam, best, numbers, test)
    moved = np.flatnonzero(traded)
    best = int(moved[int(trips[moved].argmax())])
    numbers |= _of_trial(fam, best)
    return Verdict("insufficient data", tuple(_little(fam, numbers, len(able))), numbers, family=fam)


def _decide(fam: Family, best: int, numbers: dict[str, Any], test: Superiority) -> Verdict:
    """The label where there is data enough."""
    p, net = numbers["p"], numbers["best_net_return"]
    name, edge = fam.names[best], numbers["smallest_edge_bps"]
    found = p <= LEVEL and net > 0
    limit = f"at most {LEVEL:.2f} counts as an edge" if p <= LEVEL else f"an edge needs at most {LEVEL:.2f}"
    other = "" if fam.user in (None, name) else f" (not yours, {fam.user})"
    reasons = [
        f"Hansen's SPA test of {numbers['judged']} trials over {len(fam.sessions)} sessions gives p "
        f"{chance(p, numbers['reps'])}; {limit}.",
        f"The best trial is {name}{other}: net {net:+.2%} of fixed capital in {numbers['best_trips']:,} round trips "
        f"on {numbers['best_traded_sessions']} sessions, {numbers['best_excess_bps']:+.2f} bp a session beside "
        f"its matched exposure (t = {numbers['t']:.2f}).",
    ]
    reasons += _thin(fam)
    if p <= LEVEL and not found:
        reasons.append(f"{name} beats its matched exposure but earns nothing itself: net {net:+.2%}.")
    if not found:
        reasons.append(
            f"The smallest edge that this much data would show four times in five is {edge:.2f} bp of capital a "
            f"session, a yearly Sharpe ratio of {numbers['smallest_edge_sharpe']:.1f}: smaller ones cannot be told "
            "from luck here."
        )
    reasons.append(
        f"N = {numbers['trials']} trials on record: the best of as many worthless ones is expected at a yearly "
        f"Sharpe of {numbers['sharpe_hurdle']:.2f}; this one has {numbers['best_sharpe']:.2f} (deflated Sharpe "
        f"{numbers['dsr']:.2f})."
    )
    label: Label = "edge supported" if found else "no edge found"
    return Verdict(label, tuple(reasons), numbers, family=fam, test=test)


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
    low, high = statistics.sharpe_interval(excess, found.test.block, reps, seed)
    root = math.sqrt(found.family.year)
    return {"best_sharpe_lo": low * root, "best_sharpe_hi": high * root}


def chance(p: float, reps: int) -> str:
    """A bootstrap p as text: none of `reps` resamples is less than one in `reps`, not nothing."""
    return f"= {p:.4f}" if p > 0 else f"< {1 / reps:.2g}"


def _of_trial(fam: Family, k: int) -> dict[str, Any]:
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


def _of_test(fam: Family, able: Int, best: int, test: Superiority, tried: int) -> dict[str, Any]:
    k = int(np.flatnonzero(able == best)[0])
    sessions, excess = len(fam.sessions), fam.excess[:, best]
    need = (test.critical(LEVEL) + NORMAL.inv_cdf(POWER)) * float(test.sd_K[k]) / math.sqrt(sessions)
    pbo = statistics.overfitting(fam.excess[:, able])
    return {
        "p": test.p,
        "t": float(test.t_K[k]),
        "t_needed": test.critical(LEVEL),
        "block": test.block,
        "smallest_edge_bps": need * 1e4,
        "smallest_edge_sharpe": need / float(excess.std(ddof=1)) * math.sqrt(fam.year),
        "psr": statistics.probabilistic_sharpe(excess),
        "dsr": statistics.deflated_sharpe(excess, tried),
        "sharpe_hurdle": sharpe_hurdle(tried, sessions) * math.sqrt(fam.year),
        "pbo": None if math.isnan(pbo) else pbo,
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


def _little(fam: Family, numbers: dict[str, Any], able: int) -> list[str]:
    reasons = [_few(len(fam.sessions))] if len(fam.sessions) < SESSIONS else []
    what = (
        f"The busiest trial, {numbers['best_trial']}, made {_count(numbers['best_trips'], 'round trip')} on "
        f"{_count(numbers['best_traded_sessions'], 'session')} and earned {numbers['best_net_return']:+.2%} net "
        "of costs"
    )
    if able:
        return [*reasons, f"{what}: enough trades, over too few sessions."]
    return [*reasons, f"{what}; a judgement needs {TRIPS} round trips on {TRADED} sessions."]


def leakage(right: int, n: int, *, interval_s: int, spread_bps: float, empty: float, planted: bool) -> str | None:
    """A warning where direction accuracy on liquid 5-minute bars is better than honest data gives, else None.

    right of n labelled rows were called right; spread_bps: median quoted spread; empty: share of bars without
    volume.
    """
    low = statistics.wilson(right, n)[0]
    liquid = interval_s == 300 and spread_bps <= LIQUID_BPS and empty <= LIQUID_EMPTY
    if planted or not liquid or low <= LEAK:
        return None
    return (
        f"Possible leakage: direction accuracy {right / n:.2%} (95 % interval from {low:.2%}) on liquid 5-minute "
        f"bars, where more than {LEAK:.1%} has not been seen honestly. Check it: hfm verify --run NAME"
    )
