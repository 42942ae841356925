"""The row kernel of the built-in policies is their `weights`; what counts as a policy."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hfm.errors import UsageError
from hfm.plugins import Float, Risk, Signals, Weights
from hfm.policies.choice import choose
from hfm.policies.one_symbol import KINDS, OneSymbol, SignPolicy, allocator, checked, deprecated, row_weight
from tests import hints
from tests.command import hfm
from tests.policies.contract import seen
from tests.test_readme import register


@pytest.mark.parametrize("text", ["0.5", "0.53", "0.6", "q50", "q90", "cost"])
def test_a_row_s_proposal_is_the_table_s(text: str) -> None:
    """NaN, infinities and levels hit exactly included."""
    chosen = choose(text)
    rng = np.random.default_rng(2)
    p, rank = rng.uniform(0.3, 0.7, 3000), rng.uniform(0, 1, 3000)
    sd, cost = rng.uniform(1, 30, 3000), rng.uniform(0, 3, 3000)
    p[:3], rank[:3] = (chosen.level or 0.5, 0.5, 1 - (chosen.level or 0.5)), chosen.level or 0.5
    for k, values in enumerate((p, rank, sd, cost)):
        values[100 + 50 * k : 110 + 50 * k], values[120 + 50 * k] = np.nan, np.inf
    level = getattr(chosen.plugin, "level", chosen.level)
    with np.errstate(invalid="ignore"):
        want = chosen.plugin.weights(Signals(p, rank, sd, cost))
    got = [row_weight(KINDS[chosen.kind], level, *row) for row in zip(p, rank, sd, cost, strict=True)]
    np.testing.assert_array_equal(got, want)
    assert {-1, 0, 1} <= set(got)


class Signs:
    """A plug-in of before."""

    def propose(self, signals: Signals) -> list[int]:
        return [1 if p > 0.5 else -1 for p in signals.p_up]


class Parity:
    """An allocator: half of each symbol's position, against what it gave last."""

    def targets(self, signals: Signals, positions: Float, risk: Risk) -> Float:
        return np.where(positions > 0, -0.5, 0.5)


def test_a_plugin_written_for_propose_goes_on_and_is_marked() -> None:
    """Its signs are full positions, int8."""
    found = allocator(Signs(), "signs")
    assert deprecated(found)
    assert isinstance(found, OneSymbol)
    assert isinstance(found.policy, SignPolicy)
    weights = checked(found.policy.weights(seen([0.4, 0.6])), 2)
    assert (weights.dtype, weights.tolist()) == (np.int8, [-1, 1])


def test_an_allocator_is_taken_as_it_is_and_anything_else_refused() -> None:
    """Not deprecated; what has no method is no policy."""
    plugin = Parity()
    assert allocator(plugin, "parity") is plugin
    assert not deprecated(plugin)
    with pytest.raises(UsageError, match="neither"):
        allocator(object(), "nothing")


def test_weights_are_whole_or_parts_and_never_more_than_a_position() -> None:
    """NaN is flat; another number of them, or one beyond 1, is refused by what it is."""
    assert checked([1.0, np.nan, -1.0], 3).dtype == np.int8
    parts = checked([0.25, np.nan], 2)
    assert (parts.dtype, parts.tolist()) == (np.float64, [0.25, 0.0])
    with pytest.raises(UsageError, match=r"target weight of -1\.5"):
        checked([0.0, -1.5], 2)
    with pytest.raises(UsageError, match="for 3 rows"):
        checked([0.0], 3)


SIGNS = """
import numpy as np

class Signs:
    def {method}(self, signals):
        return np.sign(np.nan_to_num(signals.p_up - 0.5)).astype(np.int8)
"""


def test_a_back_test_by_propose_says_once_that_it_is_deprecated_and_is_the_one_by_weights(tmp_path: Path) -> None:
    """Exit 0, and the same ledger; with `weights` no such line."""
    run = ("run", "SPY", "--source", "synthetic", "--sessions", "30", "--interval", "30m", "--as-of",
           "2026-03-06T22:00:00Z", "--set", "train.model=logistic", "--run", "a", "-q")  # fmt: skip
    made = hfm(*run, cwd=tmp_path)
    assert made.code == 0, made.err
    ledgers = []
    for method, lines in (("propose", 1), ("weights", 0)):
        env = register(tmp_path / method, "policies", "signs", SIGNS.format(method=method))
        done = hfm("backtest", "--run", "a", "--threshold", "signs", cwd=tmp_path, env=env)
        assert done.code == 0, done.err
        assert (done.err + done.out).count("its `propose` is deprecated") == lines
        ledgers.append((tmp_path / "runs" / "a" / "backtest" / "ledger.parquet").read_bytes())
    assert pq.read_table(tmp_path / "runs" / "a" / "backtest" / "ledger.parquet")["position"].to_numpy().any()
    assert ledgers[0] == ledgers[1]


@pytest.mark.parametrize("wrong", [[2, 0], [-128, 0], [np.int16(-300), 0], [np.inf, 0.0], [1.5, 0.0], [0.5]])
@pytest.mark.parametrize("dtype", [np.int8, np.float64])
def test_every_way_to_ask_refuses_what_is_no_weight(wrong: list[float], dtype: type) -> None:
    """The most negative int8 too, whose absolute value is none; back-test, live and verify all ask OneSymbol."""
    if dtype is np.int8 and not all(np.isfinite(x) and x == int(x) and -128 <= x < 128 for x in wrong):
        dtype = np.float64

    class Wrong:
        def weights(self, signals: Signals) -> Weights:
            return np.array(wrong, dtype)

    found = OneSymbol(Wrong())
    for ask in (found.weights, lambda signals: found.targets(signals, np.zeros(2), Risk(signals.ret_sd_bps))):
        with pytest.raises(UsageError):
            ask(seen([0.4, 0.6]))


def test_nan_is_flat_wherever_a_policy_is_asked() -> None:
    """And so equal to itself, when it is asked twice."""

    class Unsure:
        def weights(self, signals: Signals) -> Float:
            return np.where(signals.p_up > 0.5, 1.0, np.nan)

    assert OneSymbol(Unsure()).weights(seen([0.4, 0.6])).tolist() == [0, 1]


def test_what_a_policy_may_give_counts_by_its_value() -> None:
    """Lists, tables' columns, small and large types; what is masked or None is flat."""
    masked = np.ma.masked_array([1.0, 1.0], [False, True])
    small = (np.array([True, False]), np.array([1, 0], np.uint8), np.array([1.0, np.nan], np.float32))
    for signs in ([1, 0], (1.0, 0.0), [1, None], *small, pd.Series([1.0, 0.0]), masked):
        weights = checked(signs, 2)
        assert (weights.dtype, weights.tolist()) == (np.int8, [1, 0]), signs
    assert checked(np.array([0.25, 0.0], np.float32), 2).tolist() == [0.25, 0.0]


@pytest.mark.parametrize(
    "wrong",
    [["long", "flat"], ["0.5", "0"], [1j, 0j], np.zeros(2, "datetime64[s]"), np.zeros(2, "timedelta64[s]"),
     [[1], [1, 2]], [object(), 1.0], None, iter([1.0, 0.0])],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_the_policy_s_name(wrong: object) -> None:
    """As a usage error and never as a fault of hfm; no part of a value is dropped."""
    with pytest.raises(UsageError, match="policy mine gave weights"):
        checked(wrong, 2, "mine")


def test_a_weight_that_is_too_large_by_little_is_shown_as_it_is() -> None:
    """Not as a weight of 1, which would be allowed."""
    with pytest.raises(UsageError, match=r"policy mine gave a target weight of 1\.000000001"):
        checked([1.0 + 1e-9], 1, "mine")


def test_signs_of_before_are_cut_to_whole_ones_and_never_wrap() -> None:
    """0.9 is flat as it was, NaN too, one sign is of all rows; 256 is no 0."""
    for proposed, want in ([0.9, -1.9], [0, -1]), ([np.nan, 1.0], [0, 1]), (1, [1, 1]):
        found = allocator(type("Old", (), {"propose": lambda self, signals, p=proposed: p})(), "old")
        assert isinstance(found, OneSymbol)
        assert found.weights(seen([0.4, 0.6])).tolist() == want
    for dtype in (object, np.int64):
        wrap = allocator(type("Old", (), {"propose": lambda self, s, d=dtype: np.array([256, 0], d)})(), "old")
        assert isinstance(wrap, OneSymbol)
        with pytest.raises(UsageError, match="policy old gave a target weight of 256"):
            wrap.weights(seen([0.4, 0.6]))


def test_a_plugin_that_writes_to_its_signals_changes_nothing_for_others() -> None:
    """Each trial is asked about the same rows."""

    class Fills:
        def weights(self, signals: Signals) -> Float:
            signals.p_up[:] = 0.9
            return np.ones(len(signals.p_up))

    given = seen([0.4, 0.6])
    assert OneSymbol(Fills(), "fills").weights(given).tolist() == [1, 1]
    assert given.p_up.tolist() == [0.4, 0.6]


JOINT = """
import numpy as np

class Joint:
    def targets(self, signals, positions, risk):
        return np.sign(np.nan_to_num(signals.p_up - 0.5)) / len(signals.p_up)
"""


def test_an_allocator_is_back_tested_and_live_says_which_back_test_to_make(tmp_path: Path) -> None:
    """Exit 2 with its name; what follows next works when it is typed, and predict after it."""
    made = hfm("run", "SPY", "--source", "synthetic", "--sessions", "30", "--interval", "30m", "--as-of",
               "2026-03-06T22:00:00Z", "--set", "train.model=logistic", "--run", "a", "-q", cwd=tmp_path)  # fmt: skip
    assert made.code == 0, made.err
    env = register(tmp_path / "site", "policies", "joint", JOINT)
    assert hfm("backtest", "--run", "a", "--threshold", "joint", "-q", cwd=tmp_path, env=env).code == 0
    for command in (("predict",), ("stream", "-q")):
        refused = hfm(*command, "--run", "a", cwd=tmp_path, env=env)
        assert refused.code == 2
        assert "policy joint chooses all symbols together" in refused.err
    for step in hints.printed(refused.err).split(", or "):
        assert hfm(*shlex.split(step)[1:], "-q", cwd=tmp_path, env=env).code == 0
        assert hfm("predict", "--run", "a", cwd=tmp_path, env=env).code in (0, 7)
