"""What a person is told."""

from __future__ import annotations

from datetime import UTC, datetime

from hfm.fetch.quality.bar_quality import BarQuality
from hfm.fetch.quality_summary import join_symbols, report, table
from hfm.plugins import BarRequest
from hfm.stage import Context

ASKED = BarRequest(("SPY",), 300, "XNYS", datetime(2026, 3, 14, tzinfo=UTC), days=5)


def good(**more: object) -> BarQuality:
    """A week of whole sessions."""
    first, last = "2026-03-09T13:35:00Z", "2026-03-13T20:00:00Z"
    whole = {"raw": 390, "sessions": 5, "expected": 390, "present": 390, "first": first, "last": last}
    return BarQuality(**{**whole, **more})  # type: ignore[arg-type]  # each value fits its field


def told(
    qualities: dict[str, BarQuality], synthetic: bool = False, notes: dict[str, list[str]] | None = None
) -> Context:
    """A context after the report."""
    ctx = Context("fetch")
    report(ctx, ASKED, qualities, notes or {}, synthetic)
    return ctx


def test_the_table_lines_up_and_shows_the_worst_of_many() -> None:
    """A head, one line a symbol; beyond a dozen only the worst, and how many are left."""
    few = table({"SPY": BarQuality(sessions=5, expected=390, present=389)})
    assert len(few) == 2
    assert "0.26%" in few[1]
    many = table({f"S{i:02}": BarQuality(sessions=1, expected=100, present=100 - i) for i in range(20)})
    assert len(many) == 14
    assert many[-1].startswith("and 8 more")
    assert many[1].startswith("S08")


def test_the_span_comes_first_with_the_mark_of_invented_bars() -> None:
    """Days asked, sessions and bars got."""
    assert told({"SPY": good()}).lines[0] == "5 calendar days gave 5 sessions, 390 bars, 1 symbol"
    assert told({"SPY": good()}, synthetic=True).lines[0].startswith("SYNTHETIC: ")


def test_a_clean_fetch_has_no_loss_and_no_warning() -> None:
    """And its figures hold the account without the rows."""
    ctx = told({"SPY": good()})
    assert (ctx.losses, ctx.warnings) == ([], [])
    assert ctx.figures["bars"] == 390
    assert "rows" not in ctx.figures["quality"]["SPY"]


def test_losses_are_named_once_for_all_symbols_that_share_them() -> None:
    """Rejected rows by symbol, lost sessions and thin days by their days."""
    row = {"time": "2026-03-09T14:00:00Z", "reason": "price"}
    ctx = told(
        {
            "A": good(lost_sessions=["2026-03-10"], thin_sessions={"2026-03-11": 10}),
            "B": good(lost_sessions=["2026-03-10"], thin_sessions={"2026-03-11": 13}),
            "C": good(rejected={"price": 2}, rows=[row]),
        }
    )
    assert ctx.losses == [
        "C: 2 rows rejected (2 price), the first at 2026-03-09T14:00:00Z",
        "A, B: 1 sessions without a bar: 2026-03-10",
    ]
    assert ctx.warnings == ["A, B: less than half the bars on 2026-03-11 (10 to 13 bars)"]


def test_rows_mostly_outside_the_sessions_cast_doubt_on_the_calendar() -> None:
    """A coin on a stock exchange's calendar; extended hours do not."""
    assert "24/7" in told({"BTC-USD": good(raw=2000, outside=1600)}).warnings[0]
    assert told({"SPY": good(raw=1000, outside=600)}).warnings == []


def test_a_note_is_said_once_for_all_symbols_that_have_it() -> None:
    """Many symbols are counted and the first of them named."""
    ctx = told({"A": good(), "B": good()}, notes={"A": ["read so"], "B": ["read so"]})
    assert ctx.lines[-1] == "A, B: read so"
    assert join_symbols([f"S{i}" for i in range(9)]) == "9 symbols (S0, S1, S2, ...)"


def test_prices_that_were_filled_forward_are_named_with_share_and_sessions() -> None:
    """A warning a symbol, the worst first; none without."""
    days = {f"2026-03-{d:02}": n for d, n in ((9, 10), (10, 40), (11, 20), (12, 30))}
    ctx = told({"A": good(), "B": good(filled=4), "C": good(filled=100, filled_sessions=days)})
    warned = [w for w in ctx.warnings if "filled forward" in w]
    assert [w[:2] for w in warned] == ["C:", "B:"]
    assert "100 of 390 bars (25.6%)" in warned[0]
    assert "In 4 sessions, most on 2026-03-10 (40), 2026-03-12 (30), 2026-03-11 (20)" in warned[0]


def test_rows_rejected_of_one_symbol_do_not_hide_that_another_begins_later() -> None:
    late = good(first="2026-03-10T13:35:00Z")
    odd = good(rejected={"jump": 1}, rows=[{"time": "2026-03-12T15:00:00Z"}])
    assert told({"A": odd, "B": late}).warnings == ["B: first session 2026-03-10, others 2026-03-09"]
