"""Names find their classes; a wrong name is told the nearest right one."""

from __future__ import annotations

import pytest

from hfm import plugins
from hfm.errors import UsageError


@pytest.mark.parametrize(("group", "name"), [(g, n) for g, members in plugins.REGISTRY.items() for n in members])
def test_every_registered_name_imports(group: plugins.Group, name: str) -> None:
    """No line of the registry points nowhere."""
    found = plugins.find(group, name)
    assert group == "recipe_parts" or isinstance(found, type)


def test_a_wrong_name_is_told_the_nearest() -> None:
    """Exit 2 and 'did you mean'."""
    with pytest.raises(UsageError) as caught:
        plugins.find("sources", "yaho")
    assert caught.value.hint == "did you mean yahoo?"
    with pytest.raises(UsageError, match="policy"):
        plugins.find("policies", "x")
