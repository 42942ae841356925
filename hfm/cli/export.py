"""The export command: the model as an ONNX graph, or the order book as LOBSTER files."""

from __future__ import annotations

import os
from pathlib import Path

from hfm import atomic
from hfm.cli.app import command
from hfm.cli.console import Show
from hfm.cli.options import Common, Options, Values, option
from hfm.cli.settings import home_of
from hfm.cli.trained_run import Trained, trained
from hfm.errors import ExitCode, UsageError, typed

EXPORT: Options = {
    "format": option(str, "--format", help="onnx (the model), or lobster (the order book as CSV). [onnx]",
                      default="onnx"),
    "output": option(Path | None, "--output",
                     help="File to write, of lobster the folder. [model.onnx in the run's live/; the run's lobster/]"),
    "symbol": option(str | None, "--symbol", help="Whose scaler, [the run's first]; whose book. [all]"),
}  # fmt: skip


@command("export", EXPORT)
def export(show: Show, common: Common, values: Values) -> ExitCode:
    """Write the model's step as an ONNX graph, or the order book as LOBSTER files.

    Of the graph: raw features and state in, forecast and state out; parity is asserted. Of the book: a message and an
    orderbook file a session and symbol.
    """
    from hfm.live import onnx_export as graph

    if values["format"] == "lobster":
        return _lobster(show, common, values)
    if values["format"] != "onnx":
        raise UsageError(f"--format is {values['format'][:40]!r}", hint="--format onnx, or --format lobster")
    graph.extra()
    found = trained(show, common)
    if not found.stepless():
        path = values["output"] or found.run.path / "live" / "model.onnx"
        _write(show, path, _step(show, found, values["symbol"]))
        return ExitCode.OK
    if values["output"]:
        _write(show, values["output"], _network(show, found, "final"))
        return ExitCode.OK
    for fit in found.fits():
        _write(show, found.graph(fit), _network(show, found, fit))
    return ExitCode.OK


def _write(show: Show, path: Path, data: bytes) -> None:
    atomic.write(path.absolute(), data)
    show.paths.append(path.absolute())


def _step(show: Show, found: Trained, wanted: str | None) -> bytes:
    """The graph of one step of a symbol's final fit."""
    from hfm.live import onnx_export as graph
    from hfm.live import parsing

    node = found.stream().node
    symbol = parsing.symbol(wanted, node.market.symbols) or node.market.symbols[0]
    arrays = node.checkpoint.part("final", node.model)
    known = list(node.checkpoint.document["symbols"])
    number = known.index(symbol) if symbol in known else -1
    data = graph.build(arrays, number)
    worst = graph.check(data, arrays, number, node.all_inputs(found.quotes)[-graph.STEPS :])
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


def _lobster(show: Show, common: Common, values: Values) -> ExitCode:
    """The LOBSTER files of the run's simulated order book, or of the real one that it fetched."""
    from hfm.runs import freshness, stages
    from hfm.runs.manifest import locate
    from hfm.simulate.replay import lobster_export

    run = locate(home_of(common), common.run, os.environ)
    show.run_dir, manifest = run.path, run.manifest()
    wanted = stages.Stage("export", "", takes=(stages.EVENTS, stages.BOOK))
    readers = freshness.readers(run, freshness.check_inputs(run, manifest, wanted))
    book = readers.get(stages.EVENTS) or readers.get(stages.BOOK)
    if book is None:
        raise UsageError(
            f"run {run.name} holds no order book",
            hint=f"hfm simulate --run {run.name} --fidelity book --set simulate.events=true",
        )
    symbol, known = values["symbol"], list(book.meta.symbols)
    if symbol is not None and symbol.upper() not in known:
        raise UsageError(
            f"--symbol is {symbol[:40]!r}",
            why=f"the book has {', '.join(known)}",
            hint=", or ".join(typed("--symbol", name) for name in known[:5]),
        )
    folder, rounded = (values["output"] or run.path / "lobster").absolute(), 0
    for group in book.groups():
        if symbol is None or group.column("symbol")[0].as_py() == symbol.upper():
            made = lobster_export.files(group, book.meta)
            rounded += made.rounded
            for name, data in (made.message, made.orderbook):
                atomic.write(folder / name, data)
                show.paths.append(folder / name)
    show.metrics["export"] = {"files": len(show.paths), "rounded": rounded}
    show.talk(f"export: {len(show.paths)} LOBSTER files" + f", {rounded:,} prices rounded to .0001" * (rounded > 0))
    return ExitCode.OK
