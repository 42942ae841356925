"""How kernels become machine code, and how finished machine code comes back without the compiler.

`compiler` asks numba, `vectors` teaches it the functions of hfm.vector; `store` keeps what it made in files, `elf` maps
such a file into memory. Only `compiler` and `vectors` import numba: a fifth of a second, and with LLVM's library a
hundred megabytes, that a process with a warm cache does without.
"""
