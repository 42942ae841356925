"""One look at each row gives what column by column would: the kernel, its plain function, and NumPy."""

from __future__ import annotations

import numpy as np

from hfm.backtest import session_counts
from hfm.kernels.jit import frozen
from hfm.ledger import layout as at
from hfm.ledger import reasons


def drawn(n: int, sessions: int) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
    """A ledger, what was forecast and came true (with holes), and each row's session."""
    rng = np.random.default_rng(4)
    out = rng.normal(0, 10, (n, at.OUT))
    out[:, at.O_SIGNAL] = rng.integers(-1, 2, n)
    out[:, at.O_REASON] = rng.integers(0, 1 << 19, n) * (rng.random(n) < 0.3)
    for place in (at.O_QTY_OPEN, at.O_QTY_CLOSE):
        none = rng.random(n) < 0.5
        out[none, place], out[none, place + 1] = 0.0, np.nan
    seen = rng.random((7, n))
    seen[1] = np.round(seen[1])
    seen[:, rng.random(n) < 0.1] = 0.5
    seen[rng.random((7, n)) < 0.1] = np.nan
    return out, frozen(tuple(seen)), np.sort(rng.integers(0, sessions, n))


def counted(function: object, out: np.ndarray, seen: tuple[np.ndarray, ...], session: np.ndarray) -> tuple:
    into = (
        np.zeros((5, len(session_counts.SUMS))),
        np.zeros(session_counts.BITS, np.int64),
        np.zeros((3, len(out)), np.int8),
    )
    function(out, seen, session, into)
    return into


def test_the_kernel_is_its_plain_function_to_the_bit() -> None:
    """Sums, reasons and signs."""
    given = drawn(2_000, 5)
    for one, two in zip(
        counted(session_counts.count, *given), counted(session_counts.count.py_func, *given), strict=True
    ):
        assert one.tobytes() == two.tobytes()


def test_sums_are_those_of_numpy_column_by_column() -> None:
    """Money, notional of fills that were, exposure, and each score over the rows that it is of."""
    out, seen, session = drawn(2_000, 5)
    sums, bits, signs = counted(session_counts.count, out, seen, session)
    p, y, floor, wide, then, now, usual = seen
    call, up, fall, change, rule = (
        np.nan_to_num(np.sign(x)) for x in (p - 0.5, 2 * y - 1, floor - 0.5, then - now, usual - now)
    )
    label, spread = (up != 0) & np.isfinite(p), (change != 0) & np.isfinite(wide)
    traded, signal = label & (out[:, at.O_SIGNAL] != 0), out[:, at.O_SIGNAL]
    held = out[:, at.O_POSITION] * out[:, at.O_MARK]
    notional = sum(np.nan_to_num(np.abs(out[:, k] * out[:, k + 1])) for k in (at.O_QTY_OPEN, at.O_QTY_CLOSE))
    expected = {
        "gross": out[:, at.O_GROSS], "spread": out[:, at.O_SPREAD], "fee": out[:, at.O_FEE],
        "impact": out[:, at.O_IMPACT], "borrow": out[:, at.O_BORROW], "dividend": out[:, at.O_DIVIDEND],
        "net": out[:, at.O_NET], "notional": notional, "held": held, "held_abs": np.abs(held), "labels": label,
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
        np.testing.assert_allclose(sums[:, session_counts.SUMS.index(name)], each, rtol=1e-12, atol=1e-9, err_msg=name)
    for bit in reasons.NAMES:
        assert bits[bit.bit_length() - 1] == ((out[:, at.O_REASON].astype(int) & bit) != 0).sum()
    for place, values in ((session_counts.CALL, call), (session_counts.UP, up), (session_counts.SIGNAL, signal)):
        np.testing.assert_array_equal(signs[place], values)


def test_every_reason_has_a_place() -> None:
    """The masks' bits fit into what is counted."""
    assert max(reasons.NAMES) < 1 << session_counts.BITS
