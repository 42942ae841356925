"""Each section stands on its defaults, and says of each field what it accepts."""

from __future__ import annotations

import dataclasses

import pytest

from hfm.config import Config, Layer, as_tree, load


@pytest.mark.parametrize("section", [f.name for f in dataclasses.fields(Config)])
def test_the_defaults_of_a_section_are_valid(section: str) -> None:
    """What nobody set must load."""
    assert load([Layer("defaults", {section: as_tree(Config())[section]})]) == Config()


def test_seeds_are_settings_of_every_stage_that_draws() -> None:
    """fetch draws synthetic bars, simulate markets, train networks, report resamples."""
    tree = as_tree(Config())
    assert [name for name, body in tree.items() if "seed" in body] == ["fetch", "simulate", "train", "report"]
