"""Object files in memory: code that computes, data that can be written, and what is refused."""

from __future__ import annotations

import ctypes
import math
import os

import pytest
from llvmlite import binding as llvm

from hfm.kernels import elf, object_store

pytestmark = pytest.mark.skipif(not object_store.works_here(), reason="made for Linux on x86-64")

SOURCE = """
@table = private constant [3 x double] [double 2.0, double 3.0, double 5.0]
@counted = internal global i64 40
@zeros = internal global [4 x i64] zeroinitializer
@shared = common global i64 0, align 8

declare double @exp(double)

define i64 @next() {
  %old = load i64, i64* @counted
  %new = add i64 %old, 1
  store i64 %new, i64* @counted
  %place = getelementptr [4 x i64], [4 x i64]* @zeros, i64 0, i64 3
  %zero = load i64, i64* %place
  %sum = add i64 %new, %zero
  store i64 %sum, i64* @shared
  %again = load i64, i64* @shared
  ret i64 %again
}

define double @grown(i64 %i) {
  %place = getelementptr [3 x double], [3 x double]* @table, i64 0, i64 %i
  %x = load double, double* %place
  %y = call double @exp(double %x)
  ret double %y
}
"""


def made(source: str = SOURCE, model: str = "large") -> bytes:
    """The object file that LLVM writes for `source`, with addresses of the code model."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(codemodel=model, opt=1, reloc="static")
    return bytes(machine.emit_object(llvm.parse_assembly(source)))


def process(name: str) -> int:
    """The address of a function of the C library."""
    try:
        return ctypes.addressof(ctypes.c_char.in_dll(ctypes.CDLL(None), name))
    except ValueError:
        raise LookupError(name) from None


def test_code_computes_with_its_constants_its_variables_and_the_c_library() -> None:
    """Constants, variables with and without a first value, one common to several files, and a function of libm."""
    image = elf.load(made(), process)
    grown = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(image.symbols["grown"])
    assert [grown(i) for i in range(3)] == [math.exp(2.0), math.exp(3.0), math.exp(5.0)]
    following = ctypes.CFUNCTYPE(ctypes.c_int64)(image.symbols["next"])
    assert [following(), following()] == [41, 42]
    assert ctypes.c_int64.from_address(image.symbols["shared"]).value == 42


def test_two_images_of_a_file_share_no_variable() -> None:
    """Each lies where it lies."""
    one, two = (ctypes.CFUNCTYPE(ctypes.c_int64)(i.symbols["next"]) for i in _held(elf.load(made(), process), 2))
    assert [one(), one(), two()] == [41, 42, 41]


def _held(first: elf.Image, count: int) -> list[elf.Image]:
    KEPT.extend([first, *(elf.load(made(), process) for _ in range(count - 1))])
    return KEPT[-count:]


KEPT: list[elf.Image] = []
"""A function that is called lies in an image that is still there."""


def test_a_forked_process_has_variables_of_its_own() -> None:
    """As it has of all else."""
    (image,) = _held(elf.load(made(), process), 1)
    following = ctypes.CFUNCTYPE(ctypes.c_int64)(image.symbols["next"])
    child = os.fork()
    if child == 0:
        os._exit(0 if [following(), following()] == [41, 42] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert following() == 41


def test_memory_with_code_cannot_be_written_and_memory_with_data_not_run() -> None:
    """As the hardening of a machine may demand."""
    image = elf.load(made(), process)
    rights = {}
    with open("/proc/self/maps", encoding="ascii") as maps:
        for line in maps:
            span, access = line.split()[:2]
            low, high = (int(part, 16) for part in span.split("-"))
            for name in ("grown", "shared"):
                if low <= image.symbols[name] < high:
                    rights[name] = access[:3]
    assert rights == {"grown": "r-x", "shared": "rw-"}


def test_addresses_of_another_code_model_are_refused() -> None:
    """32 bits do not reach from one mapping to another: better numba's loader than a jump to nowhere."""
    with pytest.raises(elf.Unfit, match="relocation"):
        elf.load(made(model="small"), process)


@pytest.mark.parametrize(
    ("more", "says"),
    [("@chosen = ifunc double (i64), double (i64)* ()* @choose\n"
      "define double (i64)* @choose() {\n  ret double (i64)* @grown\n}\n", "chosen"),
     ("@llvm.global_ctors = appending global [1 x { i32, void ()*, i8* }] "
      "[{ i32, void ()*, i8* } { i32 1, void ()* @early, i8* null }]\n"
      "define void @early() {\n  ret void\n}\n", "section"),
     ("@wide = global [2 x i64] zeroinitializer, align 8192\n", "alignment"),
     ("@own = thread_local global i64 1\n", "section")],
    ids=["chosen when called", "called before", "wider than a page", "of a thread"],
)  # fmt: skip
def test_what_the_loader_does_not_do_is_refused(more: str, says: str) -> None:
    """None of it is in a kernel; should it come, numba loads it."""
    with pytest.raises(elf.Unfit, match=says):
        elf.load(made(SOURCE + more), process)


def test_a_symbol_that_nobody_has_is_named() -> None:
    """Before anything runs."""
    with pytest.raises(LookupError, match="nobody"):
        elf.load(made(SOURCE.replace("@exp", "@nobody")), process)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", made()[:4] + b"\x01" + made()[5:], b"MZ" + bytes(100)])
def test_what_is_no_object_file_for_this_machine_is_refused(content: bytes) -> None:
    """Nothing, a beginning, 32 bits, another system's."""
    with pytest.raises(elf.Unfit):
        elf.load(content, process)
