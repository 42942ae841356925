"""The commands: each turns its options into a layer of settings and calls the pipeline."""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hfm.cli.options import (
    BACKTEST,
    COMMON,
    FETCH,
    FETCH_ALONE,
    PRUNE,
    REPORT,
    RUN,
    SIMULATE,
    TRAIN,
    VERIFY,
    Common,
    Flags,
    Options,
    fetch_flags,
    given,
)
from hfm.cli.show import Show, report
from hfm.errors import ExitCode, HfmError, UsageError

app = typer.Typer(
    name="hfm", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="High-frequency microstructure, from bars to a verdict.",
    epilog="Exit codes: 0 ok, 1 bug, 2 usage, 3 config, 4 data, 5 upstream, 6 rate limited, 7 partial, 8 check "
           "failed, 9 locked, 10 disk, 130 SIGINT, 143 SIGTERM.",
)  # fmt: skip
if TYPE_CHECKING:
    from hfm.verify.claims import Row

Values = Mapping[str, Any]  # Any: an option's value as typer gives it
Body = Callable[[Show, Common, Values], ExitCode]


def command(name: str, options: Options) -> Callable[[Body], Body]:
    """Register a command with its own options and the common ones; its body gets them as values and as Common."""

    def register(body: Body) -> Body:
        parameters = [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for n, (kind, default) in {**options, **COMMON}.items()
        ]

        def wrapper(**values: Any) -> None:  # Any: typer passes what the signature below says
            common = Common(**{n: values.pop(n) for n in COMMON})
            raise typer.Exit(_guarded(body, Show(name, common.json, common.quiet), common, values))

        wrapper.__doc__ = body.__doc__
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(wrapper)
        return body

    return register


def _guarded(body: Body, show: Show, common: Common, values: Values) -> int:
    """Call a command; an HfmError becomes its lines and code, anything else a bug whose traceback is kept."""
    try:
        code = body(show, common, values)
        show.finish()
        return int(code)
    except HfmError as e:
        if common.debug:
            traceback.print_exc()
        report(e, show.command, show.as_json)
        return int(e.code)
    except BrokenPipeError:
        raise
    except Exception as e:
        text = traceback.format_exc()
        folder = show.run_dir if show.run_dir and show.run_dir.is_dir() else Path(tempfile.mkdtemp(prefix="hfm-"))
        (folder / "crash.txt").write_text(text)
        if common.debug:
            print(text, file=sys.stderr)
        what = f"{type(e).__name__}: {e}".splitlines()[0][:300]
        fault = HfmError(what, why="this is a fault in hfm or in a plug-in",
                         hint=f"see {folder / 'crash.txt'}, or run again with --debug")  # fmt: skip
        report(fault, show.command, show.as_json)
        return int(fault.code)


def invoke(arguments: Sequence[str]) -> int:
    """Run the command line `arguments`; the exit code. Prints everything there is to print."""
    from typer.exceptions import TyperException

    if "--help" in arguments:
        _name_plugins()
    try:
        result = app(list(arguments), standalone_mode=False)
    except typer.Exit as e:
        return e.exit_code
    except TyperException as e:
        named = next((a for a in arguments if not a.startswith("-")), "")
        known = [c.name for c in app.registered_commands]
        text = " ".join(e.format_message().split()).rstrip(".")
        if text:  # `hfm` alone: the help is printed already
            fault = UsageError(
                text[0].lower() + text[1:], hint=f"hfm {named} --help" if named in known else "hfm --help"
            )
            report(fault, named or "hfm", "--json" in arguments)
        return int(ExitCode.USAGE)
    return result if isinstance(result, int) else 0


def _name_plugins() -> None:
    """Let the help of fetch and run end with the sources that are plugged in."""
    from importlib.metadata import entry_points

    found = sorted(p.name for p in entry_points(group="hfm.sources"))
    for item in app.registered_commands:
        if found and item.name in ("fetch", "run"):
            item.epilog = f"Sources that are plugged in: {', '.join(found)}."


# ------------------------------------------------------------------------------------------------------------ settings
def _home(common: Common) -> Path:
    from hfm.run import find_home

    return find_home(common.home, os.environ, Path.cwd())


def _config(common: Common, home: Path, recorded: Mapping[str, Any], section: str, flags: Flags) -> Any:  # Any: Config
    """Layers, low to high: hfm.toml, what the run recorded, --config, --set and flags."""
    from hfm.config import Layer, load, parse_set, read_toml

    layers = [read_toml(home / "hfm.toml")] if (home / "hfm.toml").is_file() else []
    layers.append(Layer("the run's manifest.json", recorded))
    layers += [read_toml(path) for path in common.config]
    layers += [parse_set(common.set_), Layer("the flags", {section: flags}, flag=True)]
    return load(layers)


def _options(common: Common, home: Path, show: Show, resume: bool = False) -> Any:  # Any: pipeline.Options
    from hfm.pipeline import Options

    return Options(home, common.wait, common.workers or os.cpu_count() or 1, resume, show.progress())


def _carry_out(name: str, show: Show, common: Common, flags: Flags, resume: bool = False) -> ExitCode:
    """One stage in the run that the options mean."""
    from hfm import pipeline
    from hfm.run import locate

    home = _home(common)
    run = locate(home, common.run, os.environ)
    show.run_dir = run.path
    with run.lock(common.wait):
        config = _config(common, home, run.manifest().config, name, flags)
        outcome = pipeline.execute(run, pipeline.by_name(name), config, _options(common, home, show, resume))
    show.outcome(outcome)
    return outcome.code


def _new_run(show: Show, common: Common, home: Path, values: Values) -> tuple[Any, Flags]:  # Any: Run
    """The run that a fetch goes to: --run NAME (new or not), else a new one with a name of its own."""
    from datetime import UTC, datetime

    from hfm.run import create

    flags = fetch_flags(values)
    _config(common, home, {}, "fetch", flags)  # a bad flag is said before a folder is made
    symbols = flags.get("symbols", ())
    run = create(
        home,
        common.run or os.environ.get("HFM_RUN"),
        symbols if isinstance(symbols, tuple) else (),
        datetime.now(UTC),
    )
    show.run_dir = run.path
    return run, flags


# ------------------------------------------------------------------------------------------------------------ commands
@command("fetch", FETCH_ALONE)
def fetch(show: Show, common: Common, values: Values) -> ExitCode:
    """Get bars from a source into a new run (or into --run NAME)."""
    from hfm import pipeline

    home = _home(common)
    if values["dry_run"]:
        ctx = pipeline.dry_run(_config(common, home, {}, "fetch", fetch_flags(values)), _options(common, home, show))
        show.table, show.metrics["fetch"] = ctx.lines, ctx.figures
        return ExitCode.OK
    run, flags = _new_run(show, common, home, values)
    with run.lock(common.wait), run.discarded_if_empty():
        config = _config(common, home, run.manifest().config, "fetch", flags)
        outcome = pipeline.execute(run, pipeline.by_name("fetch"), config, _options(common, home, show))
    show.outcome(outcome)
    return outcome.code


@command("simulate", SIMULATE)
def simulate(show: Show, common: Common, values: Values) -> ExitCode:
    """Put quotes and order flow around the bars."""
    flags = given(**{k: v for k, v in values.items() if k not in ("check", "calibrate_from")})
    if values["calibrate_from"] is not None:
        flags["constants"] = _calibration(_home(common), str(values["calibrate_from"]))
    return _check_bands(show, common, flags) if values["check"] else _carry_out("simulate", show, common, flags)


def _calibration(home: Path, name: str) -> dict[str, float]:
    """The constants that a replayed run froze in its facts. Raises UsageError where it froze none."""
    import json

    from hfm import pipeline
    from hfm.run import locate

    facts = "simulate/facts.json"
    other = locate(home, name, {})
    stage = pipeline.Stage("simulate --calibrate-from", "", needs=(facts,))
    found = pipeline.readers(other, pipeline.check_inputs(other, other.manifest(), stage))
    document = json.loads(found[facts].data())
    if document["fidelity"] != "replay" or not document["constants"]:
        raise UsageError(
            f"run {other.name} froze no constants",
            why="a replayed book of an hour and more does" if document["fidelity"] == "replay" else "it is no replay",
            hint=f"hfm simulate --run {other.name} --fidelity replay",
        )
    return {str(key): float(value) for key, value in document["constants"].items()}


def _check_bands(show: Show, common: Common, flags: Flags) -> ExitCode:
    """The table of simulate --check: the bars of --run NAME, else the markets that the bands were drawn for."""
    from hfm import pipeline
    from hfm.run import locate
    from hfm.verify import bands

    home = _home(common)
    if common.run is None:
        config, bars = _config(common, home, {}, "simulate", flags), bands.markets()
    else:
        run = locate(home, common.run, os.environ)
        show.run_dir, manifest = run.path, run.manifest()
        config = _config(common, home, manifest.config, "simulate", flags)
        readers = pipeline.readers(run, pipeline.check_inputs(run, manifest, pipeline.by_name("simulate")))
        bars = list(readers.values())
    return _judge(show, bands.check(bars, config))


def _judge(show: Show, rows: Sequence[Row]) -> ExitCode:
    """Show a table of claims; CHECK where one failed."""
    from hfm.verify.claims import table

    show.table = table(rows)
    show.metrics["claims"] = [{**dataclasses.asdict(r), "passed": r.passed} for r in rows]
    return ExitCode.OK if all(r.passed for r in rows) else ExitCode.CHECK


@command("train", TRAIN)
def train(show: Show, common: Common, values: Values) -> ExitCode:
    """Fit models walk-forward; predict what they have not seen."""
    flags = given(**{k: v for k, v in values.items() if k != "resume"})
    return _carry_out("train", show, common, flags, values["resume"])


@command("backtest", BACKTEST)
def backtest(show: Show, common: Common, values: Values) -> ExitCode:
    """Trade the out-of-sample predictions and count every cost."""
    return _carry_out("backtest", show, common, given(**values))


@command("report", REPORT)
def report_(show: Show, common: Common, values: Values) -> ExitCode:
    """Draw the picture, write the page, give the verdict."""
    code = _carry_out("report", show, common, {})
    if values["open"]:
        import webbrowser

        webbrowser.open(next(p for p in show.paths if p.suffix == ".html").as_uri())
    return code


@command("run", RUN)
def run(show: Show, common: Common, values: Values) -> ExitCode:
    """All five stages, skipping what is fresh.

    With fetch's options or a new --run NAME in a run of its own, else in the latest.
    """
    from hfm import pipeline
    from hfm.run import locate

    home = _home(common)
    named = common.run or os.environ.get("HFM_RUN")
    if any(v for k, v in values.items() if k in FETCH) or (
        named and "/" not in named and not (home / "runs" / named).exists()
    ):
        run, flags = _new_run(show, common, home, values)
    else:
        run, flags = locate(home, common.run, os.environ), {}
        show.run_dir = run.path
    code = ExitCode.OK
    with run.lock(common.wait), run.discarded_if_empty():
        config = _config(common, home, run.manifest().config, "fetch", flags)
        for item in pipeline.run_all(run, config, _options(common, home, show), values["refresh"]):
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
    from hfm import pipeline
    from hfm.run import locate

    home = _home(common)
    run = locate(home, common.run, os.environ)
    show.run_dir = run.path
    manifest = run.manifest()
    config = _config(common, home, manifest.config, "fetch", {})
    rows = pipeline.status(run, manifest, config)
    show.metrics["stages"] = {name: {"state": state, "why": why} for name, state, why in rows}
    show.table = [f"{name:10}{state:9}{why}".rstrip() for name, state, why in rows]
    return ExitCode.OK


@command("verify", VERIFY)
def verify(show: Show, common: Common, values: Values) -> ExitCode:
    """Check claims with known answers.

    With --run NAME: whether that run is what it says it is.
    """
    from hfm.run import locate
    from hfm.verify import claims, tampering

    if values["quick"] and values["full"]:
        raise UsageError("--quick and --full are two levels", hint="give one of them")
    if common.run is not None:
        run = locate(_home(common), common.run, os.environ)
        show.run_dir = run.path
        rows = tampering.of_run(run)
    elif values["null"] or values["power"]:
        from hfm.verify import verdicts

        workers = common.workers or os.cpu_count() or 1
        rows = verdicts.null(values["null"], values["model"], workers, show.talk) if values["null"] else []
        rows += verdicts.power(values["power"], values["model"], workers, show.talk) if values["power"] else []
    else:
        rows = list(claims.check("quick" if values["quick"] else "full" if values["full"] else "standard", show.talk))
    return _judge(show, rows)


@command("doctor", {})
def doctor(show: Show, common: Common, values: Values) -> ExitCode:
    """Look at what a run will stand on: libraries, disk, kernels."""
    from hfm import doctor

    findings = doctor.examine(_home(common))
    show.table = doctor.table(findings)
    show.metrics["findings"] = [dataclasses.asdict(f) for f in findings]
    return ExitCode.CHECK if any(f.cure for f in findings) else ExitCode.OK


@command("prune", PRUNE)
def prune(show: Show, common: Common, values: Values) -> ExitCode:
    """Empty old runs; their trials stay on record."""
    from datetime import UTC, datetime

    from hfm import prune

    home = _home(common)
    for item in prune.prune(home, values["keep"], datetime.now(UTC)):
        if item.why:
            show.talk(f"{item.run}: left alone, {item.why}")
        else:
            show.paths.append(home / "runs" / item.run)
            show.talk(f"{item.run}: {item.freed / 1e6:.1f} MB freed")
    return ExitCode.OK
