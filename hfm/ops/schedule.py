"""Crontab lines and systemd units for a run: a forecast a minute after each bar, and everything anew after the close.

Hours are the exchange's, in its zone, as the run's own sessions have them. systemd knows zones; most crons do not (and
Debian's ignores CRON_TZ), so a cron line fires all day and asks `date` for the exchange's clock first.

Paths may hold any sign: what a shell reads is quoted for a shell (shlex), what systemd reads is quoted by its own rules
on top (systemd.syntax: C escapes and specifiers; systemd.service: $$), and cron gets its percent signs escaped.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hfm.live.node import Node
from hfm.live.stream import sessions
from hfm.tables import Reader

DELAY = 1
"""Minutes after a bar's close: the vendor needs some."""
NIGHTLY = 30
"""Minutes after the close at which everything is made anew."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Hours:
    """first, last: minutes of the day (in the zone tz) of the earliest open and the latest close; days: 0 is Monday."""

    calendar: str
    tz: str
    first: int
    last: int
    interval_s: int
    days: tuple[int, ...]

    @property
    def fires(self) -> list[int]:
        """Minutes of the day: DELAY after the close of each bar."""
        step_m = max(self.interval_s // 60, 1)
        ends = [*range(self.first + step_m, self.last, step_m), self.last]
        return [m + DELAY for m in ends if m + DELAY < 1440]

    @property
    def nightly(self) -> int:
        """Minute of the day of the nightly job."""
        return min(self.last + NIGHTLY, 1439)


@dataclass(frozen=True)
class Where:
    """The hfm command, the home and the run's name."""

    hfm: Path
    home: Path
    run: str


def hours(quotes: Reader, node: Node) -> Hours:
    """The hours that the run's sessions have had."""
    market = node.market
    zone, first, last, days = ZoneInfo(market.tz), 1440, 0, set[int]()
    for _, block in sessions(quotes, node):
        begin = min(int(rows["time_open"].min()) for rows in block)
        end = max(int(rows["time"].max()) for rows in block)
        opened, closed = (datetime.fromtimestamp(ns / 1e9, zone) for ns in (begin, end))
        first = min(first, opened.hour * 60 + opened.minute)
        minute = closed.hour * 60 + closed.minute
        last = max(last, minute if closed.date() == opened.date() else 1439)
        days.add(opened.weekday())
    return Hours(market.calendar, market.tz, first, last, int(market.interval_s), tuple(sorted(days)))


def forecast(hfm: str) -> str:
    """The shell command of a forecast: a partial fetch goes on, any other failure ends with its code."""
    return (f"{hfm} fetch -q --wait 60; c=$?; [ $c -eq 0 ] || [ $c -eq 7 ] || exit $c; "
            f"{hfm} simulate -q --wait 60 && {hfm} predict --json")  # fmt: skip


def anew(hfm: str) -> str:
    """The shell command of the nightly job: all five stages, on new data; partial is no failure."""
    return f"{hfm} run --refresh -q --wait 600; c=$?; [ $c -eq 7 ] && exit 0; exit $c"


def cron(hours: Hours, where: Where) -> list[str]:
    """Lines for `crontab -e`. Whatever a job prints on stderr, cron mails."""
    every = min(max(hours.interval_s // 60, 1), 15)
    minutes = "*" if every == 1 else f"{DELAY}-59/{every}"
    out = shlex.quote(str(where.home / "runs" / where.run / "predict.jsonl"))
    if "\\" in out:  # crons differ in what a backslash is
        out = '"$HFM_HOME/runs/$HFM_RUN/predict.jsonl"'
    hfm = shlex.quote(str(where.hfm)) if ":" in str(where.hfm.parent) else "hfm"  # no PATH can hold a colon
    days = "".join(str(d + 1) for d in hours.days)

    def at(first: int, last: int) -> str:
        clock = f"TZ={hours.tz} date +%u"
        return (f"d=$({clock}) m=$({clock[:-2]}%H%M); case $d in [{days}]) ;; *) exit 0 ;; esac; "
                f"[ $m -ge {_clock(first)} ] && [ $m -le {_clock(last)} ] || exit 0; ")  # fmt: skip

    night = hours.nightly
    jobs = [
        (f"{minutes} * * * *", at(hours.fires[0], hours.fires[-1]) + forecast(hfm) + f" >> {out}"),
        ("*/15 * * * *", at(night - night % 15, night - night % 15 + 14) + anew(hfm)),
    ]
    return [
        f"# hfm, run {where.run}: {hours.calendar} {_colon(hours.first)}-{_colon(hours.last)} {hours.tz}, "
        f"bars of {hours.interval_s // 60} min; right in any zone that cron runs in",
        *([f"PATH={where.hfm.parent}:/usr/local/bin:/usr/bin:/bin"] if hfm == "hfm" else []),
        f"HFM_HOME={_cron_value(str(where.home))}",
        f"HFM_RUN={where.run}",
        *(f"{when}  {command.replace('%', chr(92) + '%')}" for when, command in jobs),
    ]


def systemd(hours: Hours, where: Where) -> list[str]:
    """Two services and two timers for ~/.config/systemd/user, each under a comment with its file name."""
    name, hfm = f"hfm-{where.run}", shlex.quote(str(where.hfm))
    variables = f"{_unit_word(f'HFM_HOME={where.home}')} {_unit_word(f'HFM_RUN={where.run}')}"
    days = ",".join(_DAYS[d] for d in hours.days)
    groups: dict[tuple[int, ...], list[int]] = {}
    for hour, same in itertools.groupby(hours.fires, key=lambda m: m // 60):
        groups.setdefault(tuple(m % 60 for m in same), []).append(hour)
    when = [f"{days} *-*-* {_list(h)}:{_list(m)}:00 {hours.tz}" for m, h in groups.items()]
    night = f"{days} *-*-* {_colon(hours.nightly)}:00 {hours.tz}"
    lines: list[str] = []
    jobs = ((f"{name}-predict", forecast(hfm), when), (f"{name}-nightly", anew(hfm), [night]))
    for unit, command, times in jobs:
        lines += [
            f"# ~/.config/systemd/user/{unit}.service",
            "[Unit]", f"Description=hfm {where.run}: {unit.rsplit('-', 1)[1]}", "", "[Service]", "Type=oneshot",
            f"Environment={variables}", f"ExecStart=/bin/sh -c {_unit_word(command.replace('$', '$$'))}",
            "",
            f"# ~/.config/systemd/user/{unit}.timer",
            "[Timer]", *(f"OnCalendar={t}" for t in times), "AccuracySec=5s", "", "[Install]",
            "WantedBy=timers.target", "",
        ]  # fmt: skip
    return [*lines, f"# systemctl --user daemon-reload && systemctl --user enable --now {name}-predict.timer "
            f"{name}-nightly.timer; forecasts: journalctl --user -u {name}-predict -o cat"]  # fmt: skip


def _unit_word(text: str) -> str:
    """`text` as one word of a line of a unit: C escapes inside quotes, and no specifier."""
    for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("%", "%%")):
        text = text.replace(sign, escaped)
    return f'"{text}"'


def _cron_value(text: str) -> str:
    """A value as a crontab's line has it: as it is, and quoted where blanks at its end would be cut off."""
    quote = "'" if '"' in text else '"'
    return text if text == text.strip() else f"{quote}{text}{quote}"


def _list(numbers: Sequence[int]) -> str:
    return ",".join(f"{n:02}" for n in numbers)


def _clock(minute: int) -> str:
    """Minutes of the day as a number that `[` compares: 936."""
    return str(minute // 60 * 100 + minute % 60)


def _colon(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
