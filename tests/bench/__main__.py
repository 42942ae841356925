"""`python -m tests.bench [NAME ...] [--json]`: what it costs, beside a peer where there is one.

A benchmark is a module of this folder with a function `figures() -> Iterator[Figure]`; its name is the module's, with
dashes. Nothing here is part of pytest's run, and no test asserts a time.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before NumPy is imported: a figure is of one thread


def main(arguments: list[str]) -> int:
    """0, or 2 for a name that is no benchmark."""
    as_json = "--json" in arguments
    wanted = [a for a in arguments if a != "--json"]
    modules = [p for p in Path(__file__).parent.glob("*.py") if p.stem != "__main__"]
    known = sorted(p.stem.replace("_", "-") for p in modules if "\ndef figures(" in p.read_text("utf-8"))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in wanted or known:
        for figure in importlib.import_module(f"tests.bench.{name.replace('-', '_')}").figures():
            print(json.dumps(dataclasses.asdict(figure)) if as_json else figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
