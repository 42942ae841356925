"""What an error says to do next, tried: words to be typed are parsed by the command line itself.

A hint is to be typed or advice (see hfm.errors). Of the first kind each alternative must be words that the command
line takes, with settings that exist and values that are valid; of the second the options and commands that it names
must exist. Whether typed words change the outcome is tried in tests.command, by typing them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from hfm.errors import HfmError, is_typed

ALTERNATIVE = re.compile(r", or (?=--[a-z]|(?:hfm|pip|mkdir|rm|mv|ls) )")
PLACEHOLDER = re.compile(r"\b(COLUMN|FOLDER|FILE|RUN|SYMBOL|NAME|DIGITS|ROLE)\b")
"""What hfm cannot know."""
FOREIGN = {"pip": {"install"}, "mkdir": {"-p"}, "rm": set(), "mv": set(), "ls": set()}
"""Commands that are not hfm's, and the words that they begin with."""
ADVICE = "(advice) "


class Untrue(AssertionError):
    """A hint that does not hold."""


def parts(hint: str) -> list[str]:
    """The alternatives of a hint that is to be typed."""
    return ALTERNATIVE.split(hint)


@cache
def commands() -> dict[str, Any]:  # Any: typer's own click, which has no public name
    """The commands of the command line, by name."""
    import typer

    from hfm.cli import checks, export, live, stage_commands  # noqa: F401  # they register the commands
    from hfm.cli.app import app

    found: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return found


@cache
def options() -> frozenset[str]:
    """Every option of every command."""
    return frozenset(name for c in commands().values() for p in c.params for name in p.opts) | {"--help", "--version"}


def check(hint: str, arguments: Sequence[str] = ()) -> None:
    """Raise Untrue where the hint is none. arguments: the command line that it answers, where that is known."""
    if not hint.strip():
        raise Untrue("an error without a next step")
    if hint.startswith(ADVICE):
        raise Untrue(f"the mark is printed, not written: {hint!r}")
    if len(hint) > 650:  # cut in the middle by hfm.errors
        return
    if not is_typed(hint):
        _advice(hint)
        return
    for part in parts(hint):
        try:
            words = shlex.split(PLACEHOLDER.sub("x1", part))
        except ValueError as e:
            raise Untrue(f"no shell can read {part!r}: {e}") from None
        if words[0] in FOREIGN:
            if len(words) < 2 or (FOREIGN[words[0]] and words[1] not in FOREIGN[words[0]]):
                raise Untrue(f"{part!r} does nothing")
        elif words[0] == "hfm":
            command(words[1:], part)
        else:
            _addition(words, part, arguments)


def _advice(text: str) -> None:
    for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text):
        if name not in options():
            raise Untrue(f"{text!r}: no command has the option {name}")
    for name in re.findall(r"\bhfm ([a-z]+)", text):
        if name not in commands():
            raise Untrue(f"{text!r}: hfm has no command {name}")
    for setting in re.findall(r"--set ([\w.]+)=", text):
        known(setting, text)


def known(setting: str, text: str) -> None:
    """Raise Untrue for a section.key that no setting has."""
    from hfm.config import Config

    section, _, key = setting.partition(".")
    if not hasattr(getattr(Config(), section, None), key):
        raise Untrue(f"{text!r}: there is no setting {setting}")


def _addition(words: list[str], part: str, arguments: Sequence[str]) -> None:
    """Words that are added to a command line: to the one that was typed, else to any that has the options."""
    names = [word.partition("=")[0] for word in words if word.startswith("--")]
    if stray := [word for word in words if word.endswith((",", ";", "?"))]:
        raise Untrue(f"{part!r} goes on after {stray[0]!r}, and cannot be pasted")
    if arguments and arguments[0] in commands():
        command([*arguments, *words], part, added=words)
        return
    faults = []
    for name, item in commands().items():
        has = {option for parameter in item.params for option in parameter.opts}
        if set(names) <= has:
            try:
                found = _parsed([name, *words], part)
                if name != "schedule" and any(found.get(k) for k in ("symbols", "symbol") if "--symbol" not in words):
                    raise Untrue(f"{part!r} has a word that belongs to no option")
                _settings(name, found, part)
            except Untrue as e:
                faults.append(e)
            else:
                return
    raise faults[0] if faults else Untrue(f"{part!r}: no command has the options {', '.join(names)}")


def command(words: Sequence[str], part: str, added: Sequence[str] = ()) -> None:
    """Raise Untrue for a command line that is none: options, values, settings, zones, calendars."""
    if list(words) == ["--help"]:
        return
    if not words or words[0] not in commands():
        raise Untrue(f"{part!r}: hfm has no command {' '.join(words[:1])!r}")
    if "--help" in words:
        return
    found = _parsed(words, part)
    if words[0] == "fetch" and not added and not (found["symbols"] or found["run"] or found["path"]):
        raise Untrue(f"{part!r} fetches no symbol")
    _settings(words[0], _of(added, found), part)


def _of(added: Sequence[str], found: dict[str, Any]) -> dict[str, Any]:
    """Of an addition, what it brings: the rest is the user's own, and may be what is wrong."""
    if not added:
        return found
    text = " ".join(added)
    kept = {k: v for k, v in found.items() if f"--{k.rstrip('_').replace('_', '-')}" in text}
    if "set_" in kept:
        kept["set_"] = [v for v in kept["set_"] if v in added]
    return kept


def _parsed(words: Sequence[str], part: str) -> dict[str, Any]:
    from typer.exceptions import TyperException

    try:
        found: dict[str, Any] = commands()[words[0]].make_context(words[0], list(words[1:])).params
    except TyperException as e:
        raise Untrue(f"{part!r} after hfm {' '.join(words)}: {e.format_message()}") from None
    return found


def _settings(name: str, values: dict[str, Any], part: str) -> None:
    """The settings that the options and --set make must load; zones and calendars must exist."""
    from hfm.cli.options import given
    from hfm.config import Config, Layer, load, parse_set

    section = {"run": "fetch"}.get(name, name)
    keys = set(vars(getattr(Config(), section, object()))) if hasattr(Config(), section) else set()
    flags = {k: v for k, v in given(**values).items() if k in keys and k not in ("symbols", "map", "max_gap", "path")}
    tree = {section: flags} if flags else {}
    try:
        config = load([parse_set(list(values.get("set_") or ())), Layer("the flags", tree, flag=True)])
        if config.fetch.tz is not None:
            ZoneInfo(config.fetch.tz)
        if config.fetch.calendar != Config().fetch.calendar:
            from hfm.fetch.sessions import sessions

            sessions(config.fetch.calendar, 300, "2024-03-18", "2024-03-22")
    except (HfmError, ValueError, KeyError, OSError) as e:
        raise Untrue(f"{part!r}: {e}") from None


def printed(stderr: str) -> str:
    """The hint of an error that was printed; empty where there is none."""
    return next((line[8:] for line in stderr.splitlines() if line.startswith("  next: ")), "")


class Watch:
    """Every hint that the tests of this process build: checked once each."""

    def __init__(self) -> None:
        self.new: list[str] = []
        self.known: set[str] = set()
        self._busy = False

    def note(self, hint: str) -> None:
        """Keep a hint that is new, except those that the check itself makes."""
        if not self._busy and hint and hint not in self.known:
            self.known.add(hint)
            self.new.append(hint)

    def check(self, most: int = 100) -> None:
        """Check what is new; of what a property makes by the thousand, so many."""
        found, self.new = self.new, []
        self._busy = True
        try:
            for hint in found[:most]:
                check(hint)
        finally:
            self._busy = False


WATCH = Watch()


def watch() -> None:
    """From now on every HfmError of this process is noted."""
    original = HfmError.__init__

    def init(self: HfmError, what: str, *, why: str = "", hint: str) -> None:
        original(self, what, why=why, hint=hint)
        WATCH.note(self.hint)

    HfmError.__init__ = init  # type: ignore[method-assign]
