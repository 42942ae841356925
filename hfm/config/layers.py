"""Layers of TOML and flags in, one validated Config out; what is wrong is named with its nearest right.

Precedence, low to high: defaults, hfm.toml, the run's recorded config, --config, flags and --set.
pydantic is imported inside _section() alone, so that `hfm --help` stays light.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hfm.config.sections import Config
from hfm.errors import ConfigError, HfmError, UsageError, typed
from hfm.instants import parse_instant

Tree = Mapping[str, Mapping[str, object]]


LATER: Mapping[tuple[str, str], object] = {("train", "backend"): "auto"}
"""Settings that came later and whose default changes no result: documents and hashes stay what they were without."""


@dataclass(frozen=True)
class Layer:
    """One origin of settings: where it came from, whether a flag gave it, and section -> key -> value."""

    origin: str
    tree: Tree
    flag: bool = False


def as_tree(config: Config) -> dict[str, dict[str, Any]]:  # Any: JSON values of several kinds
    """`config` as plain JSON values, section -> key -> value; LATER settings only where they were chosen."""
    tree: dict[str, dict[str, Any]] = json.loads(json.dumps(dataclasses.asdict(config)))
    for (section, key), default in LATER.items():
        if tree[section][key] == default:
            del tree[section][key]
    return tree


def read_toml(path: Path) -> Layer:
    """The settings in a TOML file. Raises ConfigError where it can't be read or parsed."""
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as e:
        raise ConfigError(f"{path}: {e.strerror or e}", hint="give --config the path of a TOML file") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is not TOML: {e}", hint="write lines like [train] and epochs = 50") from e
    for section, body in tree.items():
        if not isinstance(body, dict):
            raise ConfigError(f"{path}: {section!r} stands outside a section", hint=f"put it under one of {_names()}")
    return Layer(str(path), tree)


def parse_set(items: Sequence[str]) -> Layer:
    """The settings of `--set section.key=value` arguments; values are TOML, bare words are strings."""
    tree: dict[str, dict[str, object]] = {}
    for item in items:
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\.([A-Za-z_]\w*)\s*=(.*)", item, re.DOTALL)
        if match is None:
            raise ConfigError(f"--set {item!r} is not section.key=value", hint="write it as --set train.lr=1e-3")
        section, key, text = match.groups()
        try:
            value: object = tomllib.loads(f"v = {text.strip()}")["v"]
        except tomllib.TOMLDecodeError:
            value = None if text.strip() == "none" else text.strip()
        tree.setdefault(section, {})[key] = value
    return Layer("--set", tree)


def load(layers: Sequence[Layer]) -> Config:
    """The Config of `layers`, later ones above earlier ones, validated.

    Returns
    -------
    Config : every value within its type and bounds.

    Raises
    ------
    ConfigError
        Exit 3: an unknown section or key, with the nearest known name, or a value outside its type or range.
    UsageError
        Exit 2: the same where a flag gave that value.
    """
    defaults = Config()
    merged, owner = _merge(layers, defaults)
    sections: dict[str, object] = {}
    for item in dataclasses.fields(defaults):
        sections[item.name] = _section(item.name, type(getattr(defaults, item.name)), merged.get(item.name, {}), owner)
    config = Config(**sections)  # type: ignore[arg-type]  # built field by field from the fields' own types
    _check_threshold(config.backtest.threshold, owner.get(("backtest", "threshold")))
    _check_as_of(config.fetch.as_of, owner.get(("fetch", "as_of")))
    return config


def _merge(
    layers: Sequence[Layer], defaults: Config
) -> tuple[dict[str, dict[str, object]], dict[tuple[str, str], Layer]]:
    """(section -> key -> value of the highest layer that has it, (section, key) -> that layer)."""
    merged: dict[str, dict[str, object]] = {}
    owner: dict[tuple[str, str], Layer] = {}
    for layer in layers:
        for section, body in layer.tree.items():
            known = _section_keys(defaults, section, layer)
            for key, value in body.items():
                if key not in known:
                    raise _error(
                        layer,
                        f"unknown key {section}.{key} in {layer.origin}",
                        hint=_nearest(key, known, section),
                    )
                merged.setdefault(section, {})[key] = value
                owner[section, key] = layer
    return merged, owner


def _section(
    name: str, kind: type, given: Mapping[str, object], owner: Mapping[tuple[str, str], Layer]
) -> Any:  # Any: one of Config's dataclasses
    """One section, each value within its type and bounds."""
    import pydantic

    body = {k: str(v) if k == "threshold" else v for k, v in given.items()}
    try:
        return _without_infinity(pydantic.TypeAdapter(kind).validate_python(body))
    except pydantic.ValidationError as e:
        first = e.errors()[0]
        key = str(first["loc"][0])
        layer = owner[name, key]
        raise _error(
            layer,
            f"{_place(layer, name, key)} is {first['input']!r}: {_said(first['msg'])}",
            hint=_way_out(layer, name, key, _doc(kind, key)),
        ) from e


def _without_infinity(section: Any) -> Any:  # Any: one of Config's dataclasses
    """The section with None, which is off, for each limit that is infinite; fields that must be finite have bounds."""
    fields = {field.name: getattr(section, field.name) for field in dataclasses.fields(section)}
    return dataclasses.replace(section, **{name: None for name, value in fields.items() if value == math.inf})


def parse_threshold(text: str) -> tuple[Literal["p", "q", "policy"], float]:
    """What a threshold says: ("p", probability), ("q", share of validation confidences) or ("policy", nan).

    The last is the name of a policy that needs no level: cost, or a plug-in's.

    Returns
    -------
    (kind, level) : level is NaN of a policy.

    Raises
    ------
    ValueError
        With the accepted forms.
    """
    quantile = re.fullmatch(r"q(\d{1,2}(?:\.\d+)?)", text)
    if quantile:
        return "q", float(quantile[1]) / 100
    with contextlib.suppress(ValueError):
        value = float(text)
        if 0.5 <= value < 1:
            return "p", value
        text = ""  # a number, and not a probability: nan and inf are no names either
    if re.fullmatch(r"(?!q\d)[a-z][a-z0-9_-]{0,40}", text):
        return "policy", float("nan")
    raise ValueError("a probability in [0.5, 1), a quantile like q90, cost, or a policy's name")


def _check_threshold(text: str, layer: Layer | None) -> None:
    try:
        parse_threshold(text)
    except ValueError as e:
        layer = layer or Layer("defaults", {})
        raise _error(
            layer,
            f"{_place(layer, 'backtest', 'threshold')} is {text!r}: not {e}",
            hint=", or ".join(_retyped(layer, "backtest", "threshold", value) for value in ("0.6", "q90")),
        ) from None


def _check_as_of(text: str | None, layer: Layer | None) -> None:
    """Raise UsageError where a flag gave an instant that is none, ConfigError where a file or --set did."""
    if text is None or layer is None:
        return
    try:
        parse_instant(text)
    except ValueError as e:
        raise _error(
            layer,
            f"{_place(layer, 'fetch', 'as_of')} is {text[:40]!r}, {e}",
            hint="--as-of 2025-04-01T20:00:00Z" if layer.flag else 'give fetch.as_of as "2025-04-01T20:00:00Z"',
        ) from None


def _section_keys(defaults: Config, section: str, layer: Layer) -> list[str]:
    names = [f.name for f in dataclasses.fields(defaults)]
    if section not in names:
        raise _error(layer, f"unknown section {section!r} in {layer.origin}", hint=_nearest(section, names, ""))
    return [f.name for f in dataclasses.fields(getattr(defaults, section))]


def _place(layer: Layer, section: str, key: str) -> str:
    return f"--{key.replace('_', '-')}" if layer.flag else f"{section}.{key} in {layer.origin}"


def _error(layer: Layer, what: str, hint: str) -> HfmError:
    return UsageError(what, hint=hint) if layer.flag else ConfigError(what, hint=hint)


def _way_out(layer: Layer, section: str, key: str, form: str) -> str:
    """The words that may be typed for a setting, or advice: the form that its value has."""
    words = form.split(" or ")
    if len(words) > 1 and " " not in "".join(words):
        return ", or ".join(_retyped(layer, section, key, word) for word in words)
    return f"give {section}.{key} as {form}"


def _retyped(layer: Layer, section: str, key: str, value: str) -> str:
    """What to add to a command for another value than the one that `layer` gave."""
    if layer.flag:
        return typed(f"--{key.replace('_', '-')}", value)
    word = '"none"' if value == "none" else value  # bare, it would be no value at all
    return typed("--set", f"{section}.{key}={word}")


def _nearest(name: str, known: Sequence[str], section: str) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    dot = f"{section}." if section else ""
    return f"did you mean {dot}{close[0]}?" if close else f"known here: {', '.join(known)}"


def _names() -> str:
    return ", ".join(f"[{f.name}]" for f in dataclasses.fields(Config))


def _said(text: str) -> str:
    """Pydantic's words; what it calls a tuple is a list in TOML."""
    return text.lower().replace("a valid tuple", "a list")


def _doc(kind: type, key: str) -> str:
    """The accepted form of a field, from its annotation."""
    text = str(kind.__annotations__[key])
    if text.startswith("tuple["):
        return "a list" + (', of words such as ["a", "b"]' if "str" in text else ", such as [1, 2]")
    if text.startswith("Literal["):
        return " or ".join(re.findall(r"'([^']*)'", text))
    bounds = re.findall(r"(Gt|Ge|Lt|Le)\(([^)]*)\)", text)
    signs = {"Gt": ">", "Ge": ">=", "Lt": "<", "Le": "<="}
    base = re.sub(r"Annotated\[(\w+),.*?\](?=$|\s)", r"\1", text)
    return base + "".join(f" {signs[b]} {v}" for b, v in bounds)
