"""Reason bits."""

from __future__ import annotations

from hfm.ledger import reasons


def test_bits_are_distinct_and_each_has_a_name() -> None:
    """One bit a reason, every public constant among them."""
    bits = [v for k, v in vars(reasons).items() if k.isupper() and isinstance(v, int) and k != "LIMITS"]
    assert sorted(reasons.NAMES) == sorted(bits)
    assert len(set(bits)) == len(bits)
    assert all(b & (b - 1) == 0 for b in bits)


def test_a_mask_is_spelt_lowest_bit_first() -> None:
    """An empty mask says nothing."""
    assert reasons.spell(reasons.CARRIED | reasons.NO_PRICE) == ["no price", "carried over a missing close"]
    assert reasons.spell(0) == []
