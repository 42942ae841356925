"""The runs of a home: newest first, how each stands, and a damaged one by name."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hfm.config import Config, Simulate
from hfm.errors import ConfigError
from hfm.runs import freshness, run_list
from hfm.runs.manifest import Entry, Manifest, Run, create, point_latest
from hfm.runs.running import RUNNING

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def made(home: Path, name: str, age: int = 0, **stages: Entry) -> Run:
    """A run that was created so many hours before NOW."""
    run = create(home, name, (), NOW)
    when = NOW - timedelta(hours=age)
    manifest = run.manifest(when)
    manifest.config, manifest.stages = {"fetch": {"symbols": ["SPY"], "source": "synthetic"}}, stages
    run.commit(manifest, [], when)
    return run


def done(stage: str, config: Config | None = None, **figures: object) -> Entry:
    """A stage that is finished and left no file."""
    return Entry({}, {}, freshness.section(config or Config(), stage), freshness.versions(), figures=dict(figures))


def listed(home: Path) -> list[run_list.ListedRun]:
    return run_list.runs(home, lambda manifest: Config())


def test_a_home_without_runs_has_none(tmp_path: Path) -> None:
    """Nor one without the folder of runs."""
    assert listed(tmp_path) == []
    (tmp_path / "runs").mkdir()
    assert listed(tmp_path) == []


def test_runs_come_newest_first_and_one_is_the_latest(tmp_path: Path) -> None:
    """By their first commit; `latest` itself is no run, nor is a folder that no run can be called."""
    runs = [made(tmp_path, name, age) for name, age in (("b", 2), ("a", 1), ("c", 3))]
    (tmp_path / "runs" / ".hidden").mkdir()
    point_latest(runs[0])
    assert [(run.name, run.latest) for run in listed(tmp_path)] == [("a", False), ("b", True), ("c", False)]


def test_a_run_says_what_it_is_of_and_what_came_of_it(tmp_path: Path) -> None:
    """From what its stages committed."""
    made(
        tmp_path, "whole", fetch=done("fetch", symbols=["QQQ", "SPY"], sessions=21), simulate=done("simulate"),
        train=done("train"), backtest=done("backtest"), report=done("report", verdict="no edge found"),
    )  # fmt: skip
    (run,) = listed(tmp_path)
    assert (run.symbols, run.sessions, run.source) == (("QQQ", "SPY"), 21, "synthetic")
    assert (run.model, run.trial) == (Config().train.model, Config().backtest.threshold)
    assert run.verdict == "no edge found"
    assert set((run.stages or {}).values()) == {"fresh"}
    assert run.created == "2026-12-01T00:00:00Z"


def test_a_stale_report_has_no_verdict(tmp_path: Path) -> None:
    """Nor one that an hfm of another version made."""
    old = done("report", verdict="edge supported")
    old.versions["hfm"] = "0.0.0"
    made(tmp_path, "old", report=old)
    (run,) = listed(tmp_path)
    assert (run.verdict, (run.stages or {})["report"]) == ("", "stale")


def test_the_states_are_those_of_status_but_for_what_a_hash_alone_shows(tmp_path: Path) -> None:
    """A file of another size is stale; settings of today count."""
    other = done("simulate", Config(simulate=Simulate(seed=8)))
    run = made(tmp_path, "a", fetch=done("fetch"), simulate=other)
    (found,) = listed(tmp_path)
    rows = freshness.status(run, run.manifest(), Config())
    assert found.stages == {name: state for name, state, _ in rows}
    assert (found.stages or {})["simulate"] == "stale"


def test_a_stage_that_was_interrupted_is_named(tmp_path: Path) -> None:
    """In a run where nothing is committed yet, too."""
    run = create(tmp_path, "first", (), NOW)
    (run.path / RUNNING).write_text("fetch")
    (found,) = listed(tmp_path)
    assert (found.stages or {})["fetch"] == "interrupted"
    assert found.created
    assert found.sessions is None


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    """Also of those that no manifest knows; links count for themselves."""
    run = made(tmp_path, "a")
    (run.path / "train").mkdir()
    (run.path / "train" / "more").write_bytes(b"x" * 12345)
    size = sum(p.stat().st_size for p in run.path.rglob("*") if p.is_file())
    (found,) = listed(tmp_path)
    assert found.bytes == size


@pytest.mark.parametrize("damage", ["bytes", "folder"])
def test_a_damaged_run_is_named_and_the_others_are_there(tmp_path: Path, damage: str) -> None:
    """With what is wrong and what to do."""
    made(tmp_path, "sound")
    path = made(tmp_path, "torn").path / "manifest.json"
    if damage == "bytes":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.unlink()
        path.mkdir()
    found = {run.name: run for run in listed(tmp_path)}
    assert found["sound"].fault == ""
    assert "manifest.json" in found["torn"].fault
    assert found["torn"].hint
    assert found["torn"].bytes >= 0


def test_settings_that_a_run_recorded_and_nobody_knows_are_its_fault(tmp_path: Path) -> None:
    """The others are listed."""
    made(tmp_path, "a")
    made(tmp_path, "b")

    def config_of(manifest: Manifest) -> Config:
        calls.append(manifest)
        if len(calls) == 1:
            raise ConfigError("unknown key", hint="did you mean train.lr?")
        return Config()

    calls: list[Manifest] = []
    assert sorted(run.fault for run in run_list.runs(tmp_path, config_of)) == ["", "unknown key"]


def test_a_file_that_goes_meanwhile_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may be at work, or prune."""
    made(tmp_path, "a")

    def gone(path: object) -> os.stat_result:
        raise FileNotFoundError(str(path))

    monkeypatch.setattr(os, "lstat", gone)
    assert run_list._bytes(tmp_path) == 0
