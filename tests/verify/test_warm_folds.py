"""The row about warm-started folds passes for the trainer that there is, and fails for those that look ahead."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from hfm import tables
from hfm.artifacts import BARS
from hfm.plugins import Arrays
from hfm.tables import column_array
from hfm.train import fit_jobs
from hfm.train.fit_jobs import FitTask
from hfm.train.fit_reports import FitReport, Report
from hfm.train.folds import Fold
from hfm.verify import warm_folds
from hfm.verify.in_memory_run import synthetic

Chain = Callable[[Sequence[Fold], range, Arrays | None, object, FitTask, Report], list[Arrays]]


def planted(chain: Callable[[Sequence[Fold], Callable[[Fold, Arrays | None], Arrays]], dict[int, Arrays]]) -> Chain:
    """A trainer of all folds in the place of fit_jobs._fit_chain; chain: what makes the fits, by fold."""

    def trained(
        folds: Sequence[Fold], networks: range, before: Arrays | None, states: object, task: FitTask, report: Report
    ) -> list[Arrays]:
        found = chain(folds, lambda fold, start: fit_jobs.fit(task, fold, report, None, start, networks))
        for number, arrays in found.items():
            report(FitReport(number, arrays))
        return [found[fold.number] for fold in folds]

    return trained


@planted
def from_the_later(folds: Sequence[Fold], fit: Callable[[Fold, Arrays | None], Arrays]) -> dict[int, Arrays]:
    """Each fold begins from the one after it."""
    done: dict[int, Arrays] = {}
    after = None
    for fold in reversed(folds):
        after = done[fold.number] = fit(fold, after)
    return done


@planted
def from_everything(folds: Sequence[Fold], fit: Callable[[Fold, Arrays | None], Arrays]) -> dict[int, Arrays]:
    """Each fold begins from a fit on everything."""
    final = fit(folds[-1], None)
    return {fold.number: fit(fold, final) for fold in folds}


@planted
def one_from_the_next(folds: Sequence[Fold], fit: Callable[[Fold, Arrays | None], Arrays]) -> dict[int, Arrays]:
    """One fold alone, in the middle, begins from the one after it."""
    first = fit(folds[0], None)
    second = fit(folds[1], fit(folds[2], first))
    third = fit(folds[2], second)
    fits = (first, second, third, fit(folds[3], third))
    return {fold.number: arrays for fold, arrays in zip(folds, fits, strict=True)}


@planted
def anew(folds: Sequence[Fold], fit: Callable[[Fold, Arrays | None], Arrays]) -> dict[int, Arrays]:
    """No fold begins from another."""
    return {fold.number: fit(fold, None) for fold in folds}


def failing(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> list[str]:
    """The claims that do not hold with such a trainer."""
    monkeypatch.setattr(fit_jobs, "_fit_chain", chain)
    return [row.claim for row in warm_folds.warm_start() if not row.passed]


@pytest.mark.slow
@pytest.mark.parametrize("chain", [
    pytest.param(from_the_later, id="from the later fold"), pytest.param(from_everything, id="from everything"),
    pytest.param(one_from_the_next, id="one from the next"),
])  # fmt: skip
def test_a_fold_that_begins_from_what_is_later_is_named(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """By column and row of its forecasts, and by array and fold of its fit."""
    forecasts, fits, *_ = failing(monkeypatch, chain)
    text = r"warm-started forecasts that ignore poisoned later sessions: \w+ of SPY 2026-\d\d-\d\d row \d+ does not"
    assert re.fullmatch(text, forecasts)
    text = r"warm-started fits that ignore poisoned later sessions: seed\d/\S+ of fold [0-2] does not"
    assert re.fullmatch(text, fits)


@pytest.mark.slow
def test_where_no_fold_begins_from_another_there_is_nothing_to_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says so instead of passing for nothing."""
    assert failing(monkeypatch, anew) == ["later fits whose networks hang on the fold before"]


def test_bars_that_are_turned_over_are_bars_and_the_earlier_ones_stand() -> None:
    """Each later move is twice as large the other way."""
    bars = synthetic(3, 1).table(BARS)
    other = warm_folds.turned(bars, 100)
    tables.check(other, tables.BARS)
    one, two = (np.log(column_array(table["close"])) for table in (bars, other))
    np.testing.assert_array_equal(one[:100], two[:100])
    np.testing.assert_allclose(np.diff(two)[99:], -2 * np.diff(one)[99:], atol=1e-12)
    for name in ("open", "close", "low"):
        assert (column_array(other["high"]) >= column_array(other[name]) * (1 - 1e-12)).all()
