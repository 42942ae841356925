"""The five stages, run and status: each turns its options into a layer of settings and calls the pipeline."""

from __future__ import annotations

import os
from pathlib import Path

from hfm import atomic
from hfm.artifacts import FACTS
from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import Show
from hfm.cli.options import Common, FetchOptions, Flags, fetch_flags, given
from hfm.cli.settings import carry_out, config_of, home_of, new_run, options_of, workers_of
from hfm.errors import ExitCode, UsageError


@app.command("fetch")
def fetch(
    symbols: opt.Symbols = None, days: opt.Days = None, sessions: opt.Sessions = None, interval: opt.Interval = None,
    source: opt.SourceName = None, path: opt.SourcePath = None, map: opt.ColumnMap = None,
    no_volume: opt.NoVolume = False, tz: opt.Zone = None, label: opt.TimeLabel = None, as_of: opt.AsOf = None,
    max_gap: opt.MaxGap = None, adjust: opt.Adjust = None, rebase: opt.Rebase = False, max_time: opt.MaxTime = None,
    dry_run: opt.DryRun = False,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Get bars from a source into a new run (or into --run NAME)."""
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    options = FetchOptions(
        symbols=symbols, days=days, sessions=sessions, interval=interval, source=source, path=path, map=map,
        no_volume=no_volume, tz=tz, label=label, as_of=as_of, max_gap=max_gap, adjust=adjust, rebase=rebase,
        max_time=max_time,
    )  # fmt: skip
    answer(
        "fetch", common, lambda show: _dry_fetch(show, common, options) if dry_run else _fetch(show, common, options)
    )


def _dry_fetch(show: Show, common: Common, options: FetchOptions) -> ExitCode:
    from hfm.runs import pipeline

    home = home_of(common)
    config = config_of(common, home, {}, "fetch", fetch_flags(options))
    ctx = pipeline.dry_run(config, options_of(common, home, show))
    show.table, show.metrics["fetch"] = ctx.lines, ctx.figures
    return ExitCode.OK


def _fetch(show: Show, common: Common, options: FetchOptions) -> ExitCode:
    from hfm.runs import pipeline, stages

    home = home_of(common)
    run, flags = new_run(show, common, home, options)
    with run.lock(common.wait), run.discarded_if_empty():
        config = config_of(common, home, run.manifest().config, "fetch", flags)
        outcome = pipeline.execute(run, stages.by_name("fetch"), config, options_of(common, home, show))
    show.outcome(outcome)
    return outcome.code


@app.command("simulate")
def simulate(
    fidelity: opt.Fidelity = None, recipe: opt.Recipe = None, signal: opt.PlantedSignal = None, rho: opt.Rho = None,
    spread_bps: opt.SpreadBps = None, seed: opt.MarketSeed = None, every: opt.Every = None,
    calibrate_from: opt.CalibrateFrom = None, check: opt.Check = False,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Put quotes and order flow around the bars."""
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    flags = given(
        fidelity=fidelity, recipe=recipe, signal=signal, rho=rho, spread_bps=spread_bps, seed=seed, every=every
    )

    def work(show: Show) -> ExitCode:
        from hfm.cli.checks import check_bands

        more = {} if calibrate_from is None else calibration(home_of(common), calibrate_from)
        return (check_bands if check else _simulate)(show, common, flags | more)

    answer("simulate", common, work)


def _simulate(show: Show, common: Common, flags: Flags) -> ExitCode:
    return carry_out("simulate", show, common, flags)


def calibration(home: Path, name: str) -> Flags:
    """The constants and the tables of the order flow that a replayed run froze in its facts.

    Returns
    -------
    dict : "constants" (name -> value) and "tables" (name -> values), settings of `simulate`.

    Raises
    ------
    UsageError
        Where it froze none.
    """
    import json

    from hfm.runs import freshness, stages
    from hfm.runs.manifest import locate

    other = locate(home, name, {})
    stage = stages.Stage("simulate --calibrate-from", "", needs=(FACTS,))
    found = freshness.readers(other, freshness.check_inputs(other, other.manifest(), stage))
    document = json.loads(found[FACTS].data())
    if document["fidelity"] != "replay" or not document["constants"]:
        raise UsageError(
            f"run {other.name} froze no constants",
            why="it is too short a replay" if document["fidelity"] == "replay" else "it is no replay of a book",
            hint="give the run of a replayed book of an hour or more: --calibrate-from RUN",
        )
    tables = document.get("tables", {})
    return {
        "constants": {str(key): float(value) for key, value in document["constants"].items()},
        "tables": {str(key): tuple(float(v) for v in values) for key, values in tables.items()},
    }


@app.command("train")
def train(
    epochs: opt.Epochs = None, model: opt.ModelName = None, features: opt.Features = None, seeds: opt.Seeds = None,
    threads: opt.Threads = None, device: opt.Device = None, resume: opt.Resume = False,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Fit models walk-forward; predict what they have not seen."""
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    flags = given(epochs=epochs, model=model, features=features, seeds=seeds, threads=threads, device=device)
    answer("train", common, lambda show: carry_out("train", show, common, flags, resume))


@app.command("backtest")
def backtest(
    threshold: opt.Threshold = None, model: opt.PredictionsOf = None, fill: opt.Fill = None, fee_bps: opt.FeeBps = None,
    sweep: opt.Sweep = None, sizing: opt.Sizing = None, hold_overnight: opt.HoldOvernight = False,
    allow_lookahead: opt.AllowLookahead = False,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Trade the out-of-sample predictions and count every cost."""
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    flags = given(
        threshold=threshold, model=model, fill=fill, fee_bps=fee_bps, sweep=sweep, sizing=sizing,
        hold_overnight=hold_overnight, allow_lookahead=allow_lookahead,
    )  # fmt: skip
    answer("backtest", common, lambda show: carry_out("backtest", show, common, flags))


@app.command("report")
def report(
    open: opt.OpenPage = False,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Draw the picture, write the page, give the verdict."""
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)

    def work(show: Show) -> ExitCode:
        from hfm.compute import worker
        from hfm.report import DRAWING

        worker.start(DRAWING, workers_of(common))  # it imports matplotlib while this process reads the run
        code = carry_out("report", show, common, {})
        if open:
            import webbrowser

            webbrowser.open(next(path for path in show.paths if path.suffix == ".html").as_uri())
        return code

    answer("report", common, work)


@app.command("run")
def run_all(
    symbols: opt.Symbols = None, days: opt.Days = None, sessions: opt.Sessions = None, interval: opt.Interval = None,
    source: opt.SourceName = None, path: opt.SourcePath = None, map: opt.ColumnMap = None,
    no_volume: opt.NoVolume = False, tz: opt.Zone = None, label: opt.TimeLabel = None, as_of: opt.AsOf = None,
    max_gap: opt.MaxGap = None, adjust: opt.Adjust = None, rebase: opt.Rebase = False, max_time: opt.MaxTime = None,
    refresh: opt.Refresh = False,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """All five stages, skipping what is fresh.

    With fetch's options or a new --run NAME in a run of its own, else in the latest.
    """
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    options = FetchOptions(
        symbols=symbols, days=days, sessions=sessions, interval=interval, source=source, path=path, map=map,
        no_volume=no_volume, tz=tz, label=label, as_of=as_of, max_gap=max_gap, adjust=adjust, rebase=rebase,
        max_time=max_time,
    )  # fmt: skip
    answer("run", common, lambda show: _run_all(show, common, options, refresh))


def _run_all(show: Show, common: Common, options: FetchOptions, refresh: bool) -> ExitCode:
    from hfm.runs import pipeline
    from hfm.runs.manifest import locate

    home = home_of(common)
    named = common.run or os.environ.get("HFM_RUN")
    if options.any() or (named and "/" not in named and not atomic.exists(home / "runs" / named)):
        run, flags = new_run(show, common, home, options)
    else:
        run, flags = locate(home, common.run, os.environ), {}
        show.run_dir = run.path
    code = ExitCode.OK
    with run.lock(common.wait), run.discarded_if_empty():
        config = config_of(common, home, run.manifest().config, "fetch", flags)
        for item in pipeline.run_all(run, config, options_of(common, home, show, verify=True), refresh):
            if isinstance(item, pipeline.Outcome):
                show.outcome(item)
                code = max(code, item.code)
            else:
                show.talk(f"{item[0].name}: {under_way(item[1])}")
                code = max(code, show.fresh(run, item[0].name) if item[1] == "fresh" else code)
    return code


def under_way(why: str) -> str:
    """What is said of a stage as it begins: that it is fresh, or that it runs, and why if it has run before."""
    return why if why == "fresh" else "running" if why == "missing" else f"running ({why})"


@app.command("status")
def status(
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Which stages of a run are fresh, stale (and why) or missing.

    And which is running in another process, or was interrupted.
    """
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    answer("status", common, lambda show: _status(show, common))


def _status(show: Show, common: Common) -> ExitCode:
    from hfm.runs import freshness
    from hfm.runs.manifest import locate

    home = home_of(common)
    run = locate(home, common.run, os.environ)
    show.run_dir = run.path
    manifest = run.manifest()
    config = config_of(common, home, manifest.config, "fetch", {})
    rows = freshness.status(run, manifest, config)
    show.metrics["stages"] = {name: {"state": state, "why": why} for name, state, why in rows}
    show.table = [f"{name:10}{state:12}{why}".rstrip() for name, state, why in rows]
    return ExitCode.OK
