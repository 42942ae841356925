"""What schedule prints is run: by a shell with a fake clock and a fake hfm, at every minute of a week."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from hfm.live import schedule
from hfm.live.schedule import Hours, Where
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
    assert any(line.startswith("Environment=HFM_HOME=/home/u HFM_RUN=r") for line in lines)


def test_a_unit_s_command_is_the_shell_s_after_systemd_s_unquoting(box: Path) -> None:
    """$$ and %% are what systemd makes $ and % of."""
    lines = schedule.systemd(XNYS, Where(box / "hfm", box, "r"))
    starts = [line for line in lines if line.startswith("ExecStart=")]
    commands_ = [re.fullmatch(r'ExecStart=/bin/sh -c "(.*)"', line)[1] for line in starts]  # type: ignore[index]
    plain = [c.replace("$$", "$").replace("%%", "%") for c in commands_]
    assert calls(box, plain[0], 1, "1000", fetch=7) == (0, ["fetch", "simulate", "predict"])
    assert calls(box, plain[1], 1, "1000", run=7) == (0, ["run"])
    assert calls(box, plain[1], 1, "1000", run=5) == (5, ["run"])


@pytest.mark.skipif(not os.path.exists("/usr/bin/systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_reads_the_times() -> None:
    """Each OnCalendar expression is one."""
    for line in schedule.systemd(XNYS, Where(Path("/v/hfm"), Path("/h"), "r")):
        if line.startswith("OnCalendar="):
            subprocess.run(["systemd-analyze", "calendar", line.removeprefix("OnCalendar=")], check=True)


def test_hours_are_those_of_the_run_s_sessions() -> None:
    """In the exchange's zone, whatever the clocks did."""
    found = schedule.hours(MemoryReader(made().quotes), stream(made()).engine)
    assert (found.calendar, found.tz, found.first, found.last) == ("XNYS", "America/New_York", 570, 960)
    assert (found.interval_s, found.days) == (900, (0, 1, 2, 3, 4))
