"""The policy that a threshold names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hfm.config import parse_threshold
from hfm.errors import UsageError
from hfm.plugins import Allocator, find
from hfm.policies.one_symbol import allocator


@dataclass(frozen=True)
class Choice:
    """name: as trials are called (p0.6, q0.9, cost); kind: in the registry; level: None where it has none."""

    name: str
    kind: str
    level: float | None
    plugin: Any  # Any: a class of the registry or of a third party
    allocator: Allocator


def choose(text: str) -> Choice:
    """The policy of "0.55", "q90", "cost" or the name of another one that needs no level.

    Parameters
    ----------
    text
        As the user types it.

    Returns
    -------
    Choice
        The policy, with its level where it has one.

    Raises
    ------
    UsageError
        Where there is no such policy, or where it needs a level.
    """
    kind, level = parse_threshold(text)
    if kind == "policy":
        if text in ("threshold", "quantile"):
            raise UsageError(
                f"--threshold {text} names a policy without its level", hint="--threshold 0.6, or --threshold q90"
            )
        return _choice(text, text, None, find("policies", text)())
    plugin = {"p": "threshold", "q": "quantile"}[kind]
    level = round(level, 9)
    return _choice(f"{kind}{level:g}", plugin, level, find("policies", plugin)(level))


def _choice(name: str, kind: str, level: float | None, plugin: Any) -> Choice:  # Any: see Choice
    return Choice(name, kind, level, plugin, allocator(plugin, kind))
