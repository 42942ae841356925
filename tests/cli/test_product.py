"""stdout is the product's alone, whatever plug-ins print and however they end; and what it refuses is an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hfm.cli import console
from hfm.errors import ExitCode
from tests.command import hfm
from tests.test_readme import register

LOUD = """
import os, subprocess, sys
from hfm.models.linear.floors import Logistic

class Loud(Logistic):
    deep = True  # fitted by worker processes, where there are several
    def fit(self, train, valid, options, ctx):
        print("from Python")
        os.write(1, b"from C\\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"])
        return super().fit(train, valid, options, ctx)
"""
LEAVING = """
import sys
from hfm.models.linear.floors import Logistic

class Leaving(Logistic):
    def fit(self, *given):
        sys.exit(CODE)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a run that can be trained."""
    folder = tmp_path_factory.mktemp("home")
    assert hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 21, "--run", "a", cwd=folder).code == 0
    assert hfm("simulate", "--run", "a", cwd=folder).code == 0
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_plug_in_prints_is_no_part_of_the_product(home: Path, tmp_path: Path, workers: int) -> None:
    """By Python, past Python, by a program that it starts: all of it is on stderr, and stdout is one object."""
    env = register(tmp_path, "models", "loud", LOUD)
    command = ["train", "--run", "a", "--model", "loud", "--json", "--workers", workers]
    done = hfm(*command, cwd=home, env=env)
    assert done.code == 0, done.err
    assert done.json["command"] == "train"
    for words in ("from Python", "from C", "from a child"):
        assert words in done.err


@pytest.mark.parametrize("code", ["0", "3", "None", "'no licence'"])
def test_a_plug_in_that_ends_the_process_is_a_fault_with_its_words(home: Path, tmp_path: Path, code: str) -> None:
    """Exit 0 would say that all went well, and 3 that the settings are wrong."""
    env = register(tmp_path, "models", "leaving", LEAVING.replace("CODE", code))
    done = hfm("train", "--run", "a", "--model", "leaving", cwd=home, env=env)
    assert done.code == ExitCode.BUG
    assert done.err.splitlines()[-3].startswith("error: SystemExit")


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "command", [("status", "--run", "a"), ("status", "--run", "a", "--json"), ("--help",), ("list",)]
)
def test_a_full_disk_under_stdout_is_said(home: Path, command: tuple[str, ...]) -> None:
    """In the form of every error, with its exit code."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with FULL.open("w") as full:
        done = subprocess.run([sys.executable, "-m", "hfm", *command], cwd=home, stdout=full, stderr=subprocess.PIPE,
                              text=True, env=env)  # fmt: skip
    assert done.returncode == ExitCode.DISK
    assert done.stderr.splitlines()[0] == "error: cannot write to stdout: No space left on device"
    assert "next: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_an_error_keeps_its_own_code_where_its_object_cannot_be_printed(home: Path) -> None:
    """The lines on stderr have said all."""
    with FULL.open("w") as full:
        done = subprocess.run([sys.executable, "-m", "hfm", "train", "--run", "none", "--json"], cwd=home, stdout=full,
                              stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[0].partition(":")[0]) == (ExitCode.DATA, "error")


def test_after_the_command_stdout_is_what_it_was(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a fault; what was printed before stays before."""
    with open(1, "w", closefd=False) as standard:
        monkeypatch.setattr(sys, "stdout", standard)
        print("before")
        with pytest.raises(KeyError), console.product_alone() as product:
            print("a library")
            print("product", file=product, flush=True)
            raise KeyError
        print("after", flush=True)
    out, err = capfd.readouterr()
    assert out == "before\nproduct\nafter\n"
    assert err == "a library\n"


def test_in_a_stream_that_is_no_file_the_product_goes_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook's, or a test's."""
    with console.product_alone() as product:
        print(json.dumps({"a": 1}), file=product)
    assert json.loads(capsys.readouterr().out) == {"a": 1}
