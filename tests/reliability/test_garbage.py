"""Whatever is typed or fed: a documented exit code, three lines at most, never a traceback or a file outside the home.

The commands run in this process, as `hfm` would: thousands of them in the time of a hundred interpreters.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfm.cli import checks, export, live, stage_commands
from hfm.cli.app import invoke
from tests.cli.test_bad_input import bars
from tests.conftest import Count
from tests.reliability.corridor import whole

COMMANDS = (stage_commands, checks, live, export)
"""Imported for what they register."""
pytestmark = pytest.mark.timeout(3600)
CODES = {0, 2, 3, 4, 7, 8}
FEW, MANY = 60, 2000


@contextlib.contextmanager
def inside(home: Path) -> Iterator[None]:
    """Work in `home`, and find nothing new beside it afterwards."""
    here, beside = Path.cwd(), set(home.parent.iterdir())
    os.chdir(home)
    try:
        yield
    finally:
        os.chdir(here)
    assert set(home.parent.iterdir()) == beside


def typed(home: Path, *arguments: object) -> tuple[int, str]:
    """(exit code, stderr) of a command; the streams hold what they may hold."""
    out, err = io.StringIO(), io.StringIO()
    with inside(home), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = invoke([str(a) for a in arguments])
    said = err.getvalue()
    assert code in CODES, f"exit {code} of {arguments!r:.300}\n{said}"
    assert "Traceback" not in said
    if code not in (0, 7, 8):
        assert said.startswith("error: ")
        assert "next: " in said
        assert len(said.splitlines()) <= 3, said
        assert len(said) < 2_200, "a message repeats its whole input"
    for path in home.rglob("*"):
        assert path.relative_to(home).parts[0] in ("runs", "data", "given", "hfm.toml"), path
    return code, said


def cases(some: int = FEW, soak: int = MANY) -> pytest.MarkDecorator:
    """A few examples by default, many in a soak."""
    return pytest.mark.parametrize("n", [some, pytest.param(soak, marks=pytest.mark.soak)])


def tried(strategy: st.SearchStrategy[object], n: int) -> Iterator[object]:
    """n examples of a strategy, the same ones each time."""
    found: list[object] = []

    @settings(max_examples=n, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example: object) -> None:
        found.append(example)

    collect()
    return iter(found)


WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["../../etc", "BRK-B", "^GSPC", "BTC-USD", "", "x" * 10_000, "💥", "a\0b", "\n"]),
    st.sampled_from(["nan", "inf", "-inf", "-1", "0", "1e309", "q101", "q-1", "qnan", "q", "cost", "0.5", "1", "1_0"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one fetched run, for commands that need one."""
    folder = tmp_path_factory.mktemp("outer") / "home"
    folder.mkdir()
    assert typed(folder, "fetch", "SPY", "--source", "synthetic", "--sessions", 2, "--run", "r", "-q")[0] == 0
    return folder


@cases()
def test_words_in_the_place_of_options(home: Path, count: Count, n: int) -> None:
    """Symbols, run names, thresholds, epochs, settings: none of them may end in a bug or leave the home."""
    places = [
        ("fetch", "{}", "--source", "synthetic", "--sessions", 1, "--run", "other"),
        ("fetch", "SPY", "--source", "synthetic", "--sessions", 1, "--run", "{}"),
        ("fetch", "SPY", "--source", "{}"), ("fetch", "SPY", "--source", "synthetic", "--as-of", "{}"),
        ("fetch", "SPY", "--source", "synthetic", "--interval", "{}", "--run", "other"),
        ("fetch", "SPY", "--source", "file", "--path", "{}"), ("fetch", "SPY", "--days", "{}", "--source", "file"),
        ("status", "--run", "{}"), ("status", "--home", "{}"), ("simulate", "--rho", "{}", "--run", "r"),
        ("simulate", "--recipe", "{}", "--run", "r"), ("train", "--epochs", "{}", "--run", "r"),
        ("train", "--model", "{}", "--run", "r"), ("backtest", "--threshold", "{}", "--run", "r"),
        ("backtest", "--fee-bps", "{}", "--run", "r"), ("backtest", "--fill", "{}", "--run", "r"),
        ("report", "--run", "{}"), ("status", "--set", "train.lr={}"), ("status", "--set", "{}"),
        ("status", "--config", "{}"), ("prune", "--keep", "{}"), ("verify", "--run", "{}"), ("{}",),
    ]  # fmt: skip
    for word in tried(st.tuples(WORDS, st.sampled_from(places)), n):
        text, place = word  # type: ignore[misc]  # what the strategy draws
        typed(home, *(str(text) if part == "{}" else str(part).replace("{}", str(text)) for part in place))
    count("fuzzed command lines", n)


def junk(kind: str) -> st.SearchStrategy[object]:
    """Bytes of a file: noise, and a good file with something done to it."""
    frame = bars(2)
    if kind == "csv":
        good = frame.to_csv(index=False).encode()
    elif kind == "parquet":
        sink = io.BytesIO()
        frame.to_parquet(sink)
        good = sink.getvalue()
    else:
        good = b'[train]\nepochs = 3\n[fetch]\nsymbols = ["SPY"]\n'
    at = st.integers(0, len(good))
    return st.one_of(
        st.binary(max_size=200),
        st.tuples(at, st.binary(max_size=8)).map(lambda p: good[: p[0]] + p[1] + good[p[0] :]),
        st.tuples(at, at).map(lambda p: good[: min(p)] + good[max(p) :]),
        st.tuples(at, st.sampled_from([b"\xff", b"\0", b"nan", b"inf", b"-1", b"1e400", b'"', b",,", b"\r"])).map(
            lambda p: good[: p[0]] + p[1] + good[p[0] + len(p[1]) :]
        ),
    )


@cases()
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_of_bars(home: Path, count: Count, kind: str, n: int) -> None:
    """Cut, spliced, scribbled on: read for certain, in part by name (7), or refused by name (4)."""
    (home / "given").mkdir(exist_ok=True)
    path = home / "given" / f"bars.{kind}"
    for data in tried(junk(kind), n):
        path.write_bytes(data)  # type: ignore[arg-type]  # what the strategy draws
        typed(home, "fetch", "SPY", "--source", "file", "--path", path, "--run", "junk", "-q")
    count(f"fuzzed {kind} files of bars", n)


@cases()
def test_settings_files(home: Path, count: Count, n: int) -> None:
    """TOML that is none, or says what no setting can be: exit 3 with the file's name."""
    (home / "given").mkdir(exist_ok=True)
    path = home / "given" / "my.toml"
    for data in tried(junk("toml"), n):
        path.write_bytes(data)  # type: ignore[arg-type]  # what the strategy draws
        code, said = typed(home, "status", "--run", "r", "--config", path)
        assert code in (0, 3)
        assert code == 0 or "my.toml" in said
    count("fuzzed settings files", n)


@cases()
def test_lines_of_a_stream(home: Path, count: Count, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON that is none, or no row: the live command counts it and goes on, or refuses the run by name."""
    value = st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda v: st.lists(v, max_size=3), max_leaves=4
    )
    row = st.dictionaries(st.sampled_from(["symbol", "time", "seq", "mid_close", "session", "volume", "x"]), value)
    line = st.one_of(st.text(max_size=40), row.map(json.dumps), st.just("[" * 5_000))
    lines = "\n".join(str(text) for text in tried(line, n))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode(errors="surrogatepass"))))
    typed(home, "stream", "--source", "stdin", "--run", "r", "-q")
    count("fuzzed lines of a stream", n)


@pytest.mark.slow
def test_a_pickle_is_never_opened(tmp_path: Path, count: Count) -> None:
    """A malicious file in the place of every artifact: refused by its hash; and read past the hash, by its format."""
    target = tmp_path / "owned"

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {target}",)

    home = tmp_path / "home"
    home.mkdir()
    run = whole(home)
    from hfm.models import checkpoint
    from hfm.tables import FileReader

    for path in sorted(run.glob("*/*")):
        raw = path.read_bytes()
        path.write_bytes(pickle.dumps(Trap()))
        stage = {"fetch": "simulate", "simulate": "train", "train": "backtest"}.get(path.parent.name, "report")
        typed(home, stage, "--run", "r", "-q", *(("--set", "train.model=logistic") if stage == "train" else ()))
        with contextlib.suppress(Exception):
            checkpoint.load(path.read_bytes(), {})
        with contextlib.suppress(Exception):
            FileReader(path, "").read()
        path.write_bytes(raw)
        count("pickles fed in the place of an artifact", 1)
    assert not target.exists()
