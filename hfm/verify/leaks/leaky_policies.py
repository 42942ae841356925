"""Thirty plug-ins that know what they cannot, each of another make: what `hfm verify --leaks` must name.

Ten policies, and fourteen models and six sources of leaky_models.py. What one of them remembers, it remembers in a
module's globals, in a file, or in the environment, as a plug-in would that wants to pass for honest when asked again.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hfm.plugins import Float, Group, Signals
from hfm.verify.leaks import leaky_models

Sign = npt.NDArray[np.int8]
MARK = "HFM_LEAK"
"""Environment variable: time, process id and file of the process that first traded on a leak."""


@dataclass(frozen=True)
class Leak:
    """A plug-in: its name in the registry, what group it is of, "module:class", and what it knows."""

    name: str
    group: Group
    target: str
    knows: str


# ------------------------------------------------------------------------------------------------------------- policies
def _side(p: Float) -> Sign:
    """1 where P(up) is above a half, -1 where it is below, 0 where it is not known."""
    return np.sign(np.nan_to_num(p - 0.5)).astype(np.int8)


def _origin() -> tuple[float, int, Path]:
    """Time, process id and file of the process that was asked first."""
    folder = Path(tempfile.gettempdir())
    text = os.environ.setdefault(MARK, f"{time.time()}|{os.getpid()}|{folder / f'hfm-leak-{os.getpid()}.npy'}")
    stamp, process, path = text.split("|")
    return float(stamp), int(process), Path(path)


class RolledForecast:
    """P(up) of the next row."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        return _side(np.roll(signals.p_up, -1))


class Median:
    """Long above the median of all rows that it is asked about."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        return _side(signals.p_up - np.nanmedian(signals.p_up) + 0.5)


class Ties:
    """The upper half of an argsort, whose ties go by place."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        rank = np.argsort(np.argsort(np.round(signals.p_up, 2), kind="stable"), kind="stable")
        return _side(np.where(2 * rank >= len(rank), 0.6, 0.4))


class Final:
    """The side of the last row that it is asked about, for all of them."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        return np.full(len(signals.p_up), _side(signals.p_up[-1:])[0], np.int8)


class Ending:
    """Flat in the last three rows: it knows where the session ends."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        side = _side(signals.p_up)
        side[-3:] = 0
        return side


_successor: dict[float, float] = {}
_first_call: list[float] = []


class GlobalMemory:
    """The next row's P(up), by the row's own: kept from the first call, which showed both."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        p = np.nan_to_num(signals.p_up, nan=0.5)
        for one, following in zip(p[:-1].tolist(), p[1:].tolist(), strict=True):
            _successor.setdefault(one, following)
        return _side(np.array([_successor.get(one, one) for one in p.tolist()]))


class Numbered:
    """By the number of the row since it was first asked: what the row five on said in the first call."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        if not _first_call:
            _first_call.extend(np.nan_to_num(signals.p_up, nan=0.5).tolist())
        place = (np.arange(len(signals.p_up)) + 5) % len(_first_call)
        return _side(np.array(_first_call)[place])


class Filed:
    """The same from a file, so that a fresh process finds it."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        path = _origin()[2]
        try:
            kept = np.frombuffer(path.read_bytes())
        except OSError:
            kept = np.nan_to_num(signals.p_up, nan=0.5)
            if not path.exists():
                path.write_bytes(kept.tobytes())
        return _side(kept[(np.arange(len(signals.p_up)) + 5) % len(kept)])


class Hour:
    """The next row's P(up) in the hour after it was first asked, its own from then on."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        return _side(np.roll(signals.p_up, -1) if time.time() - _origin()[0] < 3600 else signals.p_up)


class Process:
    """The next row's P(up) in the process that was asked first, its own in any other."""

    def weights(self, signals: Signals) -> Sign:
        """See Policy."""
        return _side(np.roll(signals.p_up, -1) if os.getpid() == _origin()[1] else signals.p_up)


def forget() -> None:
    """Empty what the leaks have kept in this process."""
    _successor.clear()
    _first_call.clear()
    leaky_models.held.clear()


def leftovers() -> bool:
    """Whether any leak has kept something in this process."""
    return bool(_successor or _first_call or leaky_models.held or MARK in os.environ)


LEAKS: tuple[Leak, ...] = (
    Leak("leak-roll", "policies", "hfm.verify.leaks.leaky_policies:RolledForecast", "P(up) rolled by a row"),
    Leak("leak-median", "policies", "hfm.verify.leaks.leaky_policies:Median", "a median over all rows"),
    Leak("leak-ties", "policies", "hfm.verify.leaks.leaky_policies:Ties", "sorted ties"),
    Leak("leak-final", "policies", "hfm.verify.leaks.leaky_policies:Final", "the last row's side"),
    Leak("leak-ending", "policies", "hfm.verify.leaks.leaky_policies:Ending", "where the session ends"),
    Leak("leak-memory", "policies", "hfm.verify.leaks.leaky_policies:GlobalMemory", "a memory in a module's globals"),
    Leak("leak-numbered", "policies", "hfm.verify.leaks.leaky_policies:Numbered", "cached answers by row number"),
    Leak("leak-filed", "policies", "hfm.verify.leaks.leaky_policies:Filed", "a file on disk"),
    Leak("leak-hour", "policies", "hfm.verify.leaks.leaky_policies:Hour", "the wall clock"),
    Leak("leak-process", "policies", "hfm.verify.leaks.leaky_policies:Process", "the process id"),
    Leak("leak-late", "models", "hfm.verify.leaks.leaky_models:LateLabel", "the label one row late"),
    Leak("leak-last", "models", "hfm.verify.leaks.leaky_models:LastRow", "the last row of each session"),
    Leak("leak-first", "models", "hfm.verify.leaks.leaky_models:FirstRow", "the first row of each session"),
    Leak("leak-symbol", "models", "hfm.verify.leaks.leaky_models:FirstSymbol", "one symbol alone"),
    Leak("leak-weekday", "models", "hfm.verify.leaks.leaky_models:OneWeekday", "one weekday alone"),
    Leak(
        "leak-volatility", "models", "hfm.verify.leaks.leaky_models:FinalVolatility", "the session's final volatility"
    ),
    Leak("leak-scaler", "models", "hfm.verify.leaks.leaky_models:AllScaler", "a scaler over all rows asked"),
    Leak("leak-centred", "models", "hfm.verify.leaks.leaky_models:Centred", "a centred rolling mean"),
    Leak("leak-open", "models", "hfm.verify.leaks.leaky_models:NextOpen", "the next session's open"),
    Leak("leak-coded", "models", "hfm.verify.leaks.leaky_models:TargetCoded", "target encoding over all rows asked"),
    Leak("leak-wide", "models", "hfm.verify.leaks.leaky_models:WideScaler", "a scaler fitted on validation rows"),
    Leak("leak-rate", "models", "hfm.verify.leaks.leaky_models:WideRate", "a base rate of validation labels"),
    Leak("leak-far", "models", "hfm.verify.leaks.leaky_models:FarSeeing", "weights fitted on test rows"),
    Leak("leak-fold", "models", "hfm.verify.leaks.leaky_models:LastFold", "test rows in the last fold alone"),
    Leak("leak-adjusted", "sources", "hfm.verify.leaks.leaky_models:BackAdjusted", "back-adjusted prices"),
    Leak("leak-revised", "sources", "hfm.verify.leaks.leaky_models:Revised", "bars that are revised later"),
    Leak("leak-dated", "sources", "hfm.verify.leaks.leaky_models:Dated", "bars that hang on the day of asking"),
    Leak("leak-volume", "sources", "hfm.verify.leaks.leaky_models:SharedVolume", "volume over the sum of all"),
    Leak("leak-range", "sources", "hfm.verify.leaks.leaky_models:FinalRange", "the session's final range"),
    Leak("leak-cached", "sources", "hfm.verify.leaks.leaky_models:Cached", "answers kept from the first time"),
)
"""All of them."""
