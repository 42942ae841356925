"""The process in which plug-ins answer: another folder, hour and process id, no file but code, no connection.

isolation.py starts it.
"""

from __future__ import annotations

import datetime
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hfm import plugins

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

_watching = False
refused: list[str] = []
_rooms: tuple[str, ...] = ()
_caches: tuple[str, ...] = ()


def watched(call: Callable[..., Any], *arguments: Any) -> Any:  # Any: what the plug-in is given and answers
    """What a call gives; until it has, files and connections are refused and noted in `refused`."""
    global _watching
    _watching = True
    try:
        return call(*arguments)
    finally:
        _watching = False


def settle(registry: dict[plugins.Group, dict[str, str]], folder: str) -> None:
    """Make this process what the module says of it; with the plug-ins of `registry`, in `folder`."""
    global _rooms, _caches
    from hfm.kernels.jit import cache_folder

    for group, known in registry.items():
        plugins.REGISTRY[group].update(known)
    os.chdir(folder)
    os.environ["TMPDIR"], tempfile.tempdir = folder, folder
    package = str(Path(plugins.__file__).parent)
    _caches = tuple(os.path.realpath(p) for p in (folder, cache_folder()))
    _rooms = tuple(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, package)) + SYSTEM + _caches
    threading.Thread(target=_end_with_parent, daemon=True).start()
    number = os.getpid() + 1_000_003
    os.getpid = lambda: number
    _move_clock()
    sys.addaudithook(_audit)


def _end_with_parent() -> None:
    """End when the process that asks has ended, however that was: nothing else would tell this one."""
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)


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


def move_clock_of(plugin: type) -> None:
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
            refused.append(f"opens {os.fsdecode(path)}")
            raise FileNotFoundError(f"{os.fsdecode(path)} (nothing but code is opened here)")
    elif event == "subprocess.Popen" and Path(str(arguments[0])).name in COUNTS:
        return
    elif event in REFUSED:
        refused.append(f"calls {event}")
        raise PermissionError(f"{event} is refused here")


def _permitted(path: str, writes: bool) -> bool:
    complete = os.path.realpath(path)
    if _below(complete, _caches) or any(part in COMPILED for part in Path(complete).parts[:-1]):
        return True
    described = any(part.endswith(METADATA) for part in Path(complete).parts)
    return not writes and (complete.endswith(CODE) or described or _below(complete, _rooms))


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)
