"""A disk that is full or may not be written to: exit 10, the path, the old artifacts, no temp file left behind."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import hfm
from tests.conftest import Count
from tests.reliability.corridor import LIGHT, files, sound, temps, whole

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.argv = ["hfm", *sys.argv[2:]]
from hfm.cli import main
main()
"""
"""hfm in a process that may write no file longer than so many bytes: the write itself fails, wherever it stands."""


def limited(size: int, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`hfm ARGUMENTS` where every write beyond `size` bytes of a file fails."""
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(size), *map(str, arguments)], cwd=cwd, text=True, capture_output=True,
        timeout=240,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", ["fetch", "simulate", "train", "backtest", "report"])
def test_a_write_that_fails_keeps_the_old_artifact(tmp_path: Path, count: Count, stage: str) -> None:
    """At sizes from nothing to just below the stage's largest file; then the same command works."""
    run = whole(tmp_path)
    before, manifest = files(run, report=True), (run / "manifest.json").read_bytes()
    largest = max(len(data) for name, data in before.items() if name.startswith(stage))
    other = ("--source", "synthetic", "--sessions", 22, "SPY") if stage == "fetch" else LIGHT
    for size in (0, 4_000, largest // 2):
        done = limited(size, stage, *other, "--run", "r", cwd=tmp_path)
        assert done.returncode == 10, f"{size}: {done.returncode}\n{done.stderr}"
        assert "cannot write" in done.stderr
        assert str(run) in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) <= 3 + (stage == "fetch"), done.stderr
        assert temps(run) == []
        if size == 0:  # not even the journal could be written: nothing has changed at all
            assert (run / "manifest.json").read_bytes() == manifest
        sound(run, [before])
        count(f"writes that fail (disk full) in {stage}", 1)
    again = subprocess.run([sys.executable, "-m", "hfm", stage, *LIGHT, "--run", "r", "-q"], cwd=tmp_path, check=False)
    assert again.returncode == 0
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_may_not_be_written_to_is_named(tmp_path: Path, count: Count) -> None:
    """Exit 10 with the folder, and nothing made."""
    tmp_path.chmod(0o500)
    done = hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 2, cwd=tmp_path)
    tmp_path.chmod(0o700)
    assert (done.code, list(tmp_path.iterdir())) == (10, [])
    assert f"cannot write {tmp_path}/runs" in done.err
    count("homes without permission", 1)


def test_a_file_where_a_folder_must_be_is_named(tmp_path: Path, count: Count) -> None:
    """`runs` as a file, then a stage's folder as one: exit 10 with the path."""
    (tmp_path / "runs").write_text("mine")
    fetch = ("fetch", "SPY", "--source", "synthetic", "--sessions", 2, "--run", "r")
    done = hfm(*fetch, cwd=tmp_path)
    assert done.code == 10
    assert f"cannot write {tmp_path}/runs" in done.err
    assert (tmp_path / "runs").read_text() == "mine"
    (tmp_path / "runs").unlink()
    assert hfm(*fetch, cwd=tmp_path).code == 0
    (tmp_path / "runs/r/simulate").write_text("mine")
    done = hfm("simulate", cwd=tmp_path)
    assert done.code == 10
    assert str(tmp_path / "runs/r/simulate") in done.err
    count("files where a folder must be", 2)
