"""The typer application: how a command is registered, called, and answers for what goes wrong."""

from __future__ import annotations

import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from hfm.cli import interrupts
from hfm.cli.console import Show, mute, product_alone, report
from hfm.cli.options import Common
from hfm.errors import ExitCode, HfmError, UsageError, is_typed

app = typer.Typer(
    name="hfm", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="High-frequency microstructure, from bars to a verdict.",
    epilog="Exit codes: 0 ok, 1 bug, 2 usage, 3 config, 4 data, 5 upstream, 6 rate limited, 7 partial, 8 check "
           "failed, 9 locked, 10 disk, 130 SIGINT, 143 SIGTERM.",
)  # fmt: skip
OF_RUN = ("simulate", "train", "backtest", "report", "predict", "stream", "export", "schedule", "status", "settings")
"""Commands that work in a run that is there."""
Work = Callable[[Show], ExitCode]
"""What a command does; it gives the exit code."""


def answer(name: str, common: Common, work: Work) -> None:
    """Do a command's work and end it with its exit code (raises typer.Exit)."""
    raise typer.Exit(_guarded(work, Show(name, common.json, common.quiet), common))


def _guarded(work: Work, show: Show, common: Common) -> int:
    """A command's exit code; an HfmError becomes its lines and code, anything else a bug whose traceback is kept."""
    try:
        try:
            with product_alone() as show.product:
                code = work(show)
        finally:
            show.close()
        show.finish()
        return int(code)
    except HfmError as e:
        if common.debug:
            traceback.print_exc()
        e.hint = _in_place(e.hint, common)
        report(e, show.command, show.as_json)
        return int(e.code)
    except BrokenPipeError:  # answered here: typer would make an exit code of 1 of it
        mute()
        return int(ExitCode.OK)
    except (Exception, SystemExit) as e:  # a plug-in that ends the process has an exit code of its own
        if interrupts.asked():  # a library made something else of the signal's exception
            raise interrupts.Stopped from None
        text = traceback.format_exc()
        crash_file = _keep(text, show.run_dir)
        if common.debug:
            print(text, file=sys.stderr)
        what = f"{type(e).__name__}: {e}".splitlines()[0][:300]
        hint = f"see {crash_file}, or run again with --debug" if crash_file else "run again with --debug"
        fault = HfmError(what, why="this is a fault in hfm or in a plug-in", hint=hint)
        report(fault, show.command, show.as_json)
        return int(fault.code)


def _in_place(hint: str, common: Common) -> str:
    """The commands of a hint with the --home, and the --run of a stage, that were typed: elsewhere they do nothing."""
    if not is_typed(hint):
        return hint
    return ", or ".join(_placed(part, common) for part in hint.split(", or "))


def _placed(part: str, common: Common) -> str:
    if not part.startswith("hfm "):
        return part
    words = shlex.split(part)
    if common.run and words[1] in OF_RUN and "--run" not in words:
        words += ["--run", common.run]
    if common.run and "/" in common.run and words[1] in OF_RUN and Path(common.run).name in words:
        words[words.index(Path(common.run).name)] = common.run
    if common.home and "--home" not in words:
        words += ["--home", common.home]
    return shlex.join(words)


def _keep(text: str, run_dir: Path | None) -> Path | None:
    """Write a traceback into the run's folder, or a temporary one; where. None where nothing can be written."""
    try:
        folder = run_dir if run_dir and run_dir.is_dir() else Path(tempfile.mkdtemp(prefix="hfm-"))
        (folder / "crash.txt").write_text(text)
    except OSError:
        return None
    return folder / "crash.txt"


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
