"""What errors say to do next: the convention, every literal of the source against it, and a table that is typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hfm as package
from hfm.config import Fetch
from hfm.errors import DataError, is_typed, typed
from hfm.stage import Context
from hfm.train.stage import more
from tests import hints
from tests.command import hfm, retype

SOURCE = Path(package.__file__).parent


def literals() -> Iterator[tuple[str, str]]:
    """(place, text) of every hint= that is a literal; what an f-string fills in is left as a placeholder."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "hint":
                for text in _texts(node.value):
                    yield f"{path.relative_to(SOURCE.parent)}:{node.value.lineno}", text


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "NAME" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def test_no_hint_of_the_source_names_an_option_or_a_setting_that_there_is_not() -> None:
    """Typed or advice: what it names exists, and what is to be typed holds nothing else."""
    found = [(place, text) for place, text in literals() if text and not text.startswith("NAME")]
    assert len(found) > 60
    for place, text in found:
        names = re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)
        assert set(names) <= hints.options() | {"--upgrade"}, f"{place}: {text}"
        for setting in re.findall(r"--set (\w+\.\w+)=", text):
            hints.known(setting, f"{place}: {text}")
        if is_typed(text):
            assert not re.search(r"; | or q|\.\.\.|\?$|\.$", text), f"{place}: {text}"
            for part in hints.parts(text):
                assert not re.search(r", \w+ \w+", part), f"{place}: {text} goes on after what is to be typed"


@pytest.mark.parametrize(
    "text",
    [
        "--tz America/New_York", "--tz America/New_York, or --tz UTC", "hfm fetch SPY --days 30", "--map volume=COLUMN",
        "hfm fetch SYMBOL --source lobster --path FOLDER", "--set fetch.calendar=24/7",
        "--set 'simulate.signal=\"none\"'",
        "--threshold q90", "hfm verify --null 10 --kinds all", "pip install 'hfm[onnx]'", "mkdir -p '/a b'",
        "hfm --help",
        "save the file as UTF-8", "give another --path", "see x, or run again with --debug",
    ],
)  # fmt: skip
def test_a_true_hint_passes(text: str) -> None:
    """What the command line takes, and advice."""
    hints.check(text)


@pytest.mark.parametrize(
    "text",
    [
        "--tzz UTC", "--tz Mars/Olympus", "--set fetch.calender=24/7", "--set fetch.calendar=NSE", "--interval 7m",
        "hfm fetsh SPY", "hfm fetch", "hfm fetch --days 29", "--max-time 600, or try later", "--label start; or end",
        "--threshold 0.6, or q90", "hfm backtest --fill nearest", "hfm fetch SPY --path 'a", "give another --paths",
        "fetch again with hfm fetsh", "(advice) save it", "", "--set simulate.signal=none", "hfm simulate --days 3",
        "--tz UTC America/New_York",
    ],
)  # fmt: skip
def test_an_untrue_hint_does_not(text: str) -> None:
    """A word that is none, a setting, zone or calendar that is none, a sentence after words to be typed."""
    with pytest.raises(hints.Untrue):
        hints.check(text)


def test_an_addition_is_judged_with_the_command_that_was_typed() -> None:
    """An option of another command is none of this one's."""
    hints.check("--threshold 0.6", ["backtest"])
    with pytest.raises(hints.Untrue):
        hints.check("--threshold 0.6", ["fetch", "SPY"])


def test_words_are_quoted_for_a_shell() -> None:
    """And printed without the mark of advice."""
    error = DataError("x", hint=typed("--map", "volume=<TICKVOL>"))
    assert error.lines()[-1] == "  next: --map 'volume=<TICKVOL>'"
    hints.check(error.hint)


# ----------------------------------------------------------------------------------------------------- typed for real
@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run of twelve synthetic sessions, simulated, in a folder of an awkward name."""
    folder = tmp_path_factory.mktemp("a home") / "it's 50%"
    folder.mkdir()
    for words in (
        ("fetch", "SPY", "--source", "synthetic", "--sessions", 12, "--run", "r"),
        ("simulate", "--run", "r"),
    ):
        assert hfm(*words, cwd=folder).code == 0
    return folder


def test_twelve_sessions_of_a_source_that_has_more_are_a_command(home: Path) -> None:
    """H6: with symbol, run and home; typed, the run holds enough of them."""
    done = hfm("train", "--run", "r", "--home", home, cwd=home.parent)
    assert hints.printed(done.err) == typed(
        "hfm", "fetch", "SPY", "--sessions", "20", "--run", "r", "--home", str(home)
    )
    retype(done, ("train", "--run", "r", "--home", home), home.parent)


@pytest.mark.parametrize("source", ["yahoo", "synthetic", "file", "lobster"])
def test_too_few_sessions_of_a_file_are_no_command(source: str) -> None:
    """H6: a vendor can be asked for more; what a file does not hold cannot be typed."""
    hint = more(Fetch(source=source), ("BRK-B", "SPY"), Context("train", run="r"), 18)
    hints.check(hint)
    if source in ("yahoo", "synthetic"):
        assert hint == "hfm fetch BRK-B SPY --sessions 20 --run r"
    else:
        assert not is_typed(hint)
        assert "at least 18 sessions" in hint


TYPED: list[list[object]] = [
    ["fetch", "SPY", "--source", "synthetic", "--interval", "7m"],
    ["fetch", "SPY", "--source", "synthetic", "--set", "fetch.interval=7m"],
    ["fetch", "SPY", "--source", "synthetic", "--max-gap", "lots"],
    ["fetch", "SPY", "--source", "synthetic", "--as-of", "soon"],
    ["fetch", "SPY", "--source", "synthetic", "--label", "middle"],
    ["fetch", "--source", "synthetic"],
    ["fetch", "SPY", "--source", "synthetic", "--run", "../x"],
    ["fetch", "SPY", "--source", "synthetic", "--home", "no such"],
    ["simulate", "--run", "r", "--recipe", "magic"],
    ["simulate", "--run", "r", "--fidelity", "replay"],
    ["simulate", "--run", "r", "--set", "simulate.signal=magic"],
    ["train", "--run", "r", "--device", "mps"],
    ["backtest", "--run", "r", "--threshold", "2"],
    ["backtest", "--run", "r", "--set", "backtest.fill=nearest"],
    ["backtest", "--run", "r"],
    ["predict", "--run", "r"],
    ["status", "--run", "none"],
    ["export", "--run", "r", "--format", "svg"],
    ["schedule", "at", "--run", "r"],
    ["fetch", "SPY", "--source", "lobster"],
    ["fetch", "SPY", "--source", "binance", "--path", "."],
]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", TYPED, ids=lambda words: " ".join(map(str, words))[:60])
def test_what_is_to_be_typed_changes_the_outcome(home: Path, arguments: list[object]) -> None:
    """Each alternative, in a copy of the home: another exit code, or another error."""
    done = hfm(*arguments, cwd=home)
    assert done.code not in (0, 7), done.out
    retype(done, arguments, home)
