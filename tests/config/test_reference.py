"""What is said of a setting is what holds: nothing is left out, bounds are enforced, the file reads back."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.config import Config, load, parse_set, read_toml, reference
from hfm.config.layers import Layer
from hfm.config.reference import Setting
from hfm.errors import ConfigError

SETTINGS = reference.settings()
BOUNDED = [s for s in SETTINGS if s.bounds]
CHOSEN = [s for s in SETTINGS if s.choices]
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def tree() -> dict[str, dict[str, Any]]:
    """The default config as JSON values."""
    found: dict[str, dict[str, Any]] = json.loads(json.dumps(dataclasses.asdict(Config())))
    return found


def put(setting: Setting, value: object) -> object:
    """What the loaded config holds of a setting."""
    config = load([Layer("a test", {setting.section: {setting.key: value}})])
    return getattr(getattr(config, setting.section), setting.key)


def test_every_setting_is_there_with_its_default_and_a_meaning() -> None:
    """And nothing else; in the order in which they are declared."""
    found: dict[str, dict[str, Any]] = {}
    for setting in SETTINGS:
        found.setdefault(setting.section, {})[setting.key] = setting.default
    assert json.dumps(found) == json.dumps(tree())
    assert [s.name for s in SETTINGS if not s.meaning.endswith(".")] == []
    assert list(reference.about()) == list(tree())
    assert all(words.endswith(".") for words in reference.about().values())


@pytest.mark.parametrize("setting", BOUNDED, ids=lambda s: s.name)
def test_bounds_are_those_that_are_enforced(setting: Setting) -> None:
    """A value at an open bound is refused, one just inside is taken; the other way at a closed one."""
    for bound in setting.bounds:
        sign, text = bound.split(" ")
        limit: float = 2**63 if text == "2**63" else (int if setting.kind == "int" else float)(float(text))
        if setting.kind == "int":
            below, above = limit - 1, limit + 1
        else:
            below, above = math.nextafter(limit, -math.inf), math.nextafter(limit, math.inf)
        taken = {"<": below, "<=": limit, ">": above, ">=": limit}[sign]
        refused = {"<": limit, "<=": above, ">": limit, ">=": below}[sign]
        assert put(setting, taken) == taken
        with pytest.raises(ConfigError, match=setting.name):
            put(setting, refused)


@pytest.mark.parametrize("setting", CHOSEN, ids=lambda s: s.name)
def test_choices_are_those_that_are_taken(setting: Setting) -> None:
    """Each of them, and no other word."""
    assert [put(setting, word) for word in setting.choices] == list(setting.choices)
    with pytest.raises(ConfigError, match=setting.name):
        put(setting, "nothing-of-the-kind")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_none_is_taken_where_it_is_said_to_be(setting: Setting) -> None:
    """`--set section.key=none`; elsewhere it is refused, or a text like any other."""
    item = parse_set([f"{setting.name}=none"])
    if setting.optional:
        assert getattr(getattr(load([item]), setting.section), setting.key) is None
    elif setting.kind != "str":
        with pytest.raises(ConfigError, match=setting.name):
            load([item])


def test_the_file_of_all_settings_reads_back_to_the_defaults(tmp_path: Path) -> None:
    """Each key stands in it once; those without a default are comments."""
    path = tmp_path / "hfm.toml"
    path.write_text(reference.template(), "utf-8")
    layer = read_toml(path)
    assert load([layer]) == Config()
    assert {f"{section}.{key}" for section, body in layer.tree.items() for key in body} == {
        s.name for s in SETTINGS if s.default is not None
    }
    lines = path.read_text("utf-8").splitlines()
    assert [s.name for s in SETTINGS if s.default is None and f"#{s.key} =" not in lines] == []
    assert max(map(len, lines)) <= 80


@given(st.data())
def test_a_value_of_the_file_that_is_changed_is_the_one_that_is_read(data: st.DataObject) -> None:
    """Whatever is written in the place of a default, the rest stands."""
    setting = data.draw(st.sampled_from([s for s in SETTINGS if s.kind == "bool" or s.choices]))
    value = data.draw(st.sampled_from(setting.choices or (True, False)))
    lines, section = [], ""
    for line in reference.template().splitlines():
        section = line[1:-1] if line.startswith("[") else section
        here = section == setting.section and line.startswith(f"{setting.key} =")
        lines.append(f"{setting.key} = {reference.toml(value)}" if here else line)
    read = tomllib.loads("\n".join(lines))
    want = json.loads(json.dumps(tomllib.loads(reference.template())))
    want[setting.section][setting.key] = value
    assert read == want


@given(VALUES)
def test_values_survive_toml(value: object) -> None:
    """Texts of any characters, numbers, lists and tables."""
    try:
        text = f"v = {reference.toml(value)}"
        text.encode()
    except UnicodeEncodeError:  # half a character: no text file can hold it
        return
    assert tomllib.loads(text)["v"] == value
