"""What the commands share: where home is, and which settings win."""

from __future__ import annotations

import os
import subprocess
import sys
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


def test_a_current_folder_that_is_gone_matters_only_where_no_home_is_named(tmp_path: Path) -> None:
    """As under a cron line whose folder a clean-up took: the home is where it was said to be, else exit 2."""
    gone = tmp_path / "gone"
    for home, code, says in ((str(tmp_path), 4, "there is no run"), ("", 2, "the current folder is gone")):
        gone.mkdir()
        command = ["sh", "-c", 'rmdir "$1"; exec "$2" -m hfm status', "sh", str(gone), sys.executable]
        env = {k: v for k, v in os.environ.items() if k != "HFM_HOME"} | ({"HFM_HOME": home} if home else {})
        done = subprocess.run(command, cwd=gone, env=env, capture_output=True, text=True)
        assert (done.returncode, says in done.stderr) == (code, True), done.stderr
