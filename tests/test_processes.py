"""Fresh interpreters, and the cores that there are for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hfm import processes


def told(*arguments: object) -> None:
    """What this process was given, and where it looks for modules."""
    print(json.dumps([repr(arguments), sys.path]))


def test_a_fresh_interpreter_finds_the_same_modules_from_any_folder(tmp_path: Path) -> None:
    """And calls the function with the arguments."""
    line = processes.command("tests.test_processes", "told", 3, 'it\'s "x"', None, True)
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True, env={})
    assert json.loads(done.stdout) == [repr((3, 'it\'s "x"', None, True)), sys.path]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to a core")
def test_cores_that_the_process_may_not_use_are_not_counted() -> None:
    """As under taskset, or in a container that is given some."""
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert processes.cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert processes.cores() == len(allowed)
