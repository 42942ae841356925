"""Plug-ins that look ahead are named, honest ones are not: a few of each here, all of them where there is time."""

from __future__ import annotations

import pytest

from hfm import plugins
from hfm.verify.leaks import detection, leaky_policies
from hfm.verify.leaks.detection import HONEST, LEAKS
from hfm.verify.leaks.leaky_policies import Leak

FEW = ("leak-roll", "leak-memory", "leak-last", "leak-fold")
GOOD = ("coin", "last-label", "tuned")


def some(names: tuple[str, ...], among: tuple[Leak, ...]) -> list[Leak]:
    """Those of the names."""
    return [plugin for plugin in among if plugin.name in names]


def test_there_are_thirty_leaks_and_fifty_honest_plug_ins_of_each_group() -> None:
    """Each under a name of its own, and the registry is as it was."""
    assert (len(LEAKS), len(HONEST)) == (30, 50)
    assert len({p.name for p in (*LEAKS, *HONEST)}) == 80
    assert {p.group for p in LEAKS} == {p.group for p in HONEST} == {"policies", "models", "sources"}
    before = {group: dict(known) for group, known in plugins.REGISTRY.items()}
    with detection.registered(LEAKS):
        assert all(plugins.find(p.group, p.name) for p in LEAKS)
    assert before == plugins.REGISTRY


def test_a_few_leaks_are_named_with_stage_column_and_row() -> None:
    """A policy, one with a memory, the last row alone, the last fold alone."""
    found = list(detection.examine(some(FEW, LEAKS), 5))
    assert [f.plugin.name for f in found if not f.name] == []
    assert len(found) == len(FEW)
    assert not leaky_policies.leftovers()


def test_a_few_honest_plug_ins_raise_no_alarm() -> None:
    """Seeded, with the last label, with a choice on validation rows."""
    found = list(detection.examine(some(GOOD, HONEST), 5))
    assert {f.plugin.name: f.failed for f in found if f.failed} == {}
    assert len(found) == len(GOOD)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_thirty_of_thirty_leaks_are_named_and_none_of_fifty_honest_plug_ins(seed: int) -> None:
    """Whatever the seed of the cuts."""
    rows = detection.rows(print, seed)
    assert [row.claim for row in rows if not row.passed] == []
    assert [(row.got, row.high) for row in rows[-2:]] == [(30, 30), (0, 0)]
