"""The commands of a trained run at work: predict, stream, schedule."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfm import atomic
from hfm.cli.app import command
from hfm.cli.console import Show
from hfm.cli.options import Common, Options, Values, option
from hfm.cli.trained_run import trained
from hfm.errors import ExitCode, LockedError, UsageError, typed

if TYPE_CHECKING:
    from hfm.live.stream import Stream
    from hfm.runs.manifest import Run

LINE = 1 << 20
"""Most bytes of a line; a row has some five hundred."""
PREDICT: Options = {
    "symbol": (Annotated[str | None, typer.Argument(metavar="[SYMBOL]", show_default=False,
                                                    help="One of the run's symbols. [all]")], None),
    "as_of": option(str | None, "--as-of", help="ISO time to stand in for now."),
}  # fmt: skip
STREAM: Options = {
    "source": option(str, "--source", help="replay (the run's own quotes) or stdin (JSON rows). [replay]",
                      default="replay"),
    "state": option(Path | None, "--state", help="File that keeps the state: a restart goes on from it."),
    "every": option(int | None, "--every", min=1,
                     help="Rows between saves of the state and of metrics.prom. [stdin: 1; replay: 1000]"),
    "bench": option(bool, "--bench", help="Time the whole path, beside torch and ONNX Runtime.", default=False),
}  # fmt: skip
SCHEDULE: Options = {
    "kind": (Annotated[str, typer.Argument(metavar="cron|systemd", help="What to print.")], "cron"),
}  # fmt: skip


@command("predict", PREDICT)
def predict(show: Show, common: Common, values: Values) -> ExitCode:
    """Say what the newest row means.

    Signal, forecast and wanted position; stale data while the market is open: exit 7.
    """
    from datetime import UTC, datetime

    from hfm.ledger.units import unit_name
    from hfm.live import parsing
    from hfm.live.predict import predict, trading_since

    now = parsing.instant(values["as_of"]) if values["as_of"] else datetime.now(UTC)
    found = trained(show, common)
    stream, identity = found.stream(), found.identity()
    symbol = parsing.symbol(values["symbol"], stream.node.market.symbols)
    newest = predict(stream, found.quotes, int(now.timestamp() * 1e9), trading_since)
    answers = [a for a in newest.answers if symbol in (None, a["symbol"])]
    stale = [s for s in newest.stale if symbol in (None, s)]
    show.metrics |= {"market": "open" if newest.is_open else "closed", "model_id": identity["model"][:12],
                     "predictions": answers}  # fmt: skip
    unit = unit_name(stream.node.market.calendar)
    show.table = parsing.table(answers, newest.is_open, identity["model"][:12], unit)
    for name in stale:
        text = f"{name}: its newest row is older than two intervals, and the market is open"
        show.warnings.append(text)
        show.talk(f"warning: {text}")
    return ExitCode.PARTIAL if stale else ExitCode.OK


@command("stream", STREAM)
def stream(show: Show, common: Common, values: Values) -> ExitCode:
    """Answer row by row: JSON in, JSON out.

    A replay of the run's quotes, or a live feed on stdin.
    """
    if values["source"] not in ("replay", "stdin"):
        raise UsageError(f"--source is {values['source'][:40]!r}", hint="--source replay, or --source stdin")
    replay, state = values["source"] == "replay" or values["bench"], values["state"]
    if not replay and sys.stdin is None:
        raise UsageError("stdin is closed", hint="pipe rows into it: cat FILE | hfm stream --source stdin")
    found = trained(show, common, replay)
    live = found.stream()
    if values["bench"]:
        return _bench(show, live, found.quotes)
    with _alone(state) if state else contextlib.nullcontext():
        if state and atomic.there(state):
            from hfm.live import snapshot

            with atomic.disk_errors(state):
                data = state.read_bytes()
            snapshot.load(data, live, found.identity(), str(state))
            show.talk(f"state: goes on from {state}")
        elif not replay:
            live.warm(found.quotes)
        lines = live.replay(found.quotes) if replay else live.feed(_typed())
        every = values["every"] or (1000 if replay else 1)
        try:
            for line in _kept(lines, found.run, live, found.identity(), (state, every)):
                print(line, flush=True)
        finally:
            show.talk(f"stream: {live.monitor.summary()}")
    show.quiet = True
    return ExitCode.PARTIAL if live.monitor.counts["invalid"] else ExitCode.OK


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold a state against another stream. Raises LockedError, DiskError."""
    import filelock

    if not state.name:
        raise UsageError(f"--state is {str(state)!r}", hint="--state FILE")
    path = state.with_name(f"{state.name}.lock")
    with atomic.disk_errors(path):
        held = filelock.FileLock(path, timeout=0)
        try:
            held.acquire()
        except filelock.Timeout:
            raise LockedError(
                f"another stream keeps its state in {state}",
                why="two that keep one state would each undo what the other has seen",
                hint=typed("--state", f"{state}.2"),
            ) from None  # fmt: skip
    try:
        yield
    finally:
        held.release()


def _typed() -> Iterator[bytes]:
    """Lines of stdin, the last one whole or not; one of more than LINE bytes comes in pieces.

    A byte order mark before the first is dropped.
    """
    source = sys.stdin.buffer
    first = source.readline(LINE).removeprefix(codecs.BOM_UTF8)
    yield from itertools.chain([first], iter(lambda: source.readline(LINE), b""))


def _kept(
    lines: Iterator[str], run: Run, live: Stream, identity: dict[str, Any], where: tuple[Path | None, int]
) -> Iterator[str]:
    """The lines; after every so many, and at the end, the state and metrics.prom are written."""
    from hfm import atomic
    from hfm.live import snapshot
    from hfm.runs import metrics_file

    state, every = where

    def keep() -> None:
        if state is not None:
            atomic.write(state.absolute(), snapshot.dump(live, identity))
        metrics_file.renew(run, live.monitor.families(f"{live.node.model}/{live.node.fit}"), metrics_file.STREAM)

    for count, line in enumerate(lines, start=1):
        yield line  # printed before it is saved: a kill between the two says a line twice rather than never
        if count % every == 0:
            keep()
    keep()


def _bench(show: Show, live: Stream, quotes: Any) -> ExitCode:  # Any: Reader
    """The table of stream --bench."""
    import importlib.util

    from hfm.live import bench
    from hfm.models import eager

    node = live.node
    timings = bench.paths(node.checkpoint, node.settings, node.market, quotes)
    arrays = node.checkpoint.part("final")
    if "seed0/l0/ih" in arrays:
        x = bench.windows(node.all_inputs(quotes), node.market.slots)
        width = arrays["seed0/l0/ih"].shape[0]
        inputs = [w[:, :width] for w in x]
        timings.append(bench.rival("torch eager, 1 network, window", eager.window(arrays, "seed0"), inputs))
    if importlib.util.find_spec("onnxruntime"):
        timings += bench.graphs(arrays, node.all_inputs(quotes), node.market.slots)
    show.table, show.metrics["bench"] = bench.table(timings), bench.plain(timings)
    return ExitCode.OK


@command("schedule", SCHEDULE)
def schedule(show: Show, common: Common, values: Values) -> ExitCode:
    """Print crontab lines or unit files for this run.

    They keep it fresh and print a forecast after every bar.
    """
    from hfm.ops import schedule

    if values["kind"] not in ("cron", "systemd"):
        raise UsageError(f"{values['kind'][:40]!r} is no scheduler", hint="hfm schedule cron, or hfm schedule systemd")
    found = trained(show, common)
    hours = schedule.hours(found.quotes, found.stream().node)
    program = Path(sys.argv[0]).absolute()
    if program.name == "__main__.py":  # python -m hfm: the script lies beside the interpreter
        program = Path(sys.executable).with_name("hfm")
    runs = found.run.path.parent
    if runs.name != "runs":  # a fetch, which names its run, would not find it
        raise UsageError(f"{found.run.path} lies in no home's runs folder",
                         hint="move it into the folder runs of a home, and give its name with --run")  # fmt: skip
    where = schedule.Where(program, runs.parent, found.run.name)
    show.table = schedule.cron(hours, where) if values["kind"] == "cron" else schedule.systemd(hours, where)
    show.metrics["schedule"] = show.table
    return ExitCode.OK
