"""Old runs give their disk back, and not one trial is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hfm.config import Config
from hfm.runs import stages
from hfm.runs.freshness import status
from hfm.runs.manifest import Run, point_latest
from hfm.runs.pipeline import Options, run_all
from hfm.runs.prune import prune
from hfm.runs.trials import record_of
from hfm.verify import tampering
from tests import toy

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five runs, a day apart; the oldest is the latest."""
    monkeypatch.setattr(stages, "STAGES", toy.STAGES)
    for day in range(5):
        run = Run(tmp_path / "runs" / f"r{day}")
        run.path.mkdir(parents=True)
        at = NOW + timedelta(days=day)
        list(run_all(run, Config(), Options(tmp_path, clock=lambda at=at: at), False))
    point_latest(Run(tmp_path / "runs" / "r0"))
    return tmp_path


def test_the_newest_and_the_latest_stay_and_the_others_are_emptied(home: Path) -> None:
    """Two newest of five; r0 is the latest."""
    done = {p.run: p for p in prune(home, 2, NOW)}
    assert {name for name, p in done.items() if p.freed} == {"r1", "r2"}
    assert "latest" in done["r0"].why
    for name in ("r0", "r3", "r4"):
        assert (home / "runs" / name / "train" / "model.json").exists()
    emptied = Run(home / "runs" / "r1")
    assert {state for _, state, _ in status(emptied, emptied.manifest(), Config())} == {"missing"}
    assert all(r.passed for r in tampering.of_run(emptied))


def test_trials_of_emptied_runs_still_count(home: Path) -> None:
    """Tidying up must not make anyone luckier."""
    before = record_of(home, home / "runs" / "r4").trials
    list(prune(home, 1, NOW))
    assert record_of(home, home / "runs" / "r4").trials == before > 0


def test_a_run_at_work_is_left_alone_and_a_second_prune_does_nothing(home: Path) -> None:
    """Nothing is pulled from under a running stage."""
    with Run(home / "runs" / "r1").lock():
        assert "at work" in {p.run: p.why for p in prune(home, 2, NOW)}["r1"]
    assert [p.run for p in prune(home, 2, NOW) if not p.why] == ["r1"]
    assert [p.run for p in prune(home, 2, NOW) if not p.why] == []


def test_a_home_without_runs_is_fine(tmp_path: Path) -> None:
    """Nothing to do."""
    assert list(prune(tmp_path, 3, NOW)) == []
