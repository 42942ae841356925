"""Changed bytes are found: in the journal by its chain, in a run on disk by the hashes of its manifest."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hfm import atomic
from hfm.runs import journal, stages
from hfm.runs.freshness import stale_inputs
from hfm.runs.manifest import JOURNAL, Run
from hfm.verify.claims import Row


def journal_bytes() -> list[Row]:
    """Every byte of a journal substituted once, every line dropped: each time the chain breaks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / JOURNAL
        head, count = journal.append(path, journal.START, 0, [{"event": "trial", "n": i} for i in range(12)])
        raw = path.read_bytes()
    tries = [raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :] for i in range(len(raw))]
    lines = raw.split(b"\n")
    tries += [b"\n".join(lines[:i] + lines[i + 1 :]) for i in range(count)]
    found = sum(journal.fault(t.split(b"\n")[:-1], head, count) is not None for t in tries)
    return [
        Row(
            "journal: changed bytes and dropped lines found",
            f"{len(tries)} of {len(tries)}",
            found,
            len(tries),
            len(tries),
        )
    ]


def of_run(run: Run) -> list[Row]:
    """A run on disk: every file is the one that was committed, every input the one that was read, the journal whole."""
    manifest = run.manifest()
    rows = []
    for stage in stages.STAGES:
        entry = manifest.stages.get(stage.name)
        if entry is None:
            continue
        n = len(entry.artifacts)
        good = sum(_same(run.path / name, known.sha256) for name, known in entry.artifacts.items())
        rows.append(Row(f"{stage.name}: files as committed", f"{n} of {n}", good, n, n))
        stale = stale_inputs(manifest, stage)
        rows.append(
            Row(
                f"{stage.name}: {stale or 'made from the inputs that stand'}", "0 stale", float(stale is not None), 0, 0
            )
        )
    why = journal.fault(journal.read(run.path / JOURNAL), manifest.head, manifest.count)
    rows.append(
        Row(
            f"journal: {why or 'chain of ' + str(manifest.count) + ' lines holds'}",
            "0 faults",
            float(why is not None),
            0,
            0,
        )
    )
    return rows


def _same(path: Path, sha: str) -> bool:
    try:
        return atomic.sha256(path) == sha
    except OSError:
        return False
