"""The process in which plug-ins answer: nothing of this one is in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from hfm import plugins
from hfm.plugins import Arrays, Panel, Signals
from hfm.verify.lookahead import isolation
from hfm.verify.lookahead.isolation import Isolated, Reply
from tests.gone import ended

HERE = "tests.verify.lookahead.test_isolation"
KEPT: list[int] = []


class Nosy:
    """A model that answers with what it finds out: calls before this one, hour, process, folder, a file."""

    def predict(self, arrays: Arrays, panel: Panel) -> np.ndarray:
        """Not heads, but what the test wants to know."""
        KEPT.append(1)
        file = Path(os.environ["NOSY_FILE"])
        try:
            read = len(file.read_text())
        except OSError:
            read = -1
        away = datetime.now().timestamp() - time.monotonic()
        here = float(os.getcwd() == os.environ["NOSY_FOLDER"])
        return np.array([len(KEPT), away, time.time() - time.monotonic(), os.getpid(), here, read])


class Faulty:
    """Raises."""

    def weights(self, signals: Signals) -> np.ndarray:
        """Nothing to say."""
        raise ValueError("no answer")


class Leaving:
    """Ends the process instead of answering."""

    def weights(self, signals: Signals) -> np.ndarray:
        """Nothing is said."""
        os._exit(0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Isolated]:
    """A process that knows the plug-ins of this file."""
    (tmp_path / "kept").write_text("what it saw before")
    monkeypatch.setenv("NOSY_FILE", str(tmp_path / "kept"))
    monkeypatch.setenv("NOSY_FOLDER", os.getcwd())
    monkeypatch.setitem(plugins.REGISTRY["models"], "nosy", f"{HERE}:Nosy")
    monkeypatch.setitem(plugins.REGISTRY["policies"], "faulty", f"{HERE}:Faulty")
    monkeypatch.setitem(plugins.REGISTRY["policies"], "leaving", f"{HERE}:Leaving")
    with Isolated() as process:
        yield process


NO_ROWS = Panel(
    np.empty((0, 1)), ("f",), 1, np.empty(0, np.int64), *[np.empty(0)] * 5, np.zeros(1, np.int64),
    *[np.empty(0, np.int64)] * 2, ("SPY",), 78, 5,
)  # fmt: skip


def ask(asked: Isolated, times: int = 1) -> Reply:
    """What the model replies about no rows."""
    return asked.ask(isolation.predict, "nosy", {}, [NO_ROWS] * times)


def test_state_clock_process_folder_and_files_are_others(asked: Isolated) -> None:
    """And the file that it tries to read is named; two calls in one process know of each other, another does not."""
    here = Nosy().predict({}, NO_ROWS)
    reply = ask(asked, 2)
    assert reply.error == ""
    (calls, away, clock, process, folder, read), second = reply.answers
    assert (calls, folder, read) == (1, 0, -1)
    assert second[0] == 2
    assert process != here[3]
    assert abs(away - here[1]) > 86_400
    assert abs(clock - here[2]) > 86_400
    assert reply.touched == (f"opens {os.environ['NOSY_FILE']}",)
    assert not reply.touched_row("train", "model nosy").passed
    assert ask(asked.spare).answers[0][0] == 1
    none = np.empty(0)
    fault = asked.ask(isolation.propose, "faulty", [Signals(none, none, none, none)])
    assert (fault.answers, fault.error) == ([], "ValueError: no answer")
    left = asked.ask(isolation.propose, "leaving", [Signals(none, none, none, none)])
    assert (left.answers, left.error) == ([], "its process ended")
    assert ask(asked).answers[0][0] == 1


ASKING = """
import time
from hfm.verify.lookahead import isolation
if __name__ == "__main__":
    asked = isolation.Isolated()
    asked.ask(isolation.predict, "constant", {}, [])
    print(asked._process.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_it_ends_with_the_process_that_asks() -> None:
    """kill -9 of the one that asks: the one that answers is gone in seconds."""
    parent = subprocess.Popen([sys.executable, "-c", ASKING], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert ended(child)


def test_a_process_that_was_begun_before_it_was_asked_answers_the_same() -> None:
    """And it ends with the block, asked or not."""
    with Isolated() as ahead, Isolated() as late:
        ahead.begin()
        ahead.begin()
        assert repr(ahead.ask(isolation.propose, "nonsense", [])) == repr(late.ask(isolation.propose, "nonsense", []))
    with Isolated() as process:
        process.begin()
        folder = process._folder
    assert not Path(folder).exists()
