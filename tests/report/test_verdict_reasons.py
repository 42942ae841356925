"""The sentences of a verdict."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.report import verdict_reasons
from hfm.report.trial_returns import trial_returns
from hfm.report.verdict_numbers import BestTrial
from tests.report.trials import noise, trials


@pytest.mark.parametrize(
    ("p", "reps", "text"), [(0.0123, 1000, "= 0.0123"), (1e-4, 10_000, "= 0.0001"), (5e-5, 20_000, "< 7e-05"),
                            (1e-6, 100_000, "< 2e-05")],
)  # fmt: skip
def test_a_p_value_is_never_smaller_than_what_was_drawn(p: float, reps: int, text: str) -> None:
    """The smallest that so many resamples can show stands for all smaller ones."""
    assert verdict_reasons.p_text(p, reps) == text


def test_a_family_that_never_traded_says_so_with_n() -> None:
    """And no family at all says that; one session is not "sessions"."""
    flat = trial_returns(trials(np.zeros((1, 2)), trips=0))
    sentences = verdict_reasons.nothing_traded(flat, 40)
    assert "none of 2 trials opened a position in 1 session." in sentences[0]
    assert "1 out-of-sample session of at least 60" in sentences[1]
    assert "N = 40 trials" in sentences[2]
    empty = trial_returns(trials(np.zeros((0, 0))))
    assert verdict_reasons.nothing_traded(empty, 0) == [
        "There is no trial: no back-test has been run over this data."
    ]  # fmt: skip


def test_too_little_data_says_whether_sessions_or_trades_are_missing() -> None:
    """Few sessions with trades enough; many with too few."""
    best = BestTrial("q1", 1, 1, 0.01, 2.0, None)
    short, long = (trial_returns(trials(noise(sessions, 2))) for sessions in (20, 90))
    few_sessions = verdict_reasons.too_little_data(short, best, 1)
    assert len(few_sessions) == 2
    assert few_sessions[1].endswith("1 round trip on 1 session and earned +1.00% net of costs: enough trades, over "
                                    "too few sessions.")  # fmt: skip
    (few_trades,) = verdict_reasons.too_little_data(long, best, 0)
    assert few_trades.endswith("a judgement needs 100 round trips on 30 sessions.")
