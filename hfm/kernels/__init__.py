"""Compiled kernels: the decorators, the processor they are compiled for, and what touches numba."""
