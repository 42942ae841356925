"""Compiled kernels: plain functions over arrays that numba turns into machine code on their first call.

`jit` holds the decorators and the cache of compiled code, `cpu` the processor that they are compiled for, `simd` and
`simd_numba` vector registers as values, `first_run` compiles side by side what a first `hfm run` needs, and
`numba_private` every private name of numba that the package touches. Nothing else imports numba or llvmlite.
"""
