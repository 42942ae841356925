"""Old runs give their disk back; what was tried stays on record.

A pruned run keeps its manifest and its journal: the trials in it still count, or whoever tidies up would be luckier.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hfm import atomic
from hfm.errors import LockedError
from hfm.runs import stages
from hfm.runs.manifest import LATEST, Run


@dataclass(frozen=True)
class Pruned:
    """What became of one run: bytes freed, or why it was left alone."""

    run: str
    freed: int
    why: str = ""


def prune(home: Path, keep: int, now: datetime) -> Iterator[Pruned]:
    """Empty all but the newest runs under a home, and never the latest; one that is at work is left alone.

    Parameters
    ----------
    home
        Where runs lie.
    keep
        How many of the newest stay.
    now
        For the journal.

    Yields
    ------
    Pruned
        Of each run that was emptied, or left alone for a reason.
    """
    folder = home / "runs"
    latest = (folder / LATEST).resolve()
    runs = [Run(p) for p in folder.iterdir() if p.is_dir() and not p.is_symlink()] if folder.is_dir() else []
    by_age = sorted(((r.manifest().created, r.name, r) for r in runs if r.exists()), reverse=True)
    for _, name, run in by_age[keep:]:
        if run.path == latest:
            yield Pruned(name, 0, "the latest run")
            continue
        try:
            with run.lock():
                freed = _empty(run, now)
        except LockedError:
            yield Pruned(name, 0, "another hfm is at work in it")
            continue
        if freed:
            yield Pruned(name, freed)


def _empty(run: Run, now: datetime) -> int:
    """Commit that nothing is there, then remove the files: a kill in between leaves files that do not exist."""
    manifest = run.manifest()
    folders = [run.path / stage.name for stage in stages.STAGES if (run.path / stage.name).is_dir()]
    freed = sum(p.stat().st_size for f in folders for p in f.rglob("*") if p.is_file())
    if manifest.stages:
        event = {"event": "pruned", "stages": sorted(manifest.stages)}
        manifest.stages = {}
        run.commit(manifest, [event], now)
    for path in folders:
        with atomic.disk_errors(path):
            shutil.rmtree(path)
    return freed
