"""`hfm --help` and `--version` as commands, beside a typer program that says hello; `predict` as cron calls it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.command import cost
from tests.bench.figure import Figure, alternate

HELLO = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "you") -> None:
    print(f"hello {name}")


app()
"""

INSTANTS = {"open": "2026-03-06T15:31:00Z", "closed": "2026-03-06T22:00:00Z"}
"""Of a Friday whose bars the run holds to the close: the clock looks at the calendar only after it."""


def figures() -> Iterator[Figure]:
    """Both helps in turn; the version alone; a forecast of a run of 30 sessions, while the market is open and after."""
    yield alternate("startup --help", lambda: cost(["-m", "hfm", "--help"]),
                    lambda: cost(["-c", HELLO, "--help"]), note="typer hello-world --help", times=15)  # fmt: skip
    yield alternate("startup --version", lambda: cost(["-m", "hfm", "--version"]), times=15)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fetch = ["fetch", "SPY", "--source", "synthetic", "--sessions", "30", "--as-of", INSTANTS["closed"]]
        for words in (fetch, ["simulate"], ["train", "--epochs", "2"]):
            cost(["-m", "hfm", *words, "-q"], home)
        for market, instant in INSTANTS.items():
            yield alternate(f"predict, market {market}",
                            lambda at=instant: cost(["-m", "hfm", "predict", "--as-of", at, "--json"], home),
                            times=7)  # fmt: skip
