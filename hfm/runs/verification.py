"""What the look-ahead tests said of a run, on record: an event of its journal, good for the artifacts it names."""

from __future__ import annotations

from typing import Any

from hfm.runs import journal
from hfm.runs.manifest import JOURNAL, Manifest, Run
from hfm.stage import Verification

STAGES = ("fetch", "simulate", "train", "backtest")
"""The stages whose artifacts are tested."""


def artifacts(manifest: Manifest) -> dict[str, str]:
    """SHA-256 of each artifact that the tests look at."""
    return {
        name: known.sha256
        for stage in STAGES if stage in manifest.stages
        for name, known in manifest.stages[stage].artifacts.items()
    }  # fmt: skip


def event(found: Verification, manifest: Manifest) -> dict[str, Any]:  # Any: JSON values
    """The line of the journal."""
    return {
        "event": "verified", "artifacts": artifacts(manifest), "tests": found.tests, "seed": found.seed,
        "failed": list(found.failed),
    }  # fmt: skip


def on_record(run: Run, manifest: Manifest) -> Verification | None:
    """What was said of the artifacts that stand now; None: nothing of just these.

    A failure stands over whatever came later: tests that find something at one seed of the cuts and nothing at the next
    have found something. Otherwise the newest counts.

    Returns
    -------
    Verification : None where nothing was said of just these artifacts.
    """
    found, present = None, artifacts(manifest)
    for body in journal.events(run.path / JOURNAL, "verified"):
        if body["artifacts"] == present and (found is None or found.passed):
            found = Verification(int(body["tests"]), int(body["seed"]), tuple(body["failed"]))
    return found
