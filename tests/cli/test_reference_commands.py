"""`hfm settings`, `hfm init` and `hfm schema`: what there is, from where it is declared."""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from pathlib import Path

import pytest

from hfm.cli import reference_commands
from hfm.config import Config, load, read_toml, reference
from hfm.runs.stages import STAGES
from hfm.tables.schema import TABLES
from tests import terminal
from tests.command import hfm


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one run that was fetched with settings of its own."""
    folder = tmp_path_factory.mktemp("home")
    done = hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 2, "--run", "a",
               "--set", "train.epochs=3", cwd=folder)  # fmt: skip
    assert done.code == 0, done.err
    return folder


# ---------------------------------------------------------------------------------------------------------- settings
def test_every_setting_is_documented_and_every_documented_setting_exists(tmp_path: Path) -> None:
    """`hfm settings --json` beside the dataclasses: keys, defaults, and a meaning of each."""
    found = hfm("settings", "--json", cwd=tmp_path).json["metrics"]["settings"]
    defaults = json.loads(json.dumps(dataclasses.asdict(Config())))
    assert {s: {k: v["default"] for k, v in body.items()} for s, body in found.items()} == defaults
    assert [f"{s}.{k}" for s, body in found.items() for k, v in body.items() if not v["meaning"]] == []


def test_a_section_and_a_setting_can_be_asked_for(tmp_path: Path) -> None:
    """The whole is the sections one below the other."""
    whole = hfm("settings", cwd=tmp_path).out
    parts = [hfm("settings", section, cwd=tmp_path).out for section in reference.about()]
    assert "\n".join(parts) == whole
    one = hfm("settings", "train.lr", cwd=tmp_path).out.splitlines()
    assert one[2].split() == ["train.lr", "=", "0.002", "number", ">", "0,", "<=", "1"]


@pytest.mark.parametrize(
    ("typed", "next_"),
    [
        ("tarin", "hfm settings train"), ("lr", "hfm settings train.lr"), ("train.lrr", "hfm settings train.lr"),
        ("train.zzzzzz", "hfm settings train"), ("zzzzzz", "hfm settings"), ("", "hfm settings"),
        ("TRAIN", "hfm settings train"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_is_exit_2_and_the_nearest(tmp_path: Path, typed: str, next_: str) -> None:
    """What is printed works as it stands."""
    done = hfm("settings", typed, cwd=tmp_path)
    assert (done.code, done.err.splitlines()[-1]) == (2, f"  next: {next_}")
    assert hfm(*next_.split()[1:], cwd=tmp_path).code == 0


def test_a_run_says_where_it_differs(home: Path) -> None:
    """Beside the default; what it left as it is, is not said again."""
    body = hfm("settings", "--run", "a", "--json", cwd=home).json
    differs = {f"{s}.{k}": v["run"] for s, b in body["metrics"]["settings"].items() for k, v in b.items() if "run" in v}
    assert differs == {"fetch.symbols": ["SPY"], "fetch.source": "synthetic", "fetch.sessions": 2, "train.epochs": 3}
    assert body["run_dir"] == str((home / "runs" / "a").resolve())
    lines = hfm("settings", "train", "--run", "a", cwd=home).out.splitlines()
    assert [line.strip() for line in lines if "a:" in line] == ["in a: 3"]
    assert "in a:" not in hfm("settings", "train", cwd=home).out
    missing = hfm("settings", "--run", "nosuch", cwd=home)
    assert missing.code == 4


# -------------------------------------------------------------------------------------------------------------- init
@pytest.mark.parametrize("arguments", [(), ("mine.toml",), ("a b.toml",)])
def test_the_file_is_the_defaults_and_is_never_written_over(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Exit 2 the second time, the file as it was, and the next command works."""
    path = tmp_path / (arguments[0] if arguments else "hfm.toml")
    done = hfm("init", *arguments, cwd=tmp_path)
    assert (done.code, done.out) == (0, f"{path.name}\n")
    assert load([read_toml(path)]) == Config()
    path.write_text(text := "[train]\nepochs = 3\n")
    again = hfm("init", *arguments, cwd=tmp_path)
    assert again.code == 2
    assert path.read_text() == text
    free = path.with_stem(f"{path.stem}-2")
    name = str(free) if not arguments else f"'{free.name}'" if " " in free.name else free.name
    assert again.err.splitlines()[-1] == f"  next: hfm init {name}"
    assert hfm("init", free.name, cwd=tmp_path).code == 0
    assert load([read_toml(free)]) == Config()


def test_a_run_with_the_file_is_that_without_it(home: Path, tmp_path: Path) -> None:
    """--config FILE leaves the settings as they are."""
    assert hfm("init", tmp_path / "all.toml", cwd=home).code == 0
    command = ("fetch", "SPY", "--source", "synthetic", "--sessions", 2)
    for name, more in (("bare", ()), ("with", ("--config", tmp_path / "all.toml"))):
        done = hfm(*command, "--run", name, *more, cwd=tmp_path)
        assert done.code == 0, done.err
    bare, with_ = (json.loads((tmp_path / "runs" / n / "manifest.json").read_text()) for n in ("bare", "with"))
    assert bare["config"] == with_["config"]


def test_the_file_lies_in_the_home_that_is_named(tmp_path: Path) -> None:
    """--home, else HFM_HOME, else here."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert hfm("init", "--home", "a", "-q", cwd=tmp_path).out == ""
    assert hfm("init", cwd=tmp_path, env={"HFM_HOME": "b"}).code == 0
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.toml")) == ["a/hfm.toml", "b/hfm.toml"]


def test_a_folder_or_a_place_that_is_none_is_exit_2_and_the_next_command(tmp_path: Path) -> None:
    """And nothing is written."""
    done = hfm("init", "no/such/hfm.toml", cwd=tmp_path)
    assert (done.code, done.err.splitlines()[-1]) == (2, f"  next: mkdir -p {tmp_path / 'no' / 'such'}")
    folder = hfm("init", tmp_path, cwd=tmp_path)
    assert (folder.code, folder.err.splitlines()[-1]) == (2, f"  next: hfm init {tmp_path / 'hfm.toml'}")
    os.symlink("nowhere", tmp_path / "dangling.toml")
    assert hfm("init", "dangling.toml", cwd=tmp_path).code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["dangling.toml"]


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    """/dev/full cannot be made a new file, so a limit on the size of files stands for it."""
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)); import sys; sys.argv = ['hfm', 'init']; "
    code += "from hfm.cli import main; main()"
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 10, done.stderr
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------ schema
def test_every_table_is_in_the_list_with_the_files_that_hold_it(tmp_path: Path) -> None:
    """And every Parquet artifact of a stage is of a table that is there."""
    found = hfm("schema", "--json", cwd=tmp_path).json["metrics"]["tables"]
    assert list(found) == list(TABLES) == list(reference_commands.SUBJECTS)
    files = [file for table in found.values() for file in table["files"]]
    written = [a for s in STAGES for a in (*s.writes, *s.may_write, *s.writes_one) if a.endswith(".parquet")]
    assert sorted(files) == sorted(written)
    lines = hfm("schema", cwd=tmp_path).out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_shows_each_column(name: str) -> None:
    """Name, type, unit and meaning, in order, at 80 columns."""
    lines = reference_commands.table_lines(TABLES[name])
    assert max(map(len, lines)) <= 80
    shown = " ".join(" ".join(lines).split())
    at = 0
    for column in TABLES[name].columns:
        at = shown.index(column.name, at)
        assert column.unit in shown[at:]
        assert " ".join(column.doc.split()) in shown[at:]


def test_a_table_as_json(tmp_path: Path) -> None:
    """Arrow's types; whether null is a value."""
    body = hfm("schema", "predictions", "--json", cwd=tmp_path).json["metrics"]
    columns = {column["name"]: column for column in body["columns"]}
    assert (columns["y_up"]["type"], columns["y_up"]["nullable"]) == ("int8", True)
    assert columns["ret_sd_bps"]["unit"] == "bps"
    assert (body["table"], body["order"]) == ("predictions", list(TABLES["predictions"].order))


@pytest.mark.parametrize(("typed", "next_"), [("leger", "hfm schema ledger"), ("zzzzzz", "hfm schema")])
def test_a_table_that_is_none_is_exit_2_and_the_nearest(tmp_path: Path, typed: str, next_: str) -> None:
    """Exit 2; what is printed works."""
    done = hfm("schema", typed, cwd=tmp_path)
    assert (done.code, done.err.splitlines()[-1]) == (2, f"  next: {next_}")


# ------------------------------------------------------------------------------------------------------- all of them
@pytest.mark.parametrize("command", ["settings", "schema", "schema book", "settings --help", "init --help"])
def test_nothing_is_wider_than_a_terminal(tmp_path: Path, command: str) -> None:
    """At 80 columns."""
    seen = terminal.hfm(*command.split(), cwd=tmp_path)
    assert seen.code == 0
    assert max(map(len, seen.text.splitlines())) <= 80


def test_the_file_has_the_words_of_settings() -> None:
    """One source: a meaning in the file is that on the terminal."""
    text = " ".join(reference.template().replace("# ", "").split())
    assert [s.name for s in reference.settings() if s.meaning not in text] == []
    assert set(tomllib.loads(reference.template())) == set(reference.about())
