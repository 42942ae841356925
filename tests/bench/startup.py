"""`hfm --help` and `hfm --version` as commands, beside a typer program that says hello."""

from __future__ import annotations

from collections.abc import Iterator

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


def figures() -> Iterator[Figure]:
    """Both helps in turn; the version alone."""
    yield alternate("startup --help", lambda: cost(["-m", "hfm", "--help"])[0],
                    lambda: cost(["-c", HELLO, "--help"])[0], note="typer hello-world --help", times=15)  # fmt: skip
    yield alternate("startup --version", lambda: cost(["-m", "hfm", "--version"])[0], times=15)
