"""The README stays true: every command in it is run as it is typed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests import readme
from tests.command import hfm
from tests.conftest import OUTSIDE
from tests.fetch import orderflow
from tests.fetch.drive import frame, raw, week
from tests.fetch.levels import messages
from tests.fetch.sources import test_binance, test_databento, test_tardis
from tests.yahoo import Yahoo

TAGS = ("main", "test", "tour", "book", "real", "adjust", "feeds", "reference")
COMMANDS = (
    "demo", "fetch", "simulate", "train", "backtest", "report", "run", "status", "verify",
    "predict", "stream", "export", "schedule", "doctor", "prune", "docs",
    "list", "settings", "init", "schema",
)  # fmt: skip
PYTHON = Path(sys.executable).parent

PERMITTED = {"hfm predict": {0, 7}}
"""Exit codes beside 0: yesterday's data is stale while the market is open, and the test does not know the hour."""


def shell(text: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a reader would, with this environment's hfm on the path."""
    path = f"{PYTHON}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=cwd, env={**os.environ, "PATH": path, **env},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900,
    )  # fmt: skip


def nightly(home: Path, fetch: str) -> subprocess.CompletedProcess[str]:
    """The README's script under sh, as cron would start it."""
    (script,) = readme.blocks("cron", "sh")
    (home / "nightly.sh").write_text(script)
    return shell("sh nightly.sh", home, HFM_HOME=str(home), HFM_FETCH=fetch)


def plugin(folder: Path, group: str, name: str) -> dict[str, str]:
    """The README's example plug-in, installed beside nothing else; the environment that sees it."""
    (code,) = readme.blocks(f"plugin: {group} {name}", "python")
    return register(folder, group, name, code)


def register(folder: Path, group: str, name: str, code: str) -> dict[str, str]:
    """A plug-in of these lines, whose class is called as it is with a capital; the environment that sees it."""
    info = folder / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (folder / f"{name}.py").write_text(code)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[hfm.{group}]\n{name} = {name}:{name.capitalize()}\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_every_hfm_line_stands_in_a_block_that_a_test_runs() -> None:
    """No example escapes."""
    tested = [c for tag in TAGS for c in readme.commands(tag)]
    assert [line for line in readme.every_hfm_line() if line not in tested] == []


def test_every_option_that_is_named_exists() -> None:
    """`--flag` in the prose too."""
    helps = "".join(
        subprocess.run([sys.executable, "-m", "hfm", c, "--help"], capture_output=True, text=True, check=True).stdout
        for c in COMMANDS
    )
    text = "\n".join(page.read_text("utf-8") for page in readme.pages())
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"```sh.*?```", "", text, flags=re.S)))
    others = {"--check", "--strict", "--soak"}  # ruff's, mypy's, and the reliability tests'
    assert {n for n in named - others if n not in helps} == set()


def test_the_readme_s_source_plugs_in(tmp_path: Path) -> None:
    """Twenty lines and an entry point, and fetch knows it."""
    env = plugin(tmp_path / "site", "sources", "walk")
    done = hfm("fetch", "X", "--source", "walk", cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    assert "SYNTHETIC" in done.err
    assert "walk" in hfm("fetch", "X", "--source", "wolk", cwd=tmp_path, env=env).err
    assert "plugged in: walk" in hfm("fetch", "--help", cwd=tmp_path, env=env).out


@pytest.mark.slow
def test_the_readme_s_model_and_policy_plug_in(tmp_path: Path) -> None:
    """The model is scored beside the floors, the policy trades."""
    env = plugin(tmp_path / "site", "models", "streak") | plugin(tmp_path / "site", "policies", "calm")
    assert hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 21, cwd=tmp_path).code == 0
    assert hfm("simulate", cwd=tmp_path).code == 0
    trained = hfm("train", "--model", "streak", cwd=tmp_path, env=env)
    assert trained.code == 0, trained.err
    assert "streak *" in trained.err
    traded = hfm("backtest", "--threshold", "calm", "--model", "logistic", "--json", cwd=tmp_path, env=env)
    assert traded.code == 0, traded.err
    assert traded.json["metrics"]["backtest"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_tour_runs_as_it_is_typed(tmp_path: Path) -> None:
    """One shell, one home, every line, the exit code of each."""
    for command in readme.commands("tour"):
        done = shell(command, tmp_path)
        assert done.returncode in PERMITTED.get(command.split("#")[0].strip(), {0}), f"{command}\n{done.stderr}"
        assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_order_book_runs_as_it_is_typed(tmp_path: Path) -> None:
    """Simulated, exported, fetched again, replayed, and its laws given to another."""
    for command in readme.commands("book"):
        done = shell(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.slow
def test_real_sources_run_as_they_are_typed(tmp_path: Path) -> None:
    """A CSV as a user would have it; Yahoo through the real client against a local stand-in."""
    made = hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 25, "--run", "csv", "--json", cwd=tmp_path)
    import pandas as pd

    bars = pd.read_parquet(made.json["artifacts"][0])
    bars["timestamp"] = (bars["time"] - pd.Timedelta(minutes=5)).dt.tz_convert("America/New_York")
    bars[["timestamp", "symbol", "open", "high", "low", "close", "volume"]].to_csv(tmp_path / "bars.csv", index=False)
    with Yahoo(tmp_path, datetime.now(UTC).isoformat()) as stub:
        for command in readme.commands("real"):
            done = shell(command, tmp_path, **stub.env())
            assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_a_split_is_settled_as_it_is_typed(tmp_path: Path) -> None:
    """A file with a split of 10 for 1 on 2024-03-20 is refused with just these two ways to go on, and each works."""
    bars = frame(raw(over := week(first="2024-03-11", last="2024-03-22")))
    early = (raw(over).time <= over.open[7]) & (over.day[7] == np.datetime64("2024-03-20"))
    bars.loc[early, ["open", "high", "low", "close"]] *= 10
    bars.loc[early, "volume"] /= 10
    bars.to_csv(tmp_path / "vod.csv", index=False)
    refused = hfm("fetch", "VOD", "--source", "file", "--path", "vod.csv", cwd=tmp_path)
    assert refused.code == 4
    commands = readme.commands("adjust")
    typed = [command.partition("  #")[0].partition("vod.csv ")[2].strip() for command in commands]
    assert refused.err.splitlines()[-1] == f"  next: {', or '.join(typed)}"
    for command in commands:
        done = shell(command, tmp_path)
        assert done.returncode == 0, done.stderr


def test_what_there_is_is_shown_as_it_is_typed(tmp_path: Path) -> None:
    """Runs, settings and tables, beside a run of that name."""
    assert hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 2, "--run", "first", cwd=tmp_path).code == 0
    for command in readme.commands("reference"):
        done = shell(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout


@pytest.mark.parametrize("source", ["binance", "tardis", "databento"])
def test_feeds_run_as_they_are_typed(tmp_path: Path, source: str) -> None:
    """On files as each vendor publishes them."""
    (tmp_path / (folder := "dbn" if source == "databento" else source)).mkdir()
    if source == "binance":
        made = messages(seed=1, count=200, start_us=test_binance.START, again=90)
        for whole, kind in ((True, "snap"), (False, "update")):
            path = tmp_path / folder / f"BTCUSDT_T_DEPTH_2024-03-01_depth_{kind}.csv"
            path.write_text(test_binance.depth(made, whole))
    elif source == "tardis":
        made = messages(seed=1, count=200, start_us=test_tardis.START, again=90)
        (tmp_path / folder / test_tardis.name("incremental_book_L2")).write_text(test_tardis.changes(made))
    else:
        raw = test_databento.header("mbo", {"SPY": 17}) + test_databento.orders(orderflow.made(3, 400, 10))
        (tmp_path / folder / "xnas-itch-20240603.mbo.dbn").write_bytes(raw)
    (command,) = (c for c in readme.commands("feeds") if f"--source {source}" in c)
    done = shell(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "latest" / "fetch" / "book.parquet").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("fetch", "exit_code"), [("SPY --source synthetic --sessions 21", 0), ("--nonsense", 2)])
def test_the_nightly_script_goes_on_after_a_partial_fetch_and_stops_at_a_fault(
    tmp_path: Path, fetch: str, exit_code: int
) -> None:
    """Exit 7 of fetch is no reason to stop; any other is, and is passed on."""
    done = nightly(tmp_path, fetch)
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    if exit_code == 0:
        assert list(tmp_path.glob("runs/nightly-*/report/report.html"))


@pytest.mark.slow
def test_the_nightly_script_goes_on_after_losing_a_symbol(tmp_path: Path) -> None:
    """A file that lacks one of two symbols: fetch exits 7, the rest is done, the script exits 0."""
    made = hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 21, "--run", "csv", "--json", cwd=tmp_path)
    import pandas as pd

    bars = pd.read_parquet(made.json["artifacts"][0])
    bars["timestamp"] = bars["time"] - pd.Timedelta(minutes=5)
    bars[["timestamp", "symbol", "open", "high", "low", "close", "volume"]].to_csv(tmp_path / "bars.csv", index=False)
    wanted = f"SPY QQQ --source file --path {tmp_path / 'bars.csv'}"
    assert hfm("fetch", *wanted.split(), "--run", "once", cwd=tmp_path).code == 7
    done = nightly(tmp_path, wanted)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("runs/nightly-*/report/report.html"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_main_job_runs_from_a_fresh_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first command of the README, environment and all, on committed files alone."""
    root = readme.README.parent
    if not (root / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    subprocess.run(["git", "clone", "-q", str(root), str(tmp_path / "hfm")], check=True)
    (command,) = readme.commands("main")
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):  # pip may go where it went before the tests closed the door
            monkeypatch.delenv(name)
    for name, value in OUTSIDE.items():
        if name.lower().endswith("_proxy"):
            monkeypatch.setenv(name, value)
    done = shell(command, tmp_path / "hfm")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hfm" / "runs" / "latest" / "report" / "microstructure_performance.png").is_file()
