"""What can go wrong, and the exit code that says so.

Everything that a user can cause is an HfmError: what happened (with the value, the limit and the place), why,
and what to do next. The command line prints it in one place; nothing else catches it except to add context.

What to do next is one of two kinds, and its beginning decides which. To be typed: a command (`hfm ...`, `pip ...`) or
an addition to the command that failed (`--tz UTC`), in words for a shell; alternatives are separated by `, or `, and
each works as it stands. Advice: any other sentence, for what no command can do; it is printed with that mark.
"""

from __future__ import annotations

import re
import shlex
from enum import IntEnum

LONGEST = 700
"""Characters of one line of an error: a value of any length may have been typed."""
_TYPED = re.compile(r"(hfm|pip|mkdir|rm|mv|ls) \S|--[a-z]")


class ExitCode(IntEnum):
    """The process exit codes of `hfm`, as documented in the README."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIG = 3
    DATA = 4
    UPSTREAM = 5
    RATE_LIMIT = 6
    PARTIAL = 7
    CHECK = 8
    LOCKED = 9
    DISK = 10
    SIGINT = 130
    SIGTERM = 143


class HfmError(Exception):
    """A fault with a cause that the user can act on.

    what: one line, with the value, the limit and the place. why: one line, may be empty.
    hint: what to do next, to be typed or advice (see above); every error has one.
    """

    code: ExitCode = ExitCode.BUG
    kind: str = "bug"

    def __init__(self, what: str, *, why: str = "", hint: str) -> None:
        super().__init__(what)
        self.what, self.why, self.hint = _line(what), _line(why), _line(hint)

    def lines(self) -> list[str]:
        """The lines that a person reads: what, why, what next."""
        mark = "" if is_typed(self.hint) else "(advice) "
        return [f"error: {self.what}", *([f"  why: {self.why}"] if self.why else []), f"  next: {mark}{self.hint}"]

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders whole (workers raise them)."""
        return _rebuild, (type(self), self.what, self.why, self.hint)


def typed(*words: str) -> str:
    """`words` as a shell reads them back: what has spaces or signs is quoted."""
    return shlex.join(words)


def is_typed(hint: str) -> bool:
    """Whether a hint is to be typed; else it is advice."""
    return _TYPED.match(hint) is not None


def _line(text: str) -> str:
    """`text` as one line that a person reads: of what is very long the beginning and the end."""
    text = printable(" ".join(text.splitlines()))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 300]} ... {text[-300:]}"


def printable(text: str) -> str:
    r"""`text` with each character that no terminal prints as its escape: \x1b for an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _rebuild(kind: type[HfmError], what: str, why: str, hint: str) -> HfmError:
    return kind(what, why=why, hint=hint)


class UsageError(HfmError):
    """A bad flag, value or name on the command line."""

    code, kind = ExitCode.USAGE, "usage"


class ConfigError(HfmError):
    """A bad key or value in a config file or in --set."""

    code, kind = ExitCode.CONFIG, "config"


class DataError(HfmError):
    """Data that is missing, invalid, too little or corrupt."""

    code, kind = ExitCode.DATA, "data"


class UpstreamError(HfmError):
    """A vendor that cannot be reached or answers nonsense."""

    code, kind = ExitCode.UPSTREAM, "upstream"


class RateLimitError(HfmError):
    """A vendor that asks for patience."""

    code, kind = ExitCode.RATE_LIMIT, "rate_limit"


class CheckError(HfmError):
    """A claim that did not hold: verify, simulate --check, look-ahead found."""

    code, kind = ExitCode.CHECK, "check"


class LockedError(HfmError):
    """Another process is at work in the same run."""

    code, kind = ExitCode.LOCKED, "locked"


class DiskError(HfmError):
    """The disk is full, read-only or not ours."""

    code, kind = ExitCode.DISK, "disk"
