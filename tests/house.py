"""The house in figures: `python -m tests.house [PACKAGE ...]` prints a column for each package folder, `--notes` what
stands behind them. test_house.py holds the package to LIMITS.

Everything is read from the syntax tree; nothing is imported.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

PATTERNS = {"__init__", "__main__", "stage"}
"""Module names that may repeat: every sibling has them."""
ARRAYS = {"Float", "Int", "Bool", "Mask", "Sign", "Array", "NDArray", "ndarray"}
"""Names in an annotation that say that an argument is an array."""
LEAST = 3
"""Smallest literal index that counts as a field by number: 0, 1 and 2 are pairs, axes and thirds."""


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, its tree, its lines."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def package(self) -> str:
        """The dotted name of the package that it stands in."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@dataclass
class House:
    """What is counted, and for each count where."""

    figures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def put(self, name: str, found: Sequence[str]) -> None:
        """A count with its places."""
        self.figures[name], self.notes[name] = len(found), list(found)


def modules(root: Path) -> dict[str, Module]:
    """Dotted name -> module of every source file of a package folder."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = (root.name, *path.relative_to(root).with_suffix("").parts)
        name, text = ".".join(parts).removesuffix(".__init__"), path.read_text()
        found[name] = Module(name, path, ast.parse(text), text.count("\n"))
    return found


def imports(module: Module, known: dict[str, Module]) -> set[str]:
    """The modules of `known` that a module imports, at its top or inside a function or a class."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            found |= {inner if (inner := f"{base}.{alias.name}") in known else base for alias in node.names}
    return {name for name in found if name in known and name != module.name}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of two modules and more (Tarjan 1972), each sorted."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            start = stack.index(node)
            if len(stack) - start > 1:
                found.append(sorted(stack[start:]))
            del stack[start:]

    for node in graph:
        if node not in index:
            visit(node)
    return found


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def inner_functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions that stand inside another one: nobody else can call them."""
    for node in functions(tree):
        yield from (inner for inner in functions(node) if inner is not node)


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """The arguments of a function, self and cls aside."""
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [argument for argument in every if argument.arg not in ("self", "cls")]


def is_unnamed_tuple(annotation: ast.expr | None) -> bool:
    """Whether a type is a tuple of a fixed number of things: tuple[float, float], also `| None`."""
    if isinstance(annotation, ast.BinOp):
        return is_unnamed_tuple(annotation.left) or is_unnamed_tuple(annotation.right)
    if not (isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in ("tuple", "Tuple")):
        return False
    of = annotation.slice
    return isinstance(of, ast.Tuple) and not any(isinstance(x, ast.Constant) and x.value is ... for x in of.elts)


def constants(tree: ast.Module) -> set[str]:
    """Names that a module binds at its top to integers: literals, their sums, or a range."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign):
            value, targets = node.value, node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            value, targets = node.value, [node.target]
        else:
            continue
        if _is_whole(value, found):
            found |= {
                n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name) and n.id.isupper()
            }
    return found


def _is_whole(value: ast.expr, known: set[str]) -> bool:
    """Whether an expression is an integer, or several."""
    match value:
        case ast.Constant(value=whole):
            return type(whole) is int
        case ast.Name(id=name):
            return name in known
        case ast.Tuple(elts=parts):
            return all(_is_whole(part, known) for part in parts)
        case ast.BinOp(left=left, right=right):
            return _is_whole(left, known) and _is_whole(right, known)
        case ast.Call(func=ast.Name(id="range")):
            return True
    return False


def offsets(module: Module, known: dict[str, Module], offset: dict[str, set[str]]) -> list[str]:
    """Places where an integer constant of another module is (part of) an index, each counted once.

    Left out is what names no place: a constant that values are compared with (x[kind == HALT], x[np.isin(kind, CODES)],
    x[a < MOST]), and a length of a slice (x[:SAMPLE], x[-LAGS:]). A slice from a constant on (x[LOW:]), a stride and a
    constant in a sum (x[b + BLOCK]) are counted.
    """
    aliases: dict[str, str] = {}
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known:
                    aliases[alias.asname or alias.name] = inner
                elif alias.name in offset.get(node.module, ()):
                    names.add(alias.asname or alias.name)
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Subscript):
            continue
        for part in index_parts(node.slice):
            by_alias = (
                isinstance(part, ast.Attribute)
                and isinstance(part.value, ast.Name)
                and part.attr in offset.get(aliases.get(part.value.id, ""), ())
            )
            if by_alias or (isinstance(part, ast.Name) and part.id in names):
                found.append(f"{module.path}:{node.lineno} {ast.unparse(node)[:60]}")
    return found


def index_parts(index: ast.expr) -> Iterator[ast.AST]:
    """The nodes of an index that say a place: see offsets. An index within it is a subscript of its own."""
    match index:
        case ast.Compare() | ast.Call(func=ast.Attribute(attr="isin") | ast.Name(id="isin")):
            return
        case ast.Subscript(value=inner):
            yield from index_parts(inner)
        case ast.Slice(lower=lower, upper=upper, step=step):
            ends = [lower if upper or not _is_negative(lower) else None, upper if lower or step else None, step]
            for end in ends:
                if end is not None:
                    yield from index_parts(end)
        case _:
            yield index
            for inner in ast.iter_child_nodes(index):
                if isinstance(inner, ast.expr):
                    yield from index_parts(inner)


def _is_negative(end: ast.expr | None) -> bool:
    return isinstance(end, ast.UnaryOp) and isinstance(end.op, ast.USub)


def numbered(module: Module) -> list[str]:
    """Places where a literal index of LEAST and more picks a field: row[5], state[..., 7]."""
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Subscript) or ast.unparse(node.value).endswith(".shape"):
            continue
        last = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        if isinstance(last, ast.Constant) and type(last.value) is int and last.value >= LEAST:
            found.append(f"{module.path}:{node.lineno} {ast.unparse(node)[:60]}")
    return found


def needs_parts(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is public and has three arguments or more, or an array."""
    given = arguments(node)
    words = {n.id for a in given if a.annotation for n in ast.walk(a.annotation) if isinstance(n, ast.Name)}
    return not node.name.startswith("_") and (len(given) >= 3 or bool(words & ARRAYS))


def measure(root: Path) -> House:
    """The figures of a package folder."""
    known, house = modules(root), House()
    sizes = {name: module.lines for name, module in known.items()}
    places = [(module, node) for module in known.values() for node in functions(module.tree)]
    lengths = {f"{m.path}:{n.lineno} {n.name}": (n.end_lineno or n.lineno) - n.lineno + 1 for m, n in places}
    stems = Counter(m.path.stem for m in known.values() if m.path.stem not in PATTERNS)
    classes = [(n.name, m) for m in known.values() for n in ast.walk(m.tree) if isinstance(n, ast.ClassDef)]
    repeated = Counter(name for name, _ in classes)
    commands = root / "cli"
    inner = {n for m in known.values() for n in inner_functions(m.tree)}
    described = [(m, n) for m, n in places if needs_parts(n) and n not in inner and commands not in m.path.parents]
    whole = [n for _, n in described if "Parameters\n" in (ast.get_docstring(n) or "")]
    of_offset = {name: constants(module.tree) for name, module in known.items()}
    house.figures |= {
        "modules": len(known), "lines": sum(sizes.values()), "median module": median(sizes.values()),
        "longest module": max(sizes.values()),
        "longest function": max(lengths.values(), default=0),
    }  # fmt: skip
    house.put("functions over 50 lines", [f"{at}: {n}" for at, n in lengths.items() if n > 50])
    house.put("modules over 300 lines", [f"{known[name].path}: {n}" for name, n in sizes.items() if n > 300])
    house.put("functions of more than 8 arguments", [
        f"{m.path}:{n.lineno} {n.name}: {len(arguments(n))}" for m, n in places
        if len(arguments(n)) > 8 and commands not in m.path.parents])  # fmt: skip
    house.put("repeated module names", [f"{name}.py: {n}" for name, n in sorted(stems.items()) if n > 1])
    house.put("repeated class names", [f"{name}: {n}" for name, n in sorted(repeated.items()) if n > 1])
    house.put("unnamed tuple arguments", [
        f"{m.path}:{n.lineno} {n.name}({a.arg})" for m, n in places for a in arguments(n)
        if is_unnamed_tuple(a.annotation)])  # fmt: skip
    house.put("unnamed tuple attributes", [
        f"{m.path}:{a.lineno} {ast.unparse(a.target)}" for m in known.values() for c in ast.walk(m.tree)
        if isinstance(c, ast.ClassDef) for a in c.body
        if isinstance(a, ast.AnnAssign) and is_unnamed_tuple(a.annotation)])  # fmt: skip
    house.put("offsets of another file", [at for m in known.values() for at in offsets(m, known, of_offset)])
    house.put("fields by number", [at for m in known.values() for at in numbered(m)])
    house.put("import circles", [" <-> ".join(c) for c in circles({n: imports(m, known) for n, m in known.items()})])
    house.figures["docstrings that need parts"] = len(described)
    house.figures["share of them with parts"] = round(len(whole) / len(described), 3) if described else 1.0
    house.notes["docstrings that need parts"] = [
        f"{m.path}:{n.lineno} {n.name}" for m, n in described if "Parameters\n" not in (ast.get_docstring(n) or "")
    ]
    return house


def main() -> None:
    """Print the figures of the packages named on the command line, side by side."""
    roots = [Path(word) for word in sys.argv[1:] if not word.startswith("--")] or [Path("hfm")]
    houses = [measure(root) for root in roots]
    print(" " * 36 + "".join(f"{str(root)[-22:]:>24}" for root in roots))
    for name in houses[0].figures:
        print(f"{name:36}" + "".join(f"{house.figures[name]:>24,}" for house in houses))
    if "--notes" in sys.argv:
        for name, places in houses[0].notes.items():
            print("", name, *(f"  {place}" for place in places), sep="\n")


if __name__ == "__main__":
    main()
