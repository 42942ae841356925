"""One session of an order book, part by part, as rows of quotes and of the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from hfm import artifacts
from hfm.instants import SECOND_NS
from hfm.simulate.replay import event_tape, intervals, row_sigma
from hfm.simulate.replay.event_tape import TapeEnd
from hfm.simulate.replay.flow_sample import FlowSample
from hfm.simulate.replay.row_stream import QuoteRows, RowStream
from hfm.simulate.replay.studies import SessionStates
from hfm.stage import Product
from hfm.tables import GROUP_ROWS, ORACLE, QUOTES, Provenance, TableMeta, build

_CLOSING = 60 * SECOND_NS  # an event row this near the close is the session's last


class SessionKey(NamedTuple):
    """Whose session it is, and its open and close (ns UTC)."""

    symbol: str
    day: np.datetime64
    start: int
    end: int

    @property
    def length(self) -> int:
        """Nanoseconds from open to close."""
        return self.end - self.start


class SessionReplay:
    """Carries a session's state from part to part; `states` is None as long as no quote had two sides."""

    def __init__(
        self, session: SessionKey, every: int | None, sample: FlowSample, about: TableMeta, tick: float
    ) -> None:
        """Before the session's first event.

        Parameters
        ----------
        session
            Whose.
        every
            ns of a row; None: a row a time stamp.
        sample
            Is given what the calibration keeps.
        about
            Metadata of the quotes.
        tick
            Currency.
        """
        self._session, self._sample, self._about = session, sample, about
        self._stream = RowStream(session.start, session.end, every)
        self._sigma = row_sigma.Sigma(tick)
        self._tape_end: TapeEnd | None = None
        self._held: list[pa.Table] = []
        self._full: dict[str, list[pa.Table]] = {}  # rows that are not given yet
        self._seq, self._close = -2, np.nan  # of the last row; of none a number that no row follows
        self.states: SessionStates | None = None
        self.rows = 0
        sample.begin_session(session.start, session.end)

    def take(self, group: pa.Table, levels: int, final: bool) -> Iterator[Product]:
        """The rows that the next part completes.

        Parameters
        ----------
        group
            Its rows of the book table.
        levels
            Of the book.
        final
            Whether no other follows.

        Yields
        ------
        Product
            A group of simulate/quotes.parquet and one of simulate/oracle.parquet.
        """
        group = pa.concat_tables([*self._held, group]).unify_dictionaries() if self._held else group
        tape = event_tape.read(group, levels, self._tape_end)
        self._held = [group] if tape is None else []
        if tape is None:
            return
        self._tape_end = event_tape.end_of(tape, self._tape_end)
        if self.states is None:
            self.states = SessionStates(self._session.start, self._session.end)
        self.states.take(tape, final)
        self._sample.take(tape, group, final)
        found = self._stream.take(tape, final)
        if found is not None:
            self.rows += len(found.rows.seq)
            for name, table in self._tables(found, final):
                self._full.setdefault(name, []).append(table)
        if final or sum(table.num_rows for table in self._full.get(artifacts.QUOTES, [])) >= GROUP_ROWS:
            for name, tables in self._full.items():
                whole = (
                    tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries().combine_chunks()
                )
                yield name, whole
            self._full = {}

    def _tables(self, found: QuoteRows, final: bool) -> Iterator[tuple[str, pa.Table]]:
        """The quotes and the oracle of rows."""
        session, rows, columns = self._session, found.rows, found.columns
        n = len(rows.seq)
        origin = columns["mid_open"].copy()
        adjacent = np.diff(rows.seq, prepend=self._seq) == 1
        origin[adjacent] = np.append(self._close, columns["mid_close"][:-1])[adjacent]
        self._seq, self._close = int(rows.seq[-1]), float(columns["mid_close"][-1])
        returns = np.log(columns["mid_close"] / origin)
        is_last = rows.t_close == session.end
        if self._about.every == "event":
            is_last = final & (np.arange(n) == n - 1) & (session.end - rows.t_close < _CLOSING)
        key = {
            "symbol": session.symbol, "session": pa.array(np.full(n, session.day)), "seq": rows.seq,
            "time": rows.t_close,
        }  # fmt: skip
        yield artifacts.QUOTES, build(
            QUOTES,
            key | columns | {
                "time_open": rows.t_open, "is_last": is_last, "sigma_bps": 1e4 * self._sigma.take(returns, origin),
                "cash_dividend": np.zeros(n), "split_ratio": np.ones(n), "flags": intervals.flags(columns["volume"]),
            },
            self._about,
            provenance(),
        )  # fmt: skip
        unknown = np.full(n, np.nan)
        nothing = dict.fromkeys(("p_up", "p_up_latent", "log_spread_mean", "log_spread_sd"), unknown)
        yield artifacts.ORACLE, build(ORACLE, key | nothing | {"signal": np.zeros(n)}, self._about, "estimated")


def provenance() -> dict[str, Provenance]:
    """All observed, but the forecast sd."""
    out: dict[str, Provenance] = {column.name: "observed" for column in QUOTES.columns}
    return out | {"sigma_bps": "estimated"}
