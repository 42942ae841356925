"""stdout is the product, stderr the talk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hfm.cli.console import Show, report, shown
from hfm.cli.progress import fancy
from hfm.errors import DataError


def test_paths_are_relative_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed can be typed."""
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "runs" / "a") == "runs/a"
    assert shown(Path("/elsewhere/a")) == "/elsewhere/a"


def test_a_quiet_success_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Cron mails whatever is printed."""
    show = Show("x", quiet=True)
    show.paths.append(Path("/a"))
    show.talk("hello")
    show.finish()
    assert capsys.readouterr() == ("", "")


def test_an_error_goes_to_stderr_and_to_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Both, where --json was given."""
    report(DataError("what", hint="next"), "fetch", as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out)["error"] == {"code": 4, "kind": "data", "message": "what", "hint": "next", "typed": False}
    assert err == "error: what\n  next: (advice) next\n"


def test_no_bar_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets no escape codes; nor does a terminal that asks for none."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for name in ("NO_COLOR", "CI"):
        monkeypatch.setenv(name, "1")
        assert not fancy()
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "dumb")
    assert not fancy()
    assert Show("x", quiet=True).progress() is None
