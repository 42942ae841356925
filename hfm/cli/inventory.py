"""The list command: the runs of a home."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING

from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import WIDTH, Show, shown
from hfm.cli.options import Common
from hfm.cli.settings import config_of, home_of
from hfm.errors import ExitCode, is_typed, typed

if TYPE_CHECKING:
    from pathlib import Path

    from hfm.runs.run_list import ListedRun


@app.command("list")
def list_(
    home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False,
) -> None:  # fmt: skip
    """The runs of the home, newest first.

    Of each: symbols, model, verdict, how its stages stand, and its size. hfm list --json gives one object.
    """
    common = Common(home=home, config=config, set_=set_, json=json, quiet=quiet, debug=debug)
    answer("list", common, lambda show: _list(show, common))


def _list(show: Show, common: Common) -> ExitCode:
    from hfm.runs import run_list

    home = home_of(common)
    config_of(common, home, {}, "fetch", {})  # a fault of hfm.toml or of --set is no run's
    found = run_list.runs(home, lambda manifest: config_of(common, home, manifest.config, "fetch", {}))
    show.metrics["runs"] = [_document(home, run) for run in found]
    show.table = [line for run in found for line in lines(run)]
    show.warnings += [f"{run.name}: {run.fault}" for run in found if run.fault]
    if not found:
        begin = typed("hfm", "demo", *(("--home", common.home) if common.home else ()))
        show.talk(f"there is no run under {shown(home / 'runs')} yet\n  next: {begin}")
    return ExitCode.OK


def _document(home: Path, run: ListedRun) -> dict[str, object]:
    return {**dataclasses.asdict(run), "path": str(home / "runs" / run.name)}


def lines(run: ListedRun) -> list[str]:
    """A run on the terminal: its name, date and size in one line, what it is below."""
    when = run.created[:16].replace("T", " ")
    right = f"{when}{_size(run.bytes):>10}  {'latest' if run.latest else ''}".rstrip()
    gap = WIDTH - len("2026-12-01 00:00  999.9 MB  latest") - len(run.name)
    head = [f"{run.name}{' ' * gap}{right}"] if gap >= 2 else [*textwrap.wrap(run.name, WIDTH), f"  {right}"]
    if run.fault:
        mark = "" if is_typed(run.hint) else "(advice) "
        return [*head, *_wrapped(f"damaged: {run.fault}"), *_wrapped(f"next: {mark}{run.hint}")]
    subject, stages = _subject(run), _stages(run.stages or {})
    together = f"{subject}; {stages}"
    return [*head, *(_wrapped(together) if len(together) <= WIDTH - 2 else [*_wrapped(subject), *_wrapped(stages)])]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def _subject(run: ListedRun) -> str:
    """What a run is of, and what came of it: `SPY, 255 sessions, file; lstm at q90: no edge found`."""
    many = "" if run.sessions is None else f", {run.sessions:,} session{'s' * (run.sessions != 1)}"
    text = (" ".join(run.symbols) or "no symbols yet") + many + f", {run.source}" * bool(run.source)
    if run.model:
        text += f"; {run.model}" + f" at {run.trial}" * bool(run.trial)
    return text + f": {run.verdict}" * bool(run.verdict)


def _stages(stages: dict[str, str]) -> str:
    """How the stages stand: `all fresh`, or `fetch, simulate fresh; train running; backtest, report missing`."""
    groups: dict[str, list[str]] = {}
    for name, state in stages.items():
        groups.setdefault(state, []).append(name)
    if len(groups) == 1:
        return f"all {next(iter(groups))}"
    return "; ".join(f"{', '.join(names)} {state}" for state, names in groups.items())


def _size(count: int) -> str:
    if count < 999_500:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e9:.1f} GB" if count >= 999_950_000 else f"{count / 1e6:.1f} MB"
