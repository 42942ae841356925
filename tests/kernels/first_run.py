"""`python -m tests.kernels.first_run`: writes hfm/kernels/first_run.json, which lists the kernels of a first `hfm run`.

It carries out that run in a folder of its own and notes each kernel that Python calls, with its kinds of arguments.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

RUN = ("run", "SPY", "--source", "synthetic", "--as-of", "2026-03-06T22:00:00Z", "--workers", "1", "-q")


def listed(*options: str) -> list[tuple[str, list[Any]]]:  # Any: JSON values
    """What the run calls, in order; `options` more of its command line. Works in the current folder."""
    from hfm.cli import main
    from hfm.kernels import first_run, jit

    found: list[tuple[str, list[Any]]] = []

    def note(kernel: jit.Kernel[..., Any], arguments: tuple[object, ...]) -> None:
        entry = (kernel.name.replace(kernel.__module__ + ".", kernel.__module__ + ":", 1),
                 [first_run.words(argument) for argument in arguments])  # fmt: skip
        if entry not in found:
            found.append(entry)

    jit.on_first_use = note
    sys.argv = ["hfm", *RUN, *options]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
    return found


def main() -> None:
    """Write the list."""
    from hfm.kernels import first_run

    with tempfile.TemporaryDirectory() as folder:
        os.environ["HFM_HOME"] = folder
        lines = [json.dumps(entry) for entry in listed("--days", "30")]
    first_run.LIST.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
