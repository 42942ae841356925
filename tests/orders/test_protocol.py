"""The shape of a broker: what the step calls by name is what the protocol says, argument by argument."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from hfm.orders import simulated_broker, step
from hfm.orders.protocol import Broker

METHODS = sorted(name for name in vars(Broker) if not name.startswith("_"))


@pytest.mark.parametrize("name", METHODS)
def test_the_simulated_broker_takes_what_the_protocol_says(name: str) -> None:
    """The same names in the same order, so that a call by position reaches any broker alike."""
    asked = list(inspect.signature(getattr(Broker, name)).parameters)
    assert list(inspect.signature(getattr(simulated_broker, name)).parameters) == asked[1:]
    assert asked[0] == "self"


def test_the_step_asks_a_broker_for_nothing_else() -> None:
    """Of the broker's module it imports the protocol's methods, and the instants that `execute` is told."""
    imported = {
        alias.name
        for node in ast.walk(ast.parse(Path(str(step.__file__)).read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == simulated_broker.__name__
        for alias in node.names
    }
    assert {name for name in imported if not name.isupper()} == set(METHODS)
