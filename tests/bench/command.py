"""What a whole command costs: processor seconds and the largest memory of it and of all it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def cost(arguments: Sequence[object], cwd: Path | None = None) -> tuple[float, float]:
    """(processor seconds, MiB) of `python ARGUMENTS`; raises CalledProcessError where it fails.

    A process of its own asks the system about its children, so that one command's peak is not another's. Python keeps
    the modules that it has compiled, as it does for a user, whatever the settings here.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    asked = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)\n"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(u.ru_utime + u.ru_stime, u.ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", asked, *map(str, arguments)], check=True, cwd=cwd, text=True,
                          stdout=subprocess.PIPE, env={**env, "MPLBACKEND": "Agg"})  # fmt: skip
    seconds, mib = done.stdout.split()[-2:]
    return float(seconds), float(mib)
