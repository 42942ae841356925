"""The numbers of a verdict: what is computed of the best trial, and how they stand in summary.json."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.report.trial_returns import trial_returns
from hfm.report.verdict_numbers import (
    BestTrial,
    SharpeInterval,
    TrialCounts,
    VerdictNumbers,
    of_bounce,
    of_trial,
    studentised_columns,
)
from hfm.tables.json_document import from_json
from tests.report.trials import noise, trials

COUNTS = from_json(TrialCounts, {"sessions": 80, "trials": 9, "user_trial": None})


def test_the_document_is_flat_and_says_of_whom_a_number_is() -> None:
    """Those of the best trial carry its name; parts that there are not leave no key; null stays null."""
    best = BestTrial("q1", 120, 40, 0.02, 3.0, None)
    numbers = VerdictNumbers(COUNTS, best, interval=SharpeInterval(-1.0, 2.0))
    assert numbers.document() == {
        "sessions": 80, "trials": 9, "user_trial": None, "best_trial": "q1", "best_trips": 120,
        "best_traded_sessions": 40, "best_net_return": 0.02, "best_excess_bps": 3.0, "best_sharpe": None,
        "best_sharpe_lo": -1.0, "best_sharpe_hi": 2.0,
    }  # fmt: skip
    assert VerdictNumbers(COUNTS).document() == {"sessions": 80, "trials": 9, "user_trial": None}


def test_the_figures_of_a_trial_are_those_of_its_columns() -> None:
    """Net over fixed capital, excess a session in bp, a yearly Sharpe ratio by the calendar's sessions."""
    family = trial_returns(trials(noise(80, 3), year=365.0))
    found, excess = of_trial(family, 2), family.excess[:, 2]
    assert (found.trial, found.trips, found.traded_sessions) == ("q2", 240, 80)
    assert found.net_return == pytest.approx(family.net[:, 2].sum())
    assert found.excess_bps == pytest.approx(1e4 * excess.mean())
    assert found.sharpe == pytest.approx(excess.mean() / excess.std(ddof=1) * np.sqrt(365))
    assert studentised_columns(family.excess)[2] == pytest.approx(found.sharpe * np.sqrt(80 / 365))
    assert of_trial(trial_returns(trials(np.zeros((80, 1)))), 0).sharpe is None


def test_the_bounce_is_asked_of_only_where_something_hangs_on_it() -> None:
    """Known mids, and a test that is not passed, need no second test."""
    family = trial_returns(trials(noise(80, 3)))
    numbers = VerdictNumbers(COUNTS, of_trial(family, 0))
    assert of_bounce(family, np.arange(3), 0, numbers, 7) is None
