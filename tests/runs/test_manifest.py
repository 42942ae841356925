"""The manifest is the commit: names, homes, locks, `latest`, and every changed byte found."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hfm.errors import DataError, LockedError, UsageError
from hfm.runs.manifest import (
    Artifact,
    Entry,
    Manifest,
    Run,
    _digest,
    _encode,
    check_name,
    create,
    find_home,
    locate,
    point_latest,
)

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def entry() -> Entry:
    return Entry({"fetch/bars.parquet": Artifact("ab" * 32, 10, 3)}, {}, {"days": 30}, {"hfm": "0.1.0"})


def committed(folder: Path) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder)
    run.commit(Manifest("then", {"fetch": {"days": 30}}, {"fetch": entry()}), [{"event": "stage"}], NOW)
    return run


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "latest", "x" * 101, "-x", "é", "a b", "\n", "💥"])
def test_a_name_that_could_leave_the_runs_folder_is_refused(name: str) -> None:
    """Exit 2, whatever was typed."""
    with pytest.raises(UsageError):
        check_name(name)


@pytest.mark.parametrize("given", ["../x", "runs/../../etc", "/tmp/../etc"])
def test_a_path_with_dots_in_it_is_refused(tmp_path: Path, given: str) -> None:
    """A path to a run goes down, never up."""
    with pytest.raises(UsageError):
        locate(tmp_path, given, {})


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Values, journal head and count."""
    run = committed(tmp_path / "runs" / "r")
    manifest = run.manifest()
    assert manifest.stages["fetch"] == entry()
    assert manifest.count == 1


def test_every_byte_of_the_manifest_counts(tmp_path: Path) -> None:
    """Each byte changed once: DataError each time, never another meaning."""
    run = committed(tmp_path / "runs" / "r")
    path = run.path / "manifest.json"
    raw = path.read_bytes()
    for i in range(len(raw)):
        path.write_bytes(raw[:i] + bytes([raw[i] ^ 4]) + raw[i + 1 :])
        with pytest.raises(DataError):
            run.manifest()


def test_a_run_is_found_by_name_by_path_by_environment_and_as_latest(tmp_path: Path) -> None:
    """In this order: --run, HFM_RUN, latest."""
    a, b = committed(tmp_path / "runs" / "a"), committed(tmp_path / "runs" / "b")
    point_latest(a)
    point_latest(b)
    assert locate(tmp_path, None, {}).path == b.path
    assert locate(tmp_path, None, {"HFM_RUN": "a"}).path == a.path
    assert locate(tmp_path, "b", {"HFM_RUN": "a"}).path == b.path
    assert locate(tmp_path, str(a.path), {}).path == a.path


def test_a_run_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    """Exit 4 and the command."""
    for given in (None, "nope", str(tmp_path / "nope")):
        with pytest.raises(DataError) as caught:
            locate(tmp_path, given, {})
        assert caught.value.hint


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path) -> None:
    """-2 on a clash."""
    names = [create(tmp_path, None, ["^GSPC", "BRK-B"], NOW).name for _ in range(3)]
    assert names == ["20260302T143000Z-GSPC-BRKB", "20260302T143000Z-GSPC-BRKB-2", "20260302T143000Z-GSPC-BRKB-3"]


def test_the_second_at_work_is_turned_away(tmp_path: Path) -> None:
    """The lock is the kernel's: it goes with the process."""
    run = committed(tmp_path / "runs" / "r")
    with run.lock(), pytest.raises(LockedError, match="another hfm"), run.lock(0.05):
        pass
    with run.lock():
        pass


def test_home_is_the_option_then_the_environment_then_the_settings_file_then_here(tmp_path: Path) -> None:
    """And a home that is no folder is named."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_home(None, {}, deep) == deep
    (tmp_path / "hfm.toml").touch()
    assert find_home(None, {}, deep) == tmp_path
    assert find_home(None, {"HFM_HOME": str(tmp_path / "a")}, deep) == tmp_path / "a"
    assert find_home(str(deep), {"HFM_HOME": str(tmp_path)}, tmp_path) == deep
    with pytest.raises(UsageError):
        find_home(str(tmp_path / "none"), {}, deep)


def test_latest_is_a_link_that_moves(tmp_path: Path) -> None:
    """Relative, so that the folder can be moved as a whole."""
    point_latest(committed(tmp_path / "runs" / "a"))
    assert os.readlink(tmp_path / "runs" / "latest") == "a"
    point_latest(committed(tmp_path / "runs" / "b"))
    assert os.readlink(tmp_path / "runs" / "latest") == "b"


def test_a_run_that_never_committed_is_taken_away_and_one_that_did_stays(tmp_path: Path) -> None:
    """A failed first fetch leaves no empty folder."""
    fresh, old = create(tmp_path, "fresh", [], NOW), committed(tmp_path / "runs" / "old")
    for run in (fresh, old):
        with pytest.raises(RuntimeError), run.lock(), run.discarded_if_empty():
            raise RuntimeError
    assert not fresh.path.exists()
    assert old.exists()


def test_a_manifest_of_another_format_is_refused(tmp_path: Path) -> None:
    """Whole, but of a later hfm: a new run is the way out."""
    run = committed(tmp_path / "runs" / "r")
    path = run.path / "manifest.json"
    tree = json.loads(path.read_bytes())
    del tree["sha256"]
    tree["format"] = 99
    path.write_bytes(_encode({**tree, "sha256": _digest(tree)}))
    with pytest.raises(DataError, match="format 99") as caught:
        run.manifest()
    assert "hfm fetch" in caught.value.hint


def test_a_manifest_that_is_a_folder_cannot_be_read(tmp_path: Path) -> None:
    """Exit 4, not a fault."""
    run = committed(tmp_path / "runs" / "r")
    (run.path / "manifest.json").unlink()
    (run.path / "manifest.json").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        run.manifest()


def test_a_thousandth_run_of_one_second_is_refused(tmp_path: Path) -> None:
    """With the way out."""
    for _ in range(999):
        create(tmp_path, None, ("SPY",), NOW)
    assert len(list((tmp_path / "runs").iterdir())) == 999
    with pytest.raises(DataError, match="999 runs") as caught:
        create(tmp_path, None, ("SPY",), NOW)
    assert "--run" in caught.value.hint
