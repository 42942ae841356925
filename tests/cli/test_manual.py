"""`hfm docs`: the manual of the installed version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hfm.cli import manual
from tests.command import hfm
from tests.readme import README

PAGES = manual.pages()


def test_the_list_has_a_line_for_each_page(tmp_path: Path) -> None:
    """Name and title; in any folder."""
    lines = hfm("docs", cwd=tmp_path).out.splitlines()
    assert [line.split()[0] for line in lines] == list(PAGES)
    assert all(len(line.split()) > 1 for line in lines)


def test_a_page_is_printed_as_it_is_written(tmp_path: Path) -> None:
    """Markdown on stdout, to the last line; the same in the JSON object."""
    assert hfm("docs", "verdict", cwd=tmp_path).out == PAGES["verdict"]
    done = hfm("docs", "verdict", "--json", cwd=tmp_path)
    assert done.json["metrics"] == {"page": "verdict", "text": PAGES["verdict"]}


@pytest.mark.parametrize(("page", "hint"), [("verdikt", "hfm docs verdict"), ("../../etc/passwd", "hfm docs")])
def test_a_page_that_is_not_there_is_one_line_with_the_nearest(tmp_path: Path, page: str, hint: str) -> None:
    """Exit 2, and what to type."""
    done = hfm("docs", page, cwd=tmp_path)
    assert done.code == 2
    assert done.err.splitlines()[-1] == f"  next: {hint}"


def test_pages_begin_with_their_title_and_link_to_what_is_there() -> None:
    """A line of `# Title`; links lead to pages of the manual; the README names every page."""
    for name, text in PAGES.items():
        assert re.match(r"# \w", text), name
        for link in re.findall(r"\]\(([\w-]+)\.md\)", text):
            assert link in PAGES, f"{name} links to {link}"
    assert set(re.findall(r"hfm/docs/([\w-]+)\.md", README.read_text())) == set(PAGES)


def test_files_that_pages_name_are_there() -> None:
    """`hfm/a/b.py` and `tests/a` in a page are a file or a folder of the repository."""
    root = README.parent
    for name, text in {**PAGES, "README": README.read_text()}.items():
        for path in re.findall(r"`((?:hfm|tests)/[\w/.-]+?)(?::\w+)?`", text):
            assert (root / path).exists(), f"{name} names {path}"
