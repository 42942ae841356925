"""The README's commands, so that a test and the gate run what a reader types.

`python -m tests.readme test` prints the command that passes the tests; `main` the one that runs the main job.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def blocks(tag: str, language: str = "bash") -> list[str]:
    """The fenced blocks of a language that follow an HTML comment `<!-- tag -->`."""
    return re.findall(rf"<!-- {re.escape(tag)} -->\s*```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def commands(tag: str) -> list[str]:
    """The command lines of those blocks; continuation lines joined, comments left out."""
    lines = "\n".join(blocks(tag)).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def every_hfm_line() -> list[str]:
    """All lines of all bash blocks that call hfm, in order: none may stand outside a tested block."""
    text = "\n".join(re.findall(r"```bash\n(.*?)```", README.read_text("utf-8"), re.DOTALL)).replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if re.match(r"\s*hfm ", line)]


if __name__ == "__main__":
    (command,) = commands(sys.argv[1])
    print(command)
