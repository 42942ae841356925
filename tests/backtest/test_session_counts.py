"""One look at each row gives what column by column would: the kernel, its plain function, and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hfm.backtest import session_counts
from hfm.kernels.jit import frozen
from hfm.ledger import ledger_records as rec
from hfm.ledger import reasons
from hfm.tables.records import Records


class Drawn(NamedTuple):
    """A ledger, what was forecast and came true (with holes), and each row's session."""

    out: Records
    outcomes: session_counts.Outcomes
    session: np.ndarray


class Counted(NamedTuple):
    """What `count` writes."""

    sums: Records
    reasons: np.ndarray
    signs: np.ndarray


def drawn(n: int, sessions: int) -> Drawn:
    rng = np.random.default_rng(4)
    out = np.zeros(n, rec.LEDGER_RESULT)
    for name in rec.LEDGER_RESULT.names or ():
        out[name] = rng.normal(0, 10, n)
    out["signal"] = rng.integers(-1, 2, n)
    out["reason"] = rng.integers(0, 1 << 19, n) * (rng.random(n) < 0.3)
    for when in ("open", "close"):
        none = rng.random(n) < 0.5
        out[f"qty_{when}"][none], out[f"px_{when}"][none] = 0.0, np.nan
    values = rng.random((7, n))
    values[1] = np.round(values[1])
    values[:, rng.random(n) < 0.1] = 0.5
    values[rng.random((7, n)) < 0.1] = np.nan
    return Drawn(out, session_counts.Outcomes(*frozen(tuple(values))), np.sort(rng.integers(0, sessions, n)))


def counted(function: Callable[..., None], given: Drawn) -> Counted:
    made = Counted(
        np.zeros(5, session_counts.SESSION_SUMS), np.zeros(session_counts.BITS, np.int64),
        np.zeros((3, len(given.out)), np.int8),
    )  # fmt: skip
    function(*given, *made)
    return made


def test_the_kernel_is_its_plain_function_to_the_bit() -> None:
    """Sums, reasons and signs."""
    given = drawn(2_000, 5)
    pairs = zip(counted(session_counts.count, given), counted(session_counts.count.py_func, given), strict=True)
    for one, two in pairs:
        assert one.tobytes() == two.tobytes()


def test_sums_are_those_of_numpy_column_by_column() -> None:
    """Money, notional of fills that were, exposure, and each score over the rows that it is of."""
    given = drawn(2_000, 5)
    out, session = given.out, given.session
    sums, bits, signs = counted(session_counts.count, given)
    p, y, floor, wide, then, now, usual = given.outcomes
    call, up, fall, change, rule = (
        np.nan_to_num(np.sign(x)) for x in (p - 0.5, 2 * y - 1, floor - 0.5, then - now, usual - now)
    )
    label, spread = (up != 0) & np.isfinite(p), (change != 0) & np.isfinite(wide)
    traded, signal = label & (out["signal"] != 0), out["signal"]
    held = out["position"] * out["mark"]
    notional = sum(np.nan_to_num(np.abs(out[f"qty_{when}"] * out[f"px_{when}"])) for when in ("open", "close"))
    expected = {
        "gross": out["gross_pnl"], "spread": out["spread_cost"], "fee": out["fee"],
        "impact": out["impact"], "borrow": out["borrow"], "dividend": out["dividend"],
        "net": out["net_pnl"], "notional": notional, "held": held, "held_abs": np.abs(held), "labels": label,
        "hits": label * (1 + call * up) / 2, "floor_hits": label * (1 + fall * up) / 2, "ups": label & (up > 0),
        "calls": label * (1 + call) / 2, "spreads": spread, "widened": spread & (change > 0),
        "spread_hits": spread * (1 + np.nan_to_num(np.sign(wide - 0.5)) * change) / 2,
        "rule_hits": spread * (1 + rule * change) / 2, "traded": traded,
        "traded_hits": traded * (1 + signal * up) / 2, "traded_floor_hits": traded * (1 + fall * up) / 2,
        "traded_ups": traded & (up > 0),
    }  # fmt: skip
    assert set(expected) == set(session_counts.SUMS)
    for name, values in expected.items():
        each = [values[session == s].sum() for s in range(5)]
        np.testing.assert_allclose(sums[name], each, rtol=1e-12, atol=1e-9, err_msg=name)
    for bit in reasons.NAMES:
        assert bits[bit.bit_length() - 1] == ((out["reason"].astype(int) & bit) != 0).sum()
    for place, values in ((session_counts.CALL, call), (session_counts.UP, up), (session_counts.SIGNAL, signal)):
        np.testing.assert_array_equal(signs[place], values)


def test_sums_of_neighbours_are_added_up_in_order() -> None:
    """From each start to the next, to the bit of NumPy's own."""
    sums = counted(session_counts.count, drawn(2_000, 5)).sums
    made = session_counts.added(sums, np.array([0, 2]))
    for name in session_counts.SUMS:
        np.testing.assert_array_equal(made[name], np.add.reduceat(sums[name], [0, 2]))


def test_every_reason_has_a_place() -> None:
    """The masks' bits fit into what is counted."""
    assert max(reasons.NAMES) < 1 << session_counts.BITS
