"""Names of markets lead to their calendars."""

from __future__ import annotations

import exchange_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.calendars import MARKETS, suggestion

KNOWN = exchange_calendars.get_calendar_names()


@given(st.sampled_from([(calendar, name) for calendar, names in MARKETS.items() for name in names.split()]),
       st.sampled_from([str.lower, str.title, " {} ".format, "{}.".format]))  # fmt: skip
def test_a_markets_name_leads_to_its_calendar_in_any_spelling(pair: tuple[str, str], spell: object) -> None:
    """Unless the calendars have a name of those letters themselves."""
    calendar, name = pair
    found = suggestion(spell(name), KNOWN)  # type: ignore[operator]
    assert found == calendar or "".join(c for c in str(found).upper() if c.isalnum()) == name


@pytest.mark.parametrize("name", ["", "?", "XNYZ", "MARS"])
def test_another_name_leads_nowhere(name: str) -> None:
    """Alike letters are no market."""
    assert suggestion(name, KNOWN) is None
