"""A source that asks no vendor is asked in a fresh process for what there was earlier, and of shorter files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hfm import plugins
from hfm.artifacts import BARS
from hfm.config import Config
from hfm.errors import HfmError
from hfm.tables import Reader, column_array
from hfm.verify.claims import Row
from hfm.verify.lookahead import compare, cuts, isolation
from hfm.verify.lookahead.compare import Difference
from hfm.verify.lookahead.isolation import Isolated

NOT_VALUES = ("symbol", "session", "seq", "time")
MOST, BUDGET = 14, 400_000
"""Most moments at which a source is asked, and most bars that it gives in all."""
SHARES = (0.4, 0.75)
"""How much of a file stays where its end is cut off."""
TEXT = (".csv", ".txt", ".tsv")


def of_run(readers: Mapping[str, Reader], config: Config, asked: Isolated, rng: np.random.Generator) -> Iterator[Row]:
    """The rows of the table about the source of a run; none where it asks a vendor or has order books.

    Parameters
    ----------
    readers
        Artifact -> reader, of the run.
    config
        The run's.
    asked
        The process in which the source is asked again.
    rng
        Draws the moments at which it is asked.

    Yields
    ------
    Row
        Whether it was refused a file, is the same when asked twice, and knows what comes later.
    """
    plugin = plugins.find("sources", config.fetch.source)()
    if plugin.network or BARS not in readers:
        return
    bars = readers[BARS].read()
    count = int(np.clip(2 * BUDGET // max(bars.num_rows, 1), 4, MOST))
    day = column_array(bars.column("session"))
    moments = [at for at in cuts.instants(rng, compare.times(bars), day, count) if _since(day, at)]
    watch = config.fetch.path is None
    stopped = [_stopped(config, at) for at in moments]
    order = [*range(len(moments)), *rng.permutation(len(moments)).tolist()]
    reply = asked.ask(isolation.fetch, [stopped[k] for k in order] + [config], watch)
    subject = f"source {config.fetch.source}"
    if reply.error:
        yield reply.error_row("fetch", subject)
        return
    if watch:
        yield reply.touched_row("fetch", subject)
    for answer, at in zip(reply.answers, moments, strict=False):  # or nothing would be compared with the future gone
        assert not isinstance(answer, pa.Table) or (compare.times(answer) < at).all()
    parts = [_compared(bars, reply.answers[k], moments[k]) for k in range(len(moments))]
    twice = [_compared(reply.answers[k], again, moments[k])
             for k, again in zip(order[len(moments):], reply.answers[len(moments):-1], strict=True)]  # fmt: skip
    found = compare.total(twice)
    if found.same < found.rows:
        yield compare.line(f"fetch: {found.column} of {found.place} is another when asked twice", found)
        return
    yield compare.line("fetch: bars are the same when asked twice", found)
    yield compare.claim("fetch", "bars", compare.total(parts), compare.GONE, cuts=len(moments))
    if config.fetch.path is not None:
        yield from _shorter(bars, config, asked)


def _since(day: np.ndarray, at: int) -> bool:
    """Whether a session or more lies before the moment: a source need have no bars of a session's first minutes."""
    return bool(np.datetime64(at, "ns").astype("datetime64[D]") > day[0])


def _stopped(config: Config, at: int) -> Config:
    moment = datetime.fromtimestamp(at // 10**9, UTC) - timedelta(seconds=1)
    return replace(config, fetch=replace(config.fetch, as_of=moment.isoformat(), max_gap=1.0))


def _compared(bars: object, again: object, at: int) -> Difference:
    """Bars known before `at` in both; an error in their place is a difference of all."""
    if isinstance(bars, HfmError) or isinstance(again, HfmError):
        error = again if isinstance(again, HfmError) else bars
        assert isinstance(error, HfmError)
        both = isinstance(bars, HfmError) and isinstance(again, HfmError)
        return Difference(1, int(both), f"answer ({error.what})", f"{np.datetime64(at, 'ns')}"[:16])
    assert isinstance(bars, pa.Table)
    assert isinstance(again, pa.Table)
    names = [name for name in bars.column_names if name not in NOT_VALUES]
    return compare.difference(_from(bars, again), _from(again, bars), at, names)


def _from(bars: pa.Table, other: pa.Table) -> pa.Table:
    """The rows of `bars` from the first session of `other` on: a count of sessions reaches back further or less far."""
    if not other.num_rows:
        return bars
    day = column_array(bars.column("session"))
    return bars.filter(pa.array(day >= column_array(other.column("session"))[0]))


def _shorter(bars: pa.Table, config: Config, asked: Isolated) -> Iterator[Row]:
    """A file whose last rows are cut off gives, of the bars before its new end, the same ones."""
    path = Path(str(config.fetch.path))
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for share in SHARES:
            other = Path(folder) / f"{path.stem}-{share:g}{path.suffix}"
            if not _headed(path, other, share):
                return
            fetch = replace(config.fetch, path=str(other), max_gap=1.0, days=None, sessions=None)
            (again,) = asked.ask(isolation.fetch, [replace(config, fetch=fetch)], False).answers or [None]
            if not isinstance(again, pa.Table) or not again.num_rows:
                continue
            last = int(compare.times(again).max())
            parts.append(_compared(bars, again, last))
    if parts:
        yield compare.claim("fetch", "bars of the file", compare.total(parts), "cut off the file", cuts=len(parts))


def _headed(path: Path, other: Path, share: float) -> bool:
    """Write the first share of a table's rows in another file; whether it is one that can be cut so."""
    if path.suffix.lower() in TEXT and path.is_file():
        lines = path.read_bytes().splitlines(keepends=True)
        other.write_bytes(b"".join(lines[: max(int(share * len(lines)), 2)]))
        return True
    if path.suffix.lower() == ".parquet" and path.is_file():
        table = pq.read_table(path)
        pq.write_table(table.slice(0, int(share * table.num_rows)), other)
        return True
    return False
