"""A signal ends a command in time, whatever a library makes of the exception."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.command import hears_ctrl_c

SWALLOWED = """
import sys, time
from hfm.cli import app, interrupts as signals
signals.listen()
def body():
    while True:
        try:
            print("here", file=sys.stderr, flush=True)
            time.sleep(60)
        except BaseException:
            pass
body()
"""
HEARD = """
import sys, time
from hfm.runs import pipeline
def stage(found):
    print("here", file=sys.stderr, flush=True)
    time.sleep(60)
pipeline._function = stage
sys.argv = ["hfm", "fetch", "SPY", "--source", "synthetic"]
from hfm.cli import main
main()
"""
DEAF = """
import hashlib, sys
from hfm.cli import interrupts as signals
signals.listen()
while True:
    try:
        print("here", file=sys.stderr, flush=True)
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1)
    except BaseException:  # where it was heard before the call
        pass
"""
CHANGED = """
import sys, time
from hfm.runs import pipeline
def broken(stage):
    try:
        print("here", file=sys.stderr, flush=True)
        time.sleep(60)
    except BaseException:
        raise RuntimeError("no compiled object") from None
pipeline._function = broken
sys.argv = ["hfm", "fetch", "SPY", "--source", "synthetic"]
from hfm.cli import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "code", [HEARD, SWALLOWED, DEAF, CHANGED], ids=["heard", "swallowed", "in C", "made into another"]
)
def test_a_signal_ends_it_though_a_library_swallows_changes_or_delays_the_exception(
    tmp_path: object, number: signal.Signals, code: str
) -> None:
    """Within two seconds, with the documented code, one line and no traceback."""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=str(tmp_path), text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=hears_ctrl_c)  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "here\n"  # what a library prints while a command works is no product
    process.send_signal(number)
    sent = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - sent < 2
    assert process.returncode == 128 + number
    assert err.strip().endswith("what was committed stands")
    assert "Traceback" not in err
