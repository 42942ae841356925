"""What the commands share: where home is, and which settings win."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfm.cli.options import Common
from hfm.cli.settings import config_of, home_of
from hfm.errors import ConfigError


def test_flags_win_over_files_over_the_run_over_the_home(tmp_path: Path) -> None:
    """hfm.toml < recorded < --config < --set and flags, key by key."""
    (tmp_path / "hfm.toml").write_text("[train]\nepochs = 1\nseeds = 1\nhidden = 8\nlayers = 1\n")
    (tmp_path / "more.toml").write_text("[train]\nhidden = 16\nlayers = 3\n")
    common = Common(config=(tmp_path / "more.toml",), set_=("train.layers=4",))
    config = config_of(common, tmp_path, {"train": {"seeds": 2, "hidden": 9}}, "train", {"epochs": 7})
    train = config.train
    assert (train.epochs, train.seeds, train.hidden, train.layers) == (7, 2, 16, 4)


def test_a_fault_in_hfm_toml_names_the_file(tmp_path: Path) -> None:
    """It is read in every command."""
    (tmp_path / "hfm.toml").write_text("[trian]\nepochs = 1\n")
    with pytest.raises(ConfigError, match=r"hfm\.toml"):
        config_of(Common(), tmp_path, {}, "train", {})


def test_home_is_an_option(tmp_path: Path) -> None:
    """--home."""
    assert home_of(Common(home=str(tmp_path))) == tmp_path
