"""The doctor says what is wrong and what to type."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hfm.config import Config
from hfm.ops import doctor
from hfm.runs.manifest import Run, point_latest
from hfm.runs.pipeline import Options, execute
from tests import toy


def cures(home: Path) -> dict[str, str]:
    return {f.what: f.cure for f in doctor.examine(home) if f.cure}


def test_a_healthy_home_has_no_cure(tmp_path: Path) -> None:
    """Every line ok."""
    assert cures(tmp_path) == {}
    assert all(line.startswith("ok ") for line in doctor.table(doctor.examine(tmp_path)))


def test_a_full_disk_and_a_lost_library_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with the command that mends it."""
    monkeypatch.setattr(doctor, "LEAST_FREE", 1 << 62)
    monkeypatch.setattr(doctor, "requires", lambda name: ["no-such-library>=1"])
    found = cures(tmp_path)
    assert "prune" in found["disk"]
    assert "pip install" in found["libraries"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_is_not_ours_is_named(tmp_path: Path) -> None:
    """Cron often runs as somebody else."""
    tmp_path.chmod(0o500)
    assert "home" in cures(tmp_path)


def test_a_changed_journal_of_the_latest_run_is_named(tmp_path: Path) -> None:
    """And verify is what to type."""
    run = Run(tmp_path / "runs" / "r")
    run.path.mkdir(parents=True)
    execute(run, toy.STAGES[0], Config(), Options(tmp_path))
    point_latest(run)
    assert cures(tmp_path) == {}
    path = run.path / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"fetch", b"fetcX", 1))
    assert cures(tmp_path) == {"latest run": "hfm verify --run r"}
