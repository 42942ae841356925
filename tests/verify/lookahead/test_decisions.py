"""A policy's rows: what it saw, and how its answers are compared with the ledger."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hfm import plugins
from hfm.plugins import Signals
from hfm.policies.choice import choose
from hfm.tables import MemoryReader
from hfm.verify.in_memory_run import InMemoryRun
from hfm.verify.lookahead import decisions
from hfm.verify.lookahead.isolation import Isolated
from hfm.verify.lookahead.policy_questions import Traded
from tests.verify.lookahead.market import market, readers


@cache
def rows() -> Traded:
    return decisions.traded(readers(), market().config, "logistic")


def test_the_policys_inputs_are_made_again_as_the_back_test_made_them() -> None:
    """The policy, asked about all of them, proposes what stands in the ledger; both sides are traded."""
    policy = choose(market().config.backtest.threshold).plugin
    everything = np.arange(len(rows().time))
    found = rows().compared(policy.weights(rows().signals), everything, None)
    assert found.same == found.rows == int(rows().decided.sum()) > 100
    assert {-1.0, 1.0} <= set(rows().proposed.tolist())


def test_one_other_answer_is_named_with_its_row() -> None:
    """The first decided row of the last session; a row that decides nothing may say anything."""
    answer, everything = rows().proposed.copy(), np.arange(len(rows().time))
    last = rows().keys["session"] == rows().keys["session"][-1]
    row = int(np.flatnonzero(last & rows().decided)[0])
    other = np.where(answer == 1.0, -1.0, 1.0)
    answer[row] = other[row]
    answer[~rows().decided] = other[~rows().decided]
    found = rows().compared(answer, everything, None)
    assert (found.rows - found.same, found.column) == (1, "signal")
    assert found.place.endswith(f"row {rows().keys['seq'][row]}")


def test_a_size_that_changes_with_the_rows_to_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The side is the row's own; how much of it hangs on the surest of all rows."""
    monkeypatch.setitem(plugins.REGISTRY["policies"], "sized", f"{__name__}:Sized")
    config = replace(market().config, backtest=replace(market().config.backtest, threshold="sized"))
    made = InMemoryRun(config, market().artifacts).through("backtest")
    given = {name: MemoryReader(payload) for name, payload in made.artifacts.items()}
    with Isolated() as asked:
        found = list(decisions.of_run(given, config, "logistic", asked, np.random.default_rng(6)))
    failed = [row.claim for row in found if not row.passed]
    assert failed
    assert all(re.match(r"backtest: weight of (QQQ|SPY) \S+ row \d+ ", claim) for claim in failed), failed


class Sized:
    """Long or short by P(up), and the larger the surer a row is beside all that are there."""

    def weights(self, signals: Signals) -> np.ndarray:
        """See Policy."""
        edge = np.nan_to_num(signals.p_up - 0.5)
        return edge / max(float(np.abs(edge).max()), 1e-9)


def test_an_answer_of_another_length_is_a_difference_of_all() -> None:
    """And says how long it is."""
    found = rows().compared(np.zeros(3), np.arange(10), None)
    assert (found.same, found.column) == (0, "count of 3 signals")
