"""What a run holds that can be relied on: how each stage stands and why; inputs checked by SHA-256."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import Any

from hfm import __version__, atomic
from hfm.config import BEFORE_IT_EXISTED, Config, Layer, load
from hfm.errors import DataError
from hfm.runs import running, stages
from hfm.runs.manifest import Entry, Manifest, Run
from hfm.runs.stages import Stage, maker

LIBRARIES = ("numpy", "pandas", "pyarrow", "numba", "torch", "scikit-learn", "matplotlib")


def section(config: Config, stage: str) -> dict[str, Any]:
    """A stage's own settings as JSON values."""
    tree: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(getattr(config, stage))))
    return tree


def recorded(stage: str, entry: Entry) -> dict[str, Any]:
    """The settings that a stage's artifacts were made with; a younger one was its default, or what hfm did then."""
    return section(Config(), stage) | BEFORE_IT_EXISTED.get(stage, {}) | entry.config


def recorded_config(manifest: Manifest) -> Config:
    """The settings that all artifacts of a run were made with, each stage's own; for a stage without, the last ones."""
    stages = {name: recorded(name, entry) for name, entry in manifest.stages.items()}
    return load([Layer("the run's manifest.json", {**manifest.config, **stages})])


def versions() -> dict[str, str]:
    """Versions of hfm and of the libraries whose change can change a number."""
    return {"hfm": __version__, **{name: version(name) for name in LIBRARIES}}


def why_stale(run: Run, manifest: Manifest, stage: Stage, config: Config, hashed: bool = True) -> str | None:
    """Why a stage's artifacts do not stand for its inputs and settings.

    Parameters
    ----------
    run
        Whose files are hashed.
    manifest
        As committed.
    stage
        Which one.
    config
        The settings that its own are compared with.
    hashed
        Whether files are hashed; else their sizes alone are compared with those that were committed.

    Returns
    -------
    str | None
        "missing", or a sentence; None where it is fresh.
    """
    entry = manifest.stages.get(stage.name)
    if entry is None:
        return "missing"
    for artifact, known in entry.artifacts.items():
        path = run.path / artifact
        try:
            if path.stat().st_size != known.bytes or (hashed and atomic.sha256(path) != known.sha256):
                return f"{artifact} is not the file that was committed"
        except OSError:
            return f"{artifact} is gone"
    now = section(config, stage.name)
    then = recorded(stage.name, entry)
    changed = [f"{stage.name}.{k} {then[k]!r} -> {v!r}" for k, v in now.items() if then[k] != v]
    if changed:
        return "; ".join(changed)
    if entry.versions.get("hfm") != __version__:
        return f"made by hfm {entry.versions.get('hfm')}, this is {__version__}"
    return stale_inputs(manifest, stage)


def status(run: Run, manifest: Manifest, config: Config, hashed: bool = True) -> list[tuple[str, str, str]]:
    """How each stage stands.

    Parameters
    ----------
    run
        Whose files are hashed.
    manifest
        As committed.
    config
        The settings of today.
    hashed
        See why_stale.

    Returns
    -------
    list[tuple[str, str, str]]
        (stage, fresh | stale | missing | running | interrupted, why) in the stages' order. Running: a process is at
        work in it; interrupted: it was, and what it did was not committed. why: "" of a fresh and of a missing one.
    """
    rows, found = [], running.at_work(run.path)
    for stage in stages.STAGES:
        why = why_stale(run, manifest, stage, config, hashed)
        state = "fresh" if why is None else why if why == "missing" else "stale"
        why = why if state == "stale" else ""
        if found and found.stage == stage.name and (found.alive or state != "fresh"):
            state = "running" if found.alive else "interrupted"
        rows.append((stage.name, state, why or ""))
    return rows


def stale_inputs(manifest: Manifest, stage: Stage) -> str | None:
    """Which input of a finished stage, or of a stage before it, has changed since; None if none."""
    entry = manifest.stages[stage.name]
    for artifact in stage.reads:
        source = manifest.stages.get(maker(artifact).name)
        current = source.artifacts.get(artifact) if source else None
        if (current.sha256 if current else None) != entry.inputs.get(artifact):
            return f"{artifact} has changed" if current else f"{artifact} is gone"
        if source and (why := stale_inputs(manifest, maker(artifact))):
            return f"{maker(artifact).name} is stale ({why})"
    return None


def inputs_of(run: Run, manifest: Manifest, stage: Stage) -> dict[str, str]:
    """SHA-256 of each input that there is, as committed; whether a file still is that is check_hashes' to say.

    Parameters
    ----------
    run
        Named in the hints.
    manifest
        As committed.
    stage
        Whose inputs.

    Returns
    -------
    dict[str, str]
        Artifact -> SHA-256.

    Raises
    ------
    DataError
        For an input that is missing or stale; the hint is the command that makes it.
    """
    found: dict[str, str] = {}
    for artifact in stage.reads:
        source = maker(artifact)
        entry = manifest.stages.get(source.name)
        known = entry.artifacts.get(artifact) if entry else None
        again = f"hfm {source.name}{_first(manifest, source.name)} --run {run.name}"
        if entry is None or known is None:
            if artifact in stage.needs:
                raise DataError(f"{stage.name} needs {run.path / artifact}, which is not there", hint=again)
            continue
        if why := stale_inputs(manifest, source):
            raise DataError(f"{stage.name} would read {artifact}, which is stale: {why}", hint=again)
        found[artifact] = known.sha256
    if stage.needs_one and not any(artifact in found for artifact in stage.needs_one):
        absent = " or ".join(str(run.path / artifact) for artifact in stage.needs_one)
        name = maker(stage.needs_one[0]).name
        again = f"hfm {name}{_first(manifest, name)} --run {run.name}"
        raise DataError(f"{stage.name} needs {absent}, and neither is there", hint=again)
    return found


def _first(manifest: Manifest, stage: str) -> str:
    """What a run's first fetch takes beside the run: a symbol; a later one has what was recorded."""
    return " SPY" if stage == "fetch" and "fetch" not in manifest.config else ""


def check_hashes(run: Run, inputs: Mapping[str, str]) -> None:
    """Check that files are those whose SHA-256 is known.

    Parameters
    ----------
    run
        Whose files are hashed.
    inputs
        Artifact -> SHA-256.

    Raises
    ------
    DataError
        For a file that is gone or another one; the hint is the command that makes it.
    """
    for artifact, known in inputs.items():
        again = f"hfm {maker(artifact).name} --run {run.name}"
        try:
            actual = atomic.sha256(run.path / artifact)
        except OSError as e:
            raise DataError(f"{run.path / artifact} cannot be read: {e.strerror or e}", hint=again) from e
        if actual != known:
            raise DataError(f"{run.path / artifact} is damaged", why="its SHA-256 is not the committed one", hint=again)


def check_inputs(run: Run, manifest: Manifest, stage: Stage) -> dict[str, str]:
    """SHA-256 of each input that there is, after a look at its file.

    Parameters
    ----------
    run
        Whose files are hashed.
    manifest
        As committed.
    stage
        Whose inputs.

    Returns
    -------
    dict[str, str]
        Artifact -> SHA-256.

    Raises
    ------
    DataError
        For an input that is missing, stale or damaged; the hint is the command that makes it.
    """
    found = inputs_of(run, manifest, stage)
    check_hashes(run, found)
    return found


def check_committed(run: Run, manifest: Manifest, artifacts: Collection[str]) -> dict[str, str]:
    """SHA-256 of artifacts that are as they were committed, stale or not.

    Parameters
    ----------
    run
        Whose files are hashed.
    manifest
        As committed.
    artifacts
        Which ones.

    Returns
    -------
    dict[str, str]
        Artifact -> SHA-256.

    Raises
    ------
    DataError
        For a file that is not there or is damaged; the hint is the command that makes it.
    """
    found: dict[str, str] = {}
    for artifact in artifacts:
        entry, again = manifest.stages.get(maker(artifact).name), f"hfm {maker(artifact).name} --run {run.name}"
        known = entry.artifacts.get(artifact) if entry else None
        if known is None or not (run.path / artifact).is_file():
            raise DataError(f"{run.path / artifact} is not there", hint=again)
        if atomic.sha256(run.path / artifact) != known.sha256:
            raise DataError(f"{run.path / artifact} is damaged", why="its SHA-256 is not the committed one", hint=again)
        found[artifact] = known.sha256
    return found


def readers(run: Run, inputs: Mapping[str, str]) -> dict[str, Any]:  # Any: FileReader, whose module loads on demand
    """A reader for each artifact in `inputs` (see check_inputs)."""
    from hfm.tables import FileReader

    return {name: FileReader(run.path / name, f"hfm {maker(name).name} --run {run.name}") for name in inputs}
