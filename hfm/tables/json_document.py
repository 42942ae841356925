"""JSON documents as frozen dataclasses: named fields in memory, the same bytes on disk.

A document of an earlier version may lack fields, and one of a later version may have more: reading is tolerant of both,
and what was read is written again as it was. Values are not converted: a 5 that was written stays a 5.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Json = dict[str, Any]  # Any: JSON values
D = TypeVar("D", bound="JsonDocument")


@dataclass(frozen=True, kw_only=True)
class JsonDocument:
    """A JSON object with named fields.

    A field whose default is None is left out of the JSON where it is None; every other field is always written.

    Attributes
    ----------
    absent : fields that the object read did not have; they hold their default, or an empty value of their type, and
        are not written.
    extra : keys that are no fields, with their JSON values; they are written as they are.
    """

    absent: frozenset[str] = field(default=frozenset(), repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)  # Any: JSON values


def to_json(value: Any) -> Any:  # Any: JSON values, and documents of them
    """The JSON value of a document, of a tuple or dict of documents, or of a plain value."""
    if isinstance(value, JsonDocument):
        known = {f.name: getattr(value, f.name) for f in _fields(type(value)) if not _left_out(value, f)}
        return {name: to_json(inner) for name, inner in known.items()} | dict(value.extra)
    if isinstance(value, dict):
        return {key: to_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(inner) for inner in value]
    return value


def from_json(kind: type[D], data: Mapping[str, Any]) -> D:  # Any: JSON values
    """The document of a JSON object.

    Parameters
    ----------
    kind : the document's class.
    data : the object; keys that are no fields become `extra`, fields that it lacks become `absent`.

    Returns
    -------
    The document; to_json gives `data` again.
    """
    hints, found, absent = _hints(kind), {}, set()
    for f in _fields(kind):
        if f.name in data:
            found[f.name] = _parse(hints[f.name], data[f.name])
        elif f.default is not None:
            absent.add(f.name)
            found[f.name] = _empty(hints[f.name]) if f.default is MISSING else f.default
    known = {f.name for f in _fields(kind)}
    extra = {key: value for key, value in data.items() if key not in known}
    return kind(**found, absent=frozenset(absent), extra=extra)


_HINTS: dict[Any, dict[str, Any]] = {}  # Any: mypy holds a class to be unhashable; annotations
"""Annotations by class: evaluating them takes longer than reading a document."""


def _fields(kind: type[JsonDocument]) -> list[Any]:  # Any: dataclasses.Field, whose type argument varies
    """The fields that stand in the JSON."""
    return [f for f in fields(kind) if f.name not in ("absent", "extra")]


def _hints(kind: type[JsonDocument]) -> dict[str, Any]:  # Any: annotations
    """Annotation by field."""
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]


def _left_out(document: JsonDocument, f: Any) -> bool:  # Any: dataclasses.Field
    """Whether the field is not written."""
    return f.name in document.absent or (f.default is None and getattr(document, f.name) is None)


def _members(hint: Any) -> tuple[Any, ...]:  # Any: annotations
    """The types of a union, or the type alone."""
    return get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _parse(hint: Any, value: Any) -> Any:  # Any: annotations, JSON values
    """`value` with its documents parsed; a value of another type than the annotation's is left as it is."""
    for member in _members(hint):
        if isinstance(member, type) and issubclass(member, JsonDocument) and isinstance(value, dict):
            return from_json(member, value)
        if get_origin(member) is tuple and isinstance(value, list):
            return tuple(_parse(get_args(member)[0], each) for each in value)
        if get_origin(member) is dict and isinstance(value, dict):
            return {key: _parse(get_args(member)[1], each) for key, each in value.items()}
    return value


def _empty(hint: Any) -> Any:  # Any: annotations, values of them
    """What stands for an absent field: None where that is allowed, NaN of a float, else an empty value of its type."""
    members = _members(hint)
    if type(None) in members:
        return None
    first = members[0]
    if isinstance(first, type) and issubclass(first, JsonDocument):
        return from_json(first, {})
    return math.nan if first is float else (get_origin(first) or first)()
