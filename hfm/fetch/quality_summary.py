"""What a person is told of a fetch: the span, the quality table, notes, losses and warnings; each thing said once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hfm.fetch.quality.bar_quality import LISTED, BarQuality
from hfm.plugins import BarRequest
from hfm.stage import Context

ELSEWHERE = 0.7
"""Share of rows outside the sessions above which the calendar is doubted (extended hours are .6)."""
SHOWN = 12
HEAD = (
    "symbol",
    "sessions",
    "lost",
    "bars",
    "of",
    "gap",
    "dup",
    "rejected",
    "moves",
    "zero vol",
    "off-hours",
)


def table(qualities: Mapping[str, BarQuality]) -> list[str]:
    """The account as aligned lines, one a symbol under a head; of many symbols the worst SHOWN."""
    rows = [HEAD]
    worst = sorted(
        qualities, key=lambda s: (-qualities[s].refused, -len(qualities[s].lost_sessions), -qualities[s].gap)
    )
    left = len(worst) - SHOWN
    for symbol, q in [(s, q) for s, q in qualities.items() if s in worst[:SHOWN]]:
        rows.append(
            (
                symbol,
                f"{q.sessions}",
                f"{len(q.lost_sessions)}",
                f"{q.present}",
                f"{q.expected}",
                f"{q.gap:.2%}",
                f"{q.duplicates}",
                f"{q.refused}",
                f"{q.moves}",
                f"{q.zero_volume}",
                f"{q.outside}",
            )
        )
    width = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = [
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, width, strict=True)))
        for row in rows
    ]
    return [*lines, f"and {left} more, none worse (all are in --json)"] if left > 0 else lines


def report(
    ctx: Context,
    request: BarRequest,
    qualities: Mapping[str, BarQuality],
    notes: Mapping[str, list[str]],
    synthetic: bool,
) -> None:
    """Tell what came: span, table, notes; name losses and thin days.

    Parameters
    ----------
    ctx : is told, and gets the figures of --json.
    request : what was asked for.
    qualities : symbol -> its account.
    notes : symbol -> what was assumed.
    synthetic : whether the bars are invented.
    """
    bars = sum(account.present for account in qualities.values())
    count = max(account.sessions for account in qualities.values())
    span_text = f"{request.days} calendar days gave " if request.days is not None else ""
    mark = "SYNTHETIC: " if synthetic else ""
    ctx.say(f"{mark}{span_text}{count} sessions, {bars:,} bars, {len(qualities)} symbol{'s' * (len(qualities) != 1)}")
    for line in table(qualities):
        ctx.say(line)
    for text, symbols in group_texts(notes):
        ctx.say(f"{join_symbols(symbols)}: {text}")
    _losses(ctx, qualities)
    figures: dict[str, Any] = {symbol: account.as_json() for symbol, account in qualities.items()}
    for account in figures.values():
        account.pop("rows")
    ctx.figures.update(
        {"bars": bars, "sessions": count, "symbols": list(qualities), "synthetic": synthetic, "quality": figures}
    )


def group_texts(texts: Mapping[str, Iterable[str]]) -> list[tuple[str, list[str]]]:
    """(text, the symbols that have it), each text once and in the order of its first symbol."""
    found: dict[str, list[str]] = {}
    for symbol, sentences in texts.items():
        for text in sentences:
            found.setdefault(text, []).append(symbol)
    return list(found.items())


def _losses(ctx: Context, qualities: Mapping[str, BarQuality]) -> None:
    """Name what was asked for and is not there, once for all symbols that it is true of; warn of the thin and short."""
    lost: dict[tuple[str, ...], list[str]] = {}
    thin: dict[tuple[str, ...], list[str]] = {}
    odd: dict[str, list[str]] = {}
    first = min(account.first for account in qualities.values())[:10]
    last = max(account.last for account in qualities.values())[:10]
    for symbol, account in qualities.items():
        if account.rejected:
            reasons = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in account.rejected.items())
            count = account.refused
            ctx.lose(
                f"{symbol}: {count} row{'s' * (count != 1)} rejected ({reasons}), the first at "
                f"{account.rows[0]['time']}{_excursions(account)}"
            )
        if account.lost_sessions:
            lost.setdefault(tuple(account.lost_sessions), []).append(symbol)
        if account.conflicts:
            text = f"{account.conflicts} of {account.duplicates} doubled bars disagree; the newest with volume is kept"
            odd.setdefault(text, []).append(symbol)
        if account.outside > ELSEWHERE * account.raw:
            odd.setdefault("most rows lie outside the sessions; is --set fetch.calendar right (24/7?)", []).append(
                symbol
            )
        if account.thin_sessions:
            thin.setdefault(tuple(account.thin_sessions), []).append(symbol)
        if account.first[:10] > first and first not in account.lost_sessions:
            odd.setdefault(f"first session {account.first[:10]}, others {first}", []).append(symbol)
        if account.last[:10] < last and last not in account.lost_sessions:
            odd.setdefault(f"last session {account.last[:10]}, others {last}", []).append(symbol)
    _prices(ctx, qualities)
    _filled(ctx, qualities)
    for text, symbols in odd.items():
        ctx.warn(f"{join_symbols(symbols)}: {text}")
    for days, symbols in lost.items():
        ctx.lose(f"{join_symbols(symbols)}: {len(days)} sessions without a bar: {_days(list(days))}")
    for days, symbols in thin.items():
        counts = [[qualities[symbol].thin_sessions[day] for symbol in symbols] for day in days]
        day_counts = [f"{day} ({_range(count)} bars)" for day, count in zip(days, counts, strict=True)]
        ctx.warn(f"{join_symbols(symbols)}: less than half the bars on {_days(day_counts)}")


def _excursions(account: BarQuality) -> str:
    """What is said of the stretches on another level, after the number of rows."""
    parts = []
    for one in account.excursions[:3]:
        rows = f"{one['bars']} from {one['first']} to {one['last']}" if one["bars"] > 1 else one["first"]
        parts.append(f"{rows} at {one['factor']:.4g} times the prices around")
    more = len(account.excursions) - len(parts)
    return "".join(f"; {part}" for part in parts) + (f"; and {more} more stretches" if more else "")


def _prices(ctx: Context, qualities: Mapping[str, BarQuality]) -> None:
    """Name shifts that were kept, adjustments, and bars that were kept in doubt."""
    for symbol, account in qualities.items():
        for text in account.jumps:
            ctx.warn(f"{symbol}: {text}")
        for text in account.adjusted:
            ctx.warn(f"{symbol}: {text}")
        if account.doubtful:
            count = len(account.doubtful)
            ctx.warn(
                f"{symbol}: {count} bar{'s' * (count != 1)} with a price far from those beside it, kept as a real "
                f"move: {_days(account.doubtful)}"
            )


def _filled(ctx: Context, qualities: Mapping[str, BarQuality]) -> None:
    """Warn of prices that seem to be filled forward: their share and sessions, the worst symbol first."""
    some = sorted(
        (s for s, q in qualities.items() if q.filled), key=lambda s: -qualities[s].filled / qualities[s].present
    )
    for symbol in some[:SHOWN]:
        q = qualities[symbol]
        days = sorted(q.filled_sessions, key=lambda day: (-q.filled_sessions[day], day))
        more = "at least " if len(days) == LISTED else ""
        ctx.warn(
            f"{symbol}: {q.filled:,} of {q.present:,} bars ({q.filled / q.present:.1%}) keep the price before them "
            f"where its own bars say that it moves: filled forward by the vendor? In {more}{len(days)} sessions, most "
            f"on {_days([f'{day} ({q.filled_sessions[day]})' for day in days[:3]])}; scores leave them out"
        )
    for symbol, q in qualities.items():
        if q.standing:
            ctx.warn(
                f"{symbol}: bars keep one price where nearly all others move: filled forward by the vendor? "
                f"{_days(q.standing)}; scores hold them"
            )
    if len(some) > SHOWN:
        ctx.warn(f"prices seem to be filled forward in {len(some) - SHOWN} more symbols, in none more often")


def join_symbols(symbols: list[str]) -> str:
    """Symbols as a person reads them: of six and more their number and the first three."""
    return ", ".join(symbols) if len(symbols) < 6 else f"{len(symbols)} symbols ({', '.join(symbols[:3])}, ...)"


def _range(counts: list[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _days(days: list[str]) -> str:
    return ", ".join(days) if len(days) <= 6 else f"{', '.join(days[:3])} ... {days[-1]}"
