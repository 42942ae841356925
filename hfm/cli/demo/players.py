"""The processes that carry out the markets: started side by side or one after the other, heard, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from hfm import processes
from hfm.cli.demo.market_process import Order
from hfm.cli.demo.markets import MarketVerdict
from hfm.errors import HfmError

Hear = Callable[[str, dict[str, Any]], None]  # Any: JSON values
"""Called with a market's name and what its process says; see market_process.carry_out."""
GRACE_S = 0.5
"""What a process has to end after it was asked to."""


@dataclass(frozen=True)
class Player:
    """One market's process, and where its stderr goes."""

    market: str
    process: subprocess.Popen[str]
    err: IO[str]

    def write(self, line: str) -> None:
        """Send a line; where the process is gone, what it said last tells why."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()


def play(orders: Sequence[Order], together: bool, hear: Hear) -> list[MarketVerdict]:
    """Carry out orders.

    Each begins when the one before has trained, or has its verdict: until then that one compiles what both need. A
    back-test waits for that of the one before, so that their trials go on record in one order.

    Parameters
    ----------
    orders
        In that order.
    together
        Whether two may be at work at once.
    hear
        Hears what they say, in this thread.

    Returns
    -------
    list[MarketVerdict]
        In the order of `orders`.

    Raises
    ------
    HfmError
        That ended one of them; then the others are ended too.
    RuntimeError
        For a fault in one of them.
    """
    verdicts: dict[str, MarketVerdict] = {}
    said: queue.Queue[tuple[str, dict[str, Any] | None]] = queue.Queue()
    with contextlib.ExitStack() as stack:
        players = [stack.enter_context(_started(orders[0], said))]
        recorded: set[str] = set()
        while len(verdicts) < len(orders):
            _give_turns(players, recorded)
            market, message = said.get()
            if message is None and market in verdicts:
                continue
            player = next(p for p in players if p.market == market)
            if message is None:
                raise RuntimeError(f"the process of {market} ended early\n{_last_words(player)}")
            _raise(message)
            hear(market, message)
            if "verdict" in message:  # the run is committed and free: nobody waits for the process to end
                verdicts[market] = MarketVerdict.of_json(message["verdict"])
            if _over(message, "backtest"):
                recorded.add(market)
            left = orders[len(players) :] if player is players[-1] else ()
            if left and ("verdict" in message or (together and _over(message, "train"))):
                players.append(stack.enter_context(_started(left[0], said)))
    return [verdicts[order.market] for order in orders]


def _give_turns(players: Sequence[Player], recorded: set[str]) -> None:
    """Let the back-test begin of each market before which there is none, or which is on record."""
    for i, player in enumerate(players):
        if i == 0 or players[i - 1].market in recorded:
            player.write("go")


def _over(message: dict[str, Any], stage: str) -> bool:
    """Whether a message says that a stage is done, or was fresh."""
    return message.get("stage") == stage and message.get("state") in ("done", "fresh")


@contextlib.contextmanager
def _started(order: Order, said: queue.Queue[tuple[str, dict[str, Any] | None]]) -> Iterator[Player]:
    """A process that carries out the order; at the block's end it is gone, with all that it has started.

    It leads a group of its own, so that Ctrl-C at the terminal comes to this process alone.

    Yields
    ------
    Player
        Which has its order.
    """
    with tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            processes.command("hfm.cli.demo.market_process", "main"), text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
        )  # fmt: skip
        player = Player(order.market, process, err)
        try:
            player.write(json.dumps(asdict(order)))
            threading.Thread(target=_listen, args=(player, said), daemon=True).start()
            yield player
        finally:
            _end(process)


def _listen(player: Player, said: queue.Queue[tuple[str, dict[str, Any] | None]]) -> None:
    """Put what a process says into the queue; None when it is gone.

    What is no message, as the half of one that a killed process leaves, is passed over.
    """
    assert player.process.stdout is not None
    try:
        with player.process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    message = json.loads(line)
                    if isinstance(message, dict):
                        said.put((player.market, message))
    finally:
        said.put((player.market, None))


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
            break
    with contextlib.suppress(OSError):
        assert process.stdin is not None
        process.stdin.close()


def _raise(message: dict[str, Any]) -> None:
    """Raise the error that a process ended with, if the message is one."""
    if "fault" in message:
        raise RuntimeError(message["fault"].splitlines()[-1]) from RuntimeError(message["fault"])
    if "error" in message:
        error = message["error"]
        kinds = {kind.kind: kind for kind in HfmError.__subclasses__()}
        raise kinds.get(error["kind"], HfmError)(error["what"], why=error["why"], hint=error["hint"])


def _last_words(player: Player) -> str:
    player.err.seek(0)
    return player.err.read()[-2000:]
