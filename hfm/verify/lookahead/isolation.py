"""Plug-ins asked in a process of their own: a fresh interpreter in an empty folder, at another hour and under another
process id, that opens no file but code while it answers.

Whatever a plug-in has kept from the back-test, in globals, in a file, under a row's number, is not there; what it does
not know from its arguments it must do without. The answers go back to the process that knows the whole data, and are
compared there.
"""

from __future__ import annotations

import datetime
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from hfm import plugins
from hfm.config import Config
from hfm.errors import HfmError
from hfm.plugins import Arrays, Float, Panel, Signals
from hfm.train.fit_jobs import FitInputs, fit_inputs
from hfm.verify.claims import Row

AWAY_S = 400 * 86_400.0 + 17_417.0
"""By how much the clock of the process is off: another day of the week, another hour."""
CODE = (".py", ".pyc", ".pyi", ".so", ".pth")
SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr/lib", "/lib", "/usr/share/zoneinfo")
COUNTS = ("lscpu", "sysctl")
"""Programs by which libraries count processors."""
SHELL = "system"
REFUSED = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", f"os.{SHELL}", "os.posix_spawn")
"""Audit events of connections and of other programs."""
METADATA = (".dist-info", ".egg-info")
"""Folders that say what is installed: where plug-ins are found by name."""
COMPILED = ("kernels", "numba", "torch", "torchinductor", "__pycache__")
"""Folders of compiled code, which may also be written."""


@dataclass(frozen=True)
class Reply:
    """Answers in the order of what was asked; files and connections that were refused; why there is no answer."""

    answers: list[Any] = field(default_factory=list)  # Any: arrays or tables
    touched: tuple[str, ...] = ()
    error: str = ""

    def touched_row(self, stage: str, subject: str) -> Row:
        """The row of the table that nothing was asked of the disk or the network while `subject` answered."""
        n = len(self.touched)
        text = f"{stage}: {subject} {self.touched[0]} when it is asked" if n else f"{stage}: {subject} opens no file"
        return Row(text, "0 files and connections", float(n), 0, 0)

    def error_row(self, stage: str, subject: str) -> Row:
        """The row of the table that `subject` gave no answer."""
        return Row(f"{stage}: {subject} cannot be asked again: {self.error}", "an answer", 0.0, 1, 1)


class Isolated:
    """The process; started when first asked. A context manager: it ends with the block."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._folder = ""
        self._spare: Isolated | None = None

    @property
    def spare(self) -> Isolated:
        """Another such process, for a question that must not follow the others."""
        if self._spare is None:
            self._spare = Isolated()
        return self._spare

    def __enter__(self) -> Isolated:
        return self

    def __exit__(self, *error: object) -> None:
        if self._spare is not None:
            self._spare.__exit__(*error)
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._pool = None

    def begin(self) -> None:
        """Start the process before it is asked: it loads its libraries meanwhile."""
        self._started().submit(bool)

    def ask(self, question: Callable[..., Reply], *arguments: object) -> Reply:
        """What `question` (one of this module's) replies in the process; an exception of the plug-in is an error."""
        return self._started().submit(question, *arguments).result()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._folder = tempfile.mkdtemp(prefix="hfm-verify-")
            self._pool = ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_settle,
                initargs=({group: dict(known) for group, known in plugins.REGISTRY.items()}, self._folder),
            )  # fmt: skip
        return self._pool


# ------------------------------------------------------------------------------------------------------- the questions
def propose(threshold: str, batches: Sequence[Signals]) -> Reply:
    """Of the policy that a threshold names: weights [n] a batch, one after the other from one object."""
    from hfm.policies.choice import choose
    from hfm.policies.one_symbol import OneSymbol

    def each() -> list[Any]:
        choice = choose(threshold)
        _moved(type(choice.plugin))
        if not isinstance(choice.allocator, OneSymbol):
            raise TypeError("it chooses the targets of all symbols together, which no look-ahead test asks again yet")
        return [_watched(choice.allocator.weights, b) for b in batches]

    return _answered(each)


def predict(model: str, arrays: Arrays, panels: Sequence[Panel]) -> Reply:
    """Heads of a model with its fitted arrays.

    Parameters
    ----------
    model
        Its name in the registry.
    arrays
        As fitted.
    panels
        Asked one after the other.

    Returns
    -------
    Reply
        [n, 5] a panel.
    """

    def each() -> list[Float]:
        _moved(plugins.find("models", model))
        forecaster: plugins.Forecaster = plugins.find("models", model)()
        return [np.asarray(_watched(forecaster.predict, arrays, _owned(p))) for p in panels]

    return _answered(each)


def fit(questions: Sequence[tuple[FitInputs, int]]) -> Reply:
    """The arrays of each (what a fit is given, number of its fold)."""

    def each() -> list[Arrays]:
        _moved(plugins.find("models", questions[0][0].model))
        given = [(replace(g, train=_owned(g.train), valid=_owned(g.valid)), k) for g, k in questions]
        return [_watched(fit_inputs, g, k, lambda _: None) for g, k in given]

    return _answered(each)


def fetch(configs: Sequence[Config], watch: bool) -> Reply:
    """fetch/bars.parquet under each config, or the HfmError that there is in its place. watch: whether files count."""
    from hfm.artifacts import BARS
    from hfm.verify.in_memory_run import carry_out

    def bars(config: Config) -> pa.Table | HfmError | bytes:
        try:
            return carry_out("fetch", {}, config)[BARS]
        except HfmError as e:
            return e

    def each() -> list[pa.Table | HfmError | bytes]:
        _moved(plugins.find("sources", configs[0].fetch.source))
        return [_watched(bars, c) if watch else bars(c) for c in configs]

    return _answered(each)


def _owned(panel: Panel) -> Panel:
    """The panel in arrays of its own: nothing lies behind them."""
    arrays = {name: value.copy() for name, value in vars(panel).items() if isinstance(value, np.ndarray)}
    return replace(panel, **arrays)  # type: ignore[arg-type]  # arrays by name


def _answered(each: Callable[[], list[Any]]) -> Reply:
    _refused.clear()
    try:
        return Reply(each(), tuple(dict.fromkeys(_refused)))
    except Exception as e:  # a plug-in's fault is what it is asked for: the row that fails names it
        return Reply([], tuple(dict.fromkeys(_refused)), f"{type(e).__name__}: {e}".splitlines()[0][:200])


# --------------------------------------------------------------------------------------------------- inside the process
_watching = False
_refused: list[str] = []
_rooms: tuple[str, ...] = ()
_caches: tuple[str, ...] = ()


def _watched(call: Callable[..., Any], *arguments: Any) -> Any:  # Any: what the plug-in is given and answers
    global _watching
    _watching = True
    try:
        return call(*arguments)
    finally:
        _watching = False


def _settle(registry: dict[plugins.Group, dict[str, str]], folder: str) -> None:
    """Make the process what the module says of it."""
    global _rooms, _caches
    from hfm.kernels.jit import cache_folder

    for group, known in registry.items():
        plugins.REGISTRY[group].update(known)
    os.chdir(folder)
    os.environ["TMPDIR"], tempfile.tempdir = folder, folder
    package = str(Path(plugins.__file__).parent)
    _caches = tuple(os.path.realpath(p) for p in (folder, cache_folder()))
    _rooms = tuple(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, package)) + SYSTEM + _caches
    number = os.getpid() + 1_000_003
    os.getpid = lambda: number
    _move_clock()
    sys.addaudithook(_audit)


def _move_clock() -> None:
    """Another hour for whoever asks `time`; what waits and measures uses the monotonic clock."""
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + AWAY_S
    time.time_ns = lambda: now_ns() + int(AWAY_S * 1e9)


class _Instance(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime.datetime)


class _Moved(datetime.datetime, metaclass=_Instance):
    """datetime.datetime at another hour; what it makes are plain datetimes."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:  # Any: no _Moved
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=AWAY_S)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


def _moved(plugin: type) -> None:
    """The same for `datetime` in a plug-in's own module: to replace the class for all would break compiled ones."""
    module = sys.modules[plugin.__module__]
    if module.__name__.startswith("hfm.") and not module.__name__.startswith("hfm.verify."):
        return
    for name, value in list(vars(module).items()):
        if value is datetime.datetime:
            setattr(module, name, _Moved)
        elif value is datetime:
            setattr(module, name, SimpleNamespace(**{**vars(datetime), "datetime": _Moved}))


def _audit(event: str, arguments: tuple[Any, ...]) -> None:  # Any: CPython's audit events
    """Refuse a file that is not code, a connection and a program of its own to a plug-in that is answering."""
    if not _watching:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if isinstance(flags, int) else False
        writes |= isinstance(mode, str) and any(c in mode for c in "wax+")
        if isinstance(path, (str, bytes, os.PathLike)) and not _permitted(os.fsdecode(path), writes):
            _refused.append(f"opens {os.fsdecode(path)}")
            raise FileNotFoundError(f"{os.fsdecode(path)} (nothing but code is opened here)")
    elif event == "subprocess.Popen" and Path(str(arguments[0])).name in COUNTS:
        return
    elif event in REFUSED:
        _refused.append(f"calls {event}")
        raise PermissionError(f"{event} is refused here")


def _permitted(path: str, writes: bool) -> bool:
    complete = os.path.realpath(path)
    if _below(complete, _caches) or any(part in COMPILED for part in Path(complete).parts[:-1]):
        return True
    described = any(part.endswith(METADATA) for part in Path(complete).parts)
    return not writes and (complete.endswith(CODE) or described or _below(complete, _rooms))


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)
