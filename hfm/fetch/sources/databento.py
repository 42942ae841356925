"""Databento's DBN files (.dbn, .dbn.zst): schemas mbo, mbp-10, mbp-1 and tbbo; the extra `hfm[databento]`.

Fields are those of databento.com/docs, "Schemas": prices in 1e-9, an event is known at ts_recv, the book is to be
looked at after the last record of a message (F_LAST). Sessions are the calendar's; events outside of them build the
book and are no rows. With 24/7 they are UTC days.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm import tables
from hfm.arrays import Bool, Float, Int
from hfm.errors import ConfigError, DataError, HfmError, UsageError, typed
from hfm.fetch import sessions
from hfm.fetch.book import book_events, csv_file
from hfm.fetch.book.book_events import CODE
from hfm.fetch.sources import dbn_file
from hfm.fetch.sources.databento_mbo import DOUBTFUL, NONE, PRICE, MboSessions
from hfm.instants import DAY_NS
from hfm.plugins import BarRequest
from hfm.raw_data import RawBook
from hfm.stage import Context

LEVELS = {"mbo": tables.BOOK_LEVELS, "mbp-10": 10, "mbp-1": 1, "tbbo": 1}
Records = npt.NDArray[Any]  # Any: the schema's own structure
Found = tuple[str, RawBook | HfmError]


class Databento:
    """The BookSource over DBN files."""

    network = False
    synthetic = False
    calendar = None

    def books(self, request: BarRequest, ctx: Context) -> Iterator[Found]:
        """See BookSource. Files that begin on the same day are read together.

        Yields
        ------
        symbol, RawBook or HfmError

        Raises
        ------
        ConfigError
            Where the extra is not installed.
        UsageError, DataError
            Without a path; for one without DBN files, and a file that is damaged or of another schema.
        """
        library = _library()
        stores = [(path, _open(library, path)) for path in _paths(request.path)]
        levels = min(_levels(path, store) for path, store in stores)
        stores.sort(key=lambda item: (int(item[1].metadata.start), item[0].name))
        if len(stores) == 1 and (only := _only_symbol(stores[0][1], request)):
            yield from _streamed(*stores[0], only, levels, request)
            return
        found_symbols: set[str] = set()
        last = np.datetime64("0001-01-01")
        for _, group in itertools.groupby(stores, key=lambda item: int(item[1].metadata.start) // DAY_NS):
            found = [item for path, store in group for item in _file(path, store, levels, request)]
            found.sort(key=lambda item: (item[1].session, item[0]))
            for (day, symbol), same in itertools.groupby(found, key=lambda item: (item[1].session, item[0])):
                parts = [item[1] for item in same]
                found_symbols.add(symbol)
                if sum(not raw.start for raw in parts) > 1 or day <= last:
                    yield symbol, DataError(f"{symbol} on {day} is spread over two files of {request.path}",
                                            hint=_one_file(request))  # fmt: skip
                else:
                    yield from ((symbol, raw) for raw in parts)
            last = max([last, *(item[1].session for item in found)])
        for symbol in request.symbols:
            if symbol not in found_symbols:
                yield symbol, _no_session(request, symbol, found_symbols)


def _one_file(request: BarRequest) -> str:
    """What to do where two files hold parts of one session."""
    if request.calendar != "24/7":
        return "--set fetch.calendar=24/7"
    return "move one of the two files out of the folder, or give one with --path"


def _no_session(request: BarRequest, symbol: str, found_symbols: set[str]) -> DataError:
    return DataError(f"{request.path} has no session with events of {symbol}",
                     hint=_other_symbol(request, found_symbols))  # fmt: skip


def _other_symbol(request: BarRequest, found_symbols: set[str]) -> str:
    """What to do where the files hold no event of a symbol in any session."""
    if found_symbols:
        return ", or ".join(typed("hfm", "fetch", s, "--source", "databento", "--path", str(request.path))
                            for s in sorted(found_symbols)[:3])  # fmt: skip
    return "--set fetch.calendar=24/7" if request.calendar != "24/7" else "give other files with --path"


def _library() -> Any:  # Any: a module that need not be installed
    try:
        import databento
    except ImportError as e:
        raise ConfigError(
            "source databento needs the package databento, which is not installed",
            why=str(e),
            hint="pip install 'hfm[databento]'",
        ) from e
    return databento


def _paths(text: str | None) -> list[Path]:
    if text is None:
        raise UsageError("--source databento needs a file or a folder", hint="--path FILE")
    path = Path(text)
    found = sorted(p for p in path.iterdir() if p.name.endswith((".dbn", ".dbn.zst"))) if path.is_dir() else [path]
    if not found or not path.exists():
        raise DataError(f"{path} {'holds no .dbn or .dbn.zst file' if path.exists() else 'does not exist'}",
                        hint="give another --path")  # fmt: skip
    return found


def _open(library: Any, path: Path) -> Any:  # Any: databento's store
    try:
        return library.DBNStore.from_file(path)
    except Exception as e:  # its errors have no base of their own: ValueError, BentoError, DBNError, zstd's
        raise DataError(f"{path} is no whole DBN file", why=str(e)[:200], hint=csv_file.AGAIN) from e


def _levels(path: Path, store: Any) -> int:
    schema = str(store.schema)
    if schema not in LEVELS:
        raise DataError(
            f"{path} has schema {schema}, which is no order book",
            hint=f"ask Databento for one of the schemas {', '.join(LEVELS)}",
        )
    return LEVELS[schema]


def _only_symbol(store: Any, request: BarRequest) -> str | None:
    """The one symbol whose orders are asked for: only these need no room for a whole file."""
    names = [name for name in store.mappings if name.upper() in request.symbols]
    by_id = str(store.metadata.stype_out) == "instrument_id"
    return names[0] if str(store.schema) == "mbo" and by_id and len(names) == len(request.symbols) == 1 else None


def _streamed(path: Path, store: Any, symbol: str, levels: int, request: BarRequest) -> Iterator[Found]:
    """The sessions of one symbol's orders in one file, in parts."""
    found = False
    for raw in MboSessions(path, request, levels).read(dbn_file.of_symbol(path, store, symbol)):
        found = True
        yield symbol.upper(), raw
    if not found:
        yield symbol.upper(), _no_session(request, symbol.upper(), set())


def _records(path: Path, store: Any) -> Records:
    """All records of a file. Raises DataError for one that is cut."""
    found = list(dbn_file.pieces(path, store))
    return np.concatenate(found) if found else store.to_ndarray().ravel()


def _file(path: Path, store: Any, levels: int, request: BarRequest) -> list[tuple[str, RawBook]]:
    """The sessions of the symbols asked for (all, where none is) in one file."""
    records = _records(path, store)
    out = []
    for symbol, mask in _symbols(store, records):
        if request.symbols and symbol.upper() not in request.symbols:
            continue
        selected = records[mask]
        if len(np.unique(selected["publisher_id"])) > 1:
            raise dbn_file.several_venues(path, symbol)
        if str(store.schema) == "mbo":
            parts = MboSessions(path, request, levels).read(
                np.array_split(selected, -(-len(selected) // dbn_file.RECORDS))
            )
        else:
            parts = _split(_by_price(selected, levels), request)
        out += [(symbol.upper(), raw) for raw in parts]
    return out


def _symbols(store: Any, records: Records) -> Iterator[tuple[str, Bool]]:
    """(symbol, its records), by the file's own mappings; an instrument without one is called by its number."""
    day = records["ts_recv"].astype(np.int64).astype("datetime64[ns]").astype("datetime64[D]")
    number = records["instrument_id"]
    by_id = str(store.metadata.stype_out) == "instrument_id"
    masks: dict[str, Bool] = {}
    left = np.ones(len(records), bool)
    for name, intervals in store.mappings.items():
        for interval in intervals:
            symbol, text = (name, interval["symbol"]) if by_id else (interval["symbol"], name)
            if not text.isdigit():
                continue
            selected = number == int(text)
            selected &= (day >= np.datetime64(interval["start_date"])) & (day < np.datetime64(interval["end_date"]))
            masks[symbol] = masks.get(symbol, np.zeros(len(records), bool)) | selected
            left &= ~selected
    for other in np.unique(number[left]):
        masks[str(other)] = left & (number == other)
    yield from ((symbol, masks[symbol]) for symbol in sorted(masks) if masks[symbol].any())


def _split(raw: RawBook, request: BarRequest) -> Iterator[RawBook]:
    """The sessions of one symbol, by the calendar; what lies outside of them is counted in the first."""
    if not len(raw.time):
        return
    found = sessions.span(request.calendar, request.interval_s, int(raw.time[0]), int(raw.time[-1]))
    if not len(found):
        return
    at = np.maximum(np.searchsorted(found.open, raw.time, "right") - 1, 0)
    inside = (raw.time >= found.open[at]) & (raw.time <= found.close[at])
    counts = {**raw.counts, "outside": int((~inside).sum())}
    for k in np.unique(at[inside]):
        rows = np.flatnonzero(inside & (at == k))
        keep = slice(int(rows[0]), int(rows[-1]) + 1)
        levels = np.ascontiguousarray(raw.levels[:, keep])
        yield replace(raw.rows(keep), session=found.day[k], levels=levels, counts=counts)
        counts = {}


def _sides(selected: Records) -> Int:
    return np.where(selected["side"] == b"B", 1, np.where(selected["side"] == b"A", -1, 0)).astype(np.int64)


def _money(price: Int) -> Float:
    out: Float = np.where(price == NONE, np.nan, price / PRICE)
    return out


def _common(selected: Records) -> tuple[Int, dict[str, int]]:
    """(ns UTC, counts): time never runs back; where it would (a doubtful ts_recv) the latest stands, and is counted."""
    stamp = selected["ts_recv"].astype(np.int64)
    time = np.maximum.accumulate(stamp) if len(stamp) else stamp
    doubtful = int((selected["flags"] & DOUBTFUL).astype(bool).sum())
    return time, {"late": int((time != stamp).sum()), "doubtful_book": doubtful}


def _by_price(selected: Records, levels: int) -> RawBook:
    """mbp-N and tbbo: the levels are the feed's. A modification or a clearing does not say what changed: a snapshot."""
    selected = selected[selected["action"] != b"N"]
    time, counts = _common(selected)
    book = np.empty((4 * levels, len(selected)))
    for level, (base, name) in itertools.product(range(levels), ((0, "bid"), (2, "ask"))):
        book[4 * level + base] = _money(selected[f"{name}_px_{level:02d}"])
        book[4 * level + base + 1] = np.where(np.isnan(book[4 * level + base]), 0, selected[f"{name}_sz_{level:02d}"])
    side, price = _sides(selected), _money(selected["price"])
    # a cancel reduces a level that is still there after it, and deletes one that is not
    at_level = np.where(side > 0, (book[0::4] == price).any(0), (book[2::4] == price).any(0))
    kinds = {b"A": "add", b"C": "delete", b"T": "execute"}
    event = np.full(len(selected), CODE["snapshot"], np.int8)
    for action, word in kinds.items():
        event[selected["action"] == action] = CODE[word]
    event[(event == CODE["delete"]) & at_level] = CODE["reduce"]
    is_snapshot, traded = event == CODE["snapshot"], event == CODE["execute"]
    return RawBook(
        session=np.datetime64("NaT"),
        time=time,
        event=event,
        side=np.where(is_snapshot, 0, np.where(traded, -side, side)).astype(np.int8),
        price=np.where(is_snapshot, np.nan, price),
        size=np.where(is_snapshot, 0, selected["size"]).astype(np.float64),
        order_id=None,
        levels=book,
        tick=_tick(selected["price"]),
        notes=("time is ts_recv; trades and the level changes that they cause are rows apart",),
        counts=counts,
    )


def _tick(price: Int) -> float:
    return book_events.tick(price[price != NONE], PRICE)
