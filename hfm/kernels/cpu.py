"""What kernels are compiled for: the registers of this processor, and what tells it from another.

Read from the system where it says so, since to ask the compiler's library costs its loading.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

ASKED = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX")
"""Settings of numba's by which kernels are compiled for another processor than this one."""
SETTINGS = Path(".numba_config.yaml")
"""numba's settings of a folder, which it reads in the one that a process starts in."""
_SAYS = ("vendor_id", "cpu family", "model", "flags")


@cache
def described(path: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Maker, family, model and flags of the first processor; empty where the system has no such file."""
    try:
        with path.open(encoding="ascii", errors="replace") as lines:
            found = {}
            for line in lines:
                if not line.strip():
                    break
                name, _, value = line.partition(":")
                if name.strip() in _SAYS:
                    found[name.strip()] = value.strip()
            return found
    except OSError:
        return {}


def registers(features: str, machine: str) -> tuple[int, bool]:
    """Width of a processor's vector registers, and whether it multiplies and adds at once.

    Parameters
    ----------
    features
        As LLVM spells them: "+avx,-avx512f".
    machine
        A machine's name or triple: "x86_64", "x86_64-unknown-linux-gnu".

    Returns
    -------
    tuple[int, bool]
        float32 numbers in a register, and whether a product and a sum are one instruction.
    """
    if machine.startswith(("arm", "aarch64")):
        return 4, True
    known = set(features.split(","))
    return 16 if "+avx512f" in known else 8 if "+avx" in known else 4, "+fma" in known


def compiled_for() -> tuple[int, bool]:
    """`registers` of what numba compiles for here: the host, unless its settings say other."""
    flags = described().get("flags", "").split()
    if flags and not SETTINGS.exists() and not any(name in os.environ for name in ASKED):
        slow = {"avx"} if "avx2" not in flags else set()  # numba leaves it alone on the processors that began with it
        return registers(",".join(f"+{flag}" for flag in flags if flag not in slow), platform.machine())
    import llvmlite.binding
    import numba

    features = numba.config.CPU_FEATURES  # type: ignore[attr-defined]  # numba makes its settings at run time
    if features is None:
        host = llvmlite.binding.get_host_cpu_features()
        avx = bool(numba.config.ENABLE_AVX)  # type: ignore[attr-defined]
        features = ",".join(f"+{name}" for name, has in host.items() if has and (avx or not name.startswith("avx")))
    return registers(features, llvmlite.binding.get_process_triple())


LANES, FUSED = compiled_for()
