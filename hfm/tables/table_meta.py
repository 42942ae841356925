"""What a table says of itself as a whole: the source, the market, the clock, the ticks, and how its rows were made.

It stands as JSON in the Parquet file's metadata (see rows.py), and goes from table to table: each stage adds what it
knows. JSON has one inheritance of old: the tables of single sessions (book, prints, snapshots) have each symbol's tick
under `tick`, where quotes have the coarsest there and each symbol's own under `ticks`. Here `tick` and `ticks` have one
meaning each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

TICKS_UNDER_TICK = ("book", "prints", "snapshots")
"""Tables whose JSON has the ticks by symbol under `tick`."""
_LISTS = ("symbols", "rebuilt", "warnings", "models")


@dataclass(frozen=True, slots=True)
class TableMeta:
    """The metadata of a table. None, and "" and 0 where the type has no None: the table does not say.

    Attributes
    ----------
    source : name of the bar or book source.
    synthetic : whether the market is made up.
    calendar : exchange_calendars name, or "24/7", "24/5".
    tz : IANA zone of the exchange.
    symbols : sorted.
    interval_s : s of a row; rows of single events count as if one came a second.
    slots_per_session, slots_per_year : rows of a whole session, of a year.
    sessions_per_year : sessions of a year.
    tick : currency, the coarsest of the symbols.
    ticks : currency, by symbol (that of its last session).
    levels : price levels a side of an order book.
    rebuilt : symbols whose book was rebuilt from events, not observed.
    notes : by symbol, what the source noted.
    quality : by symbol, counts of the quality account, JSON.
    warnings : what the user was told of the rows, for the report to say again.
    fidelity, recipe, signal, kind, rho, carry, l3 : the settings of `simulate` of the same names.
    simulate_seed : its seed.
    every : clock of a replay; "event": a row an event.
    mid_is_trade : whether mids are prices of trades, and so have bid-ask bounce.
    spread : by symbol, the spread that is charged, bps, and what rules it.
    model : the forecaster that was asked for.
    models : all whose predictions are in the table.
    horizon : rows ahead.
    features : name of the feature group.
    target : "horizon" or "next-move", of event rows.
    block_s : s of a block of clock time, where folds are split by blocks.
    stride : predictions are of one event row in so many of a session; 0: of every row.
    test_rows, stale_rows : out-of-sample rows, those of them that look filled forward.
    stale_sessions : sessions with such a row.
    lookahead : True where the ledger was shown the future on purpose.
    bounce : by symbol, what the bid-ask bounce of trade prices may add, bps (backtest.bounce.Shown).
    other : keys that this version does not know, as they were read; they are written again.
    """

    source: str = ""
    synthetic: bool | None = None
    calendar: str = ""
    tz: str = ""
    symbols: tuple[str, ...] = ()
    interval_s: float = 0
    slots_per_session: int = 0
    slots_per_year: float = 0
    sessions_per_year: float = 0
    tick: float = 0
    ticks: Mapping[str, float] | None = None
    levels: int = 0
    rebuilt: tuple[str, ...] | None = None
    notes: Mapping[str, list[str]] | None = None
    quality: Mapping[str, Mapping[str, Any]] | None = None  # Any: JSON values
    warnings: tuple[str, ...] | None = None
    fidelity: str = ""
    recipe: str = ""
    signal: str = ""
    kind: str = ""
    rho: float | None = None
    carry: float | None = None
    l3: bool | None = None
    simulate_seed: int | None = None
    every: str = ""
    mid_is_trade: bool | None = None
    spread: Mapping[str, Mapping[str, Any]] | None = None  # Any: JSON values
    model: str = ""
    models: tuple[str, ...] = ()
    horizon: int = 0
    features: str = ""
    target: str = ""
    block_s: int | None = None
    stride: int = 0
    test_rows: int | None = None
    stale_rows: int | None = None
    stale_sessions: int | None = None
    lookahead: bool | None = None
    bounce: Mapping[str, Mapping[str, Any]] | None = None  # Any: JSON values
    other: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TableMeta:  # Any: JSON values
        """The metadata of its JSON object; keys that no field has are kept in `other`."""
        known = {name: data[name] for name in _DEFAULTS if name in data}
        for name in _LISTS:
            if known.get(name) is not None:
                known[name] = tuple(known[name])
        if isinstance(known.get("tick"), Mapping):
            sizes = known.pop("tick")
            if "ticks" in known:  # simulated: the quotes of the same run have the coarsest too
                known["tick"] = max(sizes.values())
            known["ticks"] = sizes
        return cls(**known, other={name: value for name, value in data.items() if name not in _DEFAULTS})

    def to_json(self, table: str) -> dict[str, Any]:  # Any: JSON values
        """The JSON object, as a table of this name has it, without what is not said."""
        known = {name: getattr(self, name) for name, default in _DEFAULTS.items() if getattr(self, name) != default}
        if table in TICKS_UNDER_TICK and "ticks" in known:
            ticks = known["ticks"]
            if "tick" not in known:
                del known["ticks"]
            known["tick"] = ticks
        return {**known, **self.other}


_DEFAULTS = {each.name: each.default for each in fields(TableMeta) if each.name != "other"}
