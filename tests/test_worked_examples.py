"""The worked examples of the manual's page on architecture: each patch is applied to a copy, and does what is said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests import readme

RULE = """
from hfm.ledger.fills import Expectation, expected_bps, impact
print(impact.py_func(100.0, 0.7, 0.01, 1e4, 1e6))
"""


def patched(folder: Path, tag: str, *parts: str) -> dict[str, str]:
    """A copy of the repository's packages with the patch of a tag applied; the environment that imports it."""
    for part in parts:
        shutil.copytree(readme.ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    (patch,) = readme.blocks(f"patch: {tag}", "diff")
    done = subprocess.run(["git", "apply", "-"], input=patch, cwd=folder, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_every_patch_of_the_manual_fits_the_sources() -> None:
    """As they are now; what the patched sources do is a slower question."""
    tags = [tag for page in readme.pages() for tag in re.findall(r"<!-- patch: (\w+) -->", page.read_text("utf-8"))]
    assert tags
    for tag in tags:
        (patch,) = readme.blocks(f"patch: {tag}", "diff")
        done = subprocess.run(
            ["git", "apply", "--check", "-"], input=patch, cwd=readme.ROOT, text=True, capture_output=True
        )
        assert done.returncode == 0, f"{tag}: {done.stderr}"


def run(*arguments: object, cwd: Path, env: dict[str, str]) -> str:
    """What Python prints; it must succeed."""
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_a_cost_model_is_one_line_of_the_rules_of_a_fill(tmp_path: Path) -> None:
    """The patched rule by hand: 100 x 0.7 x 0.01 x 0.01^0.6."""
    env = patched(tmp_path, "cost", "hfm")
    assert float(run("-c", RULE, cwd=tmp_path, env=env)) == pytest.approx(0.7 * 0.01**0.6)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_ledger_and_the_sweep_follow_a_new_cost_model(tmp_path: Path) -> None:
    """In the patched tree the summary ledger still adds up to the ledger, and so does each threshold of a sweep."""
    env = patched(tmp_path, "cost", "hfm", "tests")
    shutil.copy(readme.ROOT / "pyproject.toml", tmp_path)
    shutil.copy(readme.README, tmp_path)
    run("-m", "pytest", "-q", "tests/backtest/sweep/test_summary_ledger.py", "tests/backtest/sweep/test_thresholds.py",
        cwd=tmp_path, env=env)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_quotes_column_is_one_line_of_the_schema_and_one_where_it_is_made(tmp_path: Path) -> None:
    """In all three fidelities: the file has the column, its values are right, and live's rows carry it."""
    env = patched(tmp_path / "tree", "column", "hfm") | {"HFM_HOME": str(tmp_path)}
    for line in (
        "fetch SPY --sessions 1 --source synthetic --as-of 2026-03-06T22:00Z --run bars", "simulate --run bars",
        "simulate --run bars --fidelity book --set simulate.events=true",
        "export --format lobster --output csv --run bars",
        "fetch SPY --source lobster --path csv --run real", "simulate --run real --fidelity replay --every 60s",
    ):  # fmt: skip
        run("-m", "hfm", *line.split(), "-q", cwd=tmp_path, env=env)
        path = tmp_path / "runs" / ("real" if "real" in line else "bars") / "simulate" / "quotes.parquet"
        if line.startswith("simulate"):
            quotes = pq.read_table(path, columns=["mid_high", "mid_low", "mid_range_bps"])
            high, low, found = (column.to_numpy() for column in quotes.columns)
            np.testing.assert_allclose(found, 1e4 * np.log(high / low), atol=1e-6)
            assert (found > 0).any()
    live = (
        "from hfm.live import quote_rows; from hfm.tables.records import QUOTE; print('mid_range_bps' in QUOTE.names)"
    )
    assert run("-c", live, cwd=tmp_path, env=env).strip() == "True"
