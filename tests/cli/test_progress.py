"""Progress bars on a real terminal: what is drawn, and that nothing of it stays, whatever ends the command."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hfm.cli.progress import ProgressBars
from tests.command import hears_ctrl_c

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
STAGE = """
import sys, time
from hfm.runs import pipeline
from hfm.errors import DataError
def stage(inputs, config, ctx):
    ctx.progress("fetch", 1, 4, "SPY is here")
    ctx.progress("pages", 1234, 0)
    time.sleep(0.3)
    ctx.progress("fetch", 2, 4, "now wait")
    BODY
    raise DataError("nothing more", hint="hfm fetch")
    yield
pipeline._function = lambda found: stage
sys.argv = ["hfm", "fetch", "SPY", "--source", "synthetic"]
from hfm.cli import main
main()
"""


def watched(folder: Path, body: str, number: signal.Signals | None = None, **env: str) -> tuple[int, str]:
    """Exit code and all that a person at a terminal of 100 columns was shown. number: sent once a bar is there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", STAGE.replace("BODY", body)], cwd=folder, stdin=theirs, stdout=subprocess.DEVNULL,
        stderr=theirs, preexec_fn=hears_ctrl_c, env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **env},
    )  # fmt: skip
    os.close(theirs)
    seen, sent = b"", False
    while select.select([ours], [], [], 60)[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed: the process is gone
            break
        seen += piece
        if number and not sent and b"now wait" in seen:
            process.send_signal(number)
            sent = True
    os.close(ours)
    return process.wait(60), seen.decode()


@pytest.fixture(autouse=True)
def _a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_a_bar_shows_share_and_note_and_leaves_nothing(tmp_path: Path) -> None:
    """A stage's own label is not said twice, an unknown total is a count; the error stands on a clean line."""
    code, seen = watched(tmp_path, "pass")
    assert code == 4
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert re.search(r"fetch\s+━+.*25%.*SPY is here", plain)
    assert re.search(r"fetch: pages\s+━+.*1,234", plain)
    assert seen.count(HIDE) == seen.count(SHOW) > 0
    assert "━" not in seen[seen.rindex(SHOW) :]
    assert "error: nothing more" in seen[seen.rindex(SHOW) :]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "body", ["time.sleep(60)", "exec('while True:\\n try: time.sleep(60)\\n except BaseException: pass')"],
    ids=["heard", "swallowed"],
)  # fmt: skip
def test_a_signal_gives_the_terminal_its_cursor_back(tmp_path: Path, number: signal.Signals, body: str) -> None:
    """Also where a library swallows the exception."""
    code, seen = watched(tmp_path, body, number)
    assert code == 128 + number
    assert seen.rindex(SHOW) > seen.rindex(HIDE)
    assert seen.rstrip().endswith("what was committed stands")


def test_a_stage_that_says_nothing_is_said_to_run(tmp_path: Path) -> None:
    """After a second without a bar, before the first one and after the last; it gives way to the stage's own."""
    body = "ctx.progress('fetch', 4, 4)\n    ctx.progress('pages', 1, 1)\n    time.sleep(2.5)"
    code, seen = watched(tmp_path, body)
    assert code == 4
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert re.search(r"fetch\s+━+.*running, [12] s", plain)
    assert "━" not in seen[seen.rindex(SHOW) :]
    assert seen.count(HIDE) == seen.count(SHOW)


def test_what_a_finished_stage_still_says_is_not_drawn() -> None:
    """Its thread may come late."""
    bars = ProgressBars()
    late = bars.stage("train")
    bars.close()
    late("train", 1, 2)
    assert bars._drawing is None


def test_a_terminal_that_asks_for_none_gets_none(tmp_path: Path) -> None:
    """NO_COLOR."""
    code, seen = watched(tmp_path, "pass", NO_COLOR="1")
    assert code == 4
    assert "\x1b" not in seen
    assert "error: nothing more" in seen
