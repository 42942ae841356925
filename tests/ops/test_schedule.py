"""What schedule prints is run: by a shell with a fake clock and a fake hfm, at every minute of a week."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm.ops import schedule
from hfm.ops.schedule import Hours, Where
from hfm.tables import MemoryReader
from tests.live.market import made
from tests.live.test_stream import stream

XNYS = Hours("XNYS", "America/New_York", 570, 960, 300, (0, 1, 2, 3, 4))


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A folder with a fake hfm (writes its arguments, exits as told) and a fake date."""
    (tmp_path / "hfm").write_text('#!/bin/sh\necho "$@" >> "$BOX/calls"\neval "exit \\${CODE_$1:-0}"\n')
    (tmp_path / "date").write_text('#!/bin/sh\n[ "$TZ" = America/New_York ] || exit 9\n'
                                   'case "$1" in +%u) echo $DAY;; +%H%M) echo $TIME;; esac\n')  # fmt: skip
    for name in ("hfm", "date"):
        (tmp_path / name).chmod(0o755)
    (tmp_path / "runs" / "r").mkdir(parents=True)
    return tmp_path


def commands(lines: list[str]) -> list[tuple[str, str]]:
    """(when, command as cron hands it to the shell) of each job."""
    jobs = [line for line in lines if re.match(r"^[\d*]", line)]
    return [(" ".join(j.split()[:5]), j.split("  ", 1)[1].replace("\\%", "%")) for j in jobs]


def calls(box: Path, command: str, day: int, time: str, **codes: int) -> tuple[int, list[str]]:
    """(exit code, the hfm commands it gave)."""
    (box / "calls").unlink(missing_ok=True)
    env = {"PATH": f"{box}:/usr/bin:/bin", "BOX": str(box), "DAY": str(day), "TIME": time}
    env |= {f"CODE_{k}": str(v) for k, v in codes.items()}
    done = subprocess.run(["/bin/sh", "-c", command], env=env, check=False)
    made_ = (box / "calls").read_text().splitlines() if (box / "calls").exists() else []
    return done.returncode, [c.split()[0] for c in made_]


def test_a_cron_line_works_in_market_hours_of_the_exchange_alone(box: Path) -> None:
    """From a minute after the first bar to a minute after the last, Monday to Friday."""
    (when, forecast), (nightly_when, nightly) = commands(schedule.cron(XNYS, Where(box / "hfm", box, "r")))
    assert (when, nightly_when) == ("1-59/5 * * * *", "*/15 * * * *")
    whole = ["fetch", "simulate", "predict"]
    for day, time, expected in ((1, "0931", []), (1, "0936", whole), (5, "1601", whole), (5, "1606", []),
                                (6, "1201", []), (3, "0801", []), (3, "2359", [])):  # fmt: skip
        assert calls(box, forecast, day, time) == (0, expected), (day, time)
    assert calls(box, nightly, 2, "1630") == (0, ["run"])
    assert calls(box, nightly, 2, "1615") == (0, [])


@pytest.mark.parametrize(
    ("codes", "code", "expected"),
    [
        ({"fetch": 7}, 0, ["fetch", "simulate", "predict"]), ({"fetch": 6}, 6, ["fetch"]),
        ({"fetch": 9}, 9, ["fetch"]), ({"simulate": 4}, 4, ["fetch", "simulate"]),
        ({"predict": 7}, 7, ["fetch", "simulate", "predict"]),
    ],
)  # fmt: skip
def test_exit_codes_are_respected(box: Path, codes: dict[str, int], code: int, expected: list[str]) -> None:
    """A partial fetch goes on; a locked run, a limited vendor or missing data ends the job with its code."""
    command = commands(schedule.cron(XNYS, Where(box / "hfm", box, "r")))[0][1]
    assert calls(box, command, 1, "1000", **codes) == (code, expected)
    assert "--wait 60" in command


def test_units_fire_after_each_bar_in_the_exchange_s_zone() -> None:
    """The minutes of all OnCalendar lines together; hourly bars of a short last hour included."""
    lines = schedule.systemd(XNYS, Where(Path("/v/hfm"), Path("/home/u"), "r"))
    found = set()
    for line in lines:
        if match := re.fullmatch(
            r"OnCalendar=Mon,Tue,Wed,Thu,Fri \*-\*-\* ([\d,]+):([\d,]+):00 America/New_York", line
        ):
            found |= {60 * int(h) + int(m) for h in match[1].split(",") for m in match[2].split(",")}
    assert found == {*range(576, 962, 5), 990}
    assert Hours("XNYS", "America/New_York", 570, 960, 3600, (0,)).fires == [631, 691, 751, 811, 871, 931, 961]
    assert any(line == 'Environment="HFM_HOME=/home/u" "HFM_RUN=r"' for line in lines)


def test_a_unit_s_command_is_the_shell_s_after_systemd_s_unquoting(box: Path) -> None:
    """$$ and %% are what systemd makes $ and % of."""
    lines = schedule.systemd(XNYS, Where(box / "hfm", box, "r"))
    starts = [line for line in lines if line.startswith("ExecStart=")]
    plain = [words(line.partition("=")[2], command=True)[2] for line in starts]
    assert calls(box, plain[0], 1, "1000", fetch=7) == (0, ["fetch", "simulate", "predict"])
    assert calls(box, plain[1], 1, "1000", run=7) == (0, ["run"])
    assert calls(box, plain[1], 1, "1000", run=5) == (5, ["run"])


def test_a_home_with_a_blank_is_one_word() -> None:
    """J1: else systemd keeps what stands before the blank, and the job works in another folder."""
    lines = schedule.systemd(XNYS, Where(Path("/opt/h f/hfm"), Path("/home/quant/My Project"), "r1"))
    assert lines.count('Environment="HFM_HOME=/home/quant/My Project" "HFM_RUN=r1"') == 2
    assert any("/bin/sh -c \"'/opt/h f/hfm' fetch -q" in line for line in lines)


def words(text: str, command: bool = False) -> list[str]:
    """A unit's value as systemd splits it: quotes, C escapes, specifiers, and in a command $$ (systemd.syntax(7))."""
    found: list[str] = []
    quote, inside, at = "", False, 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            at += 1
            sign = {"n": "\n", "t": "\t", "s": " "}.get(text[at], text[at])
        elif quote and sign == quote:
            quote, sign = "", ""
        elif not quote and sign in "'\"":
            quote, sign = sign, ""
        elif not quote and sign == " ":
            inside, sign = False, ""
            at += 1
            continue
        if sign in ("%", "$") and (sign == "%" or command):
            at += 1
            assert text[at] == sign, f"{text[at - 1 : at + 1]} would be replaced"
        if not inside:
            found.append("")
        inside = True
        found[-1] += sign
        at += 1
    assert not quote
    return found


PATHS = st.text(st.sampled_from("aB9 %'\"$\\;&|<>*?~#é{}()!=`\t.-"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and name == name.strip()
)


@settings(max_examples=15, deadline=None)
@given(PATHS, PATHS)
def test_any_path_comes_through_systemd_and_the_shell(
    tmp_path_factory: pytest.TempPathFactory, program: str, home: str
) -> None:
    """What ExecStart says is run as systemd would, with its Environment: by a fake hfm in a folder of any name."""
    box, root = tmp_path_factory.mktemp("bin") / program, tmp_path_factory.mktemp("home") / home
    box.mkdir()
    (root / "runs" / "r").mkdir(parents=True)
    (box / "hfm").write_text('#!/bin/sh\nprintf "%s\\n" "$1 $HFM_HOME $HFM_RUN" >> "$HFM_HOME/calls"\n')
    (box / "hfm").chmod(0o755)
    lines = schedule.systemd(XNYS, Where(box / "hfm", root, "r"))
    environment = [dict(v.split("=", 1) for v in words(line[12:])) for line in lines if line.startswith("Environment=")]
    starts = [words(line[10:], command=True) for line in lines if line.startswith("ExecStart=")]
    assert environment == [{"HFM_HOME": str(root), "HFM_RUN": "r"}] * 2
    for env, start in zip(environment, starts, strict=True):
        assert subprocess.run(start, env={"PATH": "/usr/bin:/bin", **env}, check=False).returncode == 0
    assert (root / "calls").read_text() == "".join(f"{c} {root} r\n" for c in ("fetch", "simulate", "predict", "run"))


@settings(max_examples=15, deadline=None)
@given(PATHS, PATHS)
def test_any_path_comes_through_cron_and_the_shell(
    tmp_path_factory: pytest.TempPathFactory, program: str, home: str
) -> None:
    """The values of a crontab are what stands after the sign; forecasts land in the run's folder."""
    box, root = tmp_path_factory.mktemp("bin") / program, tmp_path_factory.mktemp("home") / home
    box.mkdir()
    (root / "runs" / "r").mkdir(parents=True)
    (box / "hfm").write_text('#!/bin/sh\n[ "$1" = predict ] && echo forecast; exit 0\n')
    (box / "date").write_text('#!/bin/sh\ncase "$1" in +%u) echo 1;; +%H%M) echo 1001;; esac\n')
    for name in ("hfm", "date"):
        (box / name).chmod(0o755)
    lines = schedule.cron(XNYS, Where(box / "hfm", root, "r"))
    env = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    assert env["HFM_HOME"] == str(root)
    assert subprocess.run(["/bin/sh", "-c", commands(lines)[0][1]], env=env, check=False).returncode == 0
    assert (root / "runs" / "r" / "predict.jsonl").read_text() == "forecast\n"


@pytest.mark.skipif(not os.path.exists("/usr/bin/systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_odd_paths(tmp_path: Path) -> None:
    """J1: a home with blanks and percent signs; the units are verified by systemd itself, and read back."""
    box, root = tmp_path / "it's 100% $HOME", tmp_path / 'My "Project" \\ 50%'
    for folder in (box, root):
        folder.mkdir()
    (box / "hfm").write_text("#!/bin/sh\n")
    (box / "hfm").chmod(0o755)
    units: dict[str, list[str]] = {}
    for line in schedule.systemd(XNYS, Where(box / "hfm", root, "r1")):
        if line.startswith("# ~/"):
            units[line.rsplit("/", 1)[1]] = []
        elif not line.startswith("#"):
            list(units.values())[-1].append(line)
    for name, body in units.items():
        (tmp_path / name).write_text("\n".join([*body, ""]))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "ignoring" not in done.stderr, done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith(str(tmp_path))], done.stderr


@pytest.mark.skipif(not os.path.exists("/usr/bin/systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_reads_the_times() -> None:
    """Each OnCalendar expression is one."""
    for line in schedule.systemd(XNYS, Where(Path("/v/hfm"), Path("/h"), "r")):
        if line.startswith("OnCalendar="):
            subprocess.run(["systemd-analyze", "calendar", line.removeprefix("OnCalendar=")], check=True)


def test_hours_are_those_of_the_run_s_sessions() -> None:
    """In the exchange's zone, whatever the clocks did."""
    found = schedule.hours(MemoryReader(made().quotes), stream(made()).node)
    assert (found.calendar, found.tz, found.first, found.last) == ("XNYS", "America/New_York", 570, 960)
    assert (found.interval_s, found.days) == (900, (0, 1, 2, 3, 4))
