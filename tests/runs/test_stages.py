"""The table of stages: everything read is made, once, and earlier."""

from __future__ import annotations

import pytest

from hfm.runs import pipeline, stages
from hfm.runs.stages import BARS, BOOK, by_name, maker


def test_every_artifact_has_one_maker_and_is_made_before_it_is_read() -> None:
    """Data flows from left to right."""
    made: list[str] = []
    for stage in stages.STAGES:
        assert set(stage.reads) <= set(made)
        made += [*stage.writes, *stage.may_write, *stage.writes_one]
        assert by_name(stage.name) is stage
        assert all(maker(artifact) is stage for artifact in made if artifact.startswith(stage.name + "/"))
    assert len(made) == len(set(made))


@pytest.mark.parametrize(("made", "promised"), [([BOOK], BOOK), ([BARS], BARS), ([], BARS)])
def test_a_stage_that_makes_one_of_several_promises_the_one_it_made(made: list[str], promised: str) -> None:
    """And the first where it made none, so that the lack is named."""
    assert by_name("fetch").promised(made) == (promised,)


def test_every_real_stage_can_be_imported() -> None:
    """The table points at functions."""
    for stage in stages.STAGES:
        assert callable(pipeline._function(stage))
