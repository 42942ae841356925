"""The five stages, run and status: each turns its options into a layer of settings and calls the pipeline."""

from __future__ import annotations

import os
from pathlib import Path

from hfm import atomic
from hfm.cli.app import command
from hfm.cli.console import Show
from hfm.cli.options import (
    BACKTEST,
    FETCH,
    FETCH_ALONE,
    REPORT,
    RUN,
    SIMULATE,
    TRAIN,
    Common,
    Flags,
    Values,
    fetch_flags,
    given,
)
from hfm.cli.settings import carry_out, config_of, home_of, new_run, options_of
from hfm.errors import ExitCode, UsageError


@command("fetch", FETCH_ALONE)
def fetch(show: Show, common: Common, values: Values) -> ExitCode:
    """Get bars from a source into a new run (or into --run NAME)."""
    from hfm.runs import pipeline, stages

    home = home_of(common)
    if values["dry_run"]:
        ctx = pipeline.dry_run(
            config_of(common, home, {}, "fetch", fetch_flags(values)), options_of(common, home, show)
        )
        show.table, show.metrics["fetch"] = ctx.lines, ctx.figures
        return ExitCode.OK
    run, flags = new_run(show, common, home, values)
    with run.lock(common.wait), run.discarded_if_empty():
        config = config_of(common, home, run.manifest().config, "fetch", flags)
        outcome = pipeline.execute(run, stages.by_name("fetch"), config, options_of(common, home, show))
    show.outcome(outcome)
    return outcome.code


@command("simulate", SIMULATE)
def simulate(show: Show, common: Common, values: Values) -> ExitCode:
    """Put quotes and order flow around the bars."""
    from hfm.cli.checks import check_bands

    flags = given(**{k: v for k, v in values.items() if k not in ("check", "calibrate_from")})
    if values["calibrate_from"] is not None:
        flags |= calibration(home_of(common), str(values["calibrate_from"]))
    return check_bands(show, common, flags) if values["check"] else carry_out("simulate", show, common, flags)


def calibration(home: Path, name: str) -> Flags:
    """The constants and the tables of the order flow that a replayed run froze in its facts.

    Raises UsageError where it froze none.
    """
    import json

    from hfm.runs import freshness, stages
    from hfm.runs.manifest import locate

    facts = "simulate/facts.json"
    other = locate(home, name, {})
    stage = stages.Stage("simulate --calibrate-from", "", needs=(facts,))
    found = freshness.readers(other, freshness.check_inputs(other, other.manifest(), stage))
    document = json.loads(found[facts].data())
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


@command("train", TRAIN)
def train(show: Show, common: Common, values: Values) -> ExitCode:
    """Fit models walk-forward; predict what they have not seen."""
    flags = given(**{k: v for k, v in values.items() if k != "resume"})
    return carry_out("train", show, common, flags, values["resume"])


@command("backtest", BACKTEST)
def backtest(show: Show, common: Common, values: Values) -> ExitCode:
    """Trade the out-of-sample predictions and count every cost."""
    return carry_out("backtest", show, common, given(**values))


@command("report", REPORT)
def report_(show: Show, common: Common, values: Values) -> ExitCode:
    """Draw the picture, write the page, give the verdict."""
    code = carry_out("report", show, common, {})
    if values["open"]:
        import webbrowser

        webbrowser.open(next(p for p in show.paths if p.suffix == ".html").as_uri())
    return code


@command("run", RUN)
def run(show: Show, common: Common, values: Values) -> ExitCode:
    """All five stages, skipping what is fresh.

    With fetch's options or a new --run NAME in a run of its own, else in the latest.
    """
    from hfm.runs import pipeline
    from hfm.runs.manifest import locate

    home = home_of(common)
    named = common.run or os.environ.get("HFM_RUN")
    if any(v for k, v in values.items() if k in FETCH) or (
        named and "/" not in named and not atomic.there(home / "runs" / named)
    ):
        run, flags = new_run(show, common, home, values)
    else:
        run, flags = locate(home, common.run, os.environ), {}
        show.run_dir = run.path
    code = ExitCode.OK
    with run.lock(common.wait), run.discarded_if_empty():
        config = config_of(common, home, run.manifest().config, "fetch", flags)
        for item in pipeline.run_all(run, config, options_of(common, home, show, verify=True), values["refresh"]):
            if isinstance(item, pipeline.Outcome):
                show.outcome(item)
                code = max(code, item.code)
            else:
                show.talk(f"{item[0].name}: {item[1]}")
                code = max(code, show.fresh(run, item[0].name) if item[1] == "fresh" else code)
    return code


@command("status", {})
def status(show: Show, common: Common, values: Values) -> ExitCode:
    """Which stages of a run are fresh, stale (and why) or missing."""
    from hfm.runs import freshness
    from hfm.runs.manifest import locate

    home = home_of(common)
    run = locate(home, common.run, os.environ)
    show.run_dir = run.path
    manifest = run.manifest()
    config = config_of(common, home, manifest.config, "fetch", {})
    rows = freshness.status(run, manifest, config)
    show.metrics["stages"] = {name: {"state": state, "why": why} for name, state, why in rows}
    show.table = [f"{name:10}{state:9}{why}".rstrip() for name, state, why in rows]
    return ExitCode.OK
