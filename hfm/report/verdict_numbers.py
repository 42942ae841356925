"""The numbers behind a verdict: what was tried, the best trial, the test of the family, and what the bounce leaves.

Returns are fractions of fixed capital (0.01 is 1 %), Sharpe ratios a year. Axes: S sessions, K trials of the family.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hfm.policies.multiple_testing import sharpe_hurdle
from hfm.report import randomization, statistics
from hfm.report.randomization import Randomization
from hfm.report.statistics import NORMAL
from hfm.report.trial_returns import Float, Int, TrialReturns
from hfm.tables.json_document import Json, JsonDocument, to_json

POWER = 0.8
"""Power of the smallest edge that is quoted."""


@dataclass(frozen=True)
class TrialCounts(JsonDocument):
    """What was tried, here and before.

    Attributes
    ----------
    sessions : out of sample.
    trials : N, all trials on record for these symbols and sessions.
    family : trials of this back-test; judged : those with trades enough.
    level : largest p that supports an edge at this look.
    rank, configurations, looks : place of this configuration, how many there are, and looks at it with this one.
    swept : thresholds of sweeps among the trials.
    user_trial : name of the user's own; None where the table does not say.
    reps : resamples.
    """

    sessions: int
    trials: int
    family: int
    judged: int
    level: float
    rank: int
    configurations: int
    looks: int
    swept: int
    user_trial: str | None
    reps: int


@dataclass(frozen=True)
class BestTrial(JsonDocument):
    """The trial that the verdict is about; sharpe is of its excess, None without variance."""

    trial: str
    trips: int
    traded_sessions: int
    net_return: float
    excess_bps: float
    sharpe: float | None


@dataclass(frozen=True)
class FamilyTest(JsonDocument):
    """The test of the family, and the figures that stand beside it.

    Attributes
    ----------
    p, p_series, p_signs, p_bootstrap, t : see randomization.Randomization.
    t_needed : t of the family that would support an edge.
    best_t, best_p : of the best trial, p corrected for having been picked.
    smallest_edge_bps, smallest_edge_sharpe : the smallest edge that would be shown with probability POWER, at the risk
        of the best trial: bp of capital a session, and a yearly Sharpe ratio.
    psr, dsr : probabilities that the best trial's true Sharpe ratio is above 0, and above `sharpe_hurdle`.
    sharpe_hurdle : yearly ratio that the best of as many worthless trials is expected to show.
    pbo : probability of back-test overfitting; None where it is not defined.
    """

    p: float
    p_series: float
    p_signs: float
    p_bootstrap: float
    t: float
    t_needed: float
    best_t: float
    best_p: float
    smallest_edge_bps: float
    smallest_edge_sharpe: float
    psr: float
    dsr: float
    sharpe_hurdle: float
    pbo: float | None


@dataclass(frozen=True)
class BounceTest(JsonDocument):
    """The family one row later, and with the half-spread that the bars show charged at every fill.

    late_share: what the best trial keeps of its excess one row later.
    """

    p_late: float
    p_charged: float
    late_share: float
    late_net_return: float
    charged_net_return: float
    shown_half_spread_bps: float


@dataclass(frozen=True)
class SharpeInterval(JsonDocument):
    """95 % bootstrap interval of the best trial's yearly Sharpe ratio of its excess."""

    sharpe_lo: float
    sharpe_hi: float


@dataclass(frozen=True)
class VerdictNumbers:
    """All numbers of a verdict; None for a part that there is nothing to compute from."""

    counts: TrialCounts
    best: BestTrial | None = None
    test: FamilyTest | None = None
    bounce: BounceTest | None = None
    interval: SharpeInterval | None = None

    def document(self) -> Json:
        """As they stand in summary.json: flat, those of the best trial with `best_` before their names."""
        out: Json = to_json(self.counts)
        out |= {f"best_{key}": value for key, value in to_json(self.best).items()} if self.best else {}
        out |= to_json(self.test) if self.test else {}
        out |= to_json(self.bounce) if self.bounce else {}
        return out | ({f"best_{key}": value for key, value in to_json(self.interval).items()} if self.interval else {})


def studentised_columns(excess_SK: Float) -> Float:
    """Studentised mean of each trial.

    Parameters
    ----------
    excess_SK : [S, K] returns; every column has variance.

    Returns
    -------
    [K].
    """
    return np.asarray(excess_SK.mean(axis=0) / excess_SK.std(axis=0, ddof=1) * math.sqrt(len(excess_SK)))


def of_trial(family: TrialReturns, k: int) -> BestTrial:
    """The figures of trial number k."""
    excess = family.excess[:, k]
    sd = float(excess.std(ddof=1)) if len(excess) > 1 else 0.0
    return BestTrial(
        trial=family.names[k],
        trips=int(family.trips[:, k].sum()),
        traded_sessions=int(family.traded[k]),
        net_return=float(family.net[:, k].sum()),
        excess_bps=float(excess.mean()) * 1e4,
        sharpe=float(excess.mean()) / sd * math.sqrt(family.year) if sd > 0 else None,
    )


def of_test(family: TrialReturns, judged: Int, best: int, test: Randomization, counts: TrialCounts) -> FamilyTest:
    """The figures of the test.

    Parameters
    ----------
    family : the trials.
    judged : numbers of the trials that were tested.
    best : number of the best of them.
    test : its result.
    counts : the level, and N.

    Returns
    -------
    The figures; pbo is None below two trials.
    """
    k = int(np.flatnonzero(judged == best)[0])
    sessions, excess = len(family.sessions), family.excess[:, best]
    critical = test.critical(counts.level * randomization.WEIGHT)
    need = (critical + NORMAL.inv_cdf(POWER)) / math.sqrt(test.sessions)
    pbo = statistics.overfitting(family.excess[:, judged])
    return FamilyTest(
        p=test.p,
        p_series=test.p_series,
        p_signs=test.p_signs,
        p_bootstrap=test.p_bootstrap,
        t=test.t,
        t_needed=critical,
        best_t=float(studentised_columns(excess[:, None])[0]),
        best_p=float(test.largest_p[k]),
        smallest_edge_bps=need * float(excess.std(ddof=1)) * 1e4,
        smallest_edge_sharpe=need * math.sqrt(family.year),
        psr=statistics.probabilistic_sharpe(excess),
        dsr=statistics.deflated_sharpe(excess, counts.trials),
        sharpe_hurdle=sharpe_hurdle(counts.trials, sessions) * math.sqrt(family.year),
        pbo=None if math.isnan(pbo) else pbo,
    )


def of_bounce(family: TrialReturns, judged: Int, best: int, numbers: VerdictNumbers, seed: int) -> BounceTest | None:
    """The family one row later and at the bars' own spread.

    Parameters
    ----------
    family : the trials.
    judged : numbers of the trials that were tested.
    best : number of the best of them.
    numbers : counts, best trial and test.
    seed : of the resampling.

    Returns
    -------
    None where nothing hangs on it: the test is not passed, or mids are known.
    """
    counts, test, trial = numbers.counts, numbers.test, numbers.best
    if family.bounce is None or test is None or trial is None or test.p > counts.level:
        return None
    late, charged = family.bounce.late, family.bounce.charged
    kept = float(late[:, best].mean()) * 1e4 / trial.excess_bps if trial.excess_bps > 0 else 0.0
    return BounceTest(
        p_late=randomization.family_test(late[:, judged], counts.reps, seed).p,
        p_charged=randomization.family_test(charged[:, judged], counts.reps, seed).p,
        late_share=kept,
        late_net_return=float(family.bounce.late_net[best]),
        charged_net_return=float(family.bounce.charged_net[best]),
        shown_half_spread_bps=family.bounce.half_spread_bps,
    )
