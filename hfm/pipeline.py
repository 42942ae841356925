"""The corridor: the stages in order, what each reads and writes, what is fresh, and how one is carried out.

The only place where stages and disk meet. A stage's payloads go to temp files first; only when all of them are whole
and checked does the stage drop its manifest entry, swap them in and commit. So a stage that fails leaves the last
good artifacts valid, and one that is killed leaves either the old entry or none.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hfm import __version__, disk, health
from hfm.commit import Checkpoint, plain, staging
from hfm.config import Config
from hfm.errors import DataError, ExitCode, UsageError
from hfm.run import Entry, Manifest, Run, point_latest
from hfm.stage import Context, Progress, StageFunction
from hfm.trials import count_trials, trial_keys


@dataclass(frozen=True)
class Stage:
    """One room: where its function is, what it must have, what it takes where it is there, what it makes.

    needs_one, writes_one: exactly one of these is there; () asks for nothing.
    """

    name: str
    function: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    may_write: tuple[str, ...] = ()
    needs_one: tuple[str, ...] = ()
    writes_one: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """All that it may read."""
        return (*self.needs, *self.needs_one, *self.takes)

    def promised(self, made: Collection[str]) -> tuple[str, ...]:
        """What it must have made, given what it did make: of writes_one the one that is there, else the first."""
        one = [a for a in self.writes_one if a in made] or list(self.writes_one[:1])
        return (*self.writes, *one[:1])


BARS, BOOK = "fetch/bars.parquet", "fetch/book.parquet"
QUOTES, ORACLE = "simulate/quotes.parquet", "simulate/oracle.parquet"
EVENTS = "simulate/book.parquet"
PREDICTIONS, TRIALS = "train/predictions.parquet", "backtest/trials.parquet"
INSAMPLE, BRIDGE = "train/insample.parquet", "backtest/bridge.parquet"
STAGES: tuple[Stage, ...] = (
    Stage("fetch", "hfm.fetch.stage:run", writes_one=(BARS, BOOK)),
    Stage("simulate", "hfm.simulate.stage:run", needs_one=(BARS, BOOK), writes=(QUOTES, ORACLE, "simulate/facts.json"),
          may_write=(EVENTS, "simulate/prints.parquet", "simulate/snapshots.parquet")),
    Stage("train", "hfm.train.stage:run", needs=(QUOTES,), takes=(ORACLE,), writes=(
        "train/model.safetensors", "train/model.json", PREDICTIONS, "train/scores.parquet", "train/history.parquet"),
        may_write=(INSAMPLE,)),
    Stage("backtest", "hfm.backtest.stage:run", needs=(QUOTES, PREDICTIONS), takes=(INSAMPLE,), writes=(
        "backtest/ledger.parquet", "backtest/trades.parquet", TRIALS, "backtest/metrics.json"), may_write=(BRIDGE,)),
    Stage("report", "hfm.report.stage:run", needs_one=(BARS, BOOK), takes=(
        QUOTES, ORACLE, "simulate/facts.json", "train/model.json", PREDICTIONS, "train/scores.parquet",
        "train/history.parquet", "backtest/ledger.parquet", "backtest/trades.parquet", TRIALS,
        "backtest/metrics.json", BRIDGE), writes=(
        "report/microstructure_performance.png", "report/report.html", "report/summary.json")),
)  # fmt: skip
MODEL = ("train/model.safetensors", "train/model.json")
FEED = Stage("predict", "", needs=(QUOTES,))
"""What a live forecast reads beside MODEL, which may be older than the quotes."""
REPLAY = Stage("stream", "", needs=(QUOTES, *MODEL))
LIBRARIES = ("numpy", "pandas", "pyarrow", "numba", "torch", "scikit-learn", "arch", "matplotlib")


def by_name(name: str) -> Stage:
    """The stage called `name`."""
    return next(s for s in STAGES if s.name == name)


def maker(artifact: str) -> Stage:
    """The stage that makes an artifact."""
    return next(s for s in STAGES if artifact in (*s.writes, *s.may_write, *s.writes_one))


@dataclass(frozen=True)
class Options:
    """How to carry stages out; nothing in here changes a byte of an artifact."""

    home: Path
    wait_s: float = 0.0
    workers: int = 1
    resume: bool = False
    progress: Callable[[str], Progress] | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Outcome:
    """What a stage's execution gave."""

    stage: str
    paths: list[Path]
    figures: dict[str, Any]
    lines: list[str]
    warnings: list[str]
    losses: list[str]
    elapsed_s: float
    compiled_s: float
    """Seconds of elapsed_s that went into compiling kernels, once a version."""

    @property
    def code(self) -> ExitCode:
        """PARTIAL where something asked for is missing."""
        return ExitCode.PARTIAL if self.losses else ExitCode.OK


# ------------------------------------------------------------------------------------------------------------ freshness
def section(config: Config, stage: str) -> dict[str, Any]:
    """A stage's own settings as JSON values."""
    tree: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(getattr(config, stage))))
    return tree


def versions() -> dict[str, str]:
    """Versions of hfm and of the libraries whose change can change a number."""
    return {"hfm": __version__, **{name: version(name) for name in LIBRARIES}}


def why_stale(run: Run, manifest: Manifest, stage: Stage, config: Config) -> str | None:
    """Why a stage's artifacts do not stand for its inputs and settings: None where they do ("fresh")."""
    entry = manifest.stages.get(stage.name)
    if entry is None:
        return "missing"
    for artifact, known in entry.artifacts.items():
        path = run.path / artifact
        try:
            if path.stat().st_size != known.bytes or disk.sha256(path) != known.sha256:
                return f"{artifact} is not the file that was committed"
        except OSError:
            return f"{artifact} is gone"
    now = section(config, stage.name)
    changed = [f"{stage.name}.{k} {entry.config.get(k)!r} -> {v!r}" for k, v in now.items() if entry.config.get(k) != v]
    if changed:
        return "; ".join(changed)
    if entry.versions.get("hfm") != __version__:
        return f"made by hfm {entry.versions.get('hfm')}, this is {__version__}"
    return stale_inputs(manifest, stage)


def status(run: Run, manifest: Manifest, config: Config) -> list[tuple[str, str, str]]:
    """(stage, fresh | stale | missing, why) in order."""
    rows = []
    for stage in STAGES:
        why = why_stale(run, manifest, stage, config)
        rows.append((stage.name, "fresh" if why is None else why if why == "missing" else "stale",
                     why if why and why != "missing" else ""))  # fmt: skip
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


def check_inputs(run: Run, manifest: Manifest, stage: Stage) -> dict[str, str]:
    """SHA-256 of each input that there is. Raises DataError (naming the command) for one missing, stale or damaged."""
    found: dict[str, str] = {}
    for artifact in stage.reads:
        source = maker(artifact)
        entry = manifest.stages.get(source.name)
        known = entry.artifacts.get(artifact) if entry else None
        again = f"hfm {source.name} --run {run.name}"
        if entry is None or known is None:
            if artifact in stage.needs:
                raise DataError(f"{stage.name} needs {run.path / artifact}, which is not there", hint=again)
            continue
        if why := stale_inputs(manifest, source):
            raise DataError(f"{stage.name} would read {artifact}, which is stale: {why}", hint=again)
        try:
            actual = disk.sha256(run.path / artifact)
        except OSError as e:
            raise DataError(f"{run.path / artifact} cannot be read: {e.strerror or e}", hint=again) from e
        if actual != known.sha256:
            raise DataError(f"{run.path / artifact} is damaged", why="its SHA-256 is not the committed one", hint=again)
        found[artifact] = actual
    if stage.needs_one and not any(artifact in found for artifact in stage.needs_one):
        absent = " or ".join(str(run.path / artifact) for artifact in stage.needs_one)
        again = f"hfm {maker(stage.needs_one[0]).name} --run {run.name}"
        raise DataError(f"{stage.name} needs {absent}, and neither is there", hint=again)
    return found


def check_committed(run: Run, manifest: Manifest, artifacts: Collection[str]) -> dict[str, str]:
    """SHA-256 of artifacts that are as they were committed, stale or not. Raises DataError, naming the command."""
    found: dict[str, str] = {}
    for artifact in artifacts:
        entry, again = manifest.stages.get(maker(artifact).name), f"hfm {maker(artifact).name} --run {run.name}"
        known = entry.artifacts.get(artifact) if entry else None
        if known is None or not (run.path / artifact).is_file():
            raise DataError(f"{run.path / artifact} is not there", hint=again)
        if disk.sha256(run.path / artifact) != known.sha256:
            raise DataError(f"{run.path / artifact} is damaged", why="its SHA-256 is not the committed one", hint=again)
        found[artifact] = known.sha256
    return found


# ------------------------------------------------------------------------------------------------------------ execution
def execute(run: Run, stage: Stage, config: Config, options: Options) -> Outcome:
    """Carry out one stage in a run whose lock is held: check, compute, write, commit."""
    began, compiled, now = time.perf_counter(), _compile_seconds(), options.clock()
    manifest = run.manifest(now)
    with ThreadPoolExecutor(1) as beside:  # files are hashed while the stage's libraries load
        checked, function = beside.submit(check_inputs, run, manifest, stage), _function(stage)
        inputs = checked.result()
    settings = section(config, stage.name)
    ctx = _context(run, stage, config, options, inputs, now)
    with staging(run) as staged:
        for artifact, payload in function(readers(run, inputs), config, ctx):
            staged.take(artifact, payload)
        staged.close(stage.promised(staged.made), stage.may_write)
        if stage.name in manifest.stages:
            del manifest.stages[stage.name]
            run.commit(manifest, [], now)
        artifacts = staged.swap_in()
    elapsed = time.perf_counter() - began
    manifest.config = {**manifest.config, **json.loads(json.dumps(dataclasses.asdict(config)))}
    manifest.stages[stage.name] = Entry(
        artifacts, inputs, settings, versions(), ctx.losses, ctx.warnings, plain(ctx.figures),
        finished=f"{options.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", elapsed_s=round(elapsed, 3),
    )  # fmt: skip
    done = {
        "event": "stage", "stage": stage.name, "config": settings, "inputs": inputs, "losses": ctx.losses,
        "artifacts": {k: v.sha256 for k, v in artifacts.items()}, "warnings": ctx.warnings,
    }  # fmt: skip
    run.commit(manifest, [*trial_keys(ctx.events, inputs), done], options.clock())
    health.write(run, manifest)
    if isinstance(ctx.checkpoint, Checkpoint):
        ctx.checkpoint.remove()
    if stage.name == "fetch":
        point_latest(run)
    paths = [run.path / a for a in artifacts]
    return Outcome(
        stage.name,
        paths,
        plain(ctx.figures),
        ctx.lines,
        ctx.warnings,
        ctx.losses,
        elapsed,
        _compile_seconds() - compiled,
    )


def _compile_seconds() -> float:
    """Zero as long as no stage has imported numba."""
    module = sys.modules.get("hfm.kernel")
    return module.compile_seconds() if module else 0.0


def dry_run(config: Config, options: Options) -> Context:
    """The context of a fetch that changes nothing: its lines and figures say what a real one would do."""
    from hfm.fetch import stage

    ctx = _context(None, by_name("fetch"), config, options, {}, options.clock())
    stage.dry(config, ctx)
    return ctx


def run_all(run: Run, config: Config, options: Options, refresh: bool) -> Iterator[Outcome | tuple[Stage, str]]:
    """All stages in order: (stage, why) before each, then its Outcome; a fresh one gives only (stage, "fresh")."""
    for stage in STAGES:
        why = why_stale(run, run.manifest(options.clock()), stage, config)
        if stage.name == "fetch" and refresh:
            why = why or "--refresh"
        yield stage, why or "fresh"
        if why is not None:
            yield execute(run, stage, config, options)


def _context(
    run: Run | None, stage: Stage, config: Config, options: Options, inputs: Mapping[str, str], now: datetime
) -> Context:
    seed = getattr(getattr(config, stage.name), "seed", 0)
    ctx = Context(
        stage.name, seed=seed, as_of=_as_of(config, now), workers=options.workers, wait=options.wait_s,
        resume=options.resume, archive=options.home / "data",
    )  # fmt: skip
    if options.progress is not None:
        ctx.progress = options.progress(stage.name)
    if run is not None and stage.name == "train":
        ctx.checkpoint = Checkpoint(run.path / "train" / ".resume", [inputs, section(config, "train")])
    if run is not None and stage.name == "report":
        ctx.trials = count_trials(options.home, run.path)
    return ctx


def _as_of(config: Config, now: datetime) -> datetime:
    text = config.fetch.as_of
    if text is None:
        return now
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--as-of is {text[:40]!r}, not an ISO time", hint="for example --as-of 2025-04-01T20:00:00Z"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _function(stage: Stage) -> StageFunction:
    module, _, name = stage.function.partition(":")
    function: StageFunction = getattr(importlib.import_module(module), name)
    return function


def readers(run: Run, inputs: Mapping[str, str]) -> dict[str, Any]:  # Any: FileReader, whose module loads on demand
    """A reader for each artifact in `inputs` (see check_inputs)."""
    from hfm.tables import FileReader

    return {name: FileReader(run.path / name, f"hfm {maker(name).name} --run {run.name}") for name in inputs}
