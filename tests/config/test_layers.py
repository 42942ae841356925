"""Settings come in layers, are checked whole, and a wrong one is named with its nearest right one."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.config import Backtest, Config, Layer, as_tree, load, parse_set, parse_threshold, read_toml
from hfm.errors import ConfigError, ExitCode, HfmError, UsageError


def test_later_layers_win_and_leave_the_rest() -> None:
    """Precedence is the order of the layers, key by key."""
    config = load([Layer("a", {"train": {"epochs": 5, "lr": 0.1}}), Layer("b", {"train": {"epochs": 6}})])
    assert (config.train.epochs, config.train.lr) == (6, 0.1)
    assert config.fetch == Config().fetch


def test_a_config_survives_json() -> None:
    """What the manifest records loads as the same config."""
    config = load([parse_set(["train.lr=1e-3", "fetch.symbols=['SPY','QQQ']", "backtest.threshold=q90"])])
    assert load([Layer("manifest", as_tree(config))]) == config


@pytest.mark.parametrize(
    ("item", "section", "key", "value"),
    [
        ("train.lr=1e-3", "train", "lr", 1e-3),
        ("train.epochs = 7", "train", "epochs", 7),
        ("simulate.recipe=seed", "simulate", "recipe", "seed"),
        ("simulate.spread_bps=none", "simulate", "spread_bps", None),
        ("backtest.threshold=0.6", "backtest", "threshold", "0.6"),
    ],
)
def test_set_takes_toml_values_and_bare_words(item: str, section: str, key: str, value: object) -> None:
    """--set is typed in a shell, where quoting quotes is a nuisance."""
    assert getattr(getattr(load([parse_set([item])]), section), key) == value


@pytest.mark.parametrize(
    ("items", "hint"),
    [
        (["train.epochz=1"], "train.epochs"),
        (["trian.epochs=1"], "train"),
        (["train"], "--set"),
        (["train.lr=7"], "float"),
        (["train.epochs=many"], "int"),
        (["fetch.symbols=SPY"], 'a list, of words such as ["a", "b"]'),
        (["simulate.recipe=magic"], "calibrated"),
        (["backtest.threshold=1.5"], "q90"),
        (["backtest.threshold=nan"], "q90"),
        (["backtest.threshold=q101"], "q90"),
    ],
)
def test_a_wrong_setting_is_a_config_error_with_a_way_out(items: list[str], hint: str) -> None:
    """Exit 3, and the hint names the right key or the accepted form."""
    with pytest.raises(ConfigError) as caught:
        load([parse_set(items)])
    assert caught.value.code == ExitCode.CONFIG
    assert hint in caught.value.hint


def test_an_instant_in_a_file_is_judged_as_the_files(tmp_path: Path) -> None:
    """Exit 3, and the file is named: what --as-of says with exit 2 is no fault of a flag here."""
    path = tmp_path / "hfm.toml"
    path.write_text('[fetch]\nas_of = "teatime"\n')
    with pytest.raises(ConfigError, match=r"hfm\.toml is 'teatime', not an ISO time") as caught:
        load([read_toml(path)])
    assert caught.value.code == ExitCode.CONFIG
    assert "--as-of" not in caught.value.hint


def test_a_later_layer_mends_an_instant() -> None:
    """Only the value that holds is judged."""
    layers = [
        Layer("hfm.toml", {"fetch": {"as_of": "teatime"}}),
        Layer("flags", {"fetch": {"as_of": "2026-03-06"}}, True),
    ]
    assert load(layers).fetch.as_of == "2026-03-06"


@pytest.mark.parametrize(
    ("section", "body"),
    [("train", {"epochs": 0}), ("backtest", {"threshold": "1.5"}), ("fetch", {"as_of": "teatime"})],
)
def test_the_same_value_from_a_flag_is_a_usage_error(section: str, body: dict[str, object]) -> None:
    """Exit 2, and the flag is named as it was typed."""
    with pytest.raises(UsageError) as caught:
        load([Layer("the flags", {section: body}, flag=True)])
    assert caught.value.what.startswith("--")


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_threshold_is_a_probability_from_a_half_to_below_one(value: float) -> None:
    """Whatever number is typed, only [0.5, 1) passes."""
    if 0.5 <= value < 1:
        assert parse_threshold(repr(value)) == ("p", value)
    else:
        with pytest.raises(ValueError, match="quantile"):
            parse_threshold(repr(value))


def test_quantile_and_cost_thresholds_are_read() -> None:
    """q90 is the share .9."""
    assert parse_threshold("q97.5") == ("q", 0.975)
    assert parse_threshold("cost")[0] == parse_threshold("my-policy")[0] == "policy"


@pytest.mark.parametrize("text", ["[train", "epochs = 5", "\xff\xfe"])
def test_a_file_that_is_not_settings_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """The file is named and what is wrong with it."""
    path = tmp_path / "hfm.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"hfm\.toml"):
        load([read_toml(path)])


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """Exit 3, not a traceback."""
    with pytest.raises(ConfigError, match=r"nothing\.toml"):
        read_toml(tmp_path / "nothing.toml")


def test_every_section_is_frozen() -> None:
    """A stage cannot change its settings."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().train.epochs = 3  # type: ignore[misc]


LIMITS = [f.name for f in dataclasses.fields(Backtest) if f.name.startswith("max_") and f.name != "max_drawdown"]


@pytest.mark.parametrize("name", [*LIMITS, "collar"])
@pytest.mark.parametrize("value", [math.inf, "inf"])
def test_an_infinite_limit_is_none(name: str, value: object) -> None:
    """As its words say; and no JSON holds infinity."""
    assert load([Layer("--set", {"backtest": {name: value}})]) == Config()


def test_no_number_of_the_settings_may_be_other_than_finite() -> None:
    """Infinity and NaN are refused by name, or mean that a limit is off."""
    tried = 0
    for section in dataclasses.fields(Config()):
        for field in dataclasses.fields(getattr(Config(), section.name)):
            for value in (math.inf, -math.inf, math.nan):
                tried += 1
                try:
                    config = load([Layer("--set", {section.name: {field.name: value}})])
                except HfmError as e:
                    assert f"{section.name}.{field.name}" in str(e)
                else:
                    held = getattr(getattr(config, section.name), field.name)
                    assert not isinstance(held, float) or math.isfinite(held)
    assert tried > 200
