"""What a whole command costs: processor seconds, the largest memory of it and of all it starts, and the wait."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """Processor seconds of all processes, peak MiB of the largest of them, and seconds on the wall."""

    cpu: float
    mib: float
    wall: float


def cost(arguments: Sequence[object], cwd: Path | None = None, **environ: str) -> Cost:
    """Of `python ARGUMENTS`; raises CalledProcessError where it fails.

    A process of its own asks the system about its children, so that one command's peak is not another's. Python keeps
    the modules that it has compiled, as it does for a user, whatever the settings here.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    asked = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)\n"
        "wall, u = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(u.ru_utime + u.ru_stime, u.ru_maxrss / 1024, wall)"
    )
    done = subprocess.run([sys.executable, "-c", asked, *map(str, arguments)], check=True, cwd=cwd, text=True,
                          stdout=subprocess.PIPE, env={**env, "MPLBACKEND": "Agg", **environ})  # fmt: skip
    return Cost(*map(float, done.stdout.split()[-3:]))
