"""The command `hfm demo`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import Show
from hfm.cli.demo.markets import MARKETS, SEED, MarketVerdict
from hfm.cli.options import Common
from hfm.cli.progress import fancy
from hfm.cli.settings import home_of, workers_of
from hfm.errors import ExitCode

if TYPE_CHECKING:
    from hfm.cli.demo import screen


@app.command("demo")
def demo(
    seed: opt.DemoSeed = SEED, refresh: opt.DemoRefresh = False, open: opt.OpenPage = False,
    home: opt.Home = None, json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False,
    wait: opt.Wait = 0.0, workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Judge two markets in a minute: one has a planted signal.

    The other has none. The runs are demo-planted and demo-none; again, only what is no longer fresh is made.
    """
    common = Common(home=home, json=json, quiet=quiet, debug=debug, wait=wait, workers=workers)
    answer("demo", common, lambda show: _demo(show, common, seed, refresh, open))


def _demo(show: Show, common: Common, seed: int, refresh: bool, open_pages: bool) -> ExitCode:
    from hfm.cli.demo import players, screen
    from hfm.cli.demo.market_process import Order
    from hfm.runs.manifest import Run, point_latest

    home = home_of(common)
    workers = workers_of(common)
    together = workers >= len(MARKETS)
    orders = [
        Order(market.name, str(home), seed, refresh, common.wait, max(1, workers // len(MARKETS)),
              compiles=market is MARKETS[0])
        for market in MARKETS
    ]  # fmt: skip
    for line in screen.INTRODUCTION:
        show.talk(line)
    made: list[str] = []

    def hear(market: str, message: dict[str, Any]) -> None:  # Any: JSON values
        made.extend([market] * (message.get("state") == "done"))
        board.hear(market, message)

    with _watched(show) as board:
        verdicts = players.play(orders, together, hear)
    if not made:
        show.talk(screen.AGAIN)
    latest = home / "runs" / "latest"
    if not latest.exists():  # nobody's run is hidden by it
        point_latest(Run(Path(verdicts[0].run_dir)))
    _tell(show, verdicts, seed)
    if open_pages:
        import webbrowser

        for each in verdicts:
            webbrowser.open(Path(each.page).as_uri())
    return ExitCode.OK if all(each.right for each in verdicts) else ExitCode.CHECK


@contextmanager
def _watched(show: Show) -> Iterator[screen.Lines | screen.Bars]:
    """What shows how far the markets are; nothing of it stays on a terminal."""
    from hfm.cli.demo import screen

    board = screen.Bars() if fancy() and not show.quiet else screen.Lines(show.talk)
    try:
        yield board
    finally:
        board.close()


def _tell(show: Show, verdicts: Sequence[MarketVerdict], seed: int) -> None:
    """The product: the table, or the paths and figures of --json; nothing where -q is given and all is as it should."""
    from hfm.artifacts import PICTURE, SUMMARY
    from hfm.cli.demo import screen

    right = all(each.right for each in verdicts)
    for each in verdicts:
        show.paths += [Path(each.page), *(Path(each.run_dir) / name for name in (PICTURE, SUMMARY))]
    show.metrics |= {"seed": seed, "right": right, "markets": {v.market: dataclasses.asdict(v) for v in verdicts}}
    if not show.quiet or not right:
        show.table = screen.table(verdicts)
        show.table.append(screen.conclusion(verdicts))
