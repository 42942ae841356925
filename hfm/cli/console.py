"""What a person or a program sees: stdout is the product, stderr is the talk.

stdout: the paths written, one a line; or the one JSON object of --json. stderr: summary lines, warnings, and on a
terminal a progress bar; no colour under NO_COLOR, CI, TERM=dumb or a pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hfm.cli.progress import ProgressBars, fancy
from hfm.errors import DiskError, ExitCode, HfmError, is_typed

if TYPE_CHECKING:
    from hfm.runs.manifest import Run
    from hfm.runs.pipeline import Outcome
    from hfm.stage import Progress

SCHEMA_VERSION = 1
WIDTH = 80
"""Columns of a line that is wrapped, at most."""


def shown(path: Path) -> str:
    """A path as the user would type it: relative where it lies below the current folder."""
    try:
        cwd = Path.cwd()
    except FileNotFoundError:  # it was deleted since the command began, or before
        return str(path)
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


@dataclass
class Show:
    """One command's output. Collects while the command runs; `finish` prints the product once."""

    command: str
    as_json: bool = False
    quiet: bool = False
    began: float = field(default_factory=time.perf_counter)
    run_dir: Path | None = None
    paths: list[Path] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)  # Any: JSON values
    warnings: list[str] = field(default_factory=list)
    table: list[str] = field(default_factory=list)
    """Lines that are themselves the product (status, verify)."""
    bars: ProgressBars = field(default_factory=ProgressBars)
    product: IO[str] = field(default_factory=lambda: sys.stdout)
    """Where a command prints its product while it works; see product_alone."""

    def talk(self, line: str) -> None:
        """A line for a person, on stderr."""
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    def outcome(self, outcome: Outcome) -> None:
        """Take what a stage gave."""
        self.close()
        self.paths += outcome.paths
        self.metrics[outcome.stage] = outcome.figures
        for line in outcome.lines:
            self.talk(line)
        compiled = f", {outcome.compiled_s:.1f} s of it to compile kernels (once)" if outcome.compiled_s > 0.05 else ""
        self.talk(f"{outcome.stage}: {outcome.elapsed_s:.1f} s{compiled}")
        for text in (*outcome.warnings, *outcome.losses):
            self.warnings.append(text)
            self.talk(f"warning: {text}")

    def fresh(self, run: Run, stage: str) -> ExitCode:
        """Take what a fresh stage gave when it ran: its paths, figures and losses belong to this result too."""
        entry = run.manifest().stages[stage]
        self.paths += [run.path / name for name in entry.artifacts]
        self.metrics[stage] = entry.figures
        self.warnings += [*entry.warnings, *entry.losses]
        return ExitCode.PARTIAL if entry.losses else ExitCode.OK

    def finish(self) -> None:
        """Print the product. Raises DiskError where stdout refuses it."""
        lines = self.table
        if self.as_json:
            from hfm.runs.staging import plain  # on demand: it brings numpy and pyarrow with it

            lines = [json.dumps({
                "schema_version": SCHEMA_VERSION, "command": self.command,
                "run_dir": str(self.run_dir) if self.run_dir else None, "artifacts": [str(p) for p in self.paths],
                "metrics": plain(self.metrics), "warnings": self.warnings,
                "elapsed_s": round(time.perf_counter() - self.began, 3),
            }, allow_nan=False)]  # fmt: skip
        elif not self.table and not self.quiet:
            lines = [shown(path) for path in self.paths]
        with stdout_errors():
            if lines:
                print("\n".join(lines), flush=True)

    def progress(self) -> Callable[[str], Progress] | None:
        """A maker of progress bars, one a stage; None where nobody is watching."""
        if self.quiet or not fancy():
            return None
        return self.bars.stage

    def close(self) -> None:
        """Take away what moves on the screen."""
        self.bars.close()


@contextlib.contextmanager
def product_alone() -> Iterator[IO[str]]:
    """Keep stdout for the product: what plug-ins, libraries and processes that are started print goes to stderr.

    Yields
    ------
    IO[str]
        stdout, under a number that nobody else knows.
    """
    if not _is_standard(sys.stdout):  # whoever calls from Python has put something else in its place
        yield sys.stdout
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    stream = open(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)  # noqa: SIM115
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError):  # its reader is gone, or the disk is full: whoever printed was told
            stream.close()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _is_standard(stream: IO[str]) -> bool:
    try:
        return stream.fileno() == 1
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def stdout_errors() -> Iterator[None]:
    """Turn what stdout refuses, as on a full disk, into DiskError; a reader that is gone stays BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as e:
        mute()
        raise DiskError(
            f"cannot write to stdout: {e.strerror or e}",
            hint="free space where stdout goes, then run the same command again",
        ) from e


def mute() -> None:
    """From now on stdout goes nowhere: its reader has all it wanted, as in `hfm status | head -1`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report(error: HfmError, command: str, as_json: bool) -> None:
    """Print an error: its lines on stderr, and the JSON object on stdout where that was asked for."""
    print("\n".join(error.lines()), file=sys.stderr)
    if as_json:
        body = {
            "code": int(error.code),
            "kind": error.kind,
            "message": error.what,
            "hint": error.hint,
            "typed": is_typed(error.hint),
        }
        with contextlib.suppress(DiskError), stdout_errors():  # the lines on stderr have said all
            print(json.dumps({"schema_version": SCHEMA_VERSION, "command": command, "error": body}), flush=True)
