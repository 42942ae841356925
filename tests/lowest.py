"""`python -m tests.lowest`: the lowest versions that pyproject.toml allows, one a line, for `pip install -c`.

torch is left out: its builds for processors alone are no package of the index for every version.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def lowest(requirements: list[str]) -> list[str]:
    """name==version of each requirement that names a lowest one."""
    found = (re.match(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", text) for text in requirements)
    return [f"{match[1]}=={match[2]}" for match in found if match and match[1] != "torch"]


if __name__ == "__main__":
    print("\n".join(lowest(tomllib.loads(PROJECT.read_text())["project"]["dependencies"])))
