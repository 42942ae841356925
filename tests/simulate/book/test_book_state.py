"""The engine's flat arrays: nobody stands in another's place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hfm.simulate.book import book_state as at

TWO, THREE = ("MOOD_BID", "DEPTH_BID"), ("HAWKES", "GROW", "DECAYS")


def sections() -> dict[str, list[str]]:
    """Names assigned under each ruled comment of the module, by its word."""
    text = Path(at.__file__).read_text()
    found: dict[str, list[str]] = {}
    lines, word = text.splitlines(), ""
    for node in ast.parse(text).body:
        ruled = [line for line in lines[: node.lineno] if line.startswith("# ---")]
        word = ruled[-1].split("- ")[-1] if ruled else ""
        if isinstance(node, ast.Assign) and word:
            target = node.targets[0]
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            found.setdefault(word, []).extend(n.id for n in names if isinstance(n, ast.Name))
    return found


@pytest.mark.parametrize("array", ["i", "f"])
def test_scalars_have_places_of_their_own(array: str) -> None:
    """No two names of one array share a place; arrays among the scalars have room; all lie before what follows."""
    names = sections()[f"scalars of `{array}`"]
    end = at.SIZES if array == "i" else at.PATH
    taken: dict[int, str] = {}
    for name in names:
        if name in ("SIZES", "DISTANCES", "TABLE", "QUEUE", "PATH"):
            continue
        width = 3 if name in THREE else 16 if name == "WEIGHTS" else 1
        for place in range(getattr(at, name), getattr(at, name) + width):
            assert place not in taken, f"{name} and {taken[place]}"
            assert place < end
            taken[place] = name
    assert len(taken) > 40


def test_tables_follow_each_other() -> None:
    """Sizes, distances, queues; and the fitted tables in rising order up to their end."""
    assert at.SIZES + at.TABLE <= at.DISTANCES
    assert at.DISTANCES + at.TABLE <= at.QUEUE
    places = [getattr(at, n) for n in dir(at) if n.startswith("G_")]
    assert len(set(places)) == len(places)
    assert max(places) == at.G_END
