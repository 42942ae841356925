"""The stage contract: what a stage is given, and what it gives.

A stage is a function `run(inputs, config, ctx) -> Iterator[(artifact, payload)]`. It opens no file of the run, reads
no clock and prints nothing; whatever else it may touch is in Context. Payloads: a pyarrow Table is a row group of the
artifact's table (whole sessions, in order); bytes and dicts are whole documents (dicts become JSON).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hfm.config import Config
from hfm.tables import Reader

Payload: TypeAlias = pa.Table | bytes | dict[str, Any]  # Any: JSON values
Product: TypeAlias = tuple[str, Payload]
StageFunction = Callable[[Mapping[str, Reader], Config, "Context"], Iterator[Product]]


class ResumeStore(Protocol):
    """A place for work in progress; what is saved survives kill -9 and is removed when the stage commits."""

    def save(self, data: bytes) -> None:
        """Replace the checkpoint atomically."""
        ...

    def load(self) -> bytes | None:
        """The last saved data, or None if there is none for these inputs and this config."""
        ...


class Progress(Protocol):
    """Called with what is done; draws on a terminal, logs elsewhere, ignores in tests."""

    def __call__(self, label: str, done: int, total: int, note: str = "") -> None:
        """`done` of `total` units of `label`; note: figures such as a loss."""
        ...


def _silent(label: str, done: int, total: int, note: str = "") -> None:
    pass


@dataclass(frozen=True)
class Look:
    """One judgement of a configuration: out-of-sample sessions, and how many of them the look before did not have."""

    sessions: int
    added: int


@dataclass(frozen=True)
class Record:
    """What was tried before on the same data, as the journals under the home tell it; the default is nothing.

    Attributes
    ----------
    trials : distinct policies tried (N), those of sweeps included.
    rank : place of the present configuration among all configurations tried, in order of their first back-test.
    configurations : distinct configurations tried, the present one included.
    swept : thresholds of sweeps among the trials.
    looks : earlier looks at the present configuration, oldest first, the present one excluded.
    added : sessions of the present look that the last of `looks` did not have.
    """

    trials: int = 0
    rank: int = 1
    configurations: int = 1
    swept: int = 0
    looks: tuple[Look, ...] = ()
    added: int = 0


@dataclass(frozen=True)
class Verification:
    """What the look-ahead tests say of a run's artifacts: how many tests there were, the seed of their cuts, and a
    sentence for each that failed.
    """

    tests: int
    seed: int
    failed: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there were tests, and none failed."""
        return self.tests > 0 and not self.failed


def _unverified() -> Verification | None:
    return None


@dataclass
class Context:
    """All that a stage may touch beside its inputs and its config."""

    stage: str
    seed: int = 0
    as_of: datetime = field(default_factory=lambda: datetime(1970, 1, 1, tzinfo=UTC))
    """Stands for now; set by the caller, so that a stage reads no clock."""
    workers: int = 1
    run: str = ""
    """The run's name, for what an error tells to type; no artifact depends on it."""
    archive: Path | None = None
    """Folder of the bar archive, for network sources."""
    wait: float = 0.0
    """Seconds to wait for another process that is at work in the archive of a symbol."""
    checkpoint: ResumeStore | None = None
    resume: bool = False
    before: dict[str, npt.NDArray[Any]] | None = None  # Any: of any dtype
    """Of a fit: the arrays of the same model's fit of the fold before, from which it may begin; None: there is none."""
    fitted: Mapping[str, Mapping[str, npt.NDArray[Any]]] = field(default_factory=dict)  # Any: of any dtype
    """Of a fit: the arrays of other models that were fitted before on the same rows, by name; one that contains such a
    model need not fit it again. They are not to be changed."""
    networks: range | None = None
    """Of a fit: which of a model's networks it is asked for; None: all. Beside others than the first, nothing else."""
    record: Record = field(default_factory=Record)
    """What is on record of the same symbols and overlapping sessions, in all runs of the home: for the verdict."""
    verified: Callable[[], Verification | None] = _unverified
    """What the look-ahead tests say of the artifacts of the earlier stages; None: they were not asked."""
    progress: Progress = _silent
    warnings: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)  # Any: JSON values
    """Headline numbers for --json and the summary."""
    lines: list[str] = field(default_factory=list)
    """What a person should read when the stage has ended."""
    events: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON values
    """Journal events of this stage, beside the ones that the pipeline writes."""

    def rng(self, symbol: str, session: np.datetime64 | None = None) -> np.random.Generator:
        """A generator for one (seed, stage, symbol, session): a day alone gives what it gives in the batch."""
        return np.random.Generator(np.random.PCG64(seed_sequence(self.seed, self.stage, symbol, session)))

    def warn(self, text: str) -> None:
        """Something that the user should know; the work goes on."""
        self.warnings.append(text)

    def lose(self, text: str) -> None:
        """Something that was asked for and is not in the result: the stage commits and the command exits 7."""
        self.losses.append(text)

    def say(self, text: str) -> None:
        """A line of the summary."""
        self.lines.append(text)


def seed_sequence(seed: int, stage: str, symbol: str, session: np.datetime64 | None = None) -> np.random.SeedSequence:
    """The SeedSequence of (seed, stage, symbol, session); independent for any two that differ.

    Parameters
    ----------
    seed : of the section of the config.
    stage, symbol : any words.
    session : its date; None: of all sessions.

    Returns
    -------
    np.random.SeedSequence
    """
    words = hashlib.sha256(f"{stage}\0{symbol}".encode()).digest()
    day = 0 if session is None else int(session.astype("datetime64[D]").astype(np.int64)) + 2**31
    return np.random.SeedSequence([seed, int.from_bytes(words[:8], "little"), day])
