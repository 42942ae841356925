"""The processes of the two markets: who begins when, what is heard, and that nothing is left of them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hfm import processes
from hfm.cli.demo import players
from hfm.cli.demo.market_process import Order
from hfm.errors import LockedError
from tests.gone import ended

VERDICT: dict[str, Any] = {
    "run_dir": "/r", "page": "/r/p", "label": "edge supported", "expected": "edge supported",
    "accuracy": [0.5, 0.4, 0.6], "base_rate": 0.5, "net_return": [0.1, 0.0, 0.2], "round_trips": 3, "sessions": 2,
    "p": 0.5, "level": 0.01, "reps": 100,
}  # fmt: skip
TOY = """
import json, os, subprocess, sys, time
from pathlib import Path
order = json.loads(sys.stdin.readline())
log = Path(order["home"])
def say(**message):
    print(json.dumps(message), flush=True)
def stage(name, seconds=0.0):
    say(stage=name, state="running")
    (log / "log").open("a").write(f"{order['market']} {name}\\n")
    time.sleep(seconds)
    say(stage=name, state="done", elapsed_s=seconds)
BODY
stage("train", 0.2)
sys.stdin.readline()
stage("backtest", 0.2)
stage("report")
say(verdict=dict(json.loads(VERDICT), market=order["market"]))
time.sleep(60)
"""


def toy(monkeypatch: pytest.MonkeyPatch, body: str = "") -> None:
    """In the worker's place a program that does nothing but speak."""
    import json

    code = TOY.replace("BODY", body).replace("VERDICT", repr(json.dumps(VERDICT)))
    monkeypatch.setattr(processes, "command", lambda *_: [sys.executable, "-c", code])


def orders(folder: Path) -> list[Order]:
    return [Order(name, str(folder), 7) for name in ("first", "second")]


@pytest.mark.parametrize("together", [True, False])
def test_verdicts_come_in_the_order_of_the_orders_and_nobody_waits_for_a_process_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """The toy sleeps for a minute after its verdict."""
    toy(monkeypatch)
    heard: list[tuple[str, dict[str, Any]]] = []
    began = time.monotonic()
    found = players.play(orders(tmp_path), together, lambda market, message: heard.append((market, message)))
    assert time.monotonic() - began < 30
    assert [verdict.market for verdict in found] == ["first", "second"]
    assert found[0].accuracy == (0.5, 0.4, 0.6)
    at = {(market, message["stage"]): i for i, (market, message) in enumerate(heard) if message.get("state") == "done"}
    begun = next(i for i, (market, _) in enumerate(heard) if market == "second")
    assert begun > at["first", "train"]
    assert at["second", "backtest"] > at["first", "backtest"]
    if not together:
        assert begun > at["first", "report"]


def test_the_second_back_test_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much faster it is there: its trials are counted second."""
    toy(monkeypatch, "if order['market'] == 'first':\n    stage('train')\n    time.sleep(1.5)")
    players.play(orders(tmp_path), True, lambda *_: None)
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines.index("second train") < lines.index("first backtest") < lines.index("second backtest")


def test_an_error_of_a_market_is_the_command_s_and_ends_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its kind and its hint; also what the other had started is gone."""
    toy(monkeypatch, """
if order["market"] == "first":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (log / "pid").write_text(str(child.pid))
    stage("train")
    time.sleep(60)
say(error={"kind": "locked", "what": "another hfm is at work", "why": "", "hint": "--wait 60"})
""")  # fmt: skip
    with pytest.raises(LockedError, match="another hfm is at work") as caught:
        players.play(orders(tmp_path), True, lambda *_: None)
    assert caught.value.hint == "--wait 60"
    assert ended(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(("body", "words"), [
    ("say(fault='Traceback\\nValueError: no')", "ValueError: no"),
    ("sys.exit('out of memory')", "ended early\nout of memory"),
    ("print('{\"sta', end='', flush=True); sys.exit('killed')", "ended early\nkilled"),
    ("print('a library says hello', flush=True); print(3, flush=True); sys.exit('no')", "ended early\nno"),
])  # fmt: skip
@pytest.mark.timeout(60)
def test_a_fault_is_one_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str) -> None:
    """With what the process said last."""
    toy(monkeypatch, body)
    with pytest.raises(RuntimeError, match=words):
        players.play(orders(tmp_path), True, lambda *_: None)


def test_an_interruption_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised where the command listens."""
    toy(monkeypatch, "(log / order['market']).write_text(str(os.getpid()))")

    def interrupted(market: str, message: dict[str, Any]) -> None:
        if market == "second":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        players.play(orders(tmp_path), True, interrupted)
    assert all(ended(int((tmp_path / name).read_text())) for name in ("first", "second"))
