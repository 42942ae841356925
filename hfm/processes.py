"""Processes beside this one: how many may work, and the command of a fresh interpreter that finds the same modules."""

from __future__ import annotations

import os
import sys


def cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def command(module: str, function: str, *arguments: object) -> list[str]:
    """The command line of an interpreter that calls a function of a module.

    Parameters
    ----------
    module, function : by name.
    arguments : whose repr is Python.

    Returns
    -------
    list[str]
    """
    call = f"{function}({', '.join(map(repr, arguments))})"
    return [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; from {module} import {function}; {call}"]
