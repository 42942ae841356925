"""The command that prints the manual: the pages of hfm/docs, as they stand in the installed version."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import resources

from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import Show
from hfm.cli.options import Common
from hfm.errors import ExitCode, UsageError


def pages() -> dict[str, str]:
    """The manual's pages, name -> Markdown, by name."""
    folder = resources.files("hfm") / "docs"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".md")), key=lambda file: file.name)
    return {file.name.removesuffix(".md"): file.read_text("utf-8") for file in files}


def index(found: Mapping[str, str]) -> list[str]:
    """A line a page: its name, and its title."""
    width = max(map(len, found))
    return [f"{name.ljust(width)}  {text.splitlines()[0].removeprefix('# ')}" for name, text in found.items()]


@app.command("docs")
def docs(
    page: opt.ManualPage = None, json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False,
) -> None:  # fmt: skip
    """The manual: its pages, or one of them.

    A page is Markdown; hfm docs verdict | less reads it in a pager.
    """

    def work(show: Show) -> ExitCode:
        found = pages()
        if page is None:
            show.table, show.metrics = index(found), {"pages": list(found)}
        elif page not in found:
            close = difflib.get_close_matches(page, found, 1)
            hint = f"hfm docs {close[0]}" if close else "hfm docs"
            raise UsageError(f"the manual has no page {page[:40]!r}", why=f"it has {', '.join(found)}", hint=hint)
        else:
            show.table, show.metrics = found[page].splitlines(), {"page": page, "text": found[page]}
        return ExitCode.OK

    answer("docs", Common(json=json, quiet=quiet, debug=debug), work)
