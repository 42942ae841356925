"""The run directory: the manifest is the commit.

A file that manifest.json does not list with its SHA-256 does not exist; the manifest carries its own hash and the
journal's head. Artifacts are written beside their place, synced and swapped in; the manifest is written last. One
kernel lock a run; readers never take it. `latest` is a link that is replaced atomically.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from hfm import atomic
from hfm.errors import DataError, LockedError, UsageError, typed
from hfm.runs import journal

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MANIFEST, JOURNAL, LATEST, LOCK = "manifest.json", "journal.jsonl", "latest", ".lock"


@dataclass(frozen=True)
class Artifact:
    """What the manifest knows of one file."""

    sha256: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True)
class Entry:
    """What the manifest knows of one finished stage."""

    artifacts: dict[str, Artifact]
    inputs: dict[str, str]
    """Artifact -> SHA-256 at the time it was read."""
    config: dict[str, Any]
    versions: dict[str, Any]
    losses: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    finished: str = ""
    elapsed_s: float = 0.0


@dataclass
class Manifest:
    """manifest.json as values."""

    created: str
    config: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, Entry] = field(default_factory=dict)
    head: str = journal.START
    count: int = 0


# ------------------------------------------------------------------------------------------------------ where runs lie
def find_home(option: str | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """Where runs lie: --home, HFM_HOME, the nearest parent folder with hfm.toml, else the current folder.

    Parameters
    ----------
    option
        Of --home; None where it was not given.
    environ
        The environment.
    cwd
        The current folder.

    Returns
    -------
    Path
        Absolute, without links.

    Raises
    ------
    UsageError
        Where --home or HFM_HOME is no folder.
    """
    given = option or environ.get("HFM_HOME")
    if given:
        home = Path(given).expanduser()
        if not (atomic.exists(home) and home.is_dir()):
            raise UsageError(f"home {given!r} is not a folder", hint=typed("mkdir", "-p", str(home)))
        return home.resolve()
    return next((p for p in (cwd, *cwd.parents) if (p / "hfm.toml").is_file()), cwd).resolve()


def check_name(name: str) -> str:
    """`name`, if it can be a run's: letters, digits, dot, dash and underscore only.

    Returns
    -------
    str
        The name.

    Raises
    ------
    UsageError
        Where it cannot.
    """
    if not NAME.fullmatch(name) or name == LATEST:
        raise UsageError(
            f"{name[:80]!r} cannot name a run",
            why="a name is 1 to 100 letters, digits, dots, dashes and underscores, and not 'latest'",
            hint="--run nightly-1",
        )
    return name


def create(home: Path, name: str | None, symbols: Sequence[str], now: datetime) -> Run:
    """Make a new run's folder.

    Parameters
    ----------
    home
        Where runs lie.
    name
        Of the run, which may exist already; None: a UTC stamp and the symbols, -2 and so on on a clash.
    symbols
        Of the run; the first three are in such a name.
    now
        For the stamp.

    Returns
    -------
    Run
        Nothing is committed in it yet.

    Raises
    ------
    DataError
        Where 999 runs have such a name.
    """
    folder = home / "runs"
    with atomic.disk_errors(folder):
        folder.mkdir(exist_ok=True)
        if name is not None:
            path = folder / check_name(name)
            path.mkdir(exist_ok=True)
            return Run(path)
        words = "-".join(re.sub(r"[^A-Za-z0-9.]+", "", s) or "x" for s in symbols[:3]) or "all"
        stem = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{words[:40]}"
        for suffix in ("", *(f"-{i}" for i in range(2, 1000))):
            with contextlib.suppress(FileExistsError):
                (folder / (stem + suffix)).mkdir()
                return Run(folder / (stem + suffix))
    raise DataError(f"{folder} holds 999 runs of {stem}", hint="--run NAME")


def locate(home: Path, given: str | None, environ: Mapping[str, str]) -> Run:
    """The run that --run (a name or a path), HFM_RUN or `latest` means.

    Parameters
    ----------
    home
        Where runs lie.
    given
        Of --run; None where it was not given.
    environ
        The environment.

    Returns
    -------
    Run
        One whose folder is there.

    Raises
    ------
    DataError
        Where there is no such run.
    UsageError
        For a text that can name none.
    """
    ref = given or environ.get("HFM_RUN") or None
    if ref is None or ref == LATEST:
        path = home / "runs" / LATEST
        if not path.exists():
            raise DataError(f"there is no run under {home / 'runs'} yet", hint="hfm fetch SPY --days 30")
        return Run(path.resolve())
    if "/" in ref or os.sep in ref:
        path = Path(ref).expanduser()
        if ".." in path.parts:
            raise UsageError(
                f"{ref[:80]!r} cannot name a run",
                why="a path to a run has no '..' in it",
                hint="give a run's name, or its path, with --run",
            )
        if not atomic.exists(path / MANIFEST):
            raise DataError(
                f"{path} is not a run",
                why=f"it holds no {MANIFEST}",
                hint="give the name of a run under runs/ with --run",
            )
        return Run(path.resolve())
    path = home / "runs" / check_name(ref)
    if not path.is_dir():
        raise DataError(f"there is no run {ref!r} under {home / 'runs'}", hint=f"hfm fetch SPY --run {ref}")
    return Run(path)


def point_latest(run: Run) -> None:
    """Make runs/latest mean `run`, atomically; a run outside a runs folder stays as it is."""
    link = run.path.parent / LATEST
    if run.path.parent.name != "runs" or (link.is_symlink() and os.readlink(link) == run.path.name):
        return
    temp = atomic.temp_path(link)
    with atomic.disk_errors(link):
        temp.unlink(missing_ok=True)
        temp.symlink_to(run.path.name)
    atomic.replace(temp, link)


# ------------------------------------------------------------------------------------------------------------- the run
class Run:
    """One run directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @contextlib.contextmanager
    def lock(self, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the run against other writers; sweeps half-written files first.

        Parameters
        ----------
        wait_s
            How long another writer is waited for, seconds.

        Yields
        ------
        None
            While the lock is held.

        Raises
        ------
        LockedError
            Where another writer holds it after that time.
        DiskError
            Where the folder cannot be written.
        """
        with atomic.disk_errors(self.path / LOCK):
            held = filelock.FileLock(self.path / LOCK, timeout=wait_s)
            try:
                held.acquire()
            except filelock.Timeout:
                raise LockedError(
                    f"another hfm is at work in {self.path}", why=f"waited {wait_s:g} s for its lock",
                    hint="--wait 60",
                ) from None  # fmt: skip
        try:
            atomic.sweep(self.path)
            yield
        finally:
            held.release()

    def exists(self) -> bool:
        """Whether anything was ever committed here."""
        return (self.path / MANIFEST).is_file()

    def manifest(self, now: datetime | None = None) -> Manifest:
        """The committed state; a new one where there is none.

        Parameters
        ----------
        now
            When a new one is made; None: it has no date.

        Returns
        -------
        Manifest
            As committed.

        Raises
        ------
        DataError
            Where it cannot be read, its own hash fails, or its format is another.
        """
        path = self.path / MANIFEST
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return Manifest(created=stamp(now) if now else "")
        except OSError as e:
            raise DataError(f"{path} cannot be read: {e.strerror or e}", hint="check its permissions") from e
        try:
            tree = json.loads(raw)
            claimed = tree.pop("sha256")
            sound = claimed == _digest(tree) and raw == _encode({**tree, "sha256": claimed})
        except (ValueError, KeyError, AttributeError, TypeError):
            sound = False
        if not sound:
            raise DataError(
                f"{path} is damaged",
                why="its own SHA-256 does not fit",
                hint=f"remove {path}, then make the run again with hfm fetch and its symbols",
            )
        if tree["format"] != FORMAT:
            raise DataError(
                f"{path} is of format {tree['format']}, this hfm reads {FORMAT}",
                hint="start a new run with hfm fetch",
            )
        stages = {k: Entry(**{**v, "artifacts": {n: Artifact(**a) for n, a in v["artifacts"].items()}})
                  for k, v in tree["stages"].items()}  # fmt: skip
        return Manifest(tree["created"], tree["config"], stages, **tree["journal"])

    def commit(self, manifest: Manifest, events: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Write the journal's events, then the manifest: after this call the new state is the state.

        Parameters
        ----------
        manifest
            Its head and count become those of the journal.
        events
            JSON objects.
        now
            Their time.
        """
        stamped = [{"time": stamp(now), **event} for event in events]
        manifest.head, manifest.count = journal.append(self.path / JOURNAL, manifest.head, manifest.count, stamped)
        tree = {
            "format": FORMAT, "created": manifest.created, "config": manifest.config,
            "stages": {k: asdict(v) for k, v in manifest.stages.items()},
            "journal": {"head": manifest.head, "count": manifest.count},
        }  # fmt: skip
        atomic.write(self.path / MANIFEST, _encode({**tree, "sha256": _digest(tree)}))

    @contextlib.contextmanager
    def discarded_if_empty(self) -> Iterator[None]:
        """Remove the folder if the block fails before anything was ever committed here; only under the lock."""
        try:
            yield
        except BaseException:
            if not self.exists():
                shutil.rmtree(self.path, ignore_errors=True)
            raise


def stamp(now: datetime) -> str:
    """ISO time in UTC to the second, with Z."""
    return f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _encode(tree: Mapping[str, Any]) -> bytes:
    return (json.dumps(tree, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _digest(tree: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(tree, sort_keys=True, allow_nan=False).encode()).hexdigest()
