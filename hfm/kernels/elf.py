"""A kernel's object file, mapped into this process without the compiler that made it: ELF, x86-64, Linux.

LLVM writes kernels for the large code model: each address is an absolute number of 64 bits, so the parts may lie
anywhere and two kinds of relocation are all there are. What asks for another is refused, and left to numba.
Source: System V Application Binary Interface, AMD64 Architecture Processor Supplement, version 1.0 (2018), chapter 4.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass

HEADER = b"\x7fELF\x02\x01\x01"
"""64 bits, little-endian, version 1."""
RELOCATABLE, X86_64 = 1, 62
_WRITE, _ALLOC = 1, 2
_SYMBOLS, _RELOCATIONS, _ZEROS = 2, 4, 8
_CALLED = (14, 15, 16)
"""Functions to be called before and after all others: nobody would."""
_INDIRECT = 10
_UNDEFINED, _ABSOLUTE, _COMMON = 0, 0xFFF1, 0xFFF2
_R_64, _R_PC64 = 1, 24
_WORD = 1 << 64
Resolve = Callable[[str], int]


class Unfit(ValueError):
    """An object file that asks for more than this loader gives."""


@dataclass(frozen=True)
class Image:
    """Code and data in memory; they lie there as long as this does."""

    memory: mmap.mmap
    symbols: dict[str, int]
    """Addresses of what the file defines."""


@dataclass(frozen=True)
class _Section:
    name: str
    kind: int
    flags: int
    content: bytes
    size: int
    link: int
    info: int
    align: int

    @property
    def placed(self) -> bool:
        """Whether it is there when the code runs; nobody unwinds a kernel, its errors are results."""
        return bool(self.flags & _ALLOC) and self.name != ".eh_frame"


@dataclass(frozen=True)
class _Symbol:
    name: str
    kind: int
    section: int
    value: int
    """An offset in its section; of what is common to several files, its alignment."""
    size: int


def load(content: bytes, resolve: Resolve) -> Image:
    """The file `content` in memory, its code executable and no longer writable.

    resolve: the address of a symbol that the file asks for; raises LookupError where there is none. Raises Unfit for a
    file, or a machine, that this loader is not made for.
    """
    try:
        sections = _sections(content)
        symbols = _symbols(sections)
    except (struct.error, IndexError, ValueError) as e:
        raise Unfit("not an object file for x86-64") from e
    for section in sections:
        if section.kind in _CALLED or section.name.startswith((".ctors", ".tdata", ".tbss")):
            raise Unfit(f"section {section.name}")
        if section.align > mmap.PAGESIZE:
            raise Unfit(f"alignment to {section.align} bytes")
    places, common, code, size = _layout(sections, symbols)
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # a forked process has its own variables
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for number, place in places.items():
        memory[place : place + len(sections[number].content)] = sections[number].content

    def address(index: int, symbol: _Symbol) -> int | None:
        if symbol.kind == _INDIRECT:
            raise Unfit(f"{symbol.name} is chosen when it is called")
        if symbol.section == _UNDEFINED:
            return resolve(symbol.name) if symbol.name else 0
        if symbol.section == _COMMON:
            return start + common[index]
        if symbol.section == _ABSOLUTE:
            return symbol.value
        return start + places[symbol.section] + symbol.value if symbol.section in places else None

    addresses = [address(index, symbol) for index, symbol in enumerate(symbols)]
    for section in sections:
        if section.kind == _RELOCATIONS and section.info in places:
            _relocate(memory, start, places[section.info], section.content, addresses)
    _protect(start, code)
    known = zip(symbols, addresses, strict=True)
    return Image(memory, {s.name: a for s, a in known if a is not None and s.section != _UNDEFINED})


def _sections(content: bytes) -> list[_Section]:
    if not content.startswith(HEADER) or struct.unpack_from("<HH", content, 16) != (RELOCATABLE, X86_64):
        raise Unfit("not an object file for x86-64")
    (table,), (width, count, names) = struct.unpack_from("<Q", content, 40), struct.unpack_from("<HHH", content, 58)
    lines = [struct.unpack_from("<IIQQQQIIQQ", content, table + width * number) for number in range(count)]
    spelled = lines[names][4]
    return [
        _Section(_word(content, spelled + name), kind, flags, b"" if kind == _ZEROS else content[at : at + size], size,
                 link, info, max(align, 1))
        for name, kind, flags, _, at, size, link, info, align, _ in lines
    ]  # fmt: skip


def _word(content: bytes, at: int) -> str:
    return content[at : content.index(b"\0", at)].decode()


def _symbols(sections: list[_Section]) -> list[_Symbol]:
    out = []
    for section in sections:
        if section.kind == _SYMBOLS:
            words = sections[section.link].content
            for name, info, _, where, value, size in struct.iter_unpack("<IBBHQQ", section.content):
                out.append(_Symbol(_word(words, name), info & 15, where, value, size))
    return out


def _layout(sections: list[_Section], symbols: list[_Symbol]) -> tuple[dict[int, int], dict[int, int], int, int]:
    """(section -> offset, common symbol -> offset, bytes of what may not be written, bytes of all)."""
    places, common, end, code = {}, {}, 0, 0
    for writable in (False, True):
        for number, section in enumerate(sections):
            if section.placed and bool(section.flags & _WRITE) == writable:
                places[number] = end = _rounded(end, section.align)
                end += section.size
        if not writable:
            code = end = _rounded(end, mmap.PAGESIZE)
    for index, symbol in enumerate(symbols):
        if symbol.section == _COMMON:
            common[index] = end = _rounded(end, max(symbol.value, 1))
            end += symbol.size
    return places, common, code, max(end, 1)


def _rounded(number: int, unit: int) -> int:
    return -(-number // unit) * unit


def _relocate(memory: mmap.mmap, start: int, place: int, content: bytes, addresses: list[int | None]) -> None:
    """Write the addresses that a section at `place` asks for."""
    for offset, info, addend in struct.iter_unpack("<QQq", content):
        kind, address = info & 0xFFFFFFFF, addresses[info >> 32]
        if address is None:
            raise Unfit("an address in a section that is not loaded")
        value = address + addend
        if kind == _R_PC64:
            value -= start + place + offset
        elif kind != _R_64:
            raise Unfit(f"relocation of kind {kind}")
        struct.pack_into("<Q", memory, place + offset, value % _WORD)


def _protect(start: int, size: int) -> None:
    system = ctypes.CDLL(None, use_errno=True)
    if size and system.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC):
        raise Unfit(f"the system allows no new code: errno {ctypes.get_errno()}")
