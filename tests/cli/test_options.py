"""What is typed becomes settings, and only what is typed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from hfm import plugins
from hfm.cli.options import FetchOptions, fetch_flags
from hfm.cli.stage_commands import train
from hfm.config import Train
from hfm.errors import UsageError


def test_nothing_typed_is_nothing_set() -> None:
    """Defaults are the config's business."""
    assert fetch_flags(FetchOptions()) == {}


def test_days_and_sessions_exclude_each_other() -> None:
    """The one typed takes the recorded other away; both are refused."""
    assert fetch_flags(FetchOptions(days=5)) == {"days": 5, "sessions": None}
    assert fetch_flags(FetchOptions(sessions=5)) == {"sessions": 5, "days": None}
    with pytest.raises(UsageError):
        fetch_flags(FetchOptions(days=5, sessions=5))


def test_symbols_are_upper_case_and_once() -> None:
    """spy SPY is one symbol."""
    assert fetch_flags(FetchOptions(symbols=["spy", "SPY", "brk-b"]))["symbols"] == ("SPY", "BRK-B")


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.1", 0.1), ("10 %", 0.1)])
def test_a_gap_is_a_share_or_a_percentage(text: str, share: float) -> None:
    """5% and 0.05 are the same."""
    assert fetch_flags(FetchOptions(max_gap=text))["max_gap"] == pytest.approx(share)


def test_a_path_is_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage can be rerun from any folder."""
    monkeypatch.chdir(tmp_path)
    assert fetch_flags(FetchOptions(path=Path("a.csv")))["path"] == str(tmp_path / "a.csv")


def test_any_option_of_fetch_asks_for_a_run_of_its_own() -> None:
    """`hfm run` without one goes on in the latest."""
    assert not FetchOptions().any()
    assert FetchOptions(rebase=True).any()
    assert FetchOptions(symbols=["SPY"]).any()


def test_the_help_of_train_names_every_model_and_every_group_of_features() -> None:
    """A reader need not guess what there is."""
    hints = get_type_hints(train, include_extras=True)
    words = " ".join(hint.__metadata__[0].help for name, hint in hints.items() if name != "return")
    assert [name for name in plugins.REGISTRY["models"] if name not in words] == []
    assert [name for name in get_args(get_type_hints(Train)["features"]) if name not in words] == []
