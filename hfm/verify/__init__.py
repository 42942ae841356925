"""Claims with known answers, run through the real stages in memory, and checks of a run that stands on disk.

claims.py lists the claims in order; in_memory_run.py runs the stages without a disk; the other modules hold the claims
by subject. A claim gives rows: what was expected, what came out, the interval it had to fall in, and whether it did.
"""
