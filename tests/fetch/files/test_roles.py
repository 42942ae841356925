"""Which column is what, by its name."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.files.roles import NAMES, map_option, roles_of

PLAIN = ["timestamp", "open", "high", "low", "close", "volume"]


@given(st.permutations(range(6)), st.sampled_from([str.upper, str.title, "{}.".format, " {} ".format]))
def test_roles_are_found_in_any_order_and_spelling(order: list[int], spell: object) -> None:
    """Case and punctuation mean nothing."""
    names = [spell(PLAIN[k]) for k in order]  # type: ignore[operator]
    roles = roles_of(names, {}, Path("a.csv"))
    assert [roles[role] for role in ("time", *PLAIN[1:])] == [order.index(k) for k in range(6)]


@given(st.sampled_from(sorted(NAMES)), st.integers(0, 5))
def test_the_option_for_a_column_gives_its_role(role: str, k: int) -> None:
    """What is typed is read back as meant, by name or by position."""
    names = ["a b", "", "x", "x", "é\x07", "Other"]
    _, text = shlex.split(map_option(role, names, k))
    given_role, _, column = text.partition("=")
    assert roles_of(names, {given_role: column}, Path("a.csv")) == {role: k}


def test_two_columns_for_one_role_are_refused_until_one_is_given() -> None:
    """The hint names the first."""
    names = [*PLAIN, "closeprice"]
    names[4] = "last"
    with pytest.raises(DataError) as caught:
        roles_of(names, {}, Path("a.csv"))
    assert caught.value.hint == "--map close=last" or "--map close=" in caught.value.hint
    assert roles_of(names, {"close": "last"}, Path("a.csv"))["close"] == 4


def test_a_map_to_no_column_is_refused() -> None:
    """With what is near."""
    with pytest.raises(DataError, match="has no column 'clse'") as caught:
        roles_of(PLAIN, {"close": "clse"}, Path("a.csv"))
    assert caught.value.hint == "--map close=close"
