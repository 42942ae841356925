"""What a person types and reads: an instant, a symbol, the table of forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hfm.errors import UsageError
from hfm.instants import parse_instant
from hfm.ledger.units import amount
from hfm.live.stream import Answer


def instant(text: str) -> datetime:
    """The instant of --as-of, an ISO time; UTC where it has no zone. Raises UsageError."""
    try:
        return parse_instant(text)
    except ValueError as e:
        raise UsageError(f"--as-of is {text[:40]!r}, {e}", hint="--as-of 2025-04-01T20:00:00Z") from None


def symbol(text: str | None, known: Sequence[str]) -> str | None:
    """The symbol that was typed, in capitals. Raises UsageError where the run does not have it."""
    if text is None or text.upper() in known:
        return text.upper() if text else None
    raise UsageError(f"the run has no symbol {text[:20]!r}", hint=f"name one of the run's symbols: {', '.join(known)}")


def table(answers: Sequence[Answer], is_open: bool, model_id: str, unit: str = "shares") -> list[str]:
    """The answers as lines for a person.

    Parameters
    ----------
    answers : sequence of Answer
        Of `predict`.
    is_open : bool
        Whether the market is.
    model_id : str
        Names the checkpoint.
    unit : str
        What positions are counted in.

    Returns
    -------
    list of str
        One an answer, and one for the market.
    """
    lines = [_line(a, model_id, unit) for a in answers]
    return [*lines, f"market: {'open' if is_open else 'closed'}"]


def _line(a: Answer, model_id: str, unit: str) -> str:
    head = f"{a['symbol']} {a['time']}"
    age = f"{a['age_s']:.0f} s old{', STALE' if a['stale'] else ''}"
    if a["status"] != "ok":
        return f"{head}  {a['status']}  {age}"
    side = {1: "long", -1: "short", 0: "flat"}[a["signal"]]
    p = "-" if a["p_up"] is None else f"{a['p_up']:.4f}"
    spread = "-"
    if a["spread_q50"] is not None:
        spread = f"{a['spread_q50']:.3f} ({a['spread_q10']:.3f} to {a['spread_q90']:.3f}) bps"
    return (f"{head}  {side}  P(up) {p}  spread {spread}  wants {amount(a['target'])} {unit}  {age}  "
            f"{a['model']} {model_id}")  # fmt: skip
