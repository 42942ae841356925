"""`python -m tests.bench [NAME ...] [--json]`: what it costs, beside a peer where there is one.

A benchmark is a module of this folder with a function `figures() -> Iterator[Figure]`; its name is the module's, with
dashes. Several run in a process each, so that one's memory is not another's. `--device cuda` runs the rows of a
benchmark that stand for a device, `figures_on(device, small)`; `--small` at sizes that a test can wait for. No test
asserts a time.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figure import Figure

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is imported: a figure is of one thread


def main(arguments: list[str]) -> int:
    """0; 2 for a name that is no benchmark or a device that is not here; else what a benchmark left."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks; without a name all.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="a JSON object a row")
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), help="the rows of NAME for this device (train)")
    parser.add_argument("--small", action="store_true", help="these rows in a minute, to see that they run")
    asked = parser.parse_args(arguments)
    known = benchmarks("figures" if asked.device is None else "figures_on")
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    names = asked.names or known
    if len(names) > 1:
        options = [a for a in arguments if a not in asked.names]
        codes = [subprocess.run([sys.executable, "-m", "tests.bench", name, *options]).returncode for name in names]
        return next((code for code in codes if code), 0)
    return show(names[0], asked)


def benchmarks(function: str) -> list[str]:
    """The names of the modules of this folder that have a function."""
    modules = [p for p in Path(__file__).parent.glob("*.py") if p.stem != "__main__"]
    return sorted(p.stem.replace("_", "-") for p in modules if f"\ndef {function}(" in p.read_text("utf-8"))


def show(name: str, asked: argparse.Namespace) -> int:
    """Print the figures of one benchmark as they are found; its exit code."""
    from hfm.errors import HfmError

    try:
        for figure in found(name, asked.device, asked.small):
            print(json.dumps(dataclasses.asdict(figure)) if asked.json else figure.line(), flush=True)
    except HfmError as error:
        print(f"{name}: {error.what}: {error.why}", file=sys.stderr)
        return int(error.code)
    return 0


def found(name: str, device: str | None, small: bool) -> Iterator[Figure]:
    """The figures of one benchmark; the peak memory of this process."""
    module = importlib.import_module(f"tests.bench.{name.replace('-', '_')}")
    yield from module.figures() if device is None else module.figures_on(device, small)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure(f"{name}, peak memory of the benchmark's process", "MiB", peak, None, None, 1, 1.0,
                 "of both sides, without the commands that it started", peak)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
