"""What there is to set, for a person: each setting's default, bounds and meaning, read from where it is declared.

The bounds are the annotations by which layers.load() judges a value; the meaning is the string below the field.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from hfm.config import sections
from hfm.config.sections import Config

WIDTH = 80
"""Columns of a line of the template."""
_SIGNS = {Gt: ">", Ge: ">=", Lt: "<", Le: "<="}
_WORDS = {
    "str": "text", "bool": "true or false", "int": "integer", "float": "number", "tuple": "list of texts",
    "map": "table",
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes
    ----------
    section, key : its name in a file and in --set.
    default : JSON value; None where it is not set.
    kind : "str", "bool", "int", "float", "tuple" (a list of texts) or "map" (name -> value).
    optional : whether None, "none" in --set, is a value.
    bounds : such as ("> 0", "<= 1"); () where there are none.
    choices : the words of which it is one; () where it is not one of a few.
    meaning : sentences.
    """

    section: str
    key: str
    default: Any  # Any: JSON
    kind: str
    optional: bool
    bounds: tuple[str, ...]
    choices: tuple[str, ...]
    meaning: str

    @property
    def name(self) -> str:
        """section.key, as --set takes it."""
        return f"{self.section}.{self.key}"

    @property
    def form(self) -> str:
        """What its value looks like, in words: `integer > 0, <= 64`."""
        words = " or ".join(self.choices) or " ".join([_WORDS[self.kind], ", ".join(self.bounds)]).strip()
        return words + ("; may be none" if self.optional else "")


@cache
def about() -> Mapping[str, str]:
    """Section -> what it is about: the first line of its docstring."""
    return {f.name: (inspect.getdoc(_kind(f.name)) or "").splitlines()[0] for f in dataclasses.fields(Config)}


@cache
def settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the declarations."""
    return tuple(setting for field in dataclasses.fields(Config) for setting in _section(field.name))


def toml(value: object) -> str:
    """A JSON value as TOML; of None, which TOML has not, an empty text."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{toml(str(key))} = {toml(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    text = json.dumps(value, ensure_ascii=False)  # texts, numbers and truth values are written alike
    return text.replace("\x7f", "\\u007f")


def template() -> str:
    """All settings at their defaults as TOML, each below its meaning; one whose default is None is a comment."""
    head = (
        "Every setting of hfm at its default. As hfm.toml in the folder of runs/ it stands below what a run has "
        "recorded; given with --config FILE it stands above. So keep the lines that you change, and delete the rest."
    )
    lines = [*_comment(head)]
    for name, words in about().items():
        lines += ["", f"[{name}]", *_comment(words)]
        for setting in settings():
            if setting.section == name:
                lines += ["", *_comment(f"{setting.meaning} ({setting.form})"), _assignment(setting)]
    return "\n".join(lines) + "\n"


def _assignment(setting: Setting) -> str:
    if setting.default is None:
        return f"#{setting.key} ="
    return f"{setting.key} = {toml(setting.default)}"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _kind(section: str) -> type:
    return type(getattr(Config(), section))


def _section(section: str) -> list[Setting]:
    kind, defaults = _kind(section), json.loads(json.dumps(dataclasses.asdict(getattr(Config(), section))))
    hints, meanings = get_type_hints(kind, include_extras=True), _meanings()[kind.__name__]
    found = []
    for field in dataclasses.fields(kind):
        form, key = _form(hints[field.name]), field.name
        found.append(
            Setting(
                section, key, defaults[key], form.kind, form.optional, form.bounds, form.choices, meanings.get(key, "")
            )
        )
    return found


@dataclass(frozen=True)
class _Form:
    """What an annotation says; see Setting."""

    kind: str
    optional: bool = False
    bounds: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


def _form(hint: Any) -> _Form:  # Any: an annotation
    """What an annotation says of a value."""
    if get_origin(hint) in (Union, UnionType):
        inner = next(part for part in get_args(hint) if part is not NoneType)
        return dataclasses.replace(_form(inner), optional=True)
    if get_origin(hint) is Annotated:
        base, *marks = get_args(hint)
        return _Form(base.__name__, bounds=tuple(map(_bound, marks)))
    if get_origin(hint) is Literal:
        return _Form("str", choices=tuple(map(str, get_args(hint))))
    if get_origin(hint) is not None:
        return _Form("tuple" if get_origin(hint) is tuple else "map")
    return _Form(hint.__name__)


def _bound(mark: Gt | Ge | Lt | Le) -> str:
    value: Any = getattr(mark, dataclasses.fields(mark)[0].name)  # Any: a number
    text = "2**63" if value == 2**63 else f"{value:g}".replace("e+", "e") if isinstance(value, float) else str(value)
    return f"{_SIGNS[type(mark)]} {text}"


@cache
def _meanings() -> Mapping[str, Mapping[str, str]]:
    """Class -> field -> the string below it, its lines joined; a field without one is not there."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(sections)).body:
        if isinstance(node, ast.ClassDef):
            body = found.setdefault(node.name, {})
            for field, below in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    text = _text(below)
                    if text:
                        body[field.target.id] = text
    return found


def _text(node: ast.stmt) -> str:
    """The text of a statement that is a string alone; else an empty one."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""
