"""The commands of a trained run at work: predict, stream, schedule."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfm import atomic
from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import Show, stdout_errors
from hfm.cli.options import Common
from hfm.cli.trained_run import trained
from hfm.errors import ExitCode, LockedError, UsageError, typed

if TYPE_CHECKING:
    from hfm.live.stream import Stream
    from hfm.runs.manifest import Run

LINE = 1 << 20
"""Most bytes of a line; a row has some five hundred."""


@app.command("predict")
def predict(
    symbol: opt.OneSymbol = None, as_of: opt.AsOf = None,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Say what the newest row means.

    Signal, forecast and wanted position; stale data while the market is open: exit 7.
    """
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    answer("predict", common, lambda show: _predict(show, common, symbol, as_of))


def _predict(show: Show, common: Common, wanted: str | None, as_of: str | None) -> ExitCode:
    from datetime import UTC, datetime

    from hfm.ledger.units import unit_name
    from hfm.live import parsing
    from hfm.live.predict import predict, trading_since

    now = parsing.instant(as_of) if as_of else datetime.now(UTC)
    found = trained(show, common)
    stream, identity = found.stream(), found.identity()
    symbol = parsing.symbol(wanted, stream.node.market.symbols)
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


@app.command("stream")
def stream(
    source: opt.Feed = "replay", state: opt.StateFile = None, every: opt.SaveEvery = None, bench: opt.Bench = False,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Answer row by row: JSON in, JSON out.

    A replay of the run's quotes, or a live feed on stdin.
    """
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)

    def work(show: Show) -> ExitCode:
        if source not in ("replay", "stdin"):
            raise UsageError(f"--source is {source[:40]!r}", hint="--source replay, or --source stdin")
        if bench:
            found = trained(show, common, replay=True)
            return _bench(show, found.stream(), found.quotes)
        return _stream(show, common, source == "replay", state, every)

    answer("stream", common, work)


def _stream(show: Show, common: Common, replay: bool, state: Path | None, every: int | None) -> ExitCode:
    if not replay and sys.stdin is None:
        raise UsageError("stdin is closed", hint="pipe rows into it: cat FILE | hfm stream --source stdin")
    found = trained(show, common, replay)
    live = found.stream()
    with _alone(state) if state else contextlib.nullcontext():
        if state and atomic.exists(state):
            from hfm.live import snapshot

            with atomic.disk_errors(state):
                data = state.read_bytes()
            snapshot.load(data, live, found.identity(), str(state))
            show.talk(f"state: goes on from {state}")
        elif not replay:
            live.warm(found.quotes)
        lines = live.replay(found.quotes) if replay else live.feed(_typed())
        rows = every or (1000 if replay else 1)
        try:
            for line in _saved(lines, found.run, live, found.identity(), state, rows):
                with stdout_errors():
                    print(line, file=show.product, flush=True)
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
    """Lines of stdin without a byte order mark; one of more than LINE bytes comes in pieces."""
    source = sys.stdin.buffer
    first = source.readline(LINE).removeprefix(codecs.BOM_UTF8)
    yield from itertools.chain([first], iter(lambda: source.readline(LINE), b""))


def _saved(
    lines: Iterator[str], run: Run, live: Stream, identity: dict[str, Any], state: Path | None, every: int
) -> Iterator[str]:
    """The lines; after every so many, and at the end, the state and metrics.prom are written."""
    from hfm import atomic
    from hfm.live import snapshot
    from hfm.runs import metrics_file

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


@app.command("schedule")
def schedule(
    kind: opt.Scheduler = "cron",
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Print crontab lines or unit files for this run.

    They keep it fresh and print a forecast after every bar.
    """
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    answer("schedule", common, lambda show: _schedule(show, common, kind))


def _schedule(show: Show, common: Common, kind: str) -> ExitCode:
    from hfm.ops import schedule

    if kind not in ("cron", "systemd"):
        raise UsageError(f"{kind[:40]!r} is no scheduler", hint="hfm schedule cron, or hfm schedule systemd")
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
    show.table = schedule.cron(hours, where) if kind == "cron" else schedule.systemd(hours, where)
    show.metrics["schedule"] = show.table
    return ExitCode.OK
