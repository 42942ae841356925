"""Panels as inline SVG: text stays text, colours are the page's, ids are their own, the same run is the same bytes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from hfm.report import svg
from hfm.report.svg import RenderedPanel
from tests.report.panels.shapes import by_name, run


def drawn(*names: str) -> list[RenderedPanel]:
    """The panels of those names, of a short run."""
    return [svg.draw(by_name(name), run("short")) for name in names]


@pytest.fixture(scope="module")
def two() -> list[RenderedPanel]:
    """A wide panel and a narrow one."""
    return drawn("equity", "flow")


def test_every_figure_is_one_svg_element_without_size_script_or_address(two: list[RenderedPanel]) -> None:
    """It is parsed as XML; it scales with the page; it asks for nothing."""
    for each in two:
        root = ET.fromstring(each.svg)
        assert root.tag.endswith("svg")
        assert "width" not in root.attrib
        assert "height" not in root.attrib
        assert "<script" not in each.svg
        assert "http" not in each.svg.replace("http://www.w3.org/2000/svg", "")
        assert "<metadata" not in each.svg


def test_words_are_text_and_not_outlines(two: list[RenderedPanel]) -> None:
    """Labels can be searched and read aloud."""
    words = "".join(ET.fromstring(two[1].svg).itertext())
    assert "order-flow imbalance, sd" in words
    assert "font-size: 9.5px" in two[1].svg


def test_colours_are_the_pages_variables(two: list[RenderedPanel]) -> None:
    """So that the page's dark mode holds for them; no stand-in colour is left."""
    for each in two:
        assert "var(--text)" in each.svg
        assert not re.search(r"#0[1-9a-f]0[1-9a-f]0[1-9a-f]", each.svg)


def test_only_wide_panels_have_a_broad_copy_and_no_ids_are_shared(two: list[RenderedPanel]) -> None:
    """Ids begin with the panel's name, those of the broad copy with its own."""
    assert two[0].broad
    assert not two[1].broad
    ids = [i for part in (two[0].svg, two[0].broad, two[1].svg) for i in re.findall(r'\bid="([^"]+)"', part)]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", two[0].svg + two[0].broad))
    assert used <= set(ids)


def test_the_same_run_gives_the_same_bytes(two: list[RenderedPanel]) -> None:
    """No clock and no chance in them."""
    assert drawn("equity", "flow") == two


def test_coordinates_are_cut_to_a_hundredth(two: list[RenderedPanel]) -> None:
    """The page stays small."""
    assert not re.search(r"<path[^>]*\d\.\d{3}", two[0].svg)
