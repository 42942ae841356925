"""A small run of all five real stages for the reliability tests, and what must hold of any run, whatever happened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hfm import atomic
from hfm.runs import journal
from hfm.runs.manifest import JOURNAL, Run
from tests.command import hears_ctrl_c, hfm

AS_OF = "2026-03-06T22:00:00Z"
FETCH = ("SPY", "--source", "synthetic", "--sessions", "21", "--as-of", AS_OF)
LIGHT = ("--set", "train.model=logistic")
"""No network: the run is done in five seconds, and no stage waits for torch."""
CLOCKS = {"manifest.json", "journal.jsonl", "metrics.prom"}
"""The only files in which the time of day stands."""


def whole(home: Path, name: str = "r", *more: object) -> Path:
    """Do the whole corridor once in runs/`name`; the run's folder."""
    done = hfm("run", *FETCH, "--run", name, *LIGHT, "-q", *more, cwd=home)
    assert (done.code, done.out, done.err) == (0, "", ""), done.err
    return home / "runs" / name


def files(run: Path, report: bool = False) -> dict[str, bytes]:
    """Every artifact by its path in the run, temp files and work in progress left out.

    report: the report's too, which count the trials of the whole home and so depend on what was run there before.
    """
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.glob("*/*"))
        if path.is_file() and atomic.TEMP_MARK not in path.name and (report or path.parent.name != "report")
    }


def temps(run: Path) -> list[Path]:
    """Half-written files."""
    return [path for path in run.rglob("*") if atomic.TEMP_MARK in path.name]


def sound(run: Path, known: list[dict[str, bytes]]) -> int:
    """Assert that every file of a run is one of the `known` ones, the manifest and the journal true; how many files."""
    there = files(run)
    for name, data in there.items():
        assert any(data == version.get(name) for version in known), f"{name} is neither the old file nor the new one"
    if Run(run).exists():
        manifest = Run(run).manifest()
        assert journal.fault(journal.read(run / JOURNAL), manifest.head, manifest.count) is None
        for stage, entry in manifest.stages.items():
            for name, artifact in entry.artifacts.items():
                assert atomic.sha256(run / name) == artifact.sha256, f"{stage} is committed, {name} is another file"
    return len(there)


def start(*arguments: object, cwd: Path, **env: str) -> subprocess.Popen[str]:
    """`hfm ARGUMENTS` in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "hfm", *map(str, arguments)], cwd=cwd, env={**os.environ, **env}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hears_ctrl_c,
    )  # fmt: skip
