"""One market through all stages, in a process of its own that tells what it does in lines of JSON.

The first line on stdin is the order; the next one lets the back-test begin. Where stdin ends, the process that gave the
order is gone, and this one ends too, with all that it has started.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfm.cli import interrupts
from hfm.cli.demo.markets import MARKETS, SOURCE, SUPPORTED, SYMBOL, settings, verdict
from hfm.errors import HfmError, UsageError

if TYPE_CHECKING:
    from hfm.runs.manifest import Run
    from hfm.runs.pipeline import Options
    from hfm.stage import Progress, Verification
    from hfm.verify.lookahead.isolation import Isolated

Say = Callable[[dict[str, Any]], None]  # Any: JSON values
"""Tells the process that gave the order."""
OFTEN_S = 0.1
"""Least time between two words of progress."""


@dataclass(frozen=True)
class Order:
    """What a worker does.

    Attributes
    ----------
    market : its name.
    home : folder of runs/.
    seed : see markets.settings.
    refresh : whether stages are carried out that are fresh.
    wait_s : seconds to wait for the run's lock.
    workers : processes of a stage.
    compiles : whether it compiles kernels ahead of their need, and has processes beside it that do.
    """

    market: str
    home: str
    seed: int
    refresh: bool = False
    wait_s: float = 0.0
    workers: int = 1
    compiles: bool = False


def main() -> None:
    """Carry out the order on stdin; what ends it is said, and is no traceback."""
    lines, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    os.dup2(2, 1)  # what it starts, and libraries in C, print elsewhere
    interrupts.listen()  # so that what is at work tidies up
    gc.set_threshold(50_000, 20, 50)
    guard = threading.Lock()

    def say(message: dict[str, Any]) -> None:  # Any: JSON values
        with guard:
            print(json.dumps(message), file=lines, flush=True)

    order, turn = Order(**json.loads(sys.stdin.readline())), threading.Event()
    threading.Thread(target=_hear, args=(turn,), daemon=True).start()
    try:
        carry_out(order, say, turn.wait)
    except HfmError as e:
        say({"error": {"kind": e.kind, "what": e.what, "why": e.why, "hint": e.hint}})
    except Exception:
        say({"fault": traceback.format_exc()})


def _hear(turn: threading.Event) -> None:
    """Let the back-test begin with the next line; end with the last."""
    for _ in sys.stdin:
        turn.set()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def carry_out(order: Order, say: Say, turn: Callable[[], object]) -> None:
    """All stages of a market's run, skipping what is fresh.

    Parameters
    ----------
    order
        What is done.
    say
        Hears of each stage before and after it, of its progress, and of the verdict.
    turn
        Returns when the back-test may begin: the markets' trials go on record in one order.
    """
    from datetime import UTC, datetime

    from hfm.artifacts import SUMMARY
    from hfm.runs import manifest, pipeline, stages
    from hfm.runs.freshness import why_stale

    (market,) = (m for m in MARKETS if m.name == order.market)
    config = settings(market, order.seed)
    run = manifest.create(Path(order.home), market.run, (), datetime.now(UTC))
    with run.lock(order.wait_s), run.discarded_if_empty(), _asked() as asked:
        _check_ours(run)
        options = _options(order, say, asked)
        if order.compiles:
            _compile_ahead(say)
        for stage in stages.STAGES:
            if stage.name == "backtest":
                turn()
            why = why_stale(run, run.manifest(), stage, config) or ("--refresh" if order.refresh else None)
            say({"stage": stage.name, "state": "fresh" if why is None else "running"})
            if why is not None:
                if stage.name == "report" and market.expected == SUPPORTED:
                    asked.begin()
                done = pipeline.execute(run, stage, config, options)
                say({"stage": stage.name, "state": "done", "elapsed_s": round(done.elapsed_s, 3)})
        summary = json.loads((run.path / SUMMARY).read_bytes())
    say({"verdict": asdict(verdict(market, str(run.path), summary))})


def _check_ours(run: Run) -> None:
    """Raise UsageError where a run of the demonstration's name holds other bars: nobody's run is made another."""
    fetched = run.manifest().stages.get("fetch")
    if fetched and (fetched.config.get("source") != SOURCE or list(fetched.config.get("symbols", ())) != [SYMBOL]):
        raise UsageError(
            f"{run.path} is not a run of the demonstration", why="it holds bars of its own, which would be replaced",
            hint="give another folder with --home",
        )  # fmt: skip


def _asked() -> Isolated:
    """The process of the look-ahead tests, which an edge is to pass: it loads its libraries beside the report's."""
    from hfm.verify.lookahead.isolation import Isolated

    return Isolated()


def _options(order: Order, say: Say, asked: Isolated) -> Options:
    from hfm.runs.pipeline import Options

    def tests(run: Run) -> Verification:
        from hfm.verify.lookahead import run_tests

        return run_tests.verification(run, partial(_note, say), asked=asked)

    return Options(
        Path(order.home), order.wait_s, order.workers, progress=partial(_progress, say), verify=tests, latest=False,
        talk=partial(_note, say) if order.compiles else None,
    )  # fmt: skip


def _note(say: Say, text: str) -> None:
    say({"stage": "report", "note": text.partition(" by --seed")[0]})


def _progress(say: Say, stage: str) -> Progress:
    """What a stage calls as it gets on: of that, what is worth a redrawing."""
    told = [0.0]

    def tell(label: str, done: int, total: int, note: str = "") -> None:
        from hfm.kernels import first_run

        if label == first_run.LABEL:
            say({"kernels": [done, total]})
        elif (now := time.monotonic()) - told[0] > OFTEN_S:
            told[0] = now
            share = f"{done} of {total}" if total else f"{done}"
            say({"stage": stage, "note": share if label == stage else f"{label} {share}"})

    return tell


def _compile_ahead(say: Say) -> None:
    """Where kernels are in no cache, start with them while bars are made."""
    from hfm.kernels import first_run

    first_run.watch(None, _progress(say, ""))
    first_run.begin(networks=False)


if __name__ == "__main__":
    main()
