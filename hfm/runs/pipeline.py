"""How a stage is carried out: check its inputs, compute, write, commit.

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
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfm.config import Config
from hfm.errors import ConfigError, ExitCode
from hfm.instants import parse_instant
from hfm.runs import metrics_file, running, stages
from hfm.runs.freshness import check_hashes, inputs_of, readers, section, versions, why_stale
from hfm.runs.manifest import Entry, Manifest, Run, point_latest
from hfm.runs.stages import Stage
from hfm.runs.staging import ResumeFile, plain, staging
from hfm.runs.trials import record_of, trial_keys

if TYPE_CHECKING:
    from hfm.stage import Context, Progress, StageFunction, Verification


@dataclass(frozen=True)
class Options:
    """How to carry stages out; nothing in here changes a byte of an artifact."""

    home: Path
    wait_s: float = 0.0
    workers: int = 1
    resume: bool = False
    progress: Callable[[str], Progress] | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    verify: Callable[[Run], Verification] | None = None
    """Asks the look-ahead tests about a run where its report would support an edge; None: their record is read."""
    latest: bool = True
    """Whether a fetch makes runs/latest mean its run."""
    talk: Callable[[str], None] | None = None
    """Tells a person that kernels are compiled, which processes beside this one do too; None: they are not started."""


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


def execute(run: Run, stage: Stage, config: Config, options: Options) -> Outcome:
    """Carry out one stage in a run whose lock is held: check, compute, write, commit.

    Inputs are hashed while the stage's libraries load and beside the stage, which reads them meanwhile: nothing is
    committed before they are found whole.

    Parameters
    ----------
    run
        Its lock is held.
    stage, config, options
        What is done, with which settings, and how.

    Returns
    -------
    Outcome
        What was written, the figures, warnings and losses.
    """
    with running.announced(run.path, stage.name):
        return _execute(run, stage, config, options)


def _execute(run: Run, stage: Stage, config: Config, options: Options) -> Outcome:
    """`execute`, which has said that the stage is at work."""
    began, compiled, now = time.perf_counter(), _compile_seconds(), options.clock()
    manifest = run.manifest(now)
    inputs, settings = inputs_of(run, manifest, stage), section(config, stage.name)
    with ThreadPoolExecutor(1) as beside, staging(run) as staged:
        checked = beside.submit(check_hashes, run, inputs)
        ctx, function = _context(run, stage, config, options, inputs, now), _function(stage)
        _watch_compilers(options, ctx)
        if ctx.checkpoint is not None:
            checked.result()  # work in progress is kept under its inputs' hashes
        try:
            for artifact, payload in function(readers(run, inputs), config, ctx):
                staged.take(artifact, payload)
            staged.close(stage.promised(staged.made), stage.may_write)
        except Exception:
            checked.result()  # what a damaged file made of the stage is not what the user should hear of
            raise
        checked.result()
        if stage.name in manifest.stages:
            del manifest.stages[stage.name]
            run.commit(manifest, [], now)
        artifacts = staged.swap_in()
    elapsed = time.perf_counter() - began
    manifest.config = {**manifest.config, **json.loads(json.dumps(dataclasses.asdict(config)))}
    entry = manifest.stages[stage.name] = Entry(
        artifacts, inputs, settings, versions(), ctx.losses, ctx.warnings, plain(ctx.figures),
        finished=f"{options.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", elapsed_s=round(elapsed, 3),
    )  # fmt: skip
    _commit(run, manifest, stage, ctx, options)
    paths = [run.path / a for a in artifacts]
    return Outcome(
        stage.name, paths, entry.figures, ctx.lines, ctx.warnings, ctx.losses, elapsed, _compile_seconds() - compiled
    )


def _watch_compilers(options: Options, ctx: Context) -> None:
    """Where a person is told so, let processes beside this one compile once a kernel is in no cache."""
    if options.talk is not None:
        from hfm.kernels import first_run  # NumPy

        first_run.watch(options.talk if options.progress is None else None, ctx.progress)


def _commit(run: Run, manifest: Manifest, stage: Stage, ctx: Context, options: Options) -> None:
    """Commit a stage whose entry stands in the manifest, with its trials and its line of the journal; then tidy up."""
    entry = manifest.stages[stage.name]
    chosen = {name: each.config for name, each in manifest.stages.items()}
    run.commit(manifest, [*trial_keys(ctx.events, entry.inputs, chosen), _event(stage, entry)], options.clock())
    metrics_file.write(run, manifest)
    if isinstance(ctx.checkpoint, ResumeFile):
        ctx.checkpoint.remove()
    if stage.name == "fetch" and options.latest:
        point_latest(run)


def _event(stage: Stage, entry: Entry) -> dict[str, Any]:  # Any: JSON values
    """The journal's line of a stage that has committed."""
    return {
        "event": "stage", "stage": stage.name, "config": entry.config, "inputs": entry.inputs, "losses": entry.losses,
        "artifacts": {k: v.sha256 for k, v in entry.artifacts.items()}, "warnings": entry.warnings,
    }  # fmt: skip


def _compile_seconds() -> float:
    """Zero as long as no stage has imported numba."""
    module = sys.modules.get("hfm.kernels.jit")
    return module.compile_seconds() if module else 0.0


def dry_run(config: Config, options: Options) -> Context:
    """The context of a fetch that changes nothing: its lines and figures say what a real one would do."""
    from hfm.fetch import stage

    ctx = _context(None, stages.by_name("fetch"), config, options, {}, options.clock())
    stage.dry(config, ctx)
    return ctx


def run_all(run: Run, config: Config, options: Options, refresh: bool) -> Iterator[Outcome | tuple[Stage, str]]:
    """All stages in order.

    Parameters
    ----------
    run
        Its lock is held.
    config, options
        With which settings the stages are carried out, and how.
    refresh
        Whether fetch is carried out though it is fresh.

    Yields
    ------
    Outcome | tuple[Stage, str]
        (stage, why) before each, then its Outcome; a fresh one gives only (stage, "fresh").
    """
    for stage in stages.STAGES:
        why = why_stale(run, run.manifest(options.clock()), stage, config)
        if stage.name == "fetch" and refresh:
            why = why or "--refresh"
        yield stage, why or "fresh"
        if why is not None:
            yield execute(run, stage, config, options)


def _context(
    run: Run | None, stage: Stage, config: Config, options: Options, inputs: Mapping[str, str], now: datetime
) -> Context:
    from hfm.stage import Context  # NumPy and Arrow

    seed = getattr(getattr(config, stage.name), "seed", 0)
    ctx = Context(
        stage.name, seed=seed, as_of=_as_of(config, now), workers=options.workers, wait=options.wait_s,
        run=run.name if run else "", resume=options.resume, archive=options.home / "data",
    )  # fmt: skip
    if options.progress is not None:
        ctx.progress = options.progress(stage.name)
    if run is not None and stage.name == "train":
        ctx.checkpoint = ResumeFile(run.path / "train" / ".resume", [inputs, section(config, "train")])
    if run is not None and stage.name == "report":
        ctx.record = record_of(options.home, run.path)
        ctx.verified = partial(_verified, run, options, ctx)
    return ctx


def _verified(run: Run, options: Options, ctx: Context) -> Verification | None:
    """See Context.verified; what is found out here is recorded when the stage commits."""
    from hfm.runs import verification

    manifest = run.manifest()
    if options.verify is None:
        return verification.on_record(run, manifest)
    found = options.verify(run)
    ctx.events.append(verification.event(found, manifest))
    return found


def _as_of(config: Config, now: datetime) -> datetime:
    """The instant that stands for now: fetch.as_of, else `now`. Raises ConfigError for a text that is no instant."""
    text = config.fetch.as_of
    try:
        return now if text is None else parse_instant(text)
    except ValueError as e:  # hfm.config.load has named the file or the flag; a Config built by a program comes here
        raise ConfigError(f"fetch.as_of is {text!r}, {e}", hint="--as-of 2025-04-01T20:00:00Z") from None


def _function(stage: Stage) -> StageFunction:
    module, _, name = stage.function.partition(":")
    function: StageFunction = getattr(importlib.import_module(module), name)
    return function
