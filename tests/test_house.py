"""The house keeps its shape: what may not grow, and that what is counted is counted right."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).parents[1] / "hfm"
LIMITS = {
    "longest module": 399,
    "longest function": 59,
    "functions over 50 lines": 4,
    "modules over 300 lines": 12,
    "functions of more than 8 arguments": 0,
    "repeated module names": 0,
    "repeated class names": 0,
    "unnamed tuple arguments": 0,
    "unnamed tuple attributes": 0,
    "offsets of another file": 2,
    "fields by number": 0,
}
"""Most of each; a change that lowers one lowers its line here too."""
LEAST_WITH_PARTS = 1.0
"""Share of the public functions with an array or three arguments whose docstring has Parameters."""
CIRCLES: dict[str, str] = {}
"""Circles of imports that stand, and why."""


@cache
def figures() -> house.House:
    return house.measure(ROOT)


@pytest.mark.parametrize("name", LIMITS)
def test_what_may_not_grow_has_not_grown(name: str) -> None:
    """The places are in the message."""
    found = figures()
    assert found.figures[name] <= LIMITS[name], "\n".join(found.notes.get(name, ["see python -m tests.house --notes"]))


def test_no_module_imports_one_that_imports_it() -> None:
    """Also inside a function or a class, where no linter of layers within a room looks."""
    assert set(figures().notes["import circles"]) == set(CIRCLES)


def test_docstrings_have_their_parts() -> None:
    """Parameters, Returns: shape, unit, what NaN means."""
    found = figures()
    assert found.figures["share of them with parts"] >= LEAST_WITH_PARTS, "\n".join(
        found.notes["docstrings that need parts"]
    )


def write(folder: Path, **files: str) -> Path:
    """A package `made` of source files by name."""
    root = folder / "made"
    root.mkdir()
    for name, text in ({"__init__": ""} | files).items():
        (root / f"{name}.py").write_text(text)
    return root


def test_a_circle_through_a_function_is_found(tmp_path: Path) -> None:
    """a imports b at its top, b imports c in a class, c imports a in a function."""
    root = write(
        tmp_path,
        a="from made import b\n",
        b="class B:\n    import made.c\n",
        c="def f():\n    from .a import x\n",
        d="from made import a\n",
    )
    assert house.measure(root).notes["import circles"] == ["made.a <-> made.b <-> made.c"]


def test_offsets_count_where_they_are_used_not_where_they_are_defined(tmp_path: Path) -> None:
    """By the module's alias and by name; an index that is no constant of another file is none."""
    root = write(
        tmp_path,
        layout="HEAD, SIZE = 0, 1\nBLOCK = HEAD + 7\nA, B = range(2)\nNAME = 'x'\nrow = [0] * 9\nrow[BLOCK]\n",
        user="from made import layout as at\nfrom made.layout import B\n"
        "s[at.HEAD]\ns[b + at.BLOCK]\ns[B]\ns[at.NAME]\ns[i]\n",
    )
    assert house.measure(root).figures["offsets of another file"] == 3


@pytest.mark.parametrize(
    ("index", "counted"),
    [
        ("price[kind == HALT]", 0), ("price[(kind == HALT) & (side > LOW)]", 0), ("x[np.isin(kind, (HALT, LOW))]", 0),
        ("x[:SIZE]", 0), ("x[-SIZE:]", 0), ("x[..., -SIZE:]", 0), ("x[k][:SIZE]", 0),
        ("x[LOW:]", 1), ("x[LOW:SIZE]", 2), ("x[:SIZE:2]", 1), ("x[SIZE::SIZE]", 2), ("x[-LOW]", 1), ("x[:, LOW]", 1),
        ("x[:, [LOW, HALT]]", 2), ("x[y[LOW]]", 1), ("x[kind[LOW] == HALT]", 1), ("x[table[kind == HALT][0]]", 0),
        ("x[LOW + i]", 1), ("x[np.minimum(i, SIZE)]", 1),
    ],
)  # fmt: skip
def test_codes_that_are_compared_and_lengths_are_no_offsets(tmp_path: Path, index: str, counted: int) -> None:
    """A code of a kind and how many rows are taken say no place; each constant that says one counts once."""
    layout = "LOW, HALT, SIZE = 1, 5, 9\n"
    root = write(tmp_path, layout=layout, user=f"from made.layout import HALT, LOW, SIZE\n{index}\n")
    assert house.measure(root).figures["offsets of another file"] == counted


def test_fields_by_number_are_literal_indices_from_three(tmp_path: Path) -> None:
    """row[5] and out[:, 13] are; pairs, axes and shapes are not."""
    root = write(tmp_path, a="row[5]\nout[:, 13]\npair[1]\nx.shape[3]\nx[-1]\nx[3:]\n")
    assert house.measure(root).figures["fields by number"] == 2


@pytest.mark.parametrize(
    ("annotation", "unnamed"),
    [
        ("tuple[float, float]", True), ("tuple[int, str] | None", True), ("tuple[str, ...]", False),
        ("list[tuple[int, int]]", False), ("Pair", False), ("tuple", False),
    ],
)  # fmt: skip
def test_an_unnamed_tuple_is_one_of_a_fixed_number_of_things(annotation: str, unnamed: bool) -> None:
    """As an argument's own type."""
    assert house.is_unnamed_tuple(ast.parse(annotation, mode="eval").body) is unnamed


def test_names_arguments_and_docstrings_are_counted(tmp_path: Path) -> None:
    """Two classes of one name; a function of nine arguments; one that lacks its parts, one that has them.

    A function inside another is nobody's to call: it needs none.
    """
    body = 'def f(a, b, c):\n    """One.\n\n    Parameters\n    ----------\n    a : x\n    """\n'
    body += "    def inner(d, e, f): ...\n"
    nine = f"class C:\n    x: tuple[int, int]\n    def g(self, {', '.join('abcdefghi')}):\n        pass\n"
    found = house.measure(write(tmp_path, a=body + "class C: ...\n", b=nine))
    assert found.notes["repeated class names"] == ["C: 2"]
    assert found.figures["unnamed tuple attributes"] == 1
    assert found.figures["functions of more than 8 arguments"] == 1
    assert (found.figures["docstrings that need parts"], found.figures["share of them with parts"]) == (2, 0.5)


def test_the_script_prints_packages_side_by_side(tmp_path: Path) -> None:
    """A line a figure, a column a package."""
    root = write(tmp_path, a="x = 1\n")
    words = [sys.executable, "-m", "tests.house", str(root), str(root)]
    done = subprocess.run(words, cwd=ROOT.parent, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("modules "))
    assert line.split() == ["modules", "2", "2"]
