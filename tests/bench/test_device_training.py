"""The rows of a device run where there is a processor alone, and are refused by name for a device that is not here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.bench import device_training


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.bench train ARGUMENTS`."""
    command = [sys.executable, "-m", "tests.bench", "train", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_rows_of_a_device_run_on_the_processor() -> None:
    """Shapes by precisions, parity (of plain torch with the default, which holds), a walk-forward, the peak."""
    done = bench("--device", "cpu", "--small", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    size = device_training.SMALL
    labels = [row for row in rows if row["name"].endswith("labels")]
    assert len(labels) == len(size.sequences) * len(size.hidden) * len(device_training.PRECISIONS)
    assert all(row["ours"] > 0 and row["peer"] > 0 and "operators a step" in row["note"] for row in labels)
    parity = [row for row in rows if row["name"].startswith(("forward on", "trained on"))]
    assert len(parity) == 4
    assert rows[-2]["name"].startswith("walk-forward on cpu")
    assert rows[-2]["mib"] > 0
    assert rows[-1]["name"].startswith("train, peak memory")


def test_a_device_that_is_not_here_is_one_line_and_exit_2() -> None:
    """Before anything is measured."""
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    done = bench("--device", "cuda")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["train: there is no cuda device here: torch finds none; auto takes the "
                                        "processor then"]  # fmt: skip


@pytest.mark.parametrize("arguments", [("nothing",), ("sweep", "--device", "cpu")])
def test_a_name_that_is_no_benchmark_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    """Also one that has no rows for a device."""
    done = subprocess.run([sys.executable, "-m", "tests.bench", *arguments], capture_output=True, text=True,
                          cwd=Path(__file__).parents[2], check=False)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"no benchmark '{arguments[0]}'; known: ")
    assert ("walk-forward" in done.stderr) == (len(arguments) == 1)


def test_bfloat16_and_float32_of_a_step_are_near_and_not_the_same() -> None:
    """The precision that a row names is what its steps run with."""
    found = {}
    for dtype in device_training.PRECISIONS:
        with device_training.precision(dtype):
            network = device_training.trainer(torch.device("cpu"), 4, 8, "torch")
            network.net.drop.p = network.net.cell.dropout = 0.0  # type: ignore[assignment,union-attr]  # an LstmNetwork
            torch.nn.init.constant_(network.net.head.weight, 0.3)  # type: ignore[union-attr,arg-type]
            found[dtype] = network.train_epoch(device_training.data(4, torch.device("cpu")), device_training.WIDTHS)
    one, two = found.values()
    assert one != two
    assert abs(one - two) < 0.02 * abs(one)
