"""What fits report: one bar out of the news of many networks."""

from __future__ import annotations

from hfm.stage import Context
from hfm.train import folds
from hfm.train.fit_reports import EpochReport, FitMeter, FoldCheckpoint, FoldProgress, StateReport
from tests.train.market import SMALL


def test_the_bar_adds_up_whatever_the_order_of_news() -> None:
    """Epochs of all networks of all folds; an early stop skips the rest of a fold, and late news move nothing back."""
    seen: list[tuple[int, int]] = []
    plan = folds.plan(21)
    ctx = Context("train", progress=lambda label, done, total, note="": seen.append((done, total)))
    meter = FitMeter(SMALL, plan, ctx)
    total = len(plan) * SMALL.epochs * SMALL.seeds
    meter.epoch(EpochReport(0, "network 2/2", 3, 4, ""))
    meter.epoch(EpochReport(0, "network 1/2", 1, 4, ""))
    meter.epoch(EpochReport(1, "network 1/2", 2, 4, ""))
    meter.finished(0)
    for fold in plan:
        meter.finished(fold.number)
    each = SMALL.epochs * SMALL.seeds
    assert seen[:4] == [(3, total), (4, total), (6, total), (each + 2, total)]
    assert seen[-1] == (total, total)


def test_a_fit_reports_by_its_fold_and_first_network() -> None:
    """Epochs and states; what it loads is what it was given."""
    heard: list[object] = []
    FoldProgress(3, heard.append)("network 1/2", 1, 4, "well")
    store = FoldCheckpoint(3, 1, heard.append, b"old")
    store.save(b"new")
    assert heard == [EpochReport(3, "network 1/2", 1, 4, "well"), StateReport(3, 1, b"new")]
    assert store.load() == b"old"
