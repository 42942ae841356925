"""The runs of a home, newest first: what each is of, what came of it, how its stages stand, its size on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hfm.config import Config
from hfm.errors import DataError, HfmError
from hfm.runs import freshness
from hfm.runs.manifest import LATEST, NAME, Entry, Manifest, Run, locate, stamp


@dataclass(frozen=True)
class ListedRun:
    """One run, read without its lock.

    Attributes
    ----------
    name : of the run.
    latest : whether `latest` means it.
    created : ISO time of its first commit; of its folder where nothing is committed, or the manifest is damaged.
    symbols : that were fetched, else asked for.
    sessions : of the bars, or None where none were fetched.
    source : of the bars; "" where none is known.
    model, trial : that were traded, else trained; "" for none.
    verdict : of a fresh report; else "".
    stages : stage -> fresh | stale | missing | running | interrupted; {} of a damaged run.
    bytes : of all its files.
    fault : why it cannot be read, and "" where it can.
    hint : what to do about a fault.
    """

    name: str
    latest: bool
    created: str
    symbols: tuple[str, ...] = ()
    sessions: int | None = None
    source: str = ""
    model: str = ""
    trial: str = ""
    verdict: str = ""
    stages: dict[str, str] | None = None
    bytes: int = 0
    fault: str = ""
    hint: str = ""


def runs(home: Path, config_of: Callable[[Manifest], Config]) -> list[ListedRun]:
    """The runs of a home, newest first.

    Files are compared by their sizes, not hashed: a home may hold many gigabytes. `hfm status` hashes.

    Parameters
    ----------
    home
        Where runs lie.
    config_of
        The settings of today for a run, given its manifest; may raise HfmError, which is that run's fault.

    Returns
    -------
    list[ListedRun]
        One for each folder that can be a run's; a damaged one has a fault.

    Raises
    ------
    DataError
        Where the folder of the runs cannot be read.
    """
    latest = _latest(home)
    found = [_listed(path, latest, config_of) for path in _folders(home / "runs")]
    return sorted(found, key=lambda run: (run.created, run.name), reverse=True)


def _folders(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError as e:
        raise DataError(f"{folder} cannot be read: {e.strerror or e}", hint="check its permissions") from e
    for name in names:
        if NAME.fullmatch(name) and name != LATEST and (folder / name).is_dir():
            yield folder / name


def _latest(home: Path) -> Path | None:
    try:
        return locate(home, LATEST, {}).path.resolve()
    except HfmError:
        return None


def _listed(path: Path, latest: Path | None, config_of: Callable[[Manifest], Config]) -> ListedRun:
    is_latest, size = path.resolve() == latest, _bytes(path)
    run = Run(path)
    try:
        manifest = run.manifest()
        rows = freshness.status(run, manifest, config_of(manifest), hashed=False)
    except HfmError as e:
        why = f"{e.what}: {e.why}" if e.why else e.what
        return ListedRun(path.name, is_latest, _changed(path), bytes=size, fault=why, hint=e.hint)
    stages, entries = {name: state for name, state, _ in rows}, manifest.stages
    fetched = _figures(entries.get("fetch"))
    wanted = manifest.config.get("fetch", {})
    trained, traded = (entries[n].config if n in entries else {} for n in ("train", "backtest"))
    return ListedRun(
        path.name,
        is_latest,
        manifest.created or _changed(path),
        symbols=tuple(fetched.get("symbols") or wanted.get("symbols") or ()),
        sessions=fetched.get("sessions"),
        source=str(wanted.get("source", "")),
        model=str(traded.get("model") or trained.get("model", "")),
        trial=str(traded.get("threshold", "")),
        verdict=str(_figures(entries.get("report")).get("verdict", "")) if stages["report"] == "fresh" else "",
        stages=stages,
        bytes=size,
    )


def _figures(entry: Entry | None) -> dict[str, Any]:  # Any: JSON
    return entry.figures if entry else {}


def _changed(path: Path) -> str:
    try:
        return stamp(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    except OSError:  # it was removed meanwhile
        return ""


def _bytes(path: Path) -> int:
    """What the files below a folder take; one that goes meanwhile takes nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total
