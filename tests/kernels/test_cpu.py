"""What kernels are compiled for, told without the compiler, is what the compiler says."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import llvmlite.binding
import pytest
from numba.core.codegen import get_host_cpu_features

from hfm.kernels.cpu import ASKED, FUSED, LANES, described, registers


@pytest.mark.parametrize(
    ("machine", "features", "expected"),
    [("x86_64-unknown-linux-gnu", "+avx,+avx2,+avx512f,+fma", (16, True)),
     ("x86_64-apple-darwin", "+avx,+avx2,-avx512f,+fma", (8, True)),
     ("x86_64-unknown-linux-gnu", "+avx,-fma", (8, False)),
     ("x86_64-unknown-linux-gnu", "", (4, False)), ("aarch64-unknown-linux-gnu", "+neon", (4, True)),
     ("arm64-apple-darwin23.5.0", "", (4, True))],
)  # fmt: skip
def test_registers_are_the_processor_s(machine: str, features: str, expected: tuple[int, bool]) -> None:
    """Numbers in a register, and whether it multiplies and adds in one."""
    assert registers(features, machine) == expected


@pytest.mark.skipif(any(name in os.environ for name in ASKED), reason="another processor is asked for")
def test_the_system_says_what_the_compiler_says() -> None:
    """Wider than numba compiles for, each vector would be two; narrower, half of it idle."""
    asked = get_host_cpu_features(), llvmlite.binding.get_process_triple()
    assert registers(*asked) == (LANES, FUSED)


def test_a_processor_is_described_by_the_first_of_its_kind(tmp_path: Path) -> None:
    """What changes from core to core and from hour to hour is left out; a system without the file says nothing."""
    file = tmp_path / "cpuinfo"
    core = "processor\t: {}\nvendor_id\t: A\ncpu family\t: 6\nmodel\t\t: 1\ncpu MHz\t\t: {}\nflags\t\t: fpu avx\n\n"
    file.write_text(core.format(0, 2000.0) + core.format(1, 800.0).replace("avx", "avx2"))
    assert described(file) == {"vendor_id": "A", "cpu family": "6", "model": "1", "flags": "fpu avx"}
    assert described(tmp_path / "none") == {}


@pytest.mark.skipif(platform.machine().startswith(("arm", "aarch64")), reason="one kind of register")
def test_kernels_for_other_registers_lie_in_another_folder(tmp_path: Path) -> None:
    """A cache that machines share: those of one would write beyond the arrays of another."""
    folders = set()
    for more, expected in (({"NUMBA_CPU_NAME": "generic"}, "4"), ({"NUMBA_CPU_FEATURES": "+avx,+avx2"}, "8"),
                           ({"NUMBA_CPU_FEATURES": "+avx,+fma"}, "8")):  # fmt: skip
        code = "from hfm.kernels.jit import LANES, cache_folder; print(LANES, cache_folder().name)"
        environ = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **more}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
        lanes, folder = done.stdout.split()
        assert lanes == expected
        folders.add(folder)
    assert len(folders) == 3
