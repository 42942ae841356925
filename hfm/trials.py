"""Trials on the record: what tells one from another, and how many there have been.

Every back-test tries a family of policies, and whoever tries often enough finds something. Each trial stands in the
journal under a key of all that can change its result, so that a new run does not reset the count and a rerun of the
same back-test does not raise it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hfm import journal
from hfm.commit import plain
from hfm.run import JOURNAL


def trial_keys(events: Sequence[Mapping[str, Any]], inputs: Mapping[str, str]) -> list[dict[str, Any]]:
    """The stage's events; each trial gets the key that tells it from every other: data, train, policy, cost, span."""
    out = []
    for event in events:
        body = plain(event)
        if body.get("event") == "trial":
            what = {k: v for k, v in body.items() if k not in ("event", "trial")}
            text = json.dumps([what, dict(inputs)], sort_keys=True)
            body["key"] = hashlib.sha256(text.encode()).hexdigest()[:32]
        out.append(body)
    return out


def count_trials(home: Path, run: Path) -> int:
    """N: distinct trials on record under the home and in `run`, on its symbols, with sessions that overlap its own."""
    own = list(journal.events(run / JOURNAL, "trial"))
    if not own:
        return 0
    symbols, first, last = own[-1]["symbols"], own[-1]["span"][0], own[-1]["span"][1]
    folders = {run, *(p.parent.resolve() for p in (home / "runs").glob(f"*/{JOURNAL}"))}
    return len({
        e["key"] for folder in folders for e in journal.events(folder / JOURNAL, "trial")
        if e["symbols"] == symbols and e["span"][0] <= last and e["span"][1] >= first
    })  # fmt: skip
