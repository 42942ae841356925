"""What a person or a program sees: stdout is the product, stderr is the talk.

stdout: the paths written, one a line; or the one JSON object of --json. stderr: summary lines, warnings, and on a
terminal a progress bar; no colour under NO_COLOR, CI, TERM=dumb or a pipe.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfm.cli.progress import ProgressBars, fancy
from hfm.errors import ExitCode, HfmError, is_typed

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
        """Print the product."""
        if self.as_json:
            from hfm.runs.staging import plain  # on demand: it brings numpy and pyarrow with it

            print(json.dumps({
                "schema_version": SCHEMA_VERSION, "command": self.command,
                "run_dir": str(self.run_dir) if self.run_dir else None, "artifacts": [str(p) for p in self.paths],
                "metrics": plain(self.metrics), "warnings": self.warnings,
                "elapsed_s": round(time.perf_counter() - self.began, 3),
            }, allow_nan=False))  # fmt: skip
        elif self.table:
            print("\n".join(self.table))
        elif not self.quiet:
            for path in self.paths:
                print(shown(path))

    def progress(self) -> Callable[[str], Progress] | None:
        """A maker of progress bars, one a stage; None where nobody is watching."""
        if self.quiet or not fancy():
            return None
        return self.bars.stage

    def close(self) -> None:
        """Take away what moves on the screen."""
        self.bars.close()


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
        print(json.dumps({"schema_version": SCHEMA_VERSION, "command": command, "error": body}))
