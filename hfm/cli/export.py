"""The export command: the model as an ONNX graph, or the order book as LOBSTER files."""

from __future__ import annotations

import os
from pathlib import Path

from hfm import atomic
from hfm.artifacts import BOOK, EVENTS
from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import Show
from hfm.cli.options import Common
from hfm.cli.settings import home_of
from hfm.cli.trained_run import Trained, trained
from hfm.errors import ExitCode, UsageError, typed


@app.command("export")
def export(
    format: opt.Format = "onnx", output: opt.Output = None, symbol: opt.ExportSymbol = None,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Write the model's step as an ONNX graph, or the order book as LOBSTER files.

    Of the graph: raw features and state in, forecast and state out; parity is asserted. Of the book: a message and an
    orderbook file a session and symbol.
    """
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)

    def work(show: Show) -> ExitCode:
        if format not in ("onnx", "lobster"):
            raise UsageError(f"--format is {format[:40]!r}", hint="--format onnx, or --format lobster")
        return (_lobster if format == "lobster" else _onnx)(show, common, output, symbol)

    answer("export", common, work)


def _onnx(show: Show, common: Common, output: Path | None, symbol: str | None) -> ExitCode:
    """The graph of the model, or of a network without a step those of its fits."""
    from hfm.live import onnx_export

    onnx_export.extra()
    found = trained(show, common)
    if not found.stepless():
        path = output or found.run.path / "live" / "model.onnx"
        _write(show, path, _step(show, found, symbol))
        return ExitCode.OK
    if output:
        _write(show, output, _network(show, found, "final"))
        return ExitCode.OK
    for fit in found.fits():
        _write(show, found.graph(fit), _network(show, found, fit))
    return ExitCode.OK


def _write(show: Show, path: Path, data: bytes) -> None:
    atomic.write(path.absolute(), data)
    show.paths.append(path.absolute())


def _step(show: Show, found: Trained, wanted: str | None) -> bytes:
    """The graph of one step of a symbol's final fit."""
    from hfm.live import onnx_export, parsing

    node = found.stream().node
    symbol = parsing.symbol(wanted, node.market.symbols) or node.market.symbols[0]
    arrays = node.checkpoint.part("final", node.model)
    known = list(node.checkpoint.document["symbols"])
    number = known.index(symbol) if symbol in known else -1
    data = onnx_export.build(arrays, number)
    worst = onnx_export.check(data, arrays, number, node.all_inputs(found.quotes)[-onnx_export.STEPS :])
    show.metrics["export"] = {"parity": worst, "bytes": len(data), "model": node.model, "symbol": symbol}
    show.talk(f"export: {node.model} of {symbol}, {len(data) / 1e6:.2f} MB, within {worst:.1e} of the step")
    return data


def _network(show: Show, found: Trained, fit: str) -> bytes:
    """The graph of a fit of a network that has no step, over a whole session; a replay takes those of the folds."""
    from hfm.live import onnx_session
    from hfm.models.networks import onnx_trace

    rows = int(found.quotes.meta.slots_per_session)
    graph, trial, want = onnx_trace.trace(found.checkpoint.part(fit, found.model), found.model, rows)
    data = onnx_session.seal(graph, onnx_session.GraphOrigin(found.model, fit, found.weights), trial, want)
    show.metrics["export"] = {"bytes": len(data), "model": found.model, "rows": rows}
    show.talk(f"export: {found.model}, {fit}, sessions of {rows} rows, {len(data) / 1e6:.2f} MB")
    return data


def _lobster(show: Show, common: Common, output: Path | None, symbol: str | None) -> ExitCode:
    """The LOBSTER files of the run's simulated order book, or of the real one that it fetched."""
    from hfm.runs import freshness, stages
    from hfm.runs.manifest import locate
    from hfm.simulate.replay import lobster_export

    run = locate(home_of(common), common.run, os.environ)
    show.run_dir, manifest = run.path, run.manifest()
    wanted = stages.Stage("export", "", takes=(EVENTS, BOOK))
    readers = freshness.readers(run, freshness.check_inputs(run, manifest, wanted))
    book = readers.get(EVENTS) or readers.get(BOOK)
    if book is None:
        raise UsageError(
            f"run {run.name} holds no order book",
            hint=f"hfm simulate --run {run.name} --fidelity book --set simulate.events=true",
        )
    known = list(book.meta.symbols)
    if symbol is not None and symbol.upper() not in known:
        raise UsageError(
            f"--symbol is {symbol[:40]!r}",
            why=f"the book has {', '.join(known)}",
            hint=", or ".join(typed("--symbol", name) for name in known[:5]),
        )
    folder, rounded = (output or run.path / "lobster").absolute(), 0
    for group in book.groups():
        if symbol is None or group.column("symbol")[0].as_py() == symbol.upper():
            files = lobster_export.files(group, book.meta)
            rounded += files.rounded
            for name, data in (files.message, files.orderbook):
                atomic.write(folder / name, data)
                show.paths.append(folder / name)
    show.metrics["export"] = {"files": len(show.paths), "rounded": rounded}
    show.talk(f"export: {len(show.paths)} LOBSTER files" + f", {rounded:,} prices rounded to .0001" * (rounded > 0))
    return ExitCode.OK
