"""`python -m tests.reliability [--soak]`: the reliability tests but for the soak (or with it), and their counts.

Each test counts what it tried through the fixture `count`; the table is printed at the end of any pytest run that
counted something, here of this folder alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

marks = "" if "--soak" in sys.argv[1:] else "not soak"
others = [a for a in sys.argv[1:] if a != "--soak"]
sys.exit(pytest.main([str(Path(__file__).parent), "-m", marks, "-p", "no:randomly", "--timeout", "7200", *others]))
