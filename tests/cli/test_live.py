"""predict, stream, export and schedule as a user types them, on one small run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

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


def test_a_replay_killed_at_any_row_goes_on_from_its_state(home: Path, tmp_path: Path) -> None:
    """SIGKILL after some rows, again and again: together the answers of an undisturbed replay, none missing."""
    whole = hfm("stream", cwd=home)
    assert whole.code == 0
    assert len(whole.out.splitlines()) == ledger_rows(home) > 150
    got: dict[tuple[object, object], str] = {}
    for stop in (5, 40, 33, 1000):
        command = [sys.executable, "-m", "hfm", "stream", "--state", str(tmp_path / "s"), "--every", "7"]
        with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            assert child.stdout is not None
            for count, line in enumerate(child.stdout, start=1):
                said = json.loads(line)
                key = (said["session"], said["seq"])
                assert got.setdefault(key, line) == line
                if count == stop:
                    child.send_signal(signal.SIGKILL)
                    break
    assert list(got.values()) == whole.out.splitlines(keepends=True)


def test_a_feed_is_answered_line_by_line_and_nonsense_is_exit_7(home: Path) -> None:
    """Answers come as soon as the line does; metrics.prom has the counts."""
    item = {**dict.fromkeys(QUOTES, 1.0), "symbol": "SPY", "session": "2026-03-09", "seq": 0, "is_last": False,
            "time_open": "2026-03-09T13:30:00Z", "time": "2026-03-09T13:45:00Z", "imbalance": None}  # fmt: skip
    command = [sys.executable, "-m", "hfm", "stream", "--source", "stdin", "--run", "r"]
    with subprocess.Popen(
        command, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for text, status in ((json.dumps(item), "ok"), (json.dumps(item), "duplicate"), ("{", "invalid")):
            child.stdin.write(text + "\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["status"] == status
        _, err = child.communicate()
    assert child.returncode == 7
    assert "1 ok, 1 duplicate, 1 invalid" in err
    text = (home / "runs" / "r" / "metrics.prom").read_text()
    assert 'hfm_stream_rows_total{run="r",verdict="duplicate"} 1' in text
    assert f'hfm_stage_rows{{run="r",artifact="backtest/ledger.parquet"}} {ledger_rows(home)}' in text


QUOTES = (
    "mid_open", "mid_high", "mid_low", "mid_close", "spread_bps", "depth_bid", "depth_ask", "volume", "signed_volume",
    "ofi", "sigma_bps", "cash_dividend", "split_ratio", "bid_open", "ask_open", "bid_close", "ask_close", "trade_high",
    "trade_low",
)  # fmt: skip


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
        (["stream", "--state", "hfm.toml"], 4, "damaged"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_one_clear_line(home: Path, arguments: list[str], code: int, says: str) -> None:
    """The documented code, and what to type."""
    (home / "hfm.toml").write_text("")
    done = hfm(*arguments, cwd=home)
    assert done.code == code, done.err
    assert says in done.err
