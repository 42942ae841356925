"""What was tried before: every trial, configuration and look that the journals of a home hold.

Whoever tries often enough finds something, so the verdict counts. A *trial* is one policy under one set of data, model
and costs; its key is of all that can change its result. A *configuration* is a back-test's family of trials: all
settings but the dates, and the data where they are not the same data continued. A *look* is one back-test of a
configuration at the sessions that there were then. Each is in the journal, so that a new run does not reset the count
and a rerun of the same back-test does not raise it. What was tried under another home cannot be known.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfm.config import BEFORE_IT_EXISTED, Config
from hfm.runs import journal
from hfm.runs.manifest import JOURNAL
from hfm.runs.staging import plain
from hfm.stage import Look, Record

Event = Mapping[str, Any]  # Any: JSON values
SWEEP_RANKS = 20
"""Independent trials that a sweep of any number of nested thresholds is worth at most.

The standardised result of nested thresholds is close to an Ornstein-Uhlenbeck process in the logarithm of the number of
trades; between half and a hundredth of the rows (log 50) its maximum exceeds 3 with 20 times the probability of a
single normal (Leadbetter, Lindgren and Rootzen 1983, Extremes, theorem 12.2.9, doi:10.1007/978-1-4612-5449-2).
"""
STAGES = ("fetch", "simulate", "train")
"""Stages whose settings are part of a configuration; of a back-test only its costs, its model and its family are."""
NEUTRAL = {
    "fetch": ("as_of", "days", "sessions", "path", "max_time"),
    "train": ("threads", "device", "backend", "also"),
}
"""Settings that say which stretch of the data is looked at, or change no result; nor do those count that are what a run
without them was made with."""


def trial_keys(
    events: Sequence[Event], inputs: Mapping[str, str], settings: Mapping[str, Event] | None = None
) -> list[dict[str, Any]]:  # Any: JSON values
    """The stage's events, the trials and sweeps among them with their keys.

    Parameters
    ----------
    events : the events of a back-test, of any kind.
    inputs : artifact -> SHA-256 of what the stage read.
    settings : stage -> its settings, of the stages that made the inputs.

    Returns
    -------
    list of dict : each `trial` and `sweep` with `key` (data, model, policy, costs, span), `configuration` (all settings
        but the dates) and `data` (the inputs).
    """
    data = _digest(dict(inputs))
    out = []
    for event in events:
        body = plain(event)
        if body.get("event") in ("trial", "sweep"):
            what = {k: v for k, v in body.items() if k not in ("event", "trial", "model", "family", "sessions")}
            body["key"] = _digest([what, dict(inputs)])
            body["configuration"] = _configuration(settings or {}, body)
            body["data"] = data
        out.append(body)
    return out


def _configuration(settings: Mapping[str, Event], body: Event) -> str:
    """Digest of all that was chosen but for the dates; a threshold that every family has anyway is no choice."""
    usual = json.loads(json.dumps(dataclasses.asdict(Config())))
    for stage, values in BEFORE_IT_EXISTED.items():  # what older journals, which do not name it, mean
        usual[stage] |= values
    chosen = {
        stage: {
            k: v for k, v in settings[stage].items() if k not in NEUTRAL.get(stage, ()) and v != usual[stage].get(k)
        }
        for stage in STAGES if stage in settings
    }  # fmt: skip
    return _digest([chosen, body.get("model"), body.get("cost"), body.get("family")])


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]


class _Span(NamedTuple):
    """What one look saw: its first and last session (ISO dates), how many there were, and the digest of the data."""

    first: str
    last: str
    sessions: int
    data: str


@dataclass
class _Sequence:
    """One configuration on data that only grew: its looks in order."""

    configuration: str
    looks: list[_Span] = field(default_factory=list)

    def goes_on(self, event: Event) -> bool:
        """Whether the event, of this configuration, is a look at later sessions, or at a window that only rolled."""
        newest = self.looks[-1]
        later, rolled = str(event["span"][1]) > newest.last, str(event["span"][0]) > newest.first
        return later or (rolled and str(event["span"][1]) == newest.last)


def _name(event: Event) -> str:
    """The event's configuration; of journals without one, all that one back-test tried under one cost."""
    old = _digest([event.get("time"), event.get("span"), event.get("cost"), event.get("symbols")])
    return str(event.get("configuration", old))


def _hypothesis(event: Event) -> tuple[str, ...]:
    """What N counts: a policy, or a sweep, of one configuration, however often it is looked at."""
    same = event.get("configuration")
    if same is None:
        return ("", str(event["key"]))
    return str(same), str(event.get("trial", "")), json.dumps(event.get("policy")), str(event.get("levels", ""))


def _look(event: Event) -> _Span:
    first, last = event["span"]
    return _Span(first, last, int(event.get("sessions", 0)), str(event.get("data", "")))


def record_of(home: Path, run: Path) -> Record:
    """What is on record under `home` and in `run` of the data that the run's latest back-test used.

    Trials count where their symbols meet the run's and their sessions overlap.

    Returns
    -------
    Record : the empty one where the run has no back-test.
    """
    own_trials = list(journal.events(run / JOURNAL, "trial"))
    if not own_trials:
        return Record()
    present = own_trials[-1]
    events = sorted(_related(home, run, present), key=lambda e: (str(e.get("time", "")), e["event"] == "sweep"))
    tried = {_hypothesis(e) for e in events if e["event"] == "trial"}
    swept = sum({_hypothesis(e): int(e["levels"]) for e in events if e["event"] == "sweep"}.values())
    sequences, ranks, rank = list[_Sequence](), list[int](), 1
    present_sequence = None
    swept_before: set[tuple[str, ...]] = set()
    for event in events:
        if event["event"] == "sweep":
            rank += min(SWEEP_RANKS, int(event["levels"])) if _hypothesis(event) not in swept_before else 0
            swept_before.add(_hypothesis(event))
            continue
        same = [s for s in sequences if s.configuration == _name(event)]
        found = next((s for s in same if _look(event) in s.looks), None)
        found = found or next((s for s in reversed(same) if s.goes_on(event)), None)
        if found is None:
            found = _Sequence(_name(event))
            sequences.append(found)
            ranks.append(rank)
            rank += 1
        if _look(event) not in found.looks:
            found.looks.append(_look(event))
        if _name(event) == _name(present) and _look(event) == _look(present):
            present_sequence = sequences.index(found)
    assert present_sequence is not None  # the present trial is among the events
    looks, added = _counted(sequences[present_sequence].looks, _look(present))
    return Record(len(tried) + swept, ranks[present_sequence], len(sequences), swept, looks, added)


def _related(home: Path, run: Path, present: Event) -> Iterator[dict[str, Any]]:  # Any: JSON values
    """Trials and sweeps of all runs of the home, and of `run`, on symbols and sessions that the present one shares."""
    symbols, (first, last) = set(present["symbols"]), present["span"]
    folders = {run.resolve(), *(p.parent.resolve() for p in (home / "runs").glob(f"*/{JOURNAL}"))}
    for folder in sorted(folders):
        for kind in ("trial", "sweep"):
            for event in journal.events(folder / JOURNAL, kind):
                if symbols & set(event["symbols"]) and event["span"][0] <= last and event["span"][1] >= first:
                    yield event


def _counted(looks: Sequence[_Span], present: _Span) -> tuple[tuple[Look, ...], int]:
    """Looks before the present one, each with the sessions that it added, and what the present one adds."""
    before = looks[: looks.index(present)]
    out = list[Look]()
    for i, look in enumerate([*before, present]):
        added = look.sessions if i == 0 else _added(before[i - 1], look)
        out.append(Look(look.sessions, added))
    return tuple(out[:-1]), out[-1].added


def _added(before: _Span, look: _Span) -> int:
    """Sessions of a look after the last one of the look before, from the density of its own sessions."""
    first, last, end = (np.datetime64(day, "D").astype(int) for day in (look.first, look.last, before.last))
    days = last - first + 1
    return int(min(max(round(look.sessions * (last - end) / days), min(last - end, 1)), look.sessions))
