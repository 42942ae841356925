"""The commands of a trained run at work: predict, stream, export, schedule."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfm import disk
from hfm.cli.app import command
from hfm.cli.options import Common, Options, Values, option
from hfm.cli.settings import config_of, home_of
from hfm.cli.show import Show
from hfm.errors import DataError, ExitCode, UsageError

if TYPE_CHECKING:
    from hfm.live.stream import Stream
    from hfm.run import Run

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
EXPORT: Options = {
    "format": option(str, "--format", help="onnx (the model), or lobster (the order book as CSV). [onnx]",
                      default="onnx"),
    "output": option(Path | None, "--output",
                     help="File to write, of lobster the folder. [model.onnx in the run's live/; the run's lobster/]"),
    "symbol": option(str | None, "--symbol", help="Whose scaler, [the run's first]; whose book. [all]"),
}  # fmt: skip
SCHEDULE: Options = {
    "kind": (Annotated[str, typer.Argument(metavar="cron|systemd", help="What to print.")], "cron"),
}  # fmt: skip


def _stream(common: Common, show: Show, replay: bool) -> tuple[Run, Stream, dict[str, Any], Any]:  # Any: JSON, Reader
    """(run, a new stream over it, what it belongs to, its quotes)."""
    import dataclasses
    import json

    from hfm import pipeline
    from hfm.live.engine import Engine, Market
    from hfm.live.stream import Stream
    from hfm.models import store
    from hfm.run import locate

    home = home_of(common)
    run = locate(home, common.run, os.environ)
    show.run_dir, manifest = run.path, run.manifest()
    config = config_of(common, home, manifest.config, "backtest", {})
    hashes = pipeline.check_inputs(run, manifest, pipeline.REPLAY if replay else pipeline.FEED)
    hashes |= pipeline.check_committed(run, manifest, pipeline.MODEL)
    weights, document = ((run.path / name).read_bytes() for name in pipeline.MODEL)
    quotes = pipeline.readers(run, hashes)[pipeline.QUOTES]
    checkpoint, market = store.load(weights, json.loads(document)), Market.of(quotes.meta)
    whole = _whole(run, checkpoint, config.backtest.model, (len(market.symbols), hashes[pipeline.MODEL[0]]))
    engine = Engine(checkpoint, config.backtest, market, whole)
    identity = {
        "model": hashes[pipeline.MODEL[0]], "settings": dataclasses.asdict(config.backtest),
        "symbols": engine.market.symbols, "source": hashes[pipeline.QUOTES] if replay else "stdin",
    }  # fmt: skip
    return run, Stream(engine), identity, quotes


def _whole(run: Run, checkpoint: Any, name: str | None, about: tuple[int, str]) -> Any:  # Any: Checkpoint; Whole, None
    """The graph of a network that has no step; None for a model that has one. about: symbols, SHA-256 of the weights.

    Raises ConfigError without the extra, DataError where the graph has not been made.
    """
    model = name or str(checkpoint.document["model"])
    if model in checkpoint.document["stepped"] or "shape" not in checkpoint.part("final", model):
        return None
    from hfm.live import graph, whole

    graph.extra()
    path = run.path / "live" / f"{model}.onnx"
    if not path.is_file():
        why = "it has no step of its own, and runs through ONNX Runtime"
        raise DataError(f"{model} has no exported graph", why=why, hint=f"hfm export --format onnx --run {run.name}")
    return whole.Whole(path.read_bytes(), checkpoint.part("final", model), *about)


@command("predict", PREDICT)
def predict(show: Show, common: Common, values: Values) -> ExitCode:
    """Say what the newest row means.

    Signal, forecast and wanted position; stale data while the market is open: exit 7.
    """
    from datetime import UTC, datetime

    from hfm.live import market, words
    from hfm.live.predict import predict

    now = words.instant(values["as_of"]) if values["as_of"] else datetime.now(UTC)
    _, stream, identity, quotes = _stream(common, show, replay=False)
    symbol = words.symbol(values["symbol"], stream.engine.market.symbols)
    newest = predict(stream, quotes, int(now.timestamp() * 1e9), market.opened)
    answers = [a for a in newest.answers if symbol in (None, a["symbol"])]
    stale = [s for s in newest.stale if symbol in (None, s)]
    show.metrics |= {"market": "open" if newest.is_open else "closed", "model_id": identity["model"][:12],
                     "predictions": answers}  # fmt: skip
    show.table = words.table(answers, newest.is_open, identity["model"][:12])
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
    replay = values["source"] == "replay" or values["bench"]
    run, live, identity, quotes = _stream(common, show, replay)
    if values["bench"]:
        return _bench(show, live, quotes)
    known = disk.there(values["state"]) if values["state"] else False
    if known:
        from hfm.live import snapshot

        snapshot.load(values["state"].read_bytes(), live, identity, str(values["state"]))
        show.talk(f"state: goes on from {values['state']}")
    if not replay and not known:
        live.warm(quotes)
    lines = live.replay(quotes) if replay else live.feed(sys.stdin)
    every = values["every"] or (1000 if replay else 1)
    try:
        for line in _kept(lines, run, live, identity, (values["state"], every)):
            print(line, flush=True)
    finally:
        show.talk(f"stream: {live.gauge.summary()}")
    show.quiet = True
    return ExitCode.PARTIAL if live.gauge.counts["invalid"] else ExitCode.OK


def _kept(
    lines: Iterator[str], run: Run, live: Stream, identity: dict[str, Any], where: tuple[Path | None, int]
) -> Iterator[str]:
    """The lines; after every so many, and at the end, the state and metrics.prom are written."""
    from hfm import disk, health
    from hfm.live import snapshot

    state, every = where

    def keep() -> None:
        if state is not None:
            disk.write(state.absolute(), snapshot.dump(live, identity))
        health.renew(run, live.gauge.families(f"{live.engine.model}/{live.engine.fold}"), health.STREAM)

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

    engine = live.engine
    timings = bench.paths(engine.checkpoint, engine.settings, engine.market, quotes)
    arrays = engine.checkpoint.part("final")
    if "seed0/l0/ih" in arrays:
        x = bench.windows(engine.inputs(quotes), engine.market.slots)
        width = arrays["seed0/l0/ih"].shape[0]
        inputs = [w[:, :width] for w in x]
        timings.append(bench.rival("torch eager, 1 network, window", eager.window(arrays, "seed0"), inputs))
    if importlib.util.find_spec("onnxruntime"):
        timings += bench.graphs(arrays, engine.inputs(quotes), engine.market.slots)
    show.table, show.metrics["bench"] = bench.table(timings), bench.plain(timings)
    return ExitCode.OK


@command("export", EXPORT)
def export(show: Show, common: Common, values: Values) -> ExitCode:
    """Write the model's step as an ONNX graph, or the order book as LOBSTER files.

    Of the graph: raw features and state in, forecast and state out; parity is asserted. Of the book: a message and an
    orderbook file a session and symbol.
    """
    from hfm import disk
    from hfm.live import graph, words

    if values["format"] == "lobster":
        return _lobster(show, common, values)
    if values["format"] != "onnx":
        raise UsageError(f"--format is {values['format'][:40]!r}", hint="--format onnx, or --format lobster")
    graph.extra()
    if (made := _network(show, common, values)) is not None:
        return made
    run, live, _, quotes = _stream(common, show, replay=False)
    engine = live.engine
    symbol = words.symbol(values["symbol"], engine.market.symbols) or engine.market.symbols[0]
    arrays = engine.checkpoint.part("final", engine.model)
    known = list(engine.checkpoint.document["symbols"])
    number = known.index(symbol) if symbol in known else -1
    data = graph.build(arrays, number)
    worst = graph.check(data, arrays, number, engine.inputs(quotes)[-graph.STEPS :])
    path = (values["output"] or run.path / "live" / "model.onnx").absolute()
    disk.write(path, data)
    show.paths.append(path)
    show.metrics["export"] = {"parity": worst, "bytes": len(data), "model": engine.model, "symbol": symbol}
    show.talk(f"export: {engine.model} of {symbol}, {len(data) / 1e6:.2f} MB, within {worst:.1e} of the step")
    return ExitCode.OK


def _lobster(show: Show, common: Common, values: Values) -> ExitCode:
    """The LOBSTER files of the run's simulated order book, or of the real one that it fetched."""
    from hfm import disk, pipeline
    from hfm.run import locate
    from hfm.simulate import lobster

    run = locate(home_of(common), common.run, os.environ)
    show.run_dir, manifest = run.path, run.manifest()
    wanted = pipeline.Stage("export", "", takes=(pipeline.EVENTS, pipeline.BOOK))
    readers = pipeline.readers(run, pipeline.check_inputs(run, manifest, wanted))
    book = readers.get(pipeline.EVENTS) or readers.get(pipeline.BOOK)
    if book is None:
        raise UsageError(
            f"run {run.name} holds no order book",
            hint=f"hfm simulate --run {run.name} --fidelity book --set simulate.events=true",
        )
    symbol, known = values["symbol"], list(book.meta["symbols"])
    if symbol is not None and symbol.upper() not in known:
        raise UsageError(
            f"--symbol is {symbol[:40]!r}", why=f"the book has {', '.join(known)}", hint="name one of them"
        )
    folder, rounded = (values["output"] or run.path / "lobster").absolute(), 0
    for group in book.groups():
        if symbol is None or group.column("symbol")[0].as_py() == symbol.upper():
            made = lobster.files(group, book.meta)
            rounded += made.rounded
            for name, data in (made.message, made.orderbook):
                disk.write(folder / name, data)
                show.paths.append(folder / name)
    show.metrics["export"] = {"files": len(show.paths), "rounded": rounded}
    show.talk(f"export: {len(show.paths)} LOBSTER files" + f", {rounded:,} prices rounded to .0001" * (rounded > 0))
    return ExitCode.OK


def _network(show: Show, common: Common, values: Values) -> ExitCode | None:
    """Export a network that has no step: the graph of its final fit, over a whole session. None for other models."""
    import json

    from hfm import disk, pipeline
    from hfm.live import whole
    from hfm.models import store
    from hfm.run import locate

    home = home_of(common)
    run = locate(home, common.run, os.environ)
    manifest = run.manifest()
    config = config_of(common, home, manifest.config, "backtest", {})
    hashes = pipeline.check_inputs(run, manifest, pipeline.FEED)
    hashes |= pipeline.check_committed(run, manifest, pipeline.MODEL)
    weights, document = ((run.path / name).read_bytes() for name in pipeline.MODEL)
    checkpoint = store.load(weights, json.loads(document))
    model = config.backtest.model or str(checkpoint.document["model"])
    if model in checkpoint.document["stepped"] or "shape" not in (arrays := checkpoint.part("final", model)):
        return None
    rows = int(pipeline.readers(run, hashes)[pipeline.QUOTES].meta["slots_per_session"])
    show.run_dir = run.path
    path = (values["output"] or run.path / "live" / f"{model}.onnx").absolute()
    from hfm.models import traced

    graph, trial, want = traced.trace(arrays, model, rows)
    data = whole.seal(graph, (model, hashes[pipeline.MODEL[0]]), trial, want)
    disk.write(path, data)
    show.paths.append(path)
    show.metrics["export"] = {"bytes": len(data), "model": model, "rows": rows}
    show.talk(f"export: {model}, sessions of {rows} rows, {len(data) / 1e6:.2f} MB")
    return ExitCode.OK


@command("schedule", SCHEDULE)
def schedule(show: Show, common: Common, values: Values) -> ExitCode:
    """Print crontab lines or unit files for this run.

    They keep it fresh and print a forecast after every bar.
    """
    from hfm.live import schedule

    if values["kind"] not in ("cron", "systemd"):
        raise UsageError(f"{values['kind'][:40]!r} is no scheduler", hint="hfm schedule cron, or hfm schedule systemd")
    run, live, _, quotes = _stream(common, show, replay=False)
    hours = schedule.hours(quotes, live.engine)
    where = schedule.Where(Path(sys.argv[0]).absolute(), home_of(common), run.name)
    show.table = schedule.cron(hours, where) if values["kind"] == "cron" else schedule.systemd(hours, where)
    show.metrics["schedule"] = show.table
    return ExitCode.OK
