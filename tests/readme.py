"""The commands of the README and of the manual's pages, so that a test and the gate run what a reader types.

`python -m tests.readme test` prints the command that passes the tests; `main` the one that runs the main job.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "hfm" / "docs"


def pages() -> list[Path]:
    """The README, then the manual's pages by name."""
    return [README, *sorted(DOCS.glob("*.md"))]


def blocks(tag: str, language: str = "bash") -> list[str]:
    """The fenced blocks of a language that follow an HTML comment `<!-- tag -->`, in the order of the pages."""
    pattern = rf"<!-- {re.escape(tag)} -->\s*```{language}\n(.*?)```"
    return [block for page in pages() for block in re.findall(pattern, page.read_text("utf-8"), re.DOTALL)]


def commands(tag: str) -> list[str]:
    """The command lines of those blocks; continuation lines joined, comments left out."""
    lines = "\n".join(blocks(tag)).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def every_hfm_line() -> list[str]:
    """All lines of all bash blocks that call hfm, in order: none may stand outside a tested block."""
    found = [
        block for page in pages() for block in re.findall(r"```bash\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    ]
    text = "\n".join(found).replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if re.match(r"\s*hfm ", line)]


if __name__ == "__main__":
    (command,) = commands(sys.argv[1])
    print(command)
