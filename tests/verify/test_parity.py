"""What the claims of parity rest on: a row that differs is counted, a process is killed when it has saved."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hfm.live.stream import Stream
from hfm.tables import Reader
from hfm.verify import parity

WRITER = "import pathlib, time; time.sleep(.2); pathlib.Path({path!r}).write_text('saved'); time.sleep(60)"


def test_a_process_is_killed_once_it_has_saved_and_not_before(tmp_path: Path) -> None:
    """The checkpoint changes, and the writer is gone with -9."""
    path = tmp_path / "checkpoint"
    process = subprocess.Popen([sys.executable, "-c", WRITER.format(path=str(path))])
    assert parity._killed(process, path)
    assert path.read_text() == "saved"
    assert process.returncode == -9


def test_a_process_that_ends_by_itself_was_not_killed(tmp_path: Path) -> None:
    """Nothing to resume from: it does not count."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    assert not parity._killed(process, tmp_path / "checkpoint")


@pytest.mark.slow
def test_one_answer_that_differs_in_one_bit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cent of equity in one row of live."""
    replay = Stream.replay

    def other(self: Stream, quotes: Reader) -> Iterator[str]:
        for i, line in enumerate(replay(self, quotes)):
            row = json.loads(line)
            yield json.dumps(row | {"equity": row["equity"] + 0.01}) if i == 100 else line

    monkeypatch.setattr(Stream, "replay", other)
    (row,) = parity.live_is_batch()
    assert not row.passed
    assert row.got == row.high - 1
