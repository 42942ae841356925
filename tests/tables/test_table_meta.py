"""TableMeta: JSON there and back, one meaning of a tick, nothing that is not said."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from hfm import tables
from hfm.tables import TableMeta

BOOK: dict[str, Any] = {
    "calendar": "XNYS", "levels": 1, "notes": {}, "quality": {"AMZN": {"rows": 3}}, "rebuilt": [], "source": "lobster",
    "symbols": ["AMZN"], "synthetic": False, "tick": {"AMZN": 0.01}, "tz": "America/New_York",
}  # fmt: skip
QUOTES: dict[str, Any] = {
    "calendar": "XNYS", "carry": 1.0, "fidelity": "bars", "interval_s": 300, "mid_is_trade": False, "rho": 0.0,
    "sessions_per_year": 251.0, "signal": "none", "simulate_seed": 0, "symbols": ["QQQ", "SPY"], "synthetic": True,
    "tick": 0.05, "ticks": {"QQQ": 0.05, "SPY": 0.01}, "warnings": ["a hole"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "data"),
    [
        ("book", BOOK),
        ("book", BOOK | {"fidelity": "book", "ticks": BOOK["tick"], "l3": False}),
        ("quotes", QUOTES),
        ("prints", QUOTES | {"tick": QUOTES["ticks"]}),
        ("scores", QUOTES | {"models": ["constant", "lstm"], "target": "next-move", "block_s": 300}),
        ("quotes", {}),
    ],
    ids=["fetched book", "simulated book", "quotes", "prints", "scores", "nothing"],
)
def test_json_comes_back_as_it_was(table: str, data: dict[str, Any]) -> None:
    """Also 0, False and empty lists where they are said: the same text."""
    again = TableMeta.from_json(data).to_json(table)
    assert json.dumps(again, sort_keys=True) == json.dumps(data, sort_keys=True)


def test_a_tick_is_a_number_and_ticks_are_by_symbol() -> None:
    """Whatever the table calls them."""
    fetched, quoted = TableMeta.from_json(BOOK), TableMeta.from_json(QUOTES)
    assert (fetched.tick, fetched.ticks) == (0, {"AMZN": 0.01})
    assert (quoted.tick, quoted.ticks) == (0.05, {"QQQ": 0.05, "SPY": 0.01})


def test_keys_of_another_version_pass_through() -> None:
    """From table to table, as they are."""
    newer = TableMeta.from_json(QUOTES | {"venue": ["XNAS", "ARCX"]})
    assert newer.other == {"venue": ["XNAS", "ARCX"]}
    assert dataclasses.replace(newer, model="lstm").to_json("scores")["venue"] == ["XNAS", "ARCX"]


def test_a_table_without_metadata_says_nothing() -> None:
    """And is written so."""
    empty = tables.empty(tables.HISTORY)
    assert tables.meta_of(empty.schema) == TableMeta()
    assert tables.header(empty.schema)["meta"] == {}
    assert TableMeta().to_json("bars") == {}


def test_every_field_is_described() -> None:
    """A field more without a line of its own fails here."""
    text = re.sub(r"\s*:.*", "", str(TableMeta.__doc__).split("----------")[1])
    named = {name.strip() for line in text.splitlines() for name in line.split(",") if name.strip()}
    assert {field.name for field in dataclasses.fields(TableMeta)} == named
