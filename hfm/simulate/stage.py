"""The simulate stage: bars or an order book in; quotes, an oracle and facts out, at the fidelity asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NoReturn

from hfm import artifacts
from hfm.config import Config
from hfm.errors import UsageError
from hfm.stage import Context, Product
from hfm.tables import Reader

BARS, BOOK = artifacts.BARS, artifacts.BOOK


def run(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """Quotes, oracle and facts of a run's bars, or of its order book, at the fidelity asked for.

    Each fidelity is imported when it is asked for: the book's engine takes half a second that bars need not wait for. A
    fidelity that does not fit what the run holds is a UsageError.

    Parameters
    ----------
    inputs
        fetch/bars.parquet, or fetch/book.parquet.
    config
        Its section `simulate`.
    ctx
        Random streams, workers, warnings, lines of the summary.

    Returns
    -------
    Iterator[Product]
        Of the fidelity's own stage.
    """
    sim = config.simulate
    held = BARS if BARS in inputs else BOOK
    if (sim.fidelity == "replay") == (held == BARS):
        _refuse(sim.fidelity)
    if sim.fidelity == "replay":
        from hfm.simulate.replay import stage as replay

        return replay.run(inputs[held], sim, ctx)
    if sim.fidelity == "book":
        from hfm.simulate.book import stage as book

        return book.run(inputs[held], sim, ctx)
    from hfm.simulate.bars import stage as bars

    return bars.run(inputs[held], sim, ctx)


def _refuse(fidelity: str) -> NoReturn:
    if fidelity == "replay":
        raise UsageError(
            "simulate.fidelity replay needs an order book, and the run holds bars",
            hint="hfm fetch SYMBOL --source lobster --path FOLDER, or --fidelity bars",
        )
    raise UsageError(
        f"simulate.fidelity {fidelity} needs bars, and the run holds an order book",
        hint="--fidelity replay",
    )
