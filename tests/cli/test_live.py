"""predict, stream, export and schedule as a user types them, on one small run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command import hfm

AS_OF = "2026-03-06T22:00:00Z"
FETCH = ("SPY", "--source", "synthetic", "--sessions", "21", "--as-of", AS_OF, "--interval", "15m")
SMALL = ("--set", "train.epochs=2", "--set", "train.seeds=2", "--set", "train.hidden=8", "--threshold", "q50")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a trained and back-tested run of 15-minute bars."""
    folder = tmp_path_factory.mktemp("home")
    for arguments in (
        ("fetch", *FETCH, "--run", "r"),
        ("simulate",),
        ("train", *SMALL[:-2]),
        ("backtest", *SMALL[-2:]),
    ):
        done = hfm(*arguments, cwd=folder)
        assert done.code == 0, done.err
    return folder


def ledger_rows(home: Path) -> int:
    """Rows of the back-test's ledger, by the manifest."""
    stages = json.loads((home / "runs" / "r" / "manifest.json").read_text())["stages"]
    return int(stages["backtest"]["artifacts"]["backtest/ledger.parquet"]["rows"])


def test_predict_says_what_it_wants_and_that_the_market_is_closed(home: Path) -> None:
    """A line for a person, an object for a program, the same numbers."""
    done = hfm("predict", "spy", "--as-of", AS_OF, cwd=home)
    assert done.code == 0
    assert done.out.splitlines()[-1] == "market: closed"
    body = hfm("predict", "--as-of", AS_OF, "--json", cwd=home).json["metrics"]
    said = body["predictions"][0]
    assert (body["market"], said["symbol"], said["stale"]) == ("closed", "SPY", False)
    assert f"{said['p_up']:.4f}" in done.out
    assert body["model_id"] in done.out


def test_stale_data_in_an_open_market_is_exit_7(home: Path) -> None:
    """The next Monday at noon nothing new has come; on Sunday that is no fault."""
    done = hfm("predict", "--as-of", "2026-03-09T16:00:00Z", cwd=home)
    assert (done.code, done.out.splitlines()[-1]) == (7, "market: open")
    assert "older than two intervals" in done.err
    assert hfm("predict", "--as-of", "2026-03-08T16:00:00Z", cwd=home).code == 0


def test_predict_imports_neither_torch_nor_pandas(home: Path) -> None:
    """It runs every five minutes."""
    code = """
import sys
sys.argv = ["hfm", "predict", "--as-of", "2026-03-06T21:04:00Z"]
from hfm.cli import main
try:
    main()
except SystemExit:
    pass
print([m for m in ("torch", "pandas", "matplotlib", "sklearn", "yfinance", "exchange_calendars") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


RANDOM = np.random.default_rng(8).integers(1, 4, 50).tolist()
"""Rows after which each of fifty processes is killed."""


@pytest.mark.parametrize(
    ("stops", "every"),
    [((5, 40, 33), 7), pytest.param(tuple(RANDOM), 1, marks=pytest.mark.slow)], ids=["three", "fifty"],
)  # fmt: skip
def test_a_replay_killed_at_any_row_goes_on_from_its_state(
    home: Path, tmp_path: Path, stops: tuple[int, ...], every: int
) -> None:
    """SIGKILL after some rows, again and again: together the answers of an undisturbed replay, none missing."""
    whole = hfm("stream", cwd=home)
    assert whole.code == 0
    assert len(whole.out.splitlines()) == ledger_rows(home) > 150
    got: dict[tuple[object, object], str] = {}
    killed = 0
    for stop in (*stops, 1000):
        command = [sys.executable, "-m", "hfm", "stream", "--state", str(tmp_path / "s"), "--every", str(every)]
        with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            assert child.stdout is not None
            for count, line in enumerate(child.stdout, start=1):
                if not line.endswith("\n"):  # cut by the kill; it is said again, whole
                    break
                said = json.loads(line)
                key = (said["session"], said["seq"])
                assert got.setdefault(key, line) == line
                if count == stop:  # what it has said by then is in the pipe, and is read on
                    child.send_signal(signal.SIGKILL)
        killed += child.returncode == -signal.SIGKILL
    assert list(got.values()) == whole.out.splitlines(keepends=True)
    assert killed == len(stops)


QUOTES = (
    "mid_open", "mid_high", "mid_low", "mid_close", "spread_bps", "depth_bid", "depth_ask", "volume", "signed_volume",
    "ofi", "sigma_bps", "cash_dividend", "split_ratio", "bid_open", "ask_open", "bid_close", "ask_close", "trade_high",
    "trade_low",
)  # fmt: skip


def row(seq: int) -> bytes:
    """A line of a feed: a row of the next session."""
    begin, end = (f"2026-03-09T{13 + (30 + 15 * k) // 60}:{(30 + 15 * k) % 60:02d}:00Z" for k in (seq, seq + 1))
    place = {"symbol": "SPY", "session": "2026-03-09", "seq": seq, "is_last": False, "time_open": begin, "time": end}
    return json.dumps({**dict.fromkeys(QUOTES, 1.0), **place}).encode() + b"\n"


def feed(home: Path, *arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """`hfm stream --source stdin`, under way."""
    command = [sys.executable, "-m", "hfm", "stream", "--source", "stdin", "--run", "r", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=home, **{"stdin": pipe, "stdout": pipe, "stderr": pipe, **options})


def statuses(out: bytes) -> list[str]:
    """The statuses of answers."""
    return [json.loads(line)["status"] for line in out.splitlines()]


def test_a_feed_with_a_byte_order_mark_an_endless_line_and_half_a_line(home: Path) -> None:
    """The first row counts, the endless line is several that are none, the half one is none."""
    with feed(home) as child:
        out, _ = child.communicate(b"\xef\xbb\xbf" + row(0) + b"x" * (2 << 20) + b"x\n" + row(1) + row(2)[:99])
    assert statuses(out) == ["ok", "invalid", "invalid", "invalid", "ok", "invalid"]
    assert child.returncode == 7


def test_two_streams_on_one_state_and_sigterm_in_the_middle_of_a_line(home: Path, tmp_path: Path) -> None:
    """The second is exit 9 and changes nothing; the first ends with 143, and a third goes on from its last row."""
    state = tmp_path / "s"
    with feed(home, "--state", state) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdin.write(row(0))
        first.stdin.flush()
        assert statuses(first.stdout.readline()) == ["ok"]
        second = hfm("stream", "--source", "stdin", "--state", state, "--run", "r", cwd=home)
        assert second.code == 9
        assert "--state" in second.err
        first.stdin.write(row(1)[:80])
        first.stdin.flush()
        first.send_signal(signal.SIGTERM)  # at times in the instant before the next read, which nothing would end
        assert first.wait(60) == 143
    with feed(home, "--state", state) as third:
        assert statuses(third.communicate(row(0) + row(1))[0]) == ["duplicate", "ok"]


def test_a_reader_that_leaves_and_a_stdin_that_is_closed(home: Path) -> None:
    """The first is no error, the second is said; neither is a fault."""
    with feed(home, "-q") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.close()
        child.stdin.write(row(0) + row(1))
        child.stdin.close()
        assert child.wait() == 0
        assert child.stderr is not None
        assert child.stderr.read() == b""
    with feed(home, preexec_fn=lambda: os.close(0), stdin=None) as child:
        _, err = child.communicate()
    assert (child.returncode, err.splitlines()[0]) == (2, b"error: stdin is closed")


def test_a_feed_is_answered_line_by_line_and_nonsense_is_exit_7(home: Path) -> None:
    """Answers come as soon as the line does; metrics.prom has the counts."""
    with feed(home) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for text, status in ((row(0), "ok"), (row(0), "duplicate"), (b"{\n", "invalid")):
            child.stdin.write(text)
            child.stdin.flush()
            assert statuses(child.stdout.readline()) == [status]
        _, err = child.communicate()
    assert child.returncode == 7
    assert b"1 ok, 1 duplicate, 1 invalid" in err
    text = (home / "runs" / "r" / "metrics.prom").read_text()
    assert 'hfm_stream_rows_total{run="r",verdict="duplicate"} 1' in text
    assert f'hfm_stage_rows{{run="r",artifact="backtest/ledger.parquet"}} {ledger_rows(home)}' in text


@pytest.mark.slow
def test_the_bench_has_parse_in_and_out_and_both_rivals_in_one_process(home: Path) -> None:
    """p50, p90, p99, p99.9 and max of each, beside torch eager and ONNX Runtime."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    done = hfm("stream", "--bench", "--run", "r", cwd=home)
    assert done.code == 0, done.err
    for name in ("p50", "p90", "p99", "p99.9", "max", "step: lstm, 1 network", "line: lstm, 1 network",
                 "step: lstm, 2 networks", "nothing, for as long", "torch eager, 1 network, window",
                 "ONNX Runtime, 1 network, window", "ONNX Runtime, exported graph, step"):  # fmt: skip
        assert name in done.out


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_what_the_stages_and_a_stream_wrote(home: Path) -> None:
    """The file as it lies in the run."""
    assert hfm("stream", "--run", "r", cwd=home).code == 0
    text = (home / "runs" / "r" / "metrics.prom").read_bytes()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"hfm_stream_latency_seconds_bucket" in text
    assert b"hfm_stage_rows" in text


def test_export_writes_a_graph_that_was_checked(home: Path) -> None:
    """Into the run, or where it is told to."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    done = hfm("export", "--format", "onnx", "--json", cwd=home)
    assert done.code == 0, done.err
    assert Path(done.json["artifacts"][0]).stat().st_size > 1000
    assert done.json["metrics"]["export"]["parity"] <= 1e-6


@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_schedule_prints_lines_for_this_run(home: Path, kind: str) -> None:
    """With its home, its name and its hfm."""
    done = hfm("schedule", kind, "--run", "r", cwd=home)
    assert done.code == 0
    assert f"HFM_HOME={home}" in done.out
    assert "America/New_York" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["predict", "QQQ"], 2, "SPY"), (["predict", "--as-of", "soon"], 2, "soon"),
        (["predict", "--run", "x"], 4, "x"),
        (["stream", "--source", "tape"], 2, "tape"), (["export", "--format", "pmml"], 2, "onnx"),
        (["schedule", "at"], 2, "systemd"), (["predict", "--set", "backtest.threshold=2"], 3, "threshold"),
        (["stream", "--state", "hfm.toml"], 4, "damaged"), (["stream", "--state", ""], 2, "--state FILE"),
        (["stream", "--state", "runs"], 10, "runs"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_one_clear_line(home: Path, arguments: list[str], code: int, says: str) -> None:
    """The documented code, and what to type."""
    (home / "hfm.toml").write_text("")
    done = hfm(*arguments, cwd=home)
    assert done.code == code, done.err
    assert says in done.err
