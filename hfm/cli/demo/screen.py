"""What the demonstration shows: how far the markets are, then their verdicts side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfm.cli.demo.markets import MARKETS, RHO, SESSIONS, THRESHOLD, MarketVerdict, WithInterval

if TYPE_CHECKING:
    from rich.progress import Progress as Drawing
    from rich.progress import TaskID

STAGES = 5
KERNELS = "kernels"
INTRODUCTION = (
    f"Two markets of the same {SESSIONS} synthetic sessions of five-minute bars: in one,",
    f"order flow carries a planted signal of the next move (correlation {RHO}), in the",
    "other there is none. A logistic regression learns each market walk-forward and",
    f"trades the tenth of the rows that it is surest of ({THRESHOLD}), after costs.",
)
AGAIN = "both runs were there and fresh; hfm demo --refresh makes them again"


class Lines:
    """For a pipe or a plain terminal: a line for each stage as it begins and ends."""

    def __init__(self, talk: Callable[[str], None]) -> None:
        self._talk = talk

    def hear(self, market: str, message: dict[str, Any]) -> None:  # Any: JSON values
        """What a market's process says; see market_process.carry_out."""
        if "state" in message:
            state = f"{message['elapsed_s']:.1f} s" if message["state"] == "done" else message["state"]
            self._talk(f"{market}: {message['stage']}: {state}")

    def close(self) -> None:
        """Nothing moves."""


class Bars:
    """For a terminal: a bar for each market, and one for the kernels while they are compiled."""

    def __init__(self) -> None:
        self._drawing = _drawing()
        self._tasks: dict[str, TaskID] = {}
        self._stages = {market.name: "" for market in MARKETS}
        for market in MARKETS:
            self._tasks[market.name] = self._drawing.add_task(
                market.name, total=STAGES, note="waiting", of=STAGES, start=False
            )
        self._drawing.start()

    def hear(self, market: str, message: dict[str, Any]) -> None:  # Any: JSON values
        """What a market's process says; see market_process.carry_out."""
        task = self._tasks[market]
        if "kernels" in message:
            self._kernels(*message["kernels"])
        elif "verdict" in message:
            self._drawing.update(task, note=message["verdict"]["label"])
            self._drawing.stop_task(task)
        elif "state" in message:
            self._stages[market] = message["stage"]
            self._drawing.start_task(task)
            over = message["state"] != "running"
            self._drawing.update(task, advance=int(over), note=f"{message['stage']}: {message['state']}")
        else:
            self._drawing.update(task, note=f"{self._stages[market]}: {message['note']}")

    def close(self) -> None:
        """Take the bars away and give the terminal its cursor back."""
        self._drawing.stop()

    def _kernels(self, done: int, total: int) -> None:
        if KERNELS not in self._tasks:
            self._tasks[KERNELS] = self._drawing.add_task(KERNELS, total=total, of=total, note="")
        self._drawing.update(
            self._tasks[KERNELS], completed=done, visible=done < total, note="compiling, once after installation"
        )


def _drawing() -> Drawing:
    """Name, bar, count and seconds keep their places; the note takes what the line has left."""
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    class Seconds(progress.ProgressColumn):
        """Since the task began."""

        def render(self, task: progress.Task) -> str:
            return f"{task.elapsed or 0.0:3.0f} s"

    return progress.Progress(
        progress.TextColumn("{task.description:8}"), progress.BarColumn(bar_width=15),
        progress.TextColumn("{task.completed:.0f} of {task.fields[of]}"), Seconds(),
        progress.TextColumn("{task.fields[note]}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
        console=Console(stderr=True), transient=True, expand=True, refresh_per_second=4,
    )  # fmt: skip


def table(verdicts: Sequence[MarketVerdict]) -> list[str]:
    """The verdicts side by side, and where the pages are.

    Parameters
    ----------
    verdicts
        One a market.

    Returns
    -------
    list[str]
        Lines of at most 80 characters, but for the links.
    """
    rows = [
        ("market", [v.market for v in verdicts]),
        ("verdict", [v.label for v in verdicts]),
        ("directions called", [_share(v.accuracy) for v in verdicts]),
        ("  base rate", [f"{v.base_rate:.1%}" for v in verdicts]),
        ("return after costs", [_return(v.net_return) for v in verdicts]),
        ("round trips", [f"{v.round_trips:,} on {v.sessions} sessions" for v in verdicts]),
        ("p of no edge", [_p(v) for v in verdicts]),
        ("  largest for an edge", [f"{v.level:.4f}" for v in verdicts]),
        ("run", [Path(v.run_dir).name for v in verdicts]),
    ]
    found = [f"{name:23}" + "".join(f"{cell:29}" for cell in cells).rstrip() for name, cells in rows]
    return [*found, *(f"{'page of ' + v.market:23}{Path(v.page).as_uri()}" for v in verdicts)]


def conclusion(verdicts: Sequence[MarketVerdict]) -> str:
    """Whether the verdicts are what they should be, in a line."""
    wrong = [v for v in verdicts if not v.right]
    if not wrong:
        return "both verdicts are right: the planted signal is found, and where there is none, none is"
    return "; ".join(f"{v.market}: {v.label}, where {v.expected} would be right" for v in wrong)


def _share(found: WithInterval) -> str:
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _return(net: WithInterval) -> str:
    return f"{net.value:+.1%} [{net.low:+.1%}, {net.high:+.1%}]".replace("-", "−")


def _p(found: MarketVerdict) -> str:
    """As the page has it: the smallest p that so many resamples can show stands for all smaller ones."""
    least = float(f"{max(found.p, 1.5 / found.reps):.1g}")
    return f"{found.p:.4f}" if found.p >= 1e-4 else f"< {least:.5f}"
