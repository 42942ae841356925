"""Documents: named fields in memory, the same JSON on disk, whichever version wrote it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from hfm.tables.json_document import JsonDocument, from_json, to_json


@dataclass(frozen=True)
class Leaf(JsonDocument):
    """A number that may be undefined, and one with a default."""

    value: float | None
    weight: float = 0.0


@dataclass(frozen=True)
class Tree(JsonDocument):
    """One of each kind of field."""

    name: str
    size: float
    leaf: Leaf
    leaves: tuple[Leaf, ...]
    by_name: dict[str, Leaf]
    again: Leaf | None = None


WHOLE = {"name": "a", "size": 2, "leaf": {"value": None, "weight": 1.5}, "leaves": [{"value": 1.0, "weight": 0.0}],
         "by_name": {"x": {"value": 3, "weight": 2.0}}}  # fmt: skip


def test_what_is_read_is_written_again() -> None:
    """Integers stay integers, null stays null, what is undefined by default is left out."""
    assert to_json(from_json(Tree, WHOLE)) == WHOLE
    assert isinstance(to_json(from_json(Tree, WHOLE))["size"], int)
    more = WHOLE | {"again": {"value": 0.5, "weight": 1.0}}
    assert to_json(from_json(Tree, more)) == more


@pytest.mark.parametrize("gone", ["name", "size", "leaf", "leaves", "by_name"])
def test_a_field_that_an_earlier_version_did_not_write_is_empty_and_stays_away(gone: str) -> None:
    """Empty of its type; NaN of a float, and of a nested document all of its fields."""
    old = {key: value for key, value in WHOLE.items() if key != gone}
    found = from_json(Tree, old)
    assert to_json(found) == old
    assert gone in found.absent
    value = getattr(found, gone)
    assert value in ("", (), {}) or math.isnan(value if gone == "size" else math.nan)
    if gone == "leaf":
        assert (found.leaf.value, found.leaf.weight) == (None, 0.0)


def test_a_default_stands_for_what_is_absent_without_being_written() -> None:
    """An absent weight counts as 0 and is not made up on disk."""
    found = from_json(Leaf, {"value": 1.0})
    assert found.weight == 0.0
    assert to_json(found) == {"value": 1.0}


def test_a_key_that_is_no_field_is_kept() -> None:
    """A later version's document loses nothing."""
    new = WHOLE | {"later": [1, {"a": None}]}
    found = from_json(Tree, new)
    assert found.extra == {"later": [1, {"a": None}]}
    assert to_json(found) == new


def test_fields_are_not_turned_into_what_they_are_annotated_as() -> None:
    """A value of another type stays what it is: nothing is guessed."""
    odd = WHOLE | {"leaf": "none", "leaves": {"a": 1}}
    assert to_json(from_json(Tree, odd)) == odd
