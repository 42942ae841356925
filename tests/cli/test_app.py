"""The commands as a user types them: streams, exit codes, and all stages in one small run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from tests.command import hfm

HEAVY = ("torch", "pandas", "pyarrow", "numba", "matplotlib", "yfinance", "pydantic", "numpy", "scipy", "sklearn")
AT_WORK = ("torch", "pandas", "numba", "llvmlite", "matplotlib", "yfinance", "exchange_calendars", "sklearn",
           "arch")  # fmt: skip
AS_OF = "2026-03-06T22:00:00Z"
COMPILER = ("numba", "llvmlite")
FETCH = ("SPY", "--source", "synthetic", "--sessions", "21", "--as-of", AS_OF)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which `hfm run` has done everything once."""
    folder = tmp_path_factory.mktemp("home")
    done = hfm("run", *FETCH, "--run", "first", "--set", "train.epochs=3", "--set", "train.seeds=1", cwd=folder)
    assert done.code == 0, done.err
    return folder


def artifacts(home: Path, run: str) -> dict[str, bytes]:
    folder = home / "runs" / run
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.glob("*/*"))}


def loaded(modules: Sequence[str], *arguments: str, cwd: Path | None = None) -> list[str]:
    """Those of `modules` that a command has loaded when it ends."""
    code = f"""
import sys
sys.argv = ["hfm", *{arguments!r}]
from hfm.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print()
print(*(m for m in {tuple(modules)!r} if m in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd)
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """A shell completes and a newcomer reads without waiting for torch."""
    own = ["pydantic"] if len(arguments) > 1 else []  # typer reads a command's option types with it where it is there
    assert loaded(HEAVY, *arguments) in ([], own)


@pytest.mark.parametrize(
    ("command", "but"),
    [
        (["predict", "SPY", "--as-of", "2026-03-06T21:01:00Z"], COMPILER),
        (["simulate"], ()),
        (["backtest"], COMPILER),
        pytest.param(["train", "--workers", "1"], ("torch", *COMPILER), marks=pytest.mark.slow),
        pytest.param(["report"], ("matplotlib",), marks=pytest.mark.slow),
    ],
)
def test_a_command_loads_what_it_works_with_and_no_more(home: Path, command: list[str], but: tuple[str, ...]) -> None:
    """Pandas or torch would double what a forecast under cron costs; numba comes only where kernels are called."""
    hfm(*command, "-q", "--run", "first", cwd=home)  # compiles what has not been
    assert set(loaded(AT_WORK, *command, "-q", "--run", "first", cwd=home)) <= set(but)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["fetsh"], 2, "fetsh"),
        (["fetch", "SPY", "--dayz", "3"], 2, "--dayz"),
        (["fetch", "SPY", "--days", "0"], 2, "--days"),
        (["fetch", "SPY", "--days", "3", "--sessions", "4"], 2, "--sessions"),
        (["fetch", "SPY", "--source", "yahooo"], 2, "yahoo"),
        (["fetch", "SPY", "--interval", "7m"], 2, "--interval"),
        (["fetch", "SPY", "--max-gap", "lots"], 2, "--max-gap"),
        (["fetch", "SPY", "--map", "close"], 2, "--map"),
        (["fetch", "SPY", "--as-of", "soon"], 2, "as-of"),
        (["fetch", "SPY", "--run", "../x"], 2, "../x"),
        (["fetch", "SPY", "--set", "train.epochz=3"], 3, "train.epochs"),
        (["fetch", "SPY", "--config", "none.toml"], 3, "none.toml"),
        (["status"], 4, "no run"),
        (["status", "--run", "../x"], 2, "../x"),
        (["status", "--run", "none"], 4, "none"),
        (["status", "--home", "none"], 2, "none"),
        (["train", "--epochs", "many"], 2, "--epochs"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_one_clear_line_and_nothing_is_made(
    tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    """The documented code, the word that was wrong, and no folder left behind."""
    done = hfm(*arguments, cwd=tmp_path)
    assert done.code == code, done.err
    assert says in done.err
    assert done.out == ""
    assert not list((tmp_path / "runs").glob("*")) if (tmp_path / "runs").exists() else True
    as_json = hfm(*arguments, "--json", cwd=tmp_path)
    assert as_json.code == code
    assert as_json.json["error"]["code"] == code
    assert as_json.json["error"]["hint"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["backtest", "--threshold", "1.5"], 2), (["backtest", "--threshold", "nan"], 2),
        (["backtest", "--threshold", "q101"], 2), (["backtest", "--threshold", "costs"], 2),
        (["backtest", "--threshold", "quantile"], 2), (["backtest", "--model", "nobody"], 2),
        (["backtest", "--threshold", "0.4"], 2), (["backtest", "--fill", "nearest"], 2),
        (["backtest", "--fill", "passive", "--set", "backtest.queue=true"], 2),
        (["train", "--epochs", "0"], 2), (["train", "--epochs", "-1"], 2), (["train", "--model", "lstn"], 2),
        (["simulate", "--rho", "1.5"], 2), (["simulate", "--recipe", "magic"], 2),
        (["backtest", "--set", "backtest.threshold=1.5"], 3), (["train", "--set", "train.lr=fast"], 3),
    ],
)  # fmt: skip
def test_a_wrong_value_loses_nothing(home: Path, arguments: list[str], code: int) -> None:
    """Refused before anything is touched: every stage is as fresh as before."""
    before = artifacts(home, "first")
    assert hfm(*arguments, "--run", "first", cwd=home).code == code
    assert artifacts(home, "first") == before
    assert {
        s["state"] for s in hfm("status", "--json", "--run", "first", cwd=home).json["metrics"]["stages"].values()
    } == {"fresh"}


def test_the_corridor_writes_every_artifact(home: Path) -> None:
    """The run directory is the one that is documented."""
    assert set(artifacts(home, "first")) == {
        "fetch/bars.parquet", "simulate/quotes.parquet", "simulate/oracle.parquet", "simulate/facts.json",
        "train/model.safetensors", "train/model.json", "train/predictions.parquet", "train/scores.parquet",
        "train/history.parquet", "backtest/ledger.parquet", "backtest/trades.parquet", "backtest/trials.parquet",
        "backtest/metrics.json", "report/microstructure_performance.png", "report/report.html", "report/summary.json",
    }  # fmt: skip
    assert (home / "runs" / "latest").resolve().name == "first"


def test_stdout_is_the_paths_and_stderr_the_mission_figures(home: Path) -> None:
    """A script reads paths; a person reads each figure beside its floor."""
    done = hfm("backtest", "--run", "first", cwd=home)
    assert [line.rsplit("/", 1)[1] for line in done.out.split()] == [
        "ledger.parquet", "metrics.json", "trades.parquet", "trials.parquet"]  # fmt: skip
    assert all((home / line).is_file() for line in done.out.split())
    for word in ("accuracy", "widen", "buy-and-hold", "Sharpe", "drawdown"):
        assert word.lower() in done.err.lower(), word
    quiet = hfm("report", "-q", "--run", "first", cwd=home)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_json_is_one_object_with_the_promised_keys(home: Path) -> None:
    """And on a rerun of the whole corridor everything is fresh and listed."""
    done = hfm("run", "--run", "first", "--json", cwd=home)
    assert done.code == 0, done.err
    body = done.json
    assert list(body) == ["schema_version", "command", "run_dir", "artifacts", "metrics", "warnings", "elapsed_s"]
    assert len(body["artifacts"]) == 16
    assert set(body["metrics"]) == {"fetch", "simulate", "train", "backtest", "report"}
    assert "fetch: fresh" in done.err


def test_each_stage_alone_gives_the_same_bytes(home: Path) -> None:
    """Delete a stage's outputs, rerun it from the shell: the same bytes in every file."""
    before = artifacts(home, "first")
    for stage in ("simulate", "train", "backtest", "report"):
        for path in (home / "runs" / "first" / stage).glob("*"):
            path.unlink()
        assert hfm(stage, "--run", "first", cwd=home).code == 0
        after = artifacts(home, "first")
        assert [k for k in before if before[k] != after.get(k)] == []


def test_the_same_run_twice_is_byte_identical(home: Path, tmp_path: Path) -> None:
    """Another home, another hash seed, another zone, one worker: the same bytes in every file."""
    arguments = ("run", *FETCH, "--run", "first", "--set", "train.epochs=3", "--set", "train.seeds=1", "--workers", 1)
    done = hfm(*arguments, cwd=tmp_path, env={"PYTHONHASHSEED": "5", "TZ": "Asia/Tokyo", "LC_ALL": "C"})
    assert done.code == 0, done.err
    one, two = artifacts(home, "first"), artifacts(tmp_path, "first")
    assert [k for k in one if one[k] != two.get(k)] == []


def test_runs_of_two_sources_under_one_symbol_stay_apart(home: Path, tmp_path: Path) -> None:
    """A file and the generator, both called SPY: each run holds its own bars, and the archive neither."""
    bars = pd.read_parquet(home / "runs" / "first" / "fetch" / "bars.parquet")
    bars["timestamp"] = bars["time"] - pd.Timedelta(minutes=5)
    bars[["open", "high", "low", "close"]] *= 2
    bars[["timestamp", "open", "high", "low", "close", "volume"]].to_csv(tmp_path / "SPY.csv", index=False)
    one = hfm("fetch", "SPY", "--source", "file", "--path", "SPY.csv", "--run", "one", "--json", cwd=tmp_path)
    two = hfm("fetch", *FETCH, "--run", "two", "--json", cwd=tmp_path)
    closes = [pd.read_parquet(done.json["artifacts"][0])["close"].to_numpy() for done in (one, two)]
    assert (closes[0] == 2 * closes[1]).all()
    assert not list(tmp_path.glob("data/**/*.parquet"))


def test_two_at_once_do_not_mix(home: Path) -> None:
    """The second finds the run locked and exits 9 at once; with --wait it waits."""
    import filelock

    with filelock.FileLock(home / "runs" / "first" / ".lock"):
        assert hfm("report", "--run", "first", cwd=home).code == 9
        assert hfm("status", "--run", "first", cwd=home).code == 0


def test_a_closed_pipe_is_no_error(home: Path) -> None:
    """`hfm status | head -1`."""
    done = subprocess.run(
        f"{sys.executable} -m hfm status --run first | head -c 1", cwd=home, shell=True, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr


def test_an_unforeseen_fault_is_exit_1_and_its_traceback_is_kept(tmp_path: Path) -> None:
    """One line for the person, the traceback for us."""
    code = """
import sys
from hfm.runs import pipeline
def broken(stage):
    raise ZeroDivisionError("boom")
pipeline._function = broken
sys.argv = ["hfm", "fetch", "SPY", "--source", "synthetic", "--json"]
from hfm.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    kept = Path(json.loads(done.stdout)["error"]["hint"].split()[1].rstrip(","))
    assert "ZeroDivisionError" in kept.read_text()


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)], ids=["stdout", "stderr", "all three"])
def test_a_process_that_is_started_without_its_streams_works(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """As a daemon may start one: no fault, and no word of one stream in another, nor in a file that took its number."""
    words = [sys.executable, "-m", "hfm", "fetch", "SPY", "--source", "synthetic", "--sessions", "2", "--run", "r"]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, preexec_fn=lambda: [os.close(fd) for fd in closed]
    )
    assert done.returncode == 0, done.stderr
    assert "synthetic" not in done.stdout
    assert done.stdout == ("" if 1 in closed else "runs/r/fetch/bars.parquet\n")
    assert hfm("status", "--run", "r", cwd=tmp_path).out.split()[:2] == ["fetch", "fresh"]
    refused = subprocess.run(
        [*words, "--days", "0"], cwd=tmp_path, capture_output=True, preexec_fn=lambda: [os.close(fd) for fd in closed]
    )
    assert refused.returncode == 2
