"""SIGINT and SIGTERM: an exception where the program stands, and its end within two seconds whatever becomes of that.

An exception raised inside a library's callback may be swallowed there, or come out as another one. So the first signal
also silences what Python says of swallowed exceptions, and a thread that waits for it ends the process in time: files
are whole or not there at any moment, so nothing is lost by it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from hfm.cli.progress import CURSOR

PATIENCE = 1.5
"""Seconds for an orderly end."""
WORDS = {130: "interrupted; what was committed stands", 143: "terminated; what was committed stands"}


class Stopped(BaseException):
    """Either signal. Not KeyboardInterrupt, of which typer makes an exit code without a word."""


_asked: list[int] = []


def listen() -> None:
    """Answer both signals; SIGINT only where whoever started this process has not switched it off."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(read_end,), daemon=True).start()
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
    raise Stopped


def _wait(read_end: int) -> None:
    """End the process PATIENCE after the first signal, whether or not Python has come to its handler.

    It comes there only between two of its own instructions: after a long call into C, or, where a signal falls into the
    instant before a blocking read, after the next line. The pipe is written as the signal arrives.
    """
    code = 128 + os.read(read_end, 1)[0]
    time.sleep(PATIENCE)
    os.write(2, (CURSOR if os.isatty(2) else b"") + f"{WORDS[code]}\n".encode())
    os._exit(code)
