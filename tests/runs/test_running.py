"""The stage at work as others see it: running, interrupted, or over."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hfm.config import Config
from hfm.errors import DataError
from hfm.runs import running
from hfm.runs.freshness import status
from hfm.runs.manifest import Run
from hfm.runs.pipeline import execute
from hfm.runs.running import AtWork
from hfm.runs.stages import by_name
from tests import toy
from tests.toy import everything, options

ELSEWHERE = """
import sys
import time
from pathlib import Path
from hfm.runs import running
with running.announced(Path(sys.argv[1]), "train"):
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return toy.placed(tmp_path, monkeypatch)


def elsewhere(folder: Path) -> subprocess.Popen[str]:
    """Another process whose training is at work until its stdin ends."""
    process = subprocess.Popen([sys.executable, "-c", ELSEWHERE, str(folder)], text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    return process


def test_another_process_is_seen_at_work_and_then_not(tmp_path: Path) -> None:
    """As often as one looks."""
    process = elsewhere(tmp_path)
    assert [running.at_work(tmp_path) for _ in range(3)] == [AtWork("train", alive=True)] * 3
    process.communicate()
    assert running.at_work(tmp_path) is None


def test_a_killed_process_leaves_its_stage_interrupted(tmp_path: Path) -> None:
    """Whoever does the stage again ends that."""
    process = elsewhere(tmp_path)
    process.kill()
    process.wait()
    assert running.at_work(tmp_path) == AtWork("train", alive=False)
    with running.announced(tmp_path, "train"):
        assert running.at_work(tmp_path) == AtWork("train", alive=True)
    assert running.at_work(tmp_path) is None


def test_an_interruption_is_remembered_and_an_error_is_not(tmp_path: Path) -> None:
    """What failed has said so."""
    with pytest.raises(DataError), running.announced(tmp_path, "train"):
        raise DataError("nothing there", hint="hfm status")
    assert running.at_work(tmp_path) is None
    with pytest.raises(KeyboardInterrupt), running.announced(tmp_path, "train"):
        raise KeyboardInterrupt
    assert running.at_work(tmp_path) == AtWork("train", alive=False)


def test_a_stage_does_its_work_where_nothing_can_be_announced(tmp_path: Path) -> None:
    """The files serve others alone."""
    (tmp_path / running.RUNNING).mkdir()
    with running.announced(tmp_path, "train"):
        pass
    assert running.at_work(tmp_path) is None


def test_status_says_which_stage_is_at_work(run: Run) -> None:
    """A stage that was fresh before too; what was interrupted is fresh where the old artifacts still stand for it."""
    execute(run, by_name("fetch"), Config(), options(run))
    process = elsewhere(run.path)
    assert [row[1] for row in status(run, run.manifest(), Config())] == ["fresh", "missing", "running"]
    process.kill()
    process.wait()
    assert [row[1] for row in status(run, run.manifest(), Config())] == ["fresh", "missing", "interrupted"]
    everything(run)
    assert [row[1] for row in status(run, run.manifest(), Config())] == ["fresh"] * 3
    process = elsewhere(run.path)
    assert [row[1] for row in status(run, run.manifest(), Config())] == ["fresh", "fresh", "running"]
    process.kill()
    process.wait()
    assert [row[1] for row in status(run, run.manifest(), Config())] == ["fresh"] * 3


def gone_with(folder: Path) -> bool:
    """Whether within some seconds nobody is at work in a run."""
    for _ in range(50):
        if not (found := running.at_work(folder)) or not found.alive:
            return True
        time.sleep(0.1)
    return False
