"""From options to a home, a Config and a run: what the commands share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfm import processes
from hfm.cli.console import Show
from hfm.cli.options import Common, FetchOptions, Flags, fetch_flags
from hfm.errors import ExitCode, UsageError


def home_of(common: Common) -> Path:
    """Where runs/ and data/ lie. Raises UsageError where that hangs on a current folder that is gone."""
    from hfm.runs.manifest import find_home

    try:
        here = Path.cwd()
    except FileNotFoundError:
        if not (common.home or os.environ.get("HFM_HOME")):
            raise UsageError("the current folder is gone", hint="change to a folder that is there") from None
        here = Path(os.sep)
    return find_home(common.home, os.environ, here)


def config_of(common: Common, home: Path, recorded: Mapping[str, Any], section: str, flags: Flags) -> Any:  # Config
    """Layers, low to high: hfm.toml, what the run recorded, --config, --set and flags."""
    from hfm.config import Layer, load, parse_set, read_toml

    layers = [read_toml(home / "hfm.toml")] if (home / "hfm.toml").is_file() else []
    layers.append(Layer("the run's manifest.json", recorded))
    layers += [read_toml(path) for path in common.config or ()]
    layers += [parse_set(common.set_ or ()), Layer("the flags", {section: flags}, flag=True)]
    return load(layers)


def workers_of(common: Common) -> int:
    """Processes that may work at the same time: as many as were asked for, else one a core."""
    return common.workers or processes.cores()


def options_of(
    common: Common, home: Path, show: Show, resume: bool = False, verify: bool = False
) -> Any:  # Any: pipeline.Options
    """How to carry stages out. verify: with the look-ahead tests before an edge is supported."""
    from hfm.runs.pipeline import Options

    def tests(run: Any) -> Any:  # Any: Run, Verification, whose modules load on demand
        from hfm.verify.lookahead import run_tests

        show.talk("an edge would be supported: looking for look-ahead first")
        return run_tests.verification(run, show.talk)

    asked = tests if verify else None
    return Options(home, common.wait, workers_of(common), resume, show.progress(), verify=asked, talk=show.talk)


def carry_out(name: str, show: Show, common: Common, flags: Flags, resume: bool = False) -> ExitCode:
    """One stage in the run that the options mean."""
    from hfm.runs import pipeline, stages
    from hfm.runs.manifest import locate

    home = home_of(common)
    run = locate(home, common.run, os.environ)
    show.run_dir = run.path
    with run.lock(common.wait):
        config = config_of(common, home, run.manifest().config, name, flags)
        outcome = pipeline.execute(run, stages.by_name(name), config, options_of(common, home, show, resume))
    show.outcome(outcome)
    return outcome.code


def new_run(show: Show, common: Common, home: Path, options: FetchOptions) -> tuple[Any, Flags]:  # Any: Run
    """The run that a fetch goes to: --run NAME (new or not), else a new one with a name of its own."""
    from datetime import UTC, datetime

    from hfm.runs.manifest import create

    flags = fetch_flags(options)
    config_of(common, home, {}, "fetch", flags)  # a bad flag is said before a folder is made
    symbols = flags.get("symbols", ())
    run = create(
        home,
        common.run or os.environ.get("HFM_RUN"),
        symbols if isinstance(symbols, tuple) else (),
        datetime.now(UTC),
    )
    show.run_dir = run.path
    return run, flags
