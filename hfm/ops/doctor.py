"""`hfm doctor`: what a run will stand on, each with what to do where it does not hold."""

from __future__ import annotations

import platform
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from hfm import __version__
from hfm.errors import HfmError
from hfm.runs import journal
from hfm.runs.manifest import JOURNAL, LATEST, Run

LEAST_FREE = 1 << 30
"""Bytes below which a home is called full."""


@dataclass(frozen=True)
class Diagnosis:
    """One line: what was looked at, what was found, what to do (empty where all is well)."""

    what: str
    found: str
    cure: str = ""


def examine(home: Path) -> list[Diagnosis]:
    """All findings, in order."""
    looks: list[Callable[[Path], Diagnosis]] = [_python, _libraries, _folder, _space, _kernels, _calendar, _latest]
    return [look(home) for look in looks]


def table(findings: list[Diagnosis]) -> list[str]:
    """Aligned lines."""
    wide = max(len(f.what) for f in findings)
    return [
        f"{'ok ' if not f.cure else 'NOT'}  {f.what:{wide}}  {f.found}{f' -> {f.cure}' if f.cure else ''}"
        for f in findings
    ]


def _python(home: Path) -> Diagnosis:
    return Diagnosis("python", f"{platform.python_version()} on {platform.machine()}, hfm {__version__}")


def _libraries(home: Path) -> Diagnosis:
    """Each declared dependency is installed; whether the versions fit is pip's business, and pip says so."""
    names = [re.split(r"[^\w.-]", line)[0] for line in requires("hfm") or [] if "extra ==" not in line]
    missing = []
    for name in names:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Diagnosis("libraries", f"missing: {', '.join(missing)}", "pip install -e .")
    return Diagnosis("libraries", f"{len(names)} there, torch {version('torch')}, yfinance {version('yfinance')}")


def _folder(home: Path) -> Diagnosis:
    try:
        with tempfile.TemporaryFile(dir=home):
            return Diagnosis("home", f"{home} is writable")
    except OSError as e:
        return Diagnosis("home", f"{home}: {e.strerror}", "choose another with --home or HFM_HOME")


def _space(home: Path) -> Diagnosis:
    free = shutil.disk_usage(home).free
    cure = "hfm prune --keep 5" if free < LEAST_FREE else ""
    return Diagnosis("disk", f"{free / (1 << 30):.1f} GiB free", cure)


def _kernels(home: Path) -> Diagnosis:
    from hfm.kernels.jit import cache_folder, is_temporary

    folder = cache_folder()
    count = len(list(folder.glob("*.ready")))
    lasting = "set NUMBA_CACHE_DIR to a folder that stays, or every process compiles again"
    cure = lasting if is_temporary(folder) else ""
    return Diagnosis("kernels", f"{count} compiled in {folder}", cure)


def _calendar(home: Path) -> Diagnosis:
    import exchange_calendars

    last = exchange_calendars.get_calendar("XNYS").last_session
    return Diagnosis("calendar", f"XNYS known to {last:%Y-%m-%d}")


def _latest(home: Path) -> Diagnosis:
    """Whether the latest run can be read, and its journal holds."""
    path = home / "runs" / LATEST
    if not path.exists():
        return Diagnosis("latest run", "none yet")
    run = Run(path.resolve())
    try:
        manifest = run.manifest()
    except HfmError as e:
        return Diagnosis("latest run", e.what, e.hint)
    why = journal.fault(journal.read(run.path / JOURNAL), manifest.head, manifest.count)
    cure = f"hfm verify --run {run.name}" if why else ""
    return Diagnosis(
        "latest run", f"{run.name}: {', '.join(manifest.stages) or 'nothing in it'}{f'; {why}' if why else ''}", cure
    )
