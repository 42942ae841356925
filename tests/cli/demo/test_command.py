"""`hfm demo` as it is typed, at a terminal and in a pipe."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from hfm.kernels import first_run
from tests import terminal
from tests.command import hfm
from tests.runs.test_running import gone_with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SILENCE_S = 2.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it."""
    return tmp_path_factory.mktemp("demo")


def plain(text: str) -> str:
    """Without what moves the cursor and colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")


@pytest.fixture(scope="module")
def first(home: Path) -> tuple[terminal.Session, dict[str, str]]:
    """The first run after installation, and what `hfm status` of another process says meanwhile."""
    seen: dict[str, str] = {}

    def look(process: subprocess.Popen[bytes], text: str) -> None:
        if not seen and "train: running" in text:
            done = hfm("status", "--run", "demo-planted", "--json", cwd=home)
            seen.update({name: each["state"] for name, each in done.json["metrics"]["stages"].items()})

    cache = home / "cache"
    return terminal.hfm("demo", cwd=home, watch=look, NUMBA_CACHE_DIR=str(cache), HFM_HOME=str(home)), seen


def test_the_first_run_ends_in_two_verdicts_and_their_pages(
    home: Path, first: tuple[terminal.Session, dict[str, str]]
) -> None:
    """Nothing moves any more below them, no line but a link is wider than the terminal."""
    session, _ = first
    assert session.code == 0, session.text
    shown = plain(session.text[session.text.rindex("\x1b[?25h") :])
    assert re.search(r"verdict +edge supported +no edge found", shown)
    assert "both verdicts are right" in shown
    for name in ("planted", "none"):
        page = home / "runs" / f"demo-{name}" / "report" / "report.html"
        assert page.as_uri() in shown
        assert page.is_file()
    assert (home / "runs" / "latest").readlink() == Path("demo-planted")


def test_no_stretch_of_the_first_run_is_silent(first: tuple[terminal.Session, dict[str, str]]) -> None:
    """Kernels are counted, and the list of them is what the markets call."""
    session, _ = first
    assert session.silence < SILENCE_S
    total = len(first_run.entries(networks=False))
    assert f"of {total}" in plain(session.text)
    assert "compiling, once after installation" in plain(session.text)


def test_another_process_sees_the_stage_at_work(first: tuple[terminal.Session, dict[str, str]]) -> None:
    """And calls nothing that runs missing."""
    assert first[1] == {"fetch": "fresh", "simulate": "fresh", "train": "running", "backtest": "missing",
                        "report": "missing"}  # fmt: skip


def test_every_kernel_of_the_markets_is_on_the_list(home: Path, first: tuple[terminal.Session, dict[str, str]]) -> None:
    """So that all are compiled beside the run, and are counted."""
    (folder,) = (path for path in (home / "cache").iterdir() if path.is_dir())
    kept = {path.name.rpartition("-")[0] for path in folder.glob("*.ready")}
    assert kept == {name.replace(":", ".") for name, _ in first_run.entries(networks=False)}


def test_again_it_says_that_nothing_is_to_be_done(home: Path, first: tuple[terminal.Session, dict[str, str]]) -> None:
    """In a pipe; and the runs are runs as any other."""
    done = hfm("demo", cwd=home)
    assert done.code == 0
    assert "\x1b" not in done.err + done.out
    assert "both runs were there and fresh" in done.err
    assert "planted: train: fresh" in done.err
    assert re.search(r"verdict +edge supported +no edge found", done.out)
    assert hfm("report", "--run", "demo-none", cwd=home).code == 0
    quiet = hfm("demo", "-q", cwd=home)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_json_is_one_object(home: Path, first: tuple[terminal.Session, dict[str, str]]) -> None:
    """With both verdicts, their figures and the files."""
    done = hfm("demo", "--json", cwd=home)
    body = done.json
    assert body["command"] == "demo"
    assert body["metrics"]["right"] is True
    markets = body["metrics"]["markets"]
    assert {name: each["label"] for name, each in markets.items()} == {
        "planted": "edge supported", "none": "no edge found"}  # fmt: skip
    assert all(Path(path).is_file() for path in body["artifacts"])
    summary = json.loads((home / "runs/demo-none/report/summary.json").read_text())
    assert markets["none"]["p"] == summary["verdict"]["numbers"]["p"]


def test_ctrl_c_ends_it_in_one_line(home: Path, first: tuple[terminal.Session, dict[str, str]]) -> None:
    """Nobody works on, and what was at work is seen as interrupted; the next run mends that."""
    folder = home / "runs" / "demo-planted"

    def stop(process: subprocess.Popen[bytes], text: str) -> None:
        if "train: running" in text and not stopped:
            stopped.append(process.pid)
            process.send_signal(signal.SIGINT)

    stopped: list[int] = []
    session = terminal.hfm("demo", "--refresh", cwd=home, watch=stop, HFM_HOME=str(home))
    assert session.code == 130
    last = plain(session.text[session.text.rindex("\x1b[?25h") :]).strip()
    assert last == "interrupted; what was committed stands"
    assert gone_with(folder)
    assert hfm("demo", "-q", cwd=home).code == 0
