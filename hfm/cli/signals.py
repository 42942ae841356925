"""SIGINT and SIGTERM: an exception where the program stands, and its end within two seconds whatever becomes of that.

An exception raised inside a library's callback may be swallowed there, or come out as another one. So the first signal
also silences what Python says of swallowed exceptions, and starts a timer that ends the process: files are whole or not
there at any moment, so nothing is lost by it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from hfm.cli.bars import CURSOR

PATIENCE = 1.5
"""Seconds for an orderly end."""
WORDS = {130: "interrupted; what was committed stands", 143: "terminated; what was committed stands"}


class Stopped(BaseException):
    """Either signal. Not KeyboardInterrupt, of which typer makes an exit code without a word."""


_asked: list[int] = []


def listen() -> None:
    """Answer both signals; SIGINT only where whoever started this process has not switched it off."""
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end)


def asked() -> int | None:
    """The exit code that a signal has asked for; None without one."""
    return _asked[0] if _asked else None


def _end(number: int, frame: FrameType | None) -> NoReturn:
    if not _asked:
        _asked.append(128 + number)
        sys.unraisablehook = lambda args: None
        timer = threading.Timer(PATIENCE, _out)
        timer.daemon = True
        timer.start()
    raise Stopped


def _out() -> None:
    code = _asked[0]
    os.write(2, (CURSOR if os.isatty(2) else b"") + f"{WORDS[code]}\n".encode())
    os._exit(code)
